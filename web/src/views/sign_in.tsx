import { account, passkeys } from '../account_api'
import { t } from '../i18n'
import { start } from '../state'
import { attempt, notice, useLoaded } from './action'
import { LanguagePicker } from './account'

const refusal = new URLSearchParams(location.search).get('sign_in')

export function SignIn() {
  const [methods] = useLoaded(account.methods)
  const byPasskey = async () => {
    const done = await attempt(async () => account.passkeySignIn(await passkeys.get(await account.beginPasskeySignIn())))
    if (done) await start()
  }
  return (
    <main class="signin">
      <img src="/icon.svg" alt="" width="56" height="56" />
      <h1>Charter</h1>
      <p>{t('app.tagline')}</p>
      <section>
        <h2>{t('signin.title')}</h2>
        {refusal && <p class="bad" role="alert">{t(refusal === 'not_invited' ? 'signin.notInvited' : 'signin.refused')}</p>}
        {notice.value && <p class="bad" role="alert">{notice.value}</p>}
        {passkeys.supported() && (
          <button type="button" class="primary" onClick={byPasskey} data-test="passkey">{t('signin.passkey')}</button>
        )}
        {methods?.oidc && <a class="primary" href="/api/account/oidc/start" data-test="oidc">{t('signin.provider', { host: new URL(methods.oidc).host })}</a>}
        <p>{t('signin.how')}</p>
        <p>{t('signin.again')}</p>
        <button type="button" class="link" onClick={start}>{t('signin.retry')}</button>
      </section>
      <LanguagePicker />
    </main>
  )
}
