import { useState } from 'preact/hooks'
import { t } from '../i18n'
import { report } from '../state'
import { Icon } from './icons'

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
      setTimeout(() => setCopied(false), 1600)
    } catch (cause) {
      report(cause)
    }
  }
  const shown = copied ? t('message.copied') : label
  return (
    <button type="button" class="quiet" onClick={copy} aria-label={shown} title={shown} data-test="copy">
      <Icon name={copied ? 'check' : 'copy'} />
    </button>
  )
}
