import { useRef, useState } from 'preact/hooks'
import type { Conversation } from '../api'
import { t } from '../i18n'
import { remove, rename } from '../state'
import { Icon } from './icons'

// Rename and delete, each confirmed in a modal <dialog>: the browser traps the focus and gives it back.
export function ChatMenu({ chat }: { chat: Conversation }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [title, setTitle] = useState(chat.title)
  const show = () => {
    setTitle(chat.title)
    dialog.current!.showModal()
  }
  const save = (event: Event) => {
    event.preventDefault()
    dialog.current!.close()
    if (title.trim() && title !== chat.title) rename(chat.id, title.trim())
  }
  const drop = () => {
    if (confirm(t('chat.delete.confirm', { title: chat.title || t('chat.untitled') }))) {
      dialog.current!.close()
      remove(chat.id)
    }
  }
  return (
    <>
      <button type="button" class="quiet more" onClick={show} aria-label={t('chat.menu')} title={t('chat.menu')}>
        <Icon name="dots" />
      </button>
      <dialog ref={dialog} aria-label={t('chat.menu')}>
        <form onSubmit={save}>
          <label>
            {t('chat.rename.prompt')}
            <input value={title} maxLength={100} onInput={(e) => setTitle(e.currentTarget.value)} />
          </label>
          <div class="buttons">
            <button type="button" class="danger" onClick={drop}>
              <Icon name="trash" /> {t('chat.delete')}
            </button>
            <button type="button" class="push" onClick={() => dialog.current!.close()}>{t('dialog.cancel')}</button>
            <button type="submit" class="primary">{t('dialog.save')}</button>
          </div>
        </form>
      </dialog>
    </>
  )
}
