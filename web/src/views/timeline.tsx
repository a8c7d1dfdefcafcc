// A proposal's life as one bar: notice, voting, timelock and veto window to scale, with the present moment.
import type { Proposal } from '../governance_api'
import { t, type MessageKey } from '../i18n'
import { shownTime } from './action'

type Part = { kind: 'notice' | 'voting' | 'timelock' | 'veto'; from: number; to: number }

function partsOf(proposal: Proposal): { parts: Part[]; end: number } {
  const line = proposal.timeline
  const closed = line.counted_at ?? line.expires_at
  const parts: Part[] = []
  if (line.notice_ends_at > line.opened_at) parts.push({ kind: 'notice', from: line.opened_at, to: Math.min(line.notice_ends_at, closed) })
  parts.push({ kind: 'voting', from: Math.min(line.notice_ends_at, closed), to: closed })
  if (line.counted_at !== null && line.timelock_ends_at !== null && line.timelock_ends_at > line.counted_at)
    parts.push({ kind: 'timelock', from: line.counted_at, to: line.timelock_ends_at })
  if (line.counted_at !== null && line.veto?.ends_at) parts.push({ kind: 'veto', from: line.counted_at, to: line.veto.ends_at })
  const end = Math.max(...parts.map((p) => p.to), line.released_at ?? 0, line.opened_at + 1)
  return { parts, end }
}

const names: Record<Part['kind'], MessageKey> = {
  notice: 'timeline.notice', voting: 'timeline.voting', timelock: 'timeline.timelock', veto: 'timeline.veto',
}

export function Timeline({ proposal }: { proposal: Proposal }) {
  const line = proposal.timeline
  const { parts, end } = partsOf(proposal)
  const length = end - line.opened_at
  const x = (time: number) => (1000 * Math.min(Math.max(time - line.opened_at, 0), length)) / length
  const over = proposal.stage === 'released' || proposal.stage === 'expired' || proposal.stage === 'vetoed'
  const moments: [MessageKey, number | null | undefined][] = [
    ['timeline.opened', line.opened_at],
    ['timeline.noticeEnds', line.notice_ends_at > line.opened_at ? line.notice_ends_at : null],
    ['timeline.counted', line.counted_at],
    ['timeline.timelockEnds', line.timelock_seconds ? line.timelock_ends_at : null],
    ['timeline.vetoEnds', line.veto?.ends_at],
    ['timeline.released', line.released_at],
    ['timeline.expires', line.counted_at === null ? line.expires_at : null],
  ]
  return (
    <div class="timeline" data-test="timeline">
      <svg viewBox="0 0 1000 34" preserveAspectRatio="none" role="img"
        aria-label={over ? t('timeline.over') : t('timeline.now', { time: shownTime(proposal.now) })}>
        <rect x="0" y="8" width="1000" height="18" class="track" />
        {parts.map((part) => (
          <rect key={part.kind} class={`part ${part.kind}`} x={x(part.from)} y={part.kind === 'veto' ? 20 : 8}
            width={Math.max(x(part.to) - x(part.from), 2)} height={part.kind === 'veto' ? 6 : 18} />
        ))}
        {!over && <rect class="now" x={Math.min(x(proposal.now), 996)} y="0" width="4" height="34" />}
      </svg>
      <ul class="legend">
        {parts.map((part) => <li key={part.kind}><i class={`key ${part.kind}`} />{t(names[part.kind])}</li>)}
        {!over && <li><i class="key now" />{t('timeline.present')}</li>}
      </ul>
      <dl class="facts-grid moments">
        {moments.filter(([, time]) => time).map(([label, time]) => <div key={label}><dt>{t(label)}</dt><dd>{shownTime(time!)}</dd></div>)}
      </dl>
    </div>
  )
}
