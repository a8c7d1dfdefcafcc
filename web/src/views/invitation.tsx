import { useState } from 'preact/hooks'
import { account } from '../account_api'
import { t } from '../i18n'
import { attempt, notice, useLoaded } from './action'
import { LanguagePicker } from './account'

const token = new URLSearchParams(location.search).get('token') ?? ''

// Whom the link invites, and the name that they want to go by.
export function Invitation() {
  const [found] = useLoaded(() => account.invitation(token))
  const [name, setName] = useState('')
  const submit = async (event: Event) => {
    event.preventDefault()
    if (await attempt(() => account.acceptInvitation(token, name))) location.assign('/')
  }
  return (
    <main class="signin">
      <img src="/icon.svg" alt="" width="56" height="56" />
      <h1>Charter</h1>
      {notice.value && <p class="bad" role="alert">{notice.value}</p>}
      {found && (
        <form class="card" onSubmit={submit}>
          <h2>{t('invitation.title', { organization: found.organization })}</h2>
          {found.email && <p>{found.email}</p>}
          <label>
            <span>{t('invitation.name')}</span>
            <input value={name} onInput={(e) => setName(e.currentTarget.value)} autocomplete="name" maxLength={60}
              required data-test="name" />
          </label>
          <button type="submit" class="primary">{t('invitation.accept')}</button>
        </form>
      )}
      <LanguagePicker />
    </main>
  )
}
