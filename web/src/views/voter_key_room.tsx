// The key with which a person speaks here: made in this browser or brought along, and never sent.
import { useState } from 'preact/hooks'
import { governance } from '../governance_api'
import { t } from '../i18n'
import { canSign, importVoterKey, keyAmong, makeVoterKey, removeVoterKey, voterKeys } from '../voter_key'
import { confirmed, notice, Panel, Secret, useLoaded } from './action'

export function KeyRoom() {
  const [charter] = useLoaded(governance.charter)
  const [text, setText] = useState('')
  const [name, setName] = useState('')
  const [made, setMade] = useState<{ secret: string; vkey: string } | null>(null)
  if (!charter) return null
  if (!canSign()) return <p class="panel">{t('key.insecure')}</p>
  const bring = async (event: Event) => {
    event.preventDefault()
    notice.value = null
    try {
      await importVoterKey(text)
      setText('')
    } catch {
      notice.value = t('key.notAKey')
    }
  }
  const make = async (event: Event) => {
    event.preventDefault()
    const { key, secret } = await makeVoterKey(name)
    setMade({ secret, vkey: key.vkey })
    setName('')
  }
  const readFile = async (event: Event & { currentTarget: HTMLInputElement }) => setText((await event.currentTarget.files?.[0]?.text()) ?? '')
  return (
    <>
      <Panel title="voterKey.here" about="voterKey.about">
        {voterKeys.value.length === 0 && <p>{t('voterKey.none')}</p>}
        <ul class="rows">
          {voterKeys.value.map((key) => {
            const person = charter.persons.find((p) => keyAmong(p.keys)?.vkey === key.vkey)
            return (
              <li key={key.vkey} data-test="voter-key">
                <span>
                  <strong>{person ? t('voterKey.is', { person: person.id }) : t('voterKey.unknown', { name: key.name })}</strong>
                  <code>{key.vkey}</code>
                  <small>{person ? person.bodies.join(', ') : t('voterKey.handOver')}</small>
                </span>
                <button type="button" onClick={() => confirmed('voterKey.remove.confirm', { name: key.name }) && removeVoterKey(key.vkey)}>
                  {t('voterKey.remove')}</button>
              </li>
            )
          })}
        </ul>
        {made && <Secret label={t('voterKey.once')} value={made.secret} />}
      </Panel>
      <Panel title="voterKey.bring" about="voterKey.bring.about">
        <form class="stack wide" onSubmit={bring}>
          <input type="file" aria-label={t('voterKey.file')} onChange={readFile} />
          <input type="password" autoComplete="off" spellcheck={false} value={text} onInput={(e) => setText(e.currentTarget.value)}
            placeholder="PRIVATE+KEY+…" aria-label={t('voterKey.text')} required data-test="key-text" />
          <button type="submit" class="primary" data-test="import-key">{t('voterKey.import')}</button>
        </form>
      </Panel>
      <Panel title="voterKey.make" about="voterKey.make.about">
        <form class="line" onSubmit={make}>
          <input value={name} onInput={(e) => setName(e.currentTarget.value)} placeholder="p.name" aria-label={t('voterKey.name')}
            required pattern="[^+\s]+" maxLength={100} data-test="new-key-name" />
          <button type="submit" data-test="make-key">{t('voterKey.make')}</button>
        </form>
      </Panel>
    </>
  )
}
