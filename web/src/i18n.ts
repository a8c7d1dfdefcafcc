// The page's three languages. `t` reads the current one; switching redraws what used it.
import { computed, signal } from '@preact/signals'
import en from './messages/en.json'
import hans from './messages/zh-Hans.json'
import hant from './messages/zh-Hant.json'

export type Language = 'en' | 'zh-Hans' | 'zh-Hant'
export type MessageKey = keyof typeof en

export const languageNames: Record<Language, string> = { en: 'English', 'zh-Hans': '简体中文', 'zh-Hant': '繁體中文' }
const tables: Record<Language, Record<MessageKey, string>> = { en, 'zh-Hans': hans, 'zh-Hant': hant }

function preferred(): Language {
  const stored = localStorage.getItem('charter.language')
  if (stored && stored in tables) return stored as Language
  for (const tag of navigator.languages) {
    if (/^zh\b.*(hant|tw|hk|mo)/i.test(tag)) return 'zh-Hant'
    if (/^zh\b/i.test(tag)) return 'zh-Hans'
    if (/^en\b/i.test(tag)) return 'en'
  }
  return 'en'
}

export const language = signal<Language>(preferred())

export function setLanguage(value: Language) {
  language.value = value
  localStorage.setItem('charter.language', value)
}

export function t(key: MessageKey, values: Record<string, string | number> = {}): string {
  return tables[language.value][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

// BCP 47 tags for Intl, and for `lang`, by which the browser picks the right Han glyphs.
export const locale = computed(() => ({ en: 'en', 'zh-Hans': 'zh-CN', 'zh-Hant': 'zh-TW' })[language.value])

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(locale.value).format(value)
}

// Dollars as the server's exact decimal string, cut for the eye to at most six places.
export function formatUsd(exact: string, places = 6): string {
  const [whole = '0', fraction = ''] = exact.split('.')
  const shown = fraction.slice(0, places).replace(/0+$/, '').padEnd(2, '0')
  return `$${whole}.${shown}`
}
