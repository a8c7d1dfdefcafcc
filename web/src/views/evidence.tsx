// What the evidence shows beside what the charter asks for: the estimate with its bounds as a whisker, the limit as a line.
// The gate looks at the bound, so the drawing does too.
import type { Gate, Run } from '../governance_api'
import { formatNumber, locale, t } from '../i18n'

function percent(value: number | null): string {
  if (value === null) return '–'
  return new Intl.NumberFormat(locale.value, { style: 'percent', maximumFractionDigits: 1, minimumFractionDigits: 1 }).format(value)
}

function Whisker({ gate, run }: { gate: Gate; run: Run }) {
  const { lower, upper, estimate } = run
  if (lower === null || upper === null) return null
  const x = (value: number) => 10 + 980 * Math.min(Math.max(value, 0), 1)
  const bound = gate.direction === 'upper' ? upper : lower
  return (
    <svg class={gate.passed ? 'whisker' : 'whisker failed'} viewBox="0 0 1000 44" preserveAspectRatio="none" role="img"
      aria-label={t('evidence.drawn', { lower: percent(lower), upper: percent(upper), limit: percent(gate.limit) })}>
      <rect class="axis" x="10" y="21" width="980" height="2" />
      <rect class="range" x={x(lower)} y="19" width={Math.max(x(upper) - x(lower), 2)} height="6" />
      <rect class="bound" x={x(bound) - 3} y="10" width="6" height="24" />
      {estimate !== null && <rect class="estimate" x={x(estimate) - 5} y="16" width="10" height="12" />}
      {!gate.any_score && <rect class="limit" x={x(gate.limit) - 1.500} y="2" width="3" height="40" />}
    </svg>
  )
}

export function Evidence({ gates }: { gates: Gate[] }) {
  if (gates.length === 0) return <p class="soft">{t('evidence.none')}</p>
  return (
    <>
      <ul class="gates" data-test="evidence">
        {gates.map((gate) => (
          <li key={gate.gate}>
            <p class="line">
              <strong>{gate.gate}</strong>
              <span class={gate.passed ? 'mark good' : 'mark bad'}>{gate.passed ? t('evidence.passed') : t('evidence.failed')}</span>
              <span class="soft push">
                {gate.any_score ? t('evidence.anyScore')
                  : t(gate.direction === 'upper' ? 'evidence.atMost' : 'evidence.atLeast', { metric: gate.metric, limit: percent(gate.limit) })}
              </span>
            </p>
            {gate.runs.map((run) => (
              <div key={run.at.sha256}>
                <Whisker gate={gate} run={run} />
                <p class="soft numbers">
                  {t('evidence.numbers', {
                    suite: run.suite, cases: formatNumber(run.cases), estimate: percent(run.estimate),
                    bound: percent(gate.direction === 'upper' ? run.upper : run.lower),
                  })}
                </p>
              </div>
            ))}
            {gate.refusal && <p class="bad">{gate.refusal.code}: {gate.refusal.message}</p>}
          </li>
        ))}
      </ul>
      <ul class="legend">
        <li><i class="key estimate" />{t('evidence.estimate')}</li>
        <li><i class="key bound" />{t('evidence.bound')}</li>
        <li><i class="key limit" />{t('evidence.limit')}</li>
      </ul>
    </>
  )
}
