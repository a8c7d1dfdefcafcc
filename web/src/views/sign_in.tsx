import { t } from '../i18n'
import { start } from '../state'
import { LanguagePicker } from './account'

export function SignIn() {
  return (
    <main class="signin">
      <img src="/icon.svg" alt="" width="56" height="56" />
      <h1>Charter</h1>
      <p>{t('app.tagline')}</p>
      <section>
        <h2>{t('signin.title')}</h2>
        <p>{t('signin.how')}</p>
        <p>{t('signin.again')}</p>
        <button type="button" class="primary" onClick={start}>{t('signin.retry')}</button>
      </section>
      <LanguagePicker />
    </main>
  )
}
