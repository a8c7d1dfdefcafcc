// The routes of signing in, of one's own account, and of administration (docs/PAGE_API.md).
import { json, request } from './api'

export type Passkey = { id: string; name: string; created_at: number; last_used_at: number | null }
export type Session = { id: string; agent: string; method: string; created_at: number; last_seen_at: number; current: boolean }
export type Account = {
  user: { id: string; name: string; email: string; role: 'member' | 'admin' | 'owner' }
  totp: boolean
  recovery_codes_left: number
  passkeys: Passkey[]
  sessions: Session[]
  projects: { id: string; name: string }[]
}
export type Key = {
  id: string; name: string; redacted_value: string; kind: string; project_id: string | null
  created_at: number; last_used_at: number | null; expires_at: number | null; value?: string
}
export type Budget = {
  scope: Scope; model: string; period: 'day' | 'month' | 'total'; cap_usd: string; spent_usd: string; held_usd: string
  resets_at: number | null
}
export type Rate = { scope: Scope; model: string; unit: string; limit: number }
export type Totals = { requests: number; input_tokens: number; output_tokens: number; cost_usd: string }
export type Usage = {
  days: (Totals & { start_time: number })[]; total: Totals; balance_usd: string; budgets: Budget[]; rates: Rate[]
}
export type Scope = 'organization' | 'project' | 'user' | 'key'
export type Person = { id: string; name: string; email: string | null; role: 'reader' | 'admin' | 'owner'; added_at: number }
export type Invite = { id: string; email: string; role: string; status: string; expires_at: number; path?: string }
export type Project = { id: string; name: string; status: 'active' | 'archived'; created_at: number }
export type Limits = {
  id: string; scope: Scope; scope_id: string; model: string | null
  requests_per_minute: number | null; tokens_per_minute: number | null; requests_per_day: number | null
  tokens_per_day: number | null; usd_per_day: string | null; usd_per_month: string | null; usd_total: string | null
}

const own = '/api/account'
const org = '/v1/organization'
const part = encodeURIComponent

// Lists of administration come in pages; a page of the settings shows them whole.
async function all<T extends { id: string }>(path: string): Promise<T[]> {
  const found: T[] = []
  for (let after = ''; ; ) {
    const sign = path.includes('?') ? '&' : '?'
    const page = await json<{ data: T[]; has_more: boolean; last_id: string }>('GET', `${path}${sign}limit=100${after}`)
    found.push(...page.data)
    if (!page.has_more) return found
    after = `&after=${part(page.last_id)}`
  }
}

export const account = {
  methods: () => json<{ passkey: boolean; oidc: string | null }>('GET', `${own}/sign_in_methods`),
  secondFactor: (code: string) => request('POST', `${own}/second_factor`, { code }),
  beginPasskeySignIn: () => json<PublicKeyCredentialRequestOptionsJSON>('POST', `${own}/passkeys/sign_in/begin`, {}),
  passkeySignIn: (credential: unknown) => json('POST', `${own}/passkeys/sign_in`, credential),
  invitation: (token: string) => json<{ email: string; role: string; organization: string }>('POST', `${own}/invitation`, { token }),
  acceptInvitation: (token: string, name: string) => json('POST', `${own}/invitation/accept`, { token, name }),
  get: () => json<Account>('GET', own),
  beginPasskey: () => json<PublicKeyCredentialCreationOptionsJSON>('POST', `${own}/passkeys/begin`, {}),
  addPasskey: (name: string, credential: unknown) => json<Passkey>('POST', `${own}/passkeys`, { name, credential }),
  removePasskey: (id: string) => request('DELETE', `${own}/passkeys/${part(id)}`),
  beginTotp: () => json<{ secret: string; uri: string }>('POST', `${own}/totp`, {}),
  confirmTotp: (code: string) => json<{ recovery_codes: string[] }>('POST', `${own}/totp/confirm`, { code }),
  removeTotp: () => request('DELETE', `${own}/totp`),
  endSession: (id: string) => request('DELETE', `${own}/sessions/${part(id)}`),
  endOtherSessions: () => request('POST', `${own}/sessions/end_others`, {}),
  keys: () => all<Key>(`${own}/keys`),
  createKey: (body: { name: string; project_id?: string; expires_in_seconds?: number }) => json<Key>('POST', `${own}/keys`, body),
  revokeKey: (id: string) => request('DELETE', `${own}/keys/${part(id)}`),
  usage: (days: number) => json<Usage>('GET', `${own}/usage?days=${days}`),
}

export const admin = {
  users: () => all<Person>(`${org}/users`),
  setRole: (id: string, role: string) => json<Person>('POST', `${org}/users/${part(id)}`, { role }),
  removeUser: (id: string) => request('DELETE', `${org}/users/${part(id)}`),
  invites: () => all<Invite>(`${org}/invites`),
  invite: (email: string, role: string) => json<Invite>('POST', `${org}/invites`, { email, role }),
  withdraw: (id: string) => request('DELETE', `${org}/invites/${part(id)}`),
  projects: () => all<Project>(`${org}/projects?include_archived=true`),
  createProject: (name: string) => json<Project>('POST', `${org}/projects`, { name }),
  archiveProject: (id: string) => json<Project>('POST', `${org}/projects/${part(id)}/archive`, {}),
  limits: () => all<Limits>(`${org}/limits`),
  setLimits: (body: Record<string, unknown>) => json<Limits>('POST', `${org}/limits`, body),
}

export const passkeys = {
  supported: () => 'PublicKeyCredential' in globalThis && 'parseCreationOptionsFromJSON' in PublicKeyCredential,
  create: async (options: PublicKeyCredentialCreationOptionsJSON) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
    return ((await navigator.credentials.create({ publicKey })) as PublicKeyCredential).toJSON()
  },
  get: async (options: PublicKeyCredentialRequestOptionsJSON) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
    return ((await navigator.credentials.get({ publicKey })) as PublicKeyCredential).toJSON()
  },
}
