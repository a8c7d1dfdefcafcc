// The charter as articles that people can read, its weak spots, its text, and how to check all of it without this page.
import { governance, type Charter, type Rule } from '../governance_api'
import { locale, t, type MessageKey } from '../i18n'
import { Panel, useLoaded } from './action'
import { CopyButton } from './copy_button'
import { Enforced } from './enforced'

const classes: Record<string, MessageKey> = { control: 'class.control', consult: 'class.consult', economic: 'class.economic' }

export function shownDuration(seconds: number): string {
  const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]] as const
  const [unit, size] = units.find(([, s]) => seconds >= s && seconds % s === 0) ?? units[3]
  return new Intl.NumberFormat(locale.value, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size)
}

export function CharterRoom() {
  const [charter] = useLoaded(governance.charter)
  if (!charter) return null
  return (
    <>
      <section class="panel" aria-label={t('decisions.charter')}>
        <p class="line"><strong class="title">{charter.id}</strong>
          <span class="mark open">{t('charter.version', { version: charter.version })}</span></p>
        {charter.one_person_decides && <p class="one-person">{t('proposal.onePerson')}</p>}
        <dl class="digests">
          <dt>{t('charter.digest')}</dt><dd><code>{charter.sha256}</code></dd>
          <dt>{t('charter.logKey')}</dt><dd><code>{charter.log_key}</code></dd>
        </dl>
      </section>
      <Articles charter={charter} />
      {charter.findings.length > 0 && (
        <Panel title="charter.findings" about="charter.findings.about">
          <ul class="articles">{charter.findings.map((f) => <li key={f.message} class={f.level === 'error' ? 'bad' : ''}>{f.message}</li>)}</ul>
        </Panel>
      )}
      <Enforced />
      <Verify charter={charter} />
      <details class="panel"><summary>{t('charter.text')}</summary><pre class="source" tabIndex={0}>{charter.text}</pre></details>
    </>
  )
}

function ruleText(rule: Rule): string {
  const parts = [t('article.threshold', { threshold: rule.threshold, floor: rule.floor_for })]
  if (rule.consent.length) parts.push(t('article.consent', { bodies: rule.consent.join(', ') }))
  if (rule.notice_seconds) parts.push(t('article.notice', { time: shownDuration(rule.notice_seconds) }))
  if (rule.timelock_seconds) parts.push(t('article.timelock', { time: shownDuration(rule.timelock_seconds) }))
  parts.push(t('article.expires', { time: shownDuration(rule.expires_seconds) }))
  return parts.join(' ')
}

function Articles({ charter }: { charter: Charter }) {
  return (
    <>
      <Panel title="article.who">
        <ul class="articles">
          {charter.bodies.map((b) => (
            <li key={b.id}><strong>{b.id}</strong> — {t(classes[b.class] ?? 'class.consult')}{' '}
              {t('article.members', { persons: b.members.join(', ') || '–' })}</li>
          ))}
        </ul>
      </Panel>
      <Panel title="article.what">
        <ul class="articles">
          {charter.powers.map((p) => {
            const rule = charter.rules.find((r) => r.id === p.rule)
            return <li key={p.action}><strong>{p.action}</strong> — {p.body && t('article.decides', { body: p.body })} {rule && ruleText(rule)}</li>
          })}
        </ul>
      </Panel>
      <Panel title="article.gates">
        <ul class="articles">
          {charter.gates.map((g) => (
            <li key={g.id}><strong>{g.id}</strong> — {t(g.direction === 'upper' ? 'article.gate.upper' : 'article.gate.lower', {
              suite: g.suite, metric: g.metric, limit: g.limit, alpha: g.alpha, cases: g.min_n,
            })}</li>
          ))}
        </ul>
      </Panel>
    </>
  )
}

function Verify({ charter }: { charter: Charter }) {
  const command = 'charter verify bundle.json --pin pin.json'
  const savePin = () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([charter.pin], { type: 'application/json' }))
    link.download = 'pin.json'
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <Panel title="verify.title" about="verify.about">
      <div class="line">
        <button type="button" onClick={savePin} data-test="save-pin">{t('verify.pin')}</button>
        <a class="button" href="/v1/charter/log/export" download data-test="export-log">{t('verify.log')}</a>
      </div>
      <div class="secret"><code>{command}</code><CopyButton text={command} label={t('message.copy')} /></div>
    </Panel>
  )
}
