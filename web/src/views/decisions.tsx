// The rooms of the charter: what is being decided, what each channel serves, the charter itself, its log, and one's own key.
import { useEffect } from 'preact/hooks'
import { governance } from '../governance_api'
import { t, type MessageKey } from '../i18n'
import { open, showDecisions } from '../state'
import { loadVoterKeys } from '../voter_key'
import { notice, shownTime, useLoaded } from './action'
import { ChannelsRoom } from './channels'
import { CharterRoom } from './charter_room'
import { Icon } from './icons'
import { LogRoom } from './log_room'
import { ProposalPage, StageMark } from './proposal'
import { KeyRoom } from './voter_key_room'

const rooms: Record<string, { label: MessageKey; view: () => preact.JSX.Element | null }> = {
  proposals: { label: 'decisions.proposals', view: ProposalList },
  channels: { label: 'decisions.channels', view: ChannelsRoom },
  charter: { label: 'decisions.charter', view: CharterRoom },
  log: { label: 'decisions.log', view: LogRoom },
  key: { label: 'decisions.key', view: KeyRoom },
}

export function Decisions({ room, showSidebar }: { room: string; showSidebar: (() => void) | null }) {
  useEffect(() => void loadVoterKeys().catch(() => undefined), [])
  const isProposal = /^[0-9a-f]{64}$/.test(room)
  const name = isProposal || !rooms[room] ? 'proposals' : room
  const View = rooms[name]!.view
  const go = (id: string) => (event: Event) => {
    event.preventDefault()
    notice.value = null
    showDecisions(id)
  }
  return (
    <main class="settings-page decisions">
      <header>
        {showSidebar && (
          <button type="button" class="quiet" onClick={showSidebar} aria-label={t('sidebar.show')}><Icon name="menu" /></button>
        )}
        <h1>{t('decisions.title')}</h1>
        <button type="button" class="quiet push" onClick={() => open(null)} aria-label={t('settings.close')} title={t('settings.close')}>
          <Icon name="close" />
        </button>
      </header>
      <nav class="tabs" aria-label={t('decisions.title')}>
        {Object.entries(rooms).map(([id, { label }]) => (
          <a key={id} href={`/decisions/${id}`} aria-current={id === name ? 'page' : undefined} data-test={`room-${id}`}
            onClick={go(id)}>{t(label)}</a>
        ))}
      </nav>
      {notice.value && <p class="problem" role="alert">{notice.value}</p>}
      {isProposal ? <ProposalPage key={room} id={room} /> : <View key={name} />}
    </main>
  )
}

function ProposalList() {
  const [proposals] = useLoaded(governance.proposals)
  if (!proposals) return null
  if (proposals.length === 0) return <p class="soft panel">{t('decisions.none')}</p>
  const open = proposals.filter((p) => p.stage === 'voting' || p.stage === 'passed')
  const past = proposals.filter((p) => !open.includes(p))
  return (
    <>
      {[['decisions.open', open] as const, ['decisions.past', past] as const].map(([heading, list]) => list.length > 0 && (
        <section class="panel" key={heading} aria-label={t(heading)}>
          <h2>{t(heading)}</h2>
          <ul class="rows">
            {list.map((p) => (
              <li key={p.id}>
                <span>
                  <a href={`/decisions/${p.id}`} data-test="proposal"
                    onClick={(e) => (e.preventDefault(), showDecisions(p.id))}>
                    {t('proposal.title', { model: p.model || p.action, channel: p.channel || '–' })}
                  </a>
                  <small>
                    {t('proposal.by', { person: p.person })} · {shownTime(p.timeline.opened_at)}
                    {p.one_person_decides && <> · <em class="one-person">{t('model.onePerson')}</em></>}
                  </small>
                </span>
                <StageMark stage={p.stage} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  )
}
