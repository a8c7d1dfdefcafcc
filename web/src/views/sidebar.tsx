import type { Conversation } from '../api'
import { t, type MessageKey } from '../i18n'
import { conversations, currentId, decisionsRoom, open, showDecisions } from '../state'
import { Account } from './account'
import { ChatMenu } from './chat_menu'
import { Icon } from './icons'

export function Sidebar({ close }: { close: () => void }) {
  const go = (id: string | null) => (event: Event) => {
    event.preventDefault()
    open(id)
    if (matchMedia('(max-width: 760px)').matches) close()
  }
  const decide = (event: Event) => {
    event.preventDefault()
    showDecisions('proposals')
    if (matchMedia('(max-width: 760px)').matches) close()
  }
  return (
    <aside class="sidebar" aria-label={t('sidebar.chats')}>
      <div class="brand">
        <img src="/icon.svg" alt="" width="28" height="28" />
        <strong>Charter</strong>
        <button type="button" class="quiet push" onClick={close} aria-label={t('sidebar.hide')} title={t('sidebar.hide')}>
          <Icon name="menu" />
        </button>
      </div>
      <a class="new" href="/" onClick={go(null)} data-test="new-chat">
        <Icon name="plus" /> {t('sidebar.new')}
      </a>
      <nav class="chats">
        {conversations.value.length === 0 && <p class="hint">{t('sidebar.empty')}</p>}
        {byAge(conversations.value).map(([heading, chats]) => (
          <section key={heading}>
            <h2>{t(heading)}</h2>
            {chats.map((chat) => (
              <div class="chat" key={chat.id} aria-current={chat.id === currentId.value ? 'page' : undefined}>
                <a href={`/c/${chat.id}`} onClick={go(chat.id)}>{chat.title || t('chat.untitled')}</a>
                <ChatMenu chat={chat} />
              </div>
            ))}
          </section>
        ))}
      </nav>
      <a class="room" href="/decisions" data-test="decisions" onClick={decide}
        aria-current={decisionsRoom.value ? 'page' : undefined}>{t('sidebar.decisions')}</a>
      <Account />
    </aside>
  )
}

function byAge(chats: Conversation[]): [MessageKey, Conversation[]][] {
  const midnight = new Date().setHours(0, 0, 0, 0) / 1000
  const day = 86400
  const groups: [MessageKey, number][] = [
    ['sidebar.today', midnight], ['sidebar.yesterday', midnight - day], ['sidebar.week', midnight - 7 * day], ['sidebar.older', -1],
  ]
  let newest = Infinity
  return groups
    .map(([heading, from]): [MessageKey, Conversation[]] => {
      const found = chats.filter((c) => c.updated_at >= from && c.updated_at < newest)
      newest = from
      return [heading, found]
    })
    .filter(([, found]) => found.length > 0)
}
