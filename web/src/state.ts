// What the page knows, as signals, and the few things that change it.
import { batch, computed, signal } from '@preact/signals'
import { api, ApiError, type Conversation, type Me, type Message, type StreamEvent } from './api'
import { t } from './i18n'
import { shownPath, type Choice } from './tree'

export const me = signal<Me | null | 'signed-out' | 'second-factor'>(null)
export const settingsTab = signal<string | null>(tabInAddress())
export const decisionsRoom = signal<string | null>(roomInAddress()) // or the digest of a proposal
export const conversations = signal<Conversation[]>([])
export const currentId = signal<string | null>(null)
export const messages = signal<Message[]>([])
export const choice = signal<Choice>(new Map())
export const streamingId = signal<string | null>(null) // the answer being written, by this page or another
export const problem = signal<{ text: string; retry?: () => void } | null>(null)
export const drafts = new Map<string, string>()
export const announcement = signal('') // read out by screen readers: once an answer ends, not per token

const storedModel = signal(localStorage.getItem('charter.model') ?? '')
export const models = computed(() => (me.value && typeof me.value === 'object' ? me.value.models : []))
export const model = computed(() => models.value.find((m) => m.id === storedModel.value) ?? models.value[0])
export const path = computed(() => shownPath(messages.value, choice.value))

let abort: AbortController | null = null

export function chooseModel(id: string) {
  storedModel.value = id
  localStorage.setItem('charter.model', id)
}

export function chooseSibling(message: Message) {
  choice.value = new Map(choice.value).set(message.parent_id ?? '', message.id)
}

export function report(cause: unknown, retry?: () => void) {
  if (cause instanceof DOMException && cause.name === 'AbortError') return
  if (cause instanceof ApiError && cause.status === 401)
    return void (me.value = cause.code === 'second_factor_required' ? 'second-factor' : 'signed-out')
  const offline = cause instanceof ApiError && cause.status === 0
  const text = offline ? t('error.offline') : t('error.generic', { message: (cause as Error).message })
  problem.value = retry ? { text, retry } : { text }
}

export async function start() {
  try {
    me.value = await api.me()
    conversations.value = await api.conversations()
    if (!settingsTab.value && !decisionsRoom.value) await open(idInAddress())
  } catch (cause) {
    report(cause, start)
  }
}

function tabInAddress(): string | null {
  const found = /^\/settings(?:\/([\w-]+))?$/.exec(location.pathname)
  return found ? (found[1] ?? 'account') : null
}

function roomInAddress(): string | null {
  const found = /^\/decisions(?:\/([\w-]+))?$/.exec(location.pathname)
  return found ? (found[1] ?? 'proposals') : null
}

export function showDecisions(room: string) {
  settingsTab.value = null
  decisionsRoom.value = room
  if (`/decisions/${room}` !== location.pathname) history.pushState(null, '', `/decisions/${room}`)
}

export function showSettings(tab: string) {
  decisionsRoom.value = null
  settingsTab.value = tab
  if (`/settings/${tab}` !== location.pathname) history.pushState(null, '', `/settings/${tab}`)
}

// The address was changed by the browser's own buttons.
export function followAddress() {
  settingsTab.value = tabInAddress()
  decisionsRoom.value = roomInAddress()
  if (!settingsTab.value && !decisionsRoom.value) open(idInAddress())
}

export const idInAddress = () => /^\/c\/([\w-]+)$/.exec(location.pathname)?.[1] ?? null

export async function open(id: string | null) {
  abort?.abort() // leaves the answer running on the server: it is there when the chat is opened again
  batch(() => {
    settingsTab.value = null
    decisionsRoom.value = null
    currentId.value = id
    messages.value = []
    choice.value = new Map()
    streamingId.value = null
    problem.value = null
  })
  if ((id ? `/c/${id}` : '/') !== location.pathname) history.pushState(null, '', id ? `/c/${id}` : '/')
  if (!id) return
  try {
    await follow(id)
  } catch (cause) {
    if (cause instanceof ApiError && cause.status === 404) return open(null)
    report(cause, () => open(id))
  }
}

// Reads the chat, and follows the answer that is being written in it, by whichever page or device it was asked for.
async function follow(id: string) {
  for (;;) {
    const found = await api.conversation(id)
    if (currentId.value !== id) return
    const running = found.messages.find((m) => m.status === 'partial')
    batch(() => {
      messages.value = found.messages
      streamingId.value = running?.id ?? null
    })
    if (!running) return
    const own = (abort = new AbortController())
    try {
      await new Written(id, running, found.messages.filter((m) => m !== running)).followToItsEnd(own.signal)
    } finally {
      if (abort === own) abort = null
    }
    if (own.signal.aborted) return
    await refreshAside()
  }
}

// An answer as it is written. The server owns it: what this page has missed it asks for, behind the last event that
// it has seen, so that the text comes out the same whatever happens to the connection.
class Written {
  private seen = ''
  private text = ''
  private ended = false

  constructor(
    private readonly id: string,
    private answer: Message,
    private readonly others: Message[],
    private question: Message | null = null,
  ) {
    if (question) chooseSibling(question)
    chooseSibling(answer)
  }

  get begun() {
    return this.seen !== ''
  }

  show() {
    if (currentId.value !== this.id) return
    messages.value = [...this.others, ...(this.question ? [this.question] : []), this.answer]
  }

  take(event: StreamEvent) {
    batch(() => {
      this.seen = event.id ?? this.seen
      if (event.type === 'message') {
        if (this.question) chooseSibling((this.question = { ...this.question, id: event.user_message_id }))
        const parent = this.question?.id ?? this.answer.parent_id
        this.answer = { ...this.answer, id: event.assistant_message_id, parent_id: parent }
        chooseSibling(this.answer)
        streamingId.value = this.answer.id
        this.text = ''
      } else if (event.type === 'delta') {
        this.text += event.text
        // What was stored of it stays in sight while the events catch up with it.
        if (this.text.length >= this.answer.content.length) this.answer = { ...this.answer, content: this.text }
      } else {
        this.ended = true
        if (event.type === 'done') announcement.value = t('message.done')
        else problem.value = { text: t('error.generic', { message: event.error.message }) }
        this.answer = event.type === 'done' ? event.message : { ...this.answer, status: 'error' }
      }
      this.show()
    })
  }

  // Until the answer's end, or until the server has nothing to tell of it any more.
  async followToItsEnd(signal: AbortSignal) {
    for (let wait = 200; !this.ended && !signal.aborted; wait = Math.min(wait * 2, 5000)) {
      const before = this.seen
      try {
        for await (const event of api.follow(this.id, this.seen, signal)) this.take(event)
        if (this.seen === before) return
      } catch (cause) {
        if (signal.aborted || !(cause instanceof ApiError && cause.status === 0)) throw cause
      }
      if (this.seen !== before) wait = 200
      if (!this.ended) await onlineOrAfter(wait)
    }
  }
}

function onlineOrAfter(ms: number) {
  return new Promise<void>((resolve) => {
    const go = () => {
      clearTimeout(timer)
      removeEventListener('online', go)
      resolve()
    }
    const timer = setTimeout(go, ms)
    addEventListener('online', go)
  })
}

export async function send(content: string, parent: string | null = path.value.at(-1)?.id ?? null) {
  const chosen = model.value
  if (!chosen || streamingId.value) return
  try {
    if (!currentId.value) {
      const created = await api.createConversation()
      currentId.value = created.id
      history.pushState(null, '', `/c/${created.id}`)
    }
  } catch (cause) {
    drafts.set('', content)
    return report(cause, () => send(content, parent))
  }
  const id = currentId.value
  const question: Message = {
    id: 'pending-question', parent_id: parent, role: 'user', content, created_at: Date.now() / 1000, status: 'complete',
  }
  await run(id, question, (signal) => api.send(id, { content, model: chosen.id, parent_id: parent }, signal), () =>
    send(content, parent))
}

export async function regenerate(answer: Message) {
  const id = currentId.value
  const chosen = model.value
  if (!id || !chosen || streamingId.value) return
  await run(id, null, (signal) => api.regenerate(id, { message_id: answer.id, model: chosen.id }, signal), () =>
    regenerate(answer), answer.parent_id)
}

// Streams one answer into the tree. A failure before the first event takes the unsent question back, text kept.
async function run(
  id: string,
  question: Message | null,
  begin: (signal: AbortSignal) => AsyncGenerator<StreamEvent>,
  retry: () => void,
  answerParent: string | null = question?.id ?? null,
) {
  const own = (abort = new AbortController())
  const before = messages.value
  const answer: Message = {
    id: 'pending-answer', parent_id: answerParent, role: 'assistant', content: '', created_at: Date.now() / 1000,
    status: 'partial',
  }
  let written: Written
  batch(() => {
    problem.value = null
    streamingId.value = answer.id
    written = new Written(id, answer, before, question)
    written.show()
  })
  try {
    try {
      for await (const event of begin(own.signal)) written!.take(event)
    } catch (cause) {
      // Once it has begun, a connection that is lost is only a pause.
      if (!written!.begun || own.signal.aborted || !(cause instanceof ApiError && cause.status === 0)) throw cause
    }
    await written!.followToItsEnd(own.signal)
    if (!own.signal.aborted && messages.value.some((m) => m.status === 'partial')) await follow(id)
  } catch (cause) {
    if (!written!.begun && !own.signal.aborted) {
      messages.value = before
      if (question) drafts.set(id, question.content)
    }
    report(cause, retry)
  } finally {
    if (abort === own) abort = null
    if (currentId.value === id && !abort) streamingId.value = null
    refreshAside()
  }
}

async function refreshAside() {
  try {
    conversations.value = await api.conversations()
    me.value = await api.me()
  } catch (cause) {
    report(cause)
  }
}

export async function stop() {
  if (!currentId.value) return
  try {
    await api.stop(currentId.value)
  } catch (cause) {
    report(cause)
  }
}

export async function rename(id: string, title: string) {
  try {
    await api.rename(id, title)
    conversations.value = conversations.value.map((c) => (c.id === id ? { ...c, title } : c))
  } catch (cause) {
    report(cause)
  }
}

export async function remove(id: string) {
  try {
    await api.remove(id)
    conversations.value = conversations.value.filter((c) => c.id !== id)
    if (currentId.value === id) await open(null)
  } catch (cause) {
    report(cause)
  }
}

export async function signOut() {
  try {
    await api.signOut()
    me.value = 'signed-out'
  } catch (cause) {
    report(cause)
  }
}
