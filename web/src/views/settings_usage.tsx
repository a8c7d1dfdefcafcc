import { useState } from 'preact/hooks'
import { account, type Budget, type Usage } from '../account_api'
import { formatNumber, formatUsd, locale, t, type MessageKey } from '../i18n'
import { Panel, shownTime, useLoaded } from './action'

export const scopes: Record<string, MessageKey> = {
  organization: 'scope.organization', project: 'scope.project', user: 'scope.user', key: 'scope.key',
}
const periods: Record<string, MessageKey> = { day: 'period.day', month: 'period.month', total: 'period.total' }
export const units: Record<string, MessageKey> = {
  requests_per_minute: 'unit.requests_per_minute', tokens_per_minute: 'unit.tokens_per_minute',
  requests_per_day: 'unit.requests_per_day', tokens_per_day: 'unit.tokens_per_day',
}

export function UsageTab() {
  const [days, setDays] = useState(30)
  const [usage] = useLoaded(() => account.usage(days), [days])
  if (!usage) return null
  return (
    <>
      <Panel title="settings.usage">
        <div class="line">
          <span>{t('account.balance', { amount: formatUsd(usage.balance_usd, 4) })}</span>
          <select class="push" aria-label={t('usage.days')} value={days} onChange={(e) => setDays(Number(e.currentTarget.value))}>
            {[7, 30, 90].map((count) => <option key={count} value={count}>{t('usage.lastDays', { count })}</option>)}
          </select>
        </div>
        <Chart usage={usage} />
        <dl class="facts-grid">
          <div><dt>{t('usage.requests')}</dt><dd>{formatNumber(usage.total.requests)}</dd></div>
          <div><dt>{t('usage.read')}</dt><dd>{formatNumber(usage.total.input_tokens)}</dd></div>
          <div><dt>{t('usage.written')}</dt><dd>{formatNumber(usage.total.output_tokens)}</dd></div>
          <div><dt>{t('usage.cost')}</dt><dd>{formatUsd(usage.total.cost_usd)}</dd></div>
        </dl>
      </Panel>
      <Panel title="usage.limits" about={usage.budgets.length + usage.rates.length ? 'usage.limits.about' : 'usage.limits.none'}>
        <ul class="rows">{usage.budgets.map((b, i) => <BudgetRow key={i} budget={b} />)}</ul>
        <ul class="rows">
          {usage.rates.map((rate, i) => (
            <li key={i}><span>{t(scopes[rate.scope]!)}{rate.model && ` · ${rate.model}`}</span>
              <span>{t(units[rate.unit]!, { count: formatNumber(rate.limit) })}</span></li>
          ))}
        </ul>
      </Panel>
    </>
  )
}

function BudgetRow({ budget }: { budget: Budget }) {
  const used = Number(budget.spent_usd) + Number(budget.held_usd)
  return (
    <li class="budget">
      <span>{t(scopes[budget.scope]!)}{budget.model && ` · ${budget.model}`} · {t(periods[budget.period]!)}</span>
      <meter min={0} max={Math.max(Number(budget.cap_usd), 1e-12)} value={used} aria-label={t('usage.spent')} />
      <small>{t('usage.spentOf', { spent: formatUsd(budget.spent_usd), cap: formatUsd(budget.cap_usd) })}
        {budget.resets_at && <> · {t('usage.resets', { time: shownTime(budget.resets_at) })}</>}</small>
    </li>
  )
}

// Tokens by day, as bars; the same numbers for who cannot see them.
function Chart({ usage }: { usage: Usage }) {
  const sums = usage.days.map((d) => d.input_tokens + d.output_tokens)
  const most = Math.max(1, ...sums)
  const width = 100 / Math.max(1, sums.length)
  const format = new Intl.DateTimeFormat(locale.value, { month: 'short', day: 'numeric', timeZone: 'UTC' })
  const label = (i: number) => `${format.format(new Date(usage.days[i]!.start_time * 1000))}: ${t('usage.tokens', { count: formatNumber(sums[i]!) })}`
  return (
    <svg class="bars" viewBox="0 0 100 30" preserveAspectRatio="none" role="img"
      aria-label={t('usage.chart', { count: formatNumber(sums.reduce((a, b) => a + b, 0)), days: sums.length })}>
      {sums.map((sum, i) => (
        <rect key={i} x={i * width + width * 0.1} width={width * 0.8} y={30 - (sum / most) * 29} height={(sum / most) * 29 + 0.2}>
          <title>{label(i)}</title>
        </rect>
      ))}
    </svg>
  )
}
