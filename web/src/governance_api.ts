// /v1/charter (docs/API.md): what the charter says, what is being decided, and what people sign.
import { json } from './api'

export type Vote = 'for' | 'against' | 'abstain'
export type Reference = { leaf: number; sha256: string }
export type Refusal = { code: string; message: string }
export type Member = {
  person: string; recused: boolean; conflict_said_by: string[]; vote: Vote | null; ballot: Reference | null; voted_at: number | null
}
export type Body = {
  id: string; class: string; seats: number; eligible: number; needed: number; for: number; against: number; abstained: number
  passed: boolean; votes_missing: number; not_voted: string[]; members: Member[]
}
export type Timeline = {
  opened_at: number; notice_ends_at: number; expires_at: number; timelock_seconds: number; counted_at: number | null
  timelock_ends_at: number | null; released_at: number | null
  veto?: { body: string; needs: number; window_seconds: number; by: string[]; ends_at: number | null }
}
export type Stage = 'voting' | 'passed' | 'released' | 'vetoed' | 'expired'
export type Proposal = {
  id: string; action: string; channel: string; model: string; person: string; epoch: number; stage: Stage; at: Reference
  one_person_decides: boolean; now: number; timeline: Timeline; enough_votes: boolean
  if_counted_now: { passes: boolean; refusal: Refusal | null }; bodies: Body[]; not_told: string[]
}
export type Run = {
  suite: string; at: Reference; cases: number; epochs: number; passed: number; failed: number; errors: number
  estimate: number | null; lower: number | null; upper: number | null; bound_kind: string; attempt: number; superseded: boolean
}
export type Gate = {
  gate: string; metric: string; direction: 'upper' | 'lower'; limit: number; alpha: string; any_score: boolean; passed: boolean
  refusal: Refusal | null; runs: Run[]
}
export type WholeProposal = Proposal & {
  manifest_digest?: string; subject?: Record<string, unknown>; evidence: Gate[]; heard: { id: string; members: string[] }[]; payload_text: string
}
export type Person = { id: string; keys: string[]; interests: string[]; bodies: string[]; may_stop: boolean }
export type Rule = {
  id: string; threshold: string; floor_for: number; notice_seconds: number; timelock_seconds: number; expires_seconds: number
  consent: string[]
}
export type Charter = {
  id: string; version: number; sha256: string; origin: string; log_key: string; pin: string; log_size: number
  one_person_decides: boolean; persons: Person[]; services: { id: string; role: string }[]
  bodies: { id: string; class: string; seats: number; members: string[] }[]; rules: Rule[]
  powers: { action: string; body: string; rule: string }[]
  gates: { id: string; suite: string; metric: string; direction: 'upper' | 'lower'; limit: string; alpha: string; min_n: number }[]
  findings: { level: 'error' | 'warning'; message: string }[]; text: string
}
export type ChannelRelease = {
  model: string; proposal: string; manifest_digest: string; phase: string; stage_percent: number; served_percent: number
}
export type Channel = {
  id: string; epoch: number; stop_epoch: number; serves: boolean; reason: string; message: string; one_person_decides: boolean
  releases: ChannelRelease[]; stops: { at: Reference; channel: string; holder: string }[]; model?: string; released_at?: number
}
export type LogEntry = {
  index: number; type: string; time: number; subject: string; sha256: string; signers?: string[]; payload_text?: string
  payload_sha256?: string; [shown: string]: unknown
}
export type LogPage = { data: LogEntry[]; has_more: boolean; checkpoint: { origin: string; size: number; root: string; note: string } }
export type Draft = {
  type: string; person: string; keys: string[]; payload_type: string; payload: string; payload_text: string; sha256: string
}
export type Envelope = { payload: string; payloadType: string; signatures: { keyid: string; sig: string }[] }

const root = '/v1/charter'

export const governance = {
  charter: () => json<Charter>('GET', root),
  proposals: async () => (await json<{ data: Proposal[] }>('GET', `${root}/proposals?limit=100`)).data,
  proposal: (id: string) => json<WholeProposal>('GET', `${root}/proposals/${encodeURIComponent(id)}`),
  channels: async () => (await json<{ data: Channel[] }>('GET', `${root}/channels`)).data,
  log: (after: number) => json<LogPage>('GET', `${root}/log?after=${after}&limit=200`),
  logEntry: (index: number) => json<LogEntry>('GET', `${root}/log/${index}`),
  draft: (kind: string, values: Record<string, string>) => json<Draft>('GET', `${root}/drafts/${kind}?${new URLSearchParams(values)}`),
  post: (envelope: Envelope) => json<{ type: string; leaf: number; sha256: string }>('POST', `${root}/statements`, envelope),
}
