// What the settings have in common: an action that says when it did not work, and a secret shown once.
import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../api'
import { language, locale, t, type MessageKey } from '../i18n'
import { me } from '../state'
import { CopyButton } from './copy_button'

export const notice = signal<string | null>(null)

// Runs it; a failure becomes a sentence above the settings.
export async function attempt(run: () => Promise<unknown>): Promise<boolean> {
  notice.value = null
  try {
    await run()
    return true
  } catch (cause) {
    if (cause instanceof DOMException) notice.value = t('settings.cancelled')
    else if (cause instanceof ApiError && cause.code === 'invalid_session') me.value = 'signed-out'
    else if (cause instanceof ApiError && cause.status === 0) notice.value = t('error.offline')
    else notice.value = t('error.generic', { message: (cause as Error).message })
    return false
  }
}

// What `load` gives, and a way to read it again; null until it is there.
export function useLoaded<T>(load: () => Promise<T>, inputs: unknown[] = []): [T | null, () => Promise<void>] {
  const [value, setValue] = useState<T | null>(null)
  const read = async () => void (await attempt(async () => setValue(await load())))
  useEffect(() => void read(), inputs)
  return [value, read]
}

export function shownTime(seconds: number | null): string {
  if (!seconds) return t('settings.never')
  const format = new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeStyle: 'short' })
  return format.format(new Date(seconds * 1000))
}

export function Secret({ label, value }: { label: string; value: string }) {
  return (
    <div class="secret" role="status">
      <p>{label}</p>
      <code data-test="secret">{value}</code>
      <CopyButton text={value} label={t('message.copy')} />
    </div>
  )
}

export function Panel({ title, about, children }: { title: MessageKey; about?: MessageKey; children: ComponentChildren }) {
  return (
    <section class="panel" aria-label={t(title)}>
      <h2>{t(title)}</h2>
      {about && <p class="soft">{t(about)}</p>}
      {children}
    </section>
  )
}

export const confirmed = (key: MessageKey, values: Record<string, string>) => (void language.value, confirm(t(key, values)))
