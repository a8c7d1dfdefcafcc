import { useState } from 'preact/hooks'
import { admin, type Limits } from '../account_api'
import { formatNumber, formatUsd, t, type MessageKey } from '../i18n'
import { attempt, Panel, useLoaded } from './action'
import { scopes, units } from './settings_usage'

const counts = ['requests_per_minute', 'tokens_per_minute', 'requests_per_day', 'tokens_per_day'] as const
const sums = ['usd_per_day', 'usd_per_month', 'usd_total'] as const
const sumNames: Record<(typeof sums)[number], MessageKey> = {
  usd_per_day: 'limit.usd_per_day', usd_per_month: 'limit.usd_per_month', usd_total: 'limit.usd_total',
}
const fieldNames: Record<(typeof counts)[number], MessageKey> = {
  requests_per_minute: 'limit.requests_per_minute', tokens_per_minute: 'limit.tokens_per_minute',
  requests_per_day: 'limit.requests_per_day', tokens_per_day: 'limit.tokens_per_day',
}

export function LimitsTab() {
  const [rows, reload] = useLoaded(admin.limits)
  if (!rows) return null
  const remove = async (row: Limits) => {
    const none = Object.fromEntries([...counts, ...sums].map((name) => [name, null]))
    const body = { scope: row.scope, id: row.scope_id, ...(row.model && { model: row.model }), ...none }
    if (await attempt(() => admin.setLimits(body))) await reload()
  }
  return (
    <>
      <Panel title="settings.limits" about="limit.about">
        <ul class="rows">
          {rows.map((row) => (
            <li key={row.id}>
              <span>
                <strong>{t(scopes[row.scope]!)}{row.model && ` · ${row.model}`}</strong>
                {row.scope !== 'organization' && <code>{row.scope_id}</code>}
                <small>{[
                  ...counts.filter((c) => row[c] !== null).map((c) => t(units[c]!, { count: formatNumber(row[c]!) })),
                  ...sums.filter((s) => row[s] !== null).map((s) => `${t(sumNames[s])}: ${formatUsd(row[s]!)}`),
                ].join(' · ')}</small>
              </span>
              <button type="button" onClick={() => remove(row)}>{t('settings.remove')}</button>
            </li>
          ))}
        </ul>
      </Panel>
      <SetLimits reload={reload} />
    </>
  )
}

function SetLimits({ reload }: { reload: () => Promise<void> }) {
  const [scope, setScope] = useState('organization')
  const [fields, setFields] = useState<Record<string, string>>({})
  const input = (name: string, label: MessageKey, numeric: boolean) => (
    <label key={name}>
      <span>{t(label)}</span>
      <input value={fields[name] ?? ''} inputMode={numeric ? 'decimal' : 'text'} data-test={`limit-${name}`}
        onInput={(e) => setFields({ ...fields, [name]: e.currentTarget.value.trim() })} />
    </label>
  )
  const submit = async (event: Event) => {
    event.preventDefault()
    const body: Record<string, unknown> = { scope }
    for (const [name, value] of Object.entries(fields)) {
      if (value === '' || (name === 'id' && scope === 'organization')) continue
      body[name] = (counts as readonly string[]).includes(name) ? Number(value) : value
    }
    if (!(await attempt(() => admin.setLimits(body)))) return
    setFields({})
    await reload()
  }
  return (
    <Panel title="limit.set">
      <form class="stack" onSubmit={submit}>
        <div class="fields">
          <label>
            <span>{t('limit.scope')}</span>
            <select value={scope} onChange={(e) => setScope(e.currentTarget.value)}>
              {Object.entries(scopes).map(([id, name]) => <option key={id} value={id}>{t(name)}</option>)}
            </select>
          </label>
          {scope !== 'organization' && input('id', 'limit.id', false)}
          {input('model', 'limit.model', false)}
          {counts.map((name) => input(name, fieldNames[name], true))}
          {sums.map((name) => input(name, sumNames[name], true))}
        </div>
        <button type="submit" class="primary" data-test="set-limit">{t('dialog.save')}</button>
      </form>
    </Panel>
  )
}
