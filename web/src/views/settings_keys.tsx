import { useState } from 'preact/hooks'
import { account, type Key } from '../account_api'
import { t } from '../i18n'
import { attempt, confirmed, Panel, Secret, shownTime, useLoaded } from './action'

const day = 86400

export function KeysTab() {
  const [known] = useLoaded(account.get)
  const [keys, reload] = useLoaded(account.keys)
  const [name, setName] = useState('')
  const [project, setProject] = useState('')
  const [life, setLife] = useState('')
  const [made, setMade] = useState<Key | null>(null)
  if (!keys || !known) return null
  const create = async (event: Event) => {
    event.preventDefault()
    const body = { name, ...(project && { project_id: project }), ...(life && { expires_in_seconds: Number(life) * day }) }
    if (!(await attempt(async () => setMade(await account.createKey(body))))) return
    setName('')
    await reload()
  }
  const revoke = async (key: Key) => {
    if (!confirmed('key.revoke.confirm', { name: key.name })) return
    if (await attempt(() => account.revokeKey(key.id))) await reload()
  }
  const projectName = (id: string | null) => known.projects.find((p) => p.id === id)?.name ?? id ?? ''
  return (
    <Panel title="settings.keys" about="key.about">
      <form class="line" onSubmit={create}>
        <input value={name} onInput={(e) => setName(e.currentTarget.value)} placeholder={t('key.name')}
          aria-label={t('key.name')} maxLength={60} required data-test="key-name" />
        {known.projects.length > 1 && (
          <select aria-label={t('key.project')} value={project} onChange={(e) => setProject(e.currentTarget.value)}>
            {known.projects.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}
          </select>
        )}
        <select aria-label={t('key.life')} value={life} onChange={(e) => setLife(e.currentTarget.value)}>
          <option value="">{t('key.forever')}</option>
          {[7, 30, 90, 365].map((days) => <option key={days} value={days}>{t('key.days', { count: days })}</option>)}
        </select>
        <button type="submit" class="primary" data-test="create-key">{t('key.create')}</button>
      </form>
      {made?.value && <Secret label={t('key.once')} value={made.value} />}
      <ul class="rows">
        {keys.map((key) => (
          <li key={key.id}>
            <span>
              <strong>{key.name}</strong>
              <code>{key.redacted_value}</code>
              <small>{projectName(key.project_id)} · {t('settings.lastUsed', { time: shownTime(key.last_used_at) })}
                {key.expires_at && <> · {t('key.expires', { time: shownTime(key.expires_at) })}</>}</small>
            </span>
            <button type="button" onClick={() => revoke(key)}>{t('key.revoke')}</button>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
