import { useState } from 'preact/hooks'
import { account, passkeys, type Account } from '../account_api'
import { t, type MessageKey } from '../i18n'
import { attempt, confirmed, Panel, Secret, shownTime, useLoaded } from './action'

type Props = { known: Account; reload: () => Promise<void> }

export function AccountTab() {
  const [known, reload] = useLoaded(account.get)
  if (!known) return null
  return (
    <>
      <Passkeys known={known} reload={reload} />
      <Totp known={known} reload={reload} />
      <Sessions known={known} reload={reload} />
    </>
  )
}

function Passkeys({ known, reload }: Props) {
  const [name, setName] = useState('')
  const add = async (event: Event) => {
    event.preventDefault()
    const done = await attempt(async () =>
      account.addPasskey(name, await passkeys.create(await account.beginPasskey())))
    if (!done) return
    setName('')
    await reload()
  }
  const remove = async (id: string, shown: string) => {
    if (!confirmed('passkey.remove.confirm', { name: shown })) return
    if (await attempt(() => account.removePasskey(id))) await reload()
  }
  return (
    <Panel title="passkey.title" about="passkey.about">
      <ul class="rows">
        {known.passkeys.map((p) => (
          <li key={p.id}>
            <span><strong>{p.name}</strong><small>{t('settings.lastUsed', { time: shownTime(p.last_used_at) })}</small></span>
            <button type="button" onClick={() => remove(p.id, p.name)}>{t('settings.remove')}</button>
          </li>
        ))}
      </ul>
      {passkeys.supported() ? (
        <form class="line" onSubmit={add}>
          <input value={name} onInput={(e) => setName(e.currentTarget.value)} placeholder={t('passkey.name')}
            aria-label={t('passkey.name')} maxLength={60} required data-test="passkey-name" />
          <button type="submit" class="primary" data-test="add-passkey">{t('passkey.add')}</button>
        </form>
      ) : (
        <p class="soft">{t('passkey.unsupported')}</p>
      )}
    </Panel>
  )
}

function Totp({ known, reload }: Props) {
  const [setup, setSetup] = useState<{ secret: string; uri: string } | null>(null)
  const [codes, setCodes] = useState<string[] | null>(null)
  const [code, setCode] = useState('')
  const begin = () => attempt(async () => setSetup(await account.beginTotp()))
  const confirmCode = async (event: Event) => {
    event.preventDefault()
    const done = await attempt(async () => setCodes((await account.confirmTotp(code)).recovery_codes))
    setCode('')
    if (!done) return
    setSetup(null)
    await reload()
  }
  const remove = async () => {
    if (!confirmed('totp.remove.confirm', {})) return
    if (await attempt(account.removeTotp)) {
      setCodes(null)
      await reload()
    }
  }
  return (
    <Panel title="totp.title" about="totp.about">
      {known.totp && (
        <div class="line">
          <span>{t('totp.on', { count: known.recovery_codes_left })}</span>
          <button type="button" onClick={remove}>{t('settings.remove')}</button>
        </div>
      )}
      {codes && <Secret label={t('totp.codes')} value={codes.join('\n')} />}
      {!known.totp && !setup && (
        <button type="button" class="primary" onClick={begin} data-test="begin-totp">{t('totp.begin')}</button>
      )}
      {setup && (
        <form class="stack" onSubmit={confirmCode}>
          <Secret label={t('totp.secret')} value={setup.secret} />
          <p><a href={setup.uri}>{t('totp.open')}</a></p>
          <div class="line">
            <input value={code} onInput={(e) => setCode(e.currentTarget.value)} placeholder={t('totp.code')}
              aria-label={t('totp.code')} autocomplete="one-time-code" inputMode="numeric" required data-test="totp-code" />
            <button type="submit" class="primary">{t('totp.confirm')}</button>
          </div>
        </form>
      )}
    </Panel>
  )
}

const methods: Record<string, MessageKey> = {
  link: 'session.link', invitation: 'session.invitation', passkey: 'session.passkey', oidc: 'session.oidc',
}

function Sessions({ known, reload }: Props) {
  const end = async (id: string) => {
    if (await attempt(() => account.endSession(id))) await reload()
  }
  const endOthers = async () => {
    if (await attempt(account.endOtherSessions)) await reload()
  }
  return (
    <Panel title="session.title" about="session.about">
      <ul class="rows">
        {known.sessions.map((s) => (
          <li key={s.id}>
            <span>
              <strong>{s.current ? t('session.current') : t(methods[s.method] ?? 'session.link')}</strong>
              <small>{s.agent}</small>
              <small>{t('settings.lastUsed', { time: shownTime(s.last_seen_at) })}</small>
            </span>
            {!s.current && <button type="button" onClick={() => end(s.id)}>{t('session.end')}</button>}
          </li>
        ))}
      </ul>
      {known.sessions.length > 1 && <button type="button" onClick={endOthers}>{t('session.endOthers')}</button>}
    </Panel>
  )
}
