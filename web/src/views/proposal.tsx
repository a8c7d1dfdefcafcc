// One proposal: what it is, when it may take effect, who has said what, what the evidence shows, and what one may sign.
import { useState } from 'preact/hooks'
import { governance, type Body, type Charter, type Member, type Stage, type WholeProposal } from '../governance_api'
import { t, type MessageKey } from '../i18n'
import { showDecisions } from '../state'
import { keyAmong, type VoterKey } from '../voter_key'
import { Panel, shownTime, useLoaded } from './action'
import { Enforced } from './enforced'
import { Evidence } from './evidence'
import { Signing, type Wish } from './signing'
import { Timeline } from './timeline'

const stages: Record<Stage, MessageKey> = {
  voting: 'stage.voting', passed: 'stage.passed', released: 'stage.released', vetoed: 'stage.vetoed', expired: 'stage.expired',
}

export function StageMark({ stage }: { stage: Stage }) {
  const tone = stage === 'released' ? 'good' : stage === 'vetoed' || stage === 'expired' ? 'bad' : 'open'
  return <span class={`mark ${tone}`} data-test="stage" data-stage={stage}>{t(stages[stage])}</span>
}

export function ProposalPage({ id }: { id: string }) {
  const [proposal, reload] = useLoaded(() => governance.proposal(id))
  const [charter] = useLoaded(governance.charter)
  if (!proposal || !charter) return null
  return (
    <>
      <section class="panel" aria-label={t('proposal.what')}>
        <p class="line">
          <strong class="title">{t('proposal.title', { model: proposal.model || proposal.action, channel: proposal.channel || '–' })}</strong>
          <StageMark stage={proposal.stage} />
        </p>
        {proposal.one_person_decides && <p class="one-person" data-test="one-person">{t('proposal.onePerson')}</p>}
        <p class="soft">
          {t('proposal.by', { person: proposal.person })} · {t('proposal.epoch', { epoch: proposal.epoch })} ·{' '}
          {t('proposal.leaf', { leaf: proposal.at.leaf })}
        </p>
        <Timeline proposal={proposal} />
        <Verdict proposal={proposal} />
      </section>
      <Panel title="proposal.persons" about="proposal.persons.about">
        {proposal.bodies.map((body) => <BodyTally key={body.id} body={body} />)}
        {proposal.not_told.length > 0 && <p>{t('proposal.notTold', { persons: proposal.not_told.join(', ') })}</p>}
        {proposal.heard.map((body) => (
          <p class="soft" key={body.id}>{t('proposal.heard', { body: body.id, persons: body.members.join(', ') })}</p>
        ))}
      </Panel>
      <Acts proposal={proposal} charter={charter} reload={reload} />
      <Panel title="proposal.evidence" about="proposal.evidence.about"><Evidence gates={proposal.evidence} /></Panel>
      <Panel title="proposal.identity">
        <dl class="digests">
          <dt>{t('proposal.digest')}</dt><dd><code>{proposal.id}</code></dd>
          {proposal.manifest_digest && <><dt>{t('proposal.manifest')}</dt><dd><code>{proposal.manifest_digest}</code></dd></>}
        </dl>
      </Panel>
      {proposal.subject && <Panel title="proposal.subject"><pre class="source" tabIndex={0}>{readable(proposal.subject)}</pre></Panel>}
      <Enforced />
    </>
  )
}

// Texts within it (a charter, a motion) keep their lines.
const readable = (subject: Record<string, unknown>) =>
  Object.entries(subject).map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join('\n')

function Verdict({ proposal }: { proposal: WholeProposal }) {
  const { passes, refusal } = proposal.if_counted_now
  if (proposal.stage === 'released') return null
  return (
    <p class={passes ? 'verdict good' : 'verdict'} data-test="verdict">
      {passes ? t(proposal.stage === 'passed' ? 'proposal.mayRelease' : 'proposal.wouldPass') : t('proposal.wouldNot')}
      {refusal && <> <code>{refusal.code}</code> <span class="soft">{refusal.message}</span></>}
    </p>
  )
}

export const voteNames: Record<string, MessageKey> = { for: 'vote.for', against: 'vote.against', abstain: 'vote.abstain' }

function Chip({ member }: { member: Member }) {
  const said = member.recused ? 'recused' : (member.vote ?? 'waiting')
  const label = member.recused ? t('vote.recused') : member.vote ? t(voteNames[member.vote]!) : t('vote.waiting')
  const sign = { for: '✓', against: '✕', abstain: '–', recused: '○', waiting: '·' }[said]
  return (
    <li class={`chip ${said}`} title={member.voted_at ? shownTime(member.voted_at) : undefined}>
      <span aria-hidden="true">{sign}</span> {member.person} <small>{label}</small>
    </li>
  )
}

function BodyTally({ body }: { body: Body }) {
  return (
    <div class="body" data-test={`body-${body.id}`}>
      <p class="line">
        <strong>{body.id}</strong>
        <span class={body.passed ? 'mark good' : 'mark open'}>
          {t('body.count', { votes: body.for, needed: body.needed, eligible: body.eligible })}
        </span>
        {body.votes_missing > 0 && <span class="soft">{t('body.missing', { count: body.votes_missing })}</span>}
      </p>
      <ul class="chips">{body.members.map((member) => <Chip key={member.person} member={member} />)}</ul>
    </div>
  )
}

function Acts({ proposal, charter, reload }: { proposal: WholeProposal; charter: Charter; reload: () => Promise<void> }) {
  const [wish, setWish] = useState<{ wish: Wish; signer: VoterKey } | null>(null)
  const [logged, setLogged] = useState<number | null>(null)
  if (proposal.stage !== 'voting' && proposal.stage !== 'passed') return null
  const mine = charter.persons.map((person) => ({ person, key: keyAmong(person.keys) })).filter((p) => p.key)
  const ask = (signer: VoterKey, made: Wish) => (setLogged(null), setWish({ wish: made, signer }))
  return (
    <Panel title="proposal.acts">
      {mine.length === 0 && (
        <p>{t('proposal.noKey')}{' '}
          <a href="/decisions/key" onClick={(e) => (e.preventDefault(), showDecisions('key'))}>{t('decisions.key')}</a></p>
      )}
      {mine.map(({ person, key }) => (
        <PersonActs key={person.id} proposal={proposal} person={person.id} controls={sitsInControl(charter, person.id)}
          ask={(made) => ask(key!, made)} />
      ))}
      {logged !== null && <p class="verdict good" role="status" data-test="logged">{t('sign.logged', { leaf: logged })}</p>}
      {wish && (
        <Signing wish={wish.wish} signer={wish.signer} cancel={() => setWish(null)}
          done={(leaf) => (setWish(null), void reload().then(() => setLogged(leaf)))} />
      )}
    </Panel>
  )
}

const sitsInControl = (charter: Charter, person: string) =>
  charter.bodies.some((b) => b.class === 'control' && b.members.includes(person))

function PersonActs({ proposal, person, controls, ask }: {
  proposal: WholeProposal; person: string; controls: boolean; ask: (wish: Wish) => void
}) {
  const seats = proposal.bodies.filter((b) => b.members.some((m) => m.person === person && !m.vote && !m.recused))
  const subject = { model: proposal.model || proposal.action, channel: proposal.channel || '–' }
  const ballot = (body: string, vote: string): Wish => ({
    kind: 'ballot',
    says: t('sign.ballot', { ...subject, person, body, vote: t(voteNames[vote]!) }),
    values: { proposal: proposal.id, person, body, vote },
    expects: { proposal: proposal.id, person, body, vote },
  })
  const says = { tally: 'sign.tally', release: 'sign.release', enactment: 'sign.enactment', notice: 'sign.notice' } as const
  const closing = (kind: keyof typeof says): Wish => ({
    kind,
    says: t(says[kind], { ...subject, person }),
    values: { proposal: proposal.id, person },
    expects: { proposal: proposal.id },
  })
  const passes = proposal.if_counted_now.passes
  const veto = proposal.timeline.veto
  return (
    <div class="acts">
      {proposal.stage === 'voting' && seats.map((body) => (
        <div class="line" key={body.id} role="group" aria-label={t('proposal.voteAs', { person, body: body.id })}>
          <span>{t('proposal.voteAs', { person, body: body.id })}</span>
          {['for', 'against', 'abstain'].map((vote) => (
            <button type="button" key={vote} class={vote === 'for' ? 'primary' : ''} data-test={`vote-${vote}`}
              onClick={() => ask(ballot(body.id, vote))}>{t(voteNames[vote]!)}</button>
          ))}
        </div>
      ))}
      {controls && passes && proposal.stage === 'voting' && (
        <button type="button" class="primary" data-test="tally" onClick={() => ask(closing('tally'))}>{t('proposal.close')}</button>
      )}
      {controls && passes && proposal.stage === 'passed' && (
        <button type="button" class="primary" data-test="release" onClick={() => ask(closing(proposal.subject ? 'enactment' : 'release'))}>{t('proposal.release')}</button>
      )}
      {proposal.not_told.includes(person) && (
        <button type="button" data-test="receipt" onClick={() => ask(closing('notice'))}>{t('proposal.receipt', { person })}</button>
      )}
      {veto && (proposal.bodies.find((b) => b.id === veto.body)?.members.some((m) => m.person === person)) && (
        <VetoButton proposal={proposal} person={person} body={veto.body} ask={ask} />
      )}
    </div>
  )
}

function VetoButton({ proposal, person, body, ask }: {
  proposal: WholeProposal; person: string; body: string; ask: (wish: Wish) => void
}) {
  const [reason, setReason] = useState('')
  const wish: Wish = {
    kind: 'veto', danger: true, says: t('sign.veto', { person, model: proposal.model || proposal.action }),
    values: { proposal: proposal.id, person, reason }, expects: { proposal: proposal.id, person, body, reason },
  }
  return (
    <form class="line" onSubmit={(e) => (e.preventDefault(), ask(wish))}>
      <input value={reason} onInput={(e) => setReason(e.currentTarget.value)} placeholder={t('sign.reason')}
        aria-label={t('sign.reason')} required maxLength={500} />
      <button type="submit" class="danger">{t('proposal.veto')}</button>
    </form>
  )
}
