// The page's own routes (docs/PAGE_API.md). The session is a cookie that scripts cannot read.
export type Usage = { prompt_tokens: number; completion_tokens: number }
export type MessageStatus = 'partial' | 'complete' | 'stopped' | 'error'
export type Message = {
  id: string
  parent_id: string | null
  role: 'user' | 'assistant'
  content: string
  model?: string
  created_at: number
  status: MessageStatus
  usage?: Usage | null
  cost_usd?: string | null
  finish_reason?: string | null
}
export type Conversation = { id: string; title: string; updated_at: number }
export type Model = {
  id: string
  context_length: number
  price_in_usd_per_1k: string
  price_out_usd_per_1k: string
  release: { epoch: string; charter_version: string; persons: number; manifest_digest: string }
}
export type Me = { user: { id: string; name: string; role: 'member' | 'admin' | 'owner' }; models: Model[]; balance_usd: string; one_person_charter: boolean }
// `id` says where the page has come to: what follows it is asked for with it (api.follow).
export type StreamEvent = { id?: string } & (
  | { type: 'message'; user_message_id: string; assistant_message_id: string }
  | { type: 'delta'; text: string }
  | { type: 'done'; message: Message }
  | { type: 'error'; error: { message: string; code: string | null } }
)

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code: string | null = null,
  ) {
    super(message)
  }
}

export async function request(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      signal: signal ?? null,
      credentials: 'same-origin',
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(0, 'offline')
  }
  if (response.ok) return response
  const answer = (await response.json().catch(() => null)) as { error?: { message?: string; code?: string | null } } | null
  throw new ApiError(response.status, answer?.error?.message ?? response.statusText, answer?.error?.code ?? null)
}

export async function json<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await request(method, path, body)).json()) as T
}

const at = (id: string) => `/api/conversations/${encodeURIComponent(id)}`

export const api = {
  me: () => json<Me>('GET', '/api/me'),
  signOut: () => request('POST', '/api/signout'),
  conversations: async () => (await json<{ data: Conversation[] }>('GET', '/api/conversations')).data,
  createConversation: () => json<Conversation>('POST', '/api/conversations', {}),
  conversation: (id: string) => json<Conversation & { messages: Message[] }>('GET', at(id)),
  rename: (id: string, title: string) => json<Conversation>('PATCH', at(id), { title }),
  remove: (id: string) => request('DELETE', at(id)),
  stop: (id: string) => request('POST', `${at(id)}/stop`),
  send: (id: string, body: { content: string; model: string; parent_id: string | null }, signal: AbortSignal) =>
    stream('POST', `${at(id)}/messages`, body, signal),
  regenerate: (id: string, body: { message_id: string; model: string }, signal: AbortSignal) =>
    stream('POST', `${at(id)}/regenerate`, body, signal),
  // The answer being written, behind the event that was seen last; nothing when none is.
  follow: (id: string, seen: string, signal: AbortSignal) =>
    stream('GET', `${at(id)}/stream?after=${encodeURIComponent(seen)}`, undefined, signal),
}

// The server says something at least every 15 seconds; a connection that is silent for longer is lost.
const SILENCE_MS = 40_000

// Server-sent events by hand, since EventSource cannot POST. Yields each event once its blank line has come. A
// connection that breaks off is an ApiError with status 0, as is a request that does not get through.
async function* stream(method: string, path: string, body: unknown, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  const silent = new AbortController()
  const lose = () => silent.abort()
  addEventListener('offline', lose)
  let watch = setTimeout(lose, SILENCE_MS)
  try {
    const response = await request(method, path, body, AbortSignal.any([signal, silent.signal]))
    if (!response.body) return
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let pending = ''
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      clearTimeout(watch)
      watch = setTimeout(lose, SILENCE_MS)
      pending += value
      for (let end = pending.indexOf('\n\n'); end >= 0; end = pending.indexOf('\n\n')) {
        const event = parseEvent(pending.slice(0, end))
        pending = pending.slice(end + 2)
        if (event) yield event
      }
    }
  } catch (cause) {
    if (signal.aborted || cause instanceof ApiError) throw cause
    throw new ApiError(0, 'offline')
  } finally {
    removeEventListener('offline', lose)
    clearTimeout(watch)
  }
}

function parseEvent(block: string): StreamEvent | null {
  let type = ''
  let id = ''
  const data: string[] = []
  for (const line of block.split('\n')) {
    if (line.startsWith('id:')) id = line.slice(3).trim()
    if (line.startsWith('event:')) type = line.slice(6).trim()
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
  }
  return data.length ? ({ id, type, ...JSON.parse(data.join('\n')) } as StreamEvent) : null
}
