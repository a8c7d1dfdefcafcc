import { useEffect, useRef, useState } from 'preact/hooks'
import { t } from '../i18n'
import { currentId, drafts, model, problem, send, stop, streamingId } from '../state'
import { Icon, StopIcon } from './icons'

export function Composer() {
  const id = currentId.value ?? ''
  const [text, setText] = useState(drafts.get(id) ?? '')
  const field = useRef<HTMLTextAreaElement>(null)
  const writing = !!streamingId.value

  useEffect(() => {
    setText(drafts.get(id) ?? '')
    field.current?.focus()
  }, [id])
  // A question that could not be sent comes back into the field.
  useEffect(() => {
    if (problem.value && !text) setText(drafts.get(id) ?? '')
  }, [problem.value])
  useEffect(() => {
    const element = field.current!
    element.rows = 1
    const line = parseFloat(getComputedStyle(element).lineHeight)
    element.rows = Math.max(1, Math.min(10, Math.floor(element.scrollHeight / line)))
  }, [text])

  const edit = (value: string) => {
    setText(value)
    drafts.set(id, value)
  }
  const submit = () => {
    const content = text.trim()
    if (!content || writing || !model.value) return
    edit('')
    drafts.delete('')
    send(content)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    // During IME composition Enter picks a candidate; Safari reports that key as 229 after compositionend.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return
    event.preventDefault()
    submit()
  }
  return (
    <form class="composer" onSubmit={(e) => (e.preventDefault(), submit())}>
      <div class="field">
        <textarea ref={field} rows={1} value={text} onInput={(e) => edit(e.currentTarget.value)} onKeyDown={onKeyDown}
          placeholder={t('composer.placeholder', { model: model.value?.id ?? t('model.none') })}
          aria-label={t('composer.placeholder', { model: model.value?.id ?? t('model.none') })}
          aria-describedby="composer-hint" data-test="composer" />
        {writing ? (
          <button type="button" class="round" onClick={stop} aria-label={t('composer.stop')} title={t('composer.stop')}
            data-test="stop">
            <StopIcon />
          </button>
        ) : (
          <button type="submit" class="round" disabled={!text.trim() || !model.value} aria-label={t('composer.send')}
            title={t('composer.send')} data-test="send">
            <Icon name="up" />
          </button>
        )}
      </div>
      <p id="composer-hint" class="hint">
        <span class="keys">{t('composer.hint')}</span> {t('truth')}
      </p>
    </form>
  )
}
