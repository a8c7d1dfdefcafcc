// The settings: one's own account, keys and usage; and for admins people, projects and limits.
import { t, type MessageKey } from '../i18n'
import { me, open, showSettings } from '../state'
import { notice } from './action'
import { Icon } from './icons'
import { AccountTab } from './settings_account'
import { KeysTab } from './settings_keys'
import { LimitsTab } from './settings_limits'
import { MembersTab } from './settings_members'
import { ProjectsTab } from './settings_projects'
import { UsageTab } from './settings_usage'

const tabs: Record<string, { label: MessageKey; view: () => preact.JSX.Element | null; admin: boolean }> = {
  account: { label: 'settings.account', view: AccountTab, admin: false },
  keys: { label: 'settings.keys', view: KeysTab, admin: false },
  usage: { label: 'settings.usage', view: UsageTab, admin: false },
  members: { label: 'settings.members', view: MembersTab, admin: true },
  projects: { label: 'settings.projects', view: ProjectsTab, admin: true },
  limits: { label: 'settings.limits', view: LimitsTab, admin: true },
}

export function Settings({ tab, showSidebar }: { tab: string; showSidebar: (() => void) | null }) {
  const known = me.value
  if (!known || typeof known === 'string') return null
  const isAdmin = known.user.role !== 'member'
  const shown = Object.entries(tabs).filter(([, { admin }]) => isAdmin || !admin)
  const [name, { view: View }] = shown.find(([id]) => id === tab) ?? shown[0]!
  return (
    <main class="settings-page">
      <header>
        {showSidebar && (
          <button type="button" class="quiet" onClick={showSidebar} aria-label={t('sidebar.show')}>
            <Icon name="menu" />
          </button>
        )}
        <h1>{t('settings.title')}</h1>
        <button type="button" class="quiet push" onClick={() => open(null)} aria-label={t('settings.close')}
          title={t('settings.close')}>
          <Icon name="close" />
        </button>
      </header>
      <nav class="tabs" aria-label={t('settings.title')}>
        {shown.map(([id, { label }]) => (
          <a key={id} href={`/settings/${id}`} aria-current={id === name ? 'page' : undefined} data-test={`tab-${id}`}
            onClick={(e) => {
              e.preventDefault()
              notice.value = null
              showSettings(id)
            }}>{t(label)}</a>
        ))}
      </nav>
      {notice.value && <p class="problem" role="alert">{notice.value}</p>}
      <View key={name} />
    </main>
  )
}
