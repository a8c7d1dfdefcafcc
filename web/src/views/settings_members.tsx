import { useState } from 'preact/hooks'
import { admin, type Invite, type Person } from '../account_api'
import { t, type MessageKey } from '../i18n'
import { me } from '../state'
import { attempt, confirmed, Panel, Secret, shownTime, useLoaded } from './action'

const roles: Record<string, MessageKey> = { reader: 'role.member', admin: 'role.admin', owner: 'role.owner' }
const states: Record<string, MessageKey> = {
  pending: 'invite.pending', accepted: 'invite.accepted', expired: 'invite.expired',
}

function RolePicker({ value, onChange, label }: { value: string; onChange: (role: string) => void; label: string }) {
  const own = me.value && typeof me.value === 'object' ? me.value.user.role : 'member'
  return (
    <select aria-label={label} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
      {Object.entries(roles).map(([id, name]) => (
        <option key={id} value={id} disabled={id === 'owner' && own !== 'owner'}>{t(name)}</option>
      ))}
    </select>
  )
}

export function MembersTab() {
  const [people, reloadPeople] = useLoaded(admin.users)
  const [invites, reloadInvites] = useLoaded(admin.invites)
  const [email, setEmail] = useState('')
  const [role, setRole] = useState('reader')
  const [made, setMade] = useState<Invite | null>(null)
  if (!people || !invites) return null
  const own = me.value && typeof me.value === 'object' ? me.value.user.id : ''
  const invite = async (event: Event) => {
    event.preventDefault()
    if (!(await attempt(async () => setMade(await admin.invite(email, role))))) return
    setEmail('')
    await reloadInvites()
  }
  const change = async (person: Person, wanted: string) => {
    await attempt(() => admin.setRole(person.id, wanted))
    await reloadPeople()
  }
  const remove = async (person: Person) => {
    if (!confirmed('member.remove.confirm', { name: person.name })) return
    if (await attempt(() => admin.removeUser(person.id))) await reloadPeople()
  }
  const withdraw = async (one: Invite) => {
    if (await attempt(() => admin.withdraw(one.id))) await reloadInvites()
  }
  return (
    <>
      <Panel title="settings.members" about="member.about">
        <ul class="rows">
          {people.map((person) => (
            <li key={person.id}>
              <span><strong>{person.name}</strong><small>{person.email ?? ''}</small></span>
              <span class="line">
                <RolePicker value={person.role} label={t('member.role', { name: person.name })} onChange={(wanted) => change(person, wanted)} />
                {person.id !== own && <button type="button" onClick={() => remove(person)}>{t('settings.remove')}</button>}
              </span>
            </li>
          ))}
        </ul>
      </Panel>
      <Panel title="invite.title" about="invite.about">
        <form class="line" onSubmit={invite}>
          <input type="email" value={email} onInput={(e) => setEmail(e.currentTarget.value)} placeholder={t('invite.email')}
            aria-label={t('invite.email')} data-test="invite-email" />
          <RolePicker value={role} label={t('invite.role')} onChange={setRole} />
          <button type="submit" class="primary" data-test="invite">{t('invite.make')}</button>
        </form>
        {made?.path && <Secret label={t('invite.link')} value={location.origin + made.path} />}
        <ul class="rows">
          {invites.filter((one) => one.status !== 'accepted').map((one) => (
            <li key={one.id}>
              <span>
                <strong>{one.email || t('invite.anybody')}</strong>
                <small>{t(states[one.status]!)} · {t('key.expires', { time: shownTime(one.expires_at) })}</small>
              </span>
              <button type="button" onClick={() => withdraw(one)}>{t('invite.withdraw')}</button>
            </li>
          ))}
        </ul>
      </Panel>
    </>
  )
}
