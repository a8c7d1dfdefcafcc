import { useEffect, useRef, useState } from 'preact/hooks'
import { formatNumber, t } from '../i18n'
import { announcement, chooseModel, conversations, currentId, me, model, models, path, problem, send, stop, streamingId } from '../state'
import { Composer } from './composer'
import { Icon } from './icons'
import { MessageView } from './message_view'

export function Chat({ showSidebar }: { showSidebar: (() => void) | null }) {
  return (
    <main class="main" onKeyDown={(e) => e.key === 'Escape' && streamingId.value && stop()}>
      <header class="top">
        {showSidebar && (
          <button type="button" class="quiet" onClick={showSidebar} aria-label={t('sidebar.show')} title={t('sidebar.show')}>
            <Icon name="menu" />
          </button>
        )}
        <ModelPicker />
      </header>
      {currentId.value || path.value.length ? <Thread /> : <Empty />}
      <Problem />
      <Composer />
      <div class="visually-hidden" aria-live="polite">{announcement}</div>
    </main>
  )
}

function ModelPicker() {
  const chosen = model.value
  if (!chosen) return <strong class="picker">{t('model.none')}</strong>
  const known = me.value
  const onePerson = known && typeof known === 'object' && known.one_person_charter
  return (
    <div class="picker">
      <select aria-label={t('model.label')} value={chosen.id} onChange={(e) => chooseModel(e.currentTarget.value)} data-test="model">
        {models.value.map((m) => (
          <option key={m.id} value={m.id}>{m.id}</option>
        ))}
      </select>
      <p class="facts">
        <span>{t('model.release', { epoch: chosen.release.epoch, version: chosen.release.charter_version })}{onePerson && <em> ({t('model.onePerson')})</em>}</span>
        <span>{t('model.context', { count: formatNumber(chosen.context_length) })}</span>
        <span>{t('model.price', { input: `$${chosen.price_in_usd_per_1k}`, output: `$${chosen.price_out_usd_per_1k}` })}</span>
      </p>
    </div>
  )
}

function Empty() {
  return (
    <div class="empty">
      <h1>{t('empty.title')}</h1>
      {model.value && <p>{t('empty.note', { model: model.value.id })}</p>}
      <div class="tries">
        {(['empty.try1', 'empty.try2', 'empty.try3'] as const).map((key) => (
          <button type="button" key={key} onClick={() => send(t(key), null)} disabled={!model.value}>{t(key)}</button>
        ))}
      </div>
    </div>
  )
}

// Follows the text as it grows, and lets go as soon as the reader scrolls up.
function Thread() {
  const box = useRef<HTMLDivElement>(null)
  const [follows, setFollows] = useState(true)
  const shown = path.value
  const length = shown.at(-1)?.content.length ?? 0
  const title = conversations.value.find((c) => c.id === currentId.value)?.title || t('chat.untitled')
  const toEnd = () => box.current?.scrollTo({ top: box.current.scrollHeight })
  useEffect(() => {
    if (follows) toEnd()
  }, [shown.length, length, follows])
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current!
    setFollows(scrollHeight - scrollTop - clientHeight < 60)
  }
  return (
    <div class="thread" ref={box} onScroll={onScroll} tabIndex={-1}>
      <div class="column">
        <h1 class="visually-hidden">{title}</h1>
        {shown.map((message, index) => (
          <MessageView key={index} message={message} />
        ))}
      </div>
      {!follows && (
        <button type="button" class="round latest" onClick={toEnd} aria-label={t('scroll.latest')} title={t('scroll.latest')}>
          <Icon name="down" />
        </button>
      )}
    </div>
  )
}

function Problem() {
  const found = problem.value
  if (!found) return null
  const retry = found.retry
  return (
    <div class="problem" role="alert" data-test="problem">
      <p>{found.text}</p>
      {retry && <button type="button" onClick={() => ((problem.value = null), retry())}>{t('error.retry')}</button>}
      <button type="button" class="quiet" onClick={() => (problem.value = null)} aria-label={t('error.dismiss')}>
        <Icon name="close" />
      </button>
    </div>
  )
}
