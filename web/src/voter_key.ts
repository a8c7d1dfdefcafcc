// A person's Ed25519 key in this browser. It is kept in IndexedDB as a key that no script can read out, signs here, and is
// never sent anywhere; the server sees signatures alone. Written as `charter keygen` writes it (C2SP signed-note), so that
// one key works on the command line and on the page.
import { signal } from '@preact/signals'
import type { Draft, Envelope } from './governance_api'

export type VoterKey = { vkey: string; name: string; publicKey: string; privateKey: CryptoKey }

export const voterKeys = signal<VoterKey[]>([])

const algorithm = { name: 'Ed25519' }
const keyType = 1 // of a signed note's Ed25519 key
const pkcs8Head = new Uint8Array([0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20])

const utf8 = (text: string) => new TextEncoder().encode(text)
export const toBase64 = (bytes: Uint8Array) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''))
export const fromBase64 = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
const toHex = (bytes: Uint8Array) => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', joined(bytes))))
}

// Browsers sign only on pages that came by HTTPS or from this machine.
export const canSign = () => globalThis.isSecureContext && 'subtle' in crypto

// "name+hash+base64(type, key)"; the base64 may hold a '+' itself.
function lastPart(vkey: string): string {
  return vkey.split('+').slice(2).join('+')
}

async function spelled(prefix: string, name: string, publicRaw: Uint8Array, raw: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', joined(utf8(`${name}\n`), new Uint8Array([keyType]), publicRaw))
  const hash = toHex(new Uint8Array(digest).slice(0, 4))
  return `${prefix}${name}+${hash}+${toBase64(joined(new Uint8Array([keyType]), raw))}`
}

function store(mode: IDBTransactionMode, run: (keys: IDBObjectStore) => IDBRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('charter', 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore('voter-keys', { keyPath: 'vkey' })
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const database = opening.result
      const request = run(database.transaction('voter-keys', mode).objectStore('voter-keys'))
      request.onsuccess = () => (database.close(), resolve(request.result))
      request.onerror = () => (database.close(), reject(request.error))
    }
  })
}

export async function loadVoterKeys() {
  voterKeys.value = (await store('readonly', (keys) => keys.getAll())) as VoterKey[]
}

async function keep(name: string, seed: Uint8Array): Promise<VoterKey> {
  const pkcs8 = joined(pkcs8Head, seed)
  const readable = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign'])
  const { x } = await crypto.subtle.exportKey('jwk', readable)
  const publicRaw = fromBase64(x!.replaceAll('-', '+').replaceAll('_', '/'))
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign'])
  const vkey = await spelled('', name, publicRaw, publicRaw)
  const key = { vkey, name, publicKey: toBase64(publicRaw), privateKey }
  await store('readwrite', (keys) => keys.put(key))
  await loadVoterKeys()
  return key
}

// The text that `charter keygen` wrote: "PRIVATE+KEY+name+hash+base64". Throws when it is not one.
export async function importVoterKey(text: string): Promise<VoterKey> {
  const [first, second, name, hash, ...rest] = text.trim().split('+')
  const raw = fromBase64(rest.join('+'))
  if (first !== 'PRIVATE' || second !== 'KEY' || !name || raw.length !== 33 || raw[0] !== keyType) throw new Error('not a key')
  const key = await keep(name, raw.slice(1))
  if (key.vkey.split('+')[1] === hash) return key
  await removeVoterKey(key.vkey)
  throw new Error('not a key')
}

// A new key, and its private half as text for its owner to keep: it is not shown again.
export async function makeVoterKey(name: string): Promise<{ key: VoterKey; secret: string }> {
  const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey))
  const seed = pkcs8.slice(pkcs8Head.length)
  const key = await keep(name, seed)
  return { key, secret: await spelled('PRIVATE+KEY+', name, fromBase64(key.publicKey), seed) }
}

export async function removeVoterKey(vkey: string) {
  await store('readwrite', (keys) => keys.delete(vkey))
  await loadVoterKeys()
}

// The key of this browser that the charter gives to the person, if there is one.
export function keyAmong(vkeys: string[]): VoterKey | undefined {
  return voterKeys.value.find((own) => vkeys.some((vkey) => fromPublic(vkey) === own.publicKey))
}

function fromPublic(vkey: string): string {
  try {
    return toBase64(fromBase64(lastPart(vkey)).slice(1))
  } catch {
    return ''
  }
}

// DSSE: what is signed is the payload's type and bytes, with their lengths.
function preAuthenticationEncoding(type: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  return joined(utf8(`DSSEv1 ${utf8(type).length} ${type} ${payload.length} `), payload)
}

// The draft's bytes, after the page has looked for itself that they are what they are said to be.
export async function checkedPayload(draft: Draft): Promise<Uint8Array> {
  const payload = fromBase64(draft.payload)
  const same = new TextDecoder().decode(payload) === draft.payload_text && (await sha256Hex(payload)) === draft.sha256
  if (!same) throw new Error('DIGEST_MISMATCH')
  return payload
}

export async function signDraft(draft: Draft, key: VoterKey): Promise<Envelope> {
  const signed = preAuthenticationEncoding(draft.payload_type, await checkedPayload(draft))
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm, key.privateKey, signed))
  const publicKey = await crypto.subtle.importKey('raw', fromBase64(key.publicKey) as Uint8Array<ArrayBuffer>, algorithm, true, ['verify'])
  if (!(await crypto.subtle.verify(algorithm, publicKey, signature, signed))) throw new Error('BAD_SIG')
  return { payload: draft.payload, payloadType: draft.payload_type, signatures: [{ keyid: key.name, sig: toBase64(signature) }] }
}
