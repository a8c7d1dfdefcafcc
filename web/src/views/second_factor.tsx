import { useState } from 'preact/hooks'
import { account } from '../account_api'
import { t } from '../i18n'
import { me, start } from '../state'
import { attempt, notice } from './action'
import { LanguagePicker } from './account'

// After the first step of signing in: the code of the authenticator app.
export function SecondFactor() {
  const [code, setCode] = useState('')
  const submit = async (event: Event) => {
    event.preventDefault()
    if (await attempt(() => account.secondFactor(code))) await start()
    else setCode('')
  }
  return (
    <main class="signin">
      <img src="/icon.svg" alt="" width="56" height="56" />
      <h1>Charter</h1>
      <form class="card" onSubmit={submit}>
        <h2>{t('factor.title')}</h2>
        <label>
          <span>{t('factor.how')}</span>
          <input value={code} onInput={(e) => setCode(e.currentTarget.value)} autocomplete="one-time-code"
            inputMode="text" autofocus required data-test="code" />
        </label>
        {notice.value && <p class="bad" role="alert">{notice.value}</p>}
        <button type="submit" class="primary">{t('factor.continue')}</button>
        <button type="button" class="link" onClick={() => (me.value = 'signed-out')}>{t('dialog.cancel')}</button>
      </form>
      <LanguagePicker />
    </main>
  )
}
