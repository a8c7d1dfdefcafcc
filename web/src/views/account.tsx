import { formatUsd, language, languageNames, setLanguage, t, type Language } from '../i18n'
import { me, showSettings, signOut } from '../state'
import { setTheme, theme, type Theme } from '../theme'

export function Account() {
  const known = me.value
  if (!known || typeof known === 'string') return null
  return (
    <footer class="account">
      <p class="who">
        <strong>{known.user.name}</strong>
        <span>{t('account.balance', { amount: formatUsd(known.balance_usd, 4) })}</span>
      </p>
      <div class="settings">
        <LanguagePicker />
        <select aria-label={t('account.theme')} value={theme.value} onChange={(e) => setTheme(e.currentTarget.value as Theme)}>
          <option value="system">{t('theme.system')}</option>
          <option value="light">{t('theme.light')}</option>
          <option value="dark">{t('theme.dark')}</option>
        </select>
      </div>
      <a class="link" href="/settings" data-test="settings"
        onClick={(e) => (e.preventDefault(), showSettings('account'))}>{t('settings.title')}</a>
      <button type="button" class="link" onClick={signOut}>{t('account.signout')}</button>
    </footer>
  )
}

export function LanguagePicker() {
  return (
    <select aria-label={t('account.language')} value={language.value} data-test="language"
      onChange={(e) => setLanguage(e.currentTarget.value as Language)}>
      {Object.entries(languageNames).map(([tag, name]) => (
        <option key={tag} value={tag} lang={tag}>{name}</option>
      ))}
    </select>
  )
}
