import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'
const stored = localStorage.getItem('charter.theme')
export const theme = signal<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system')

export function setTheme(value: Theme) {
  theme.value = value
  localStorage.setItem('charter.theme', value)
}

effect(() => {
  if (theme.value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme.value
})
