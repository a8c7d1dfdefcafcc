// A statement on its way to a signature: the server's draft, read and checked here, shown whole, signed with the key that
// this browser holds, and handed in.
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../api'
import { governance, type Draft } from '../governance_api'
import { t } from '../i18n'
import { checkedPayload, signDraft, type VoterKey } from '../voter_key'

export type Wish = {
  kind: 'ballot' | 'tally' | 'release' | 'enactment' | 'notice' | 'stop' | 'veto' | 'recusal'
  says: string // in one sentence, for people
  values: Record<string, string>
  expects: Record<string, string> // fields of the payload that must be as the page means them
  danger?: boolean
}

export function Signing({ wish, signer, done, cancel }: {
  wish: Wish; signer: VoterKey; done: (leaf: number) => void; cancel: () => void
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [draft, setDraft] = useState<Draft | null>(null)
  const [refusal, setRefusal] = useState('')
  const [sending, setSending] = useState(false)
  const fail = (cause: unknown) =>
    setRefusal(cause instanceof ApiError ? [cause.code, cause.message].filter(Boolean).join(': ') : (cause as Error).message)

  useEffect(() => {
    dialog.current?.showModal()
    governance.draft(wish.kind, wish.values).then(async (found) => {
      await checkedPayload(found)
      const said = JSON.parse(found.payload_text) as Record<string, unknown>
      const predicate = (said.predicate ?? said) as Record<string, unknown>
      for (const [name, value] of Object.entries(wish.expects)) {
        if (String(predicate[name]) !== value) throw new Error(t('sign.differs', { name }))
      }
      setDraft(found)
    }).catch(fail)
  }, [])

  const send = async () => {
    if (!draft) return
    setSending(true)
    setRefusal('')
    try {
      const { leaf } = await governance.post(await signDraft(draft, signer))
      dialog.current?.close()
      done(leaf)
    } catch (cause) {
      fail(cause)
      setSending(false)
    }
  }

  return (
    <dialog ref={dialog} class="signing" onClose={cancel} aria-label={wish.says} data-test="signing">
      <h2>{wish.says}</h2>
      <p class="soft">{t('sign.about', { name: signer.name })}</p>
      <div class="payload">
        {draft ? <pre tabIndex={0} aria-label={t('sign.payload')}>{JSON.stringify(JSON.parse(draft.payload_text), null, 2)}</pre> : null}
      </div>
      <p class="digest">{t('sign.digest')} <code data-test="draft-digest">{draft?.sha256 ?? '…'}</code></p>
      {refusal && <p class="problem" role="alert" data-test="refusal">{refusal}</p>}
      <div class="buttons">
        <button type="button" class={wish.danger ? 'primary stop' : 'primary'} onClick={send} disabled={!draft || sending}
          data-test="sign">{t('sign.send')}</button>
        <button type="button" onClick={() => dialog.current?.close()}>{t('dialog.cancel')}</button>
      </div>
    </dialog>
  )
}
