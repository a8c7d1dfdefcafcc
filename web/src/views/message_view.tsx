import { useState } from 'preact/hooks'
import type { Message } from '../api'
import { formatNumber, formatUsd, t } from '../i18n'
import { chooseSibling, messages, regenerate, send, streamingId } from '../state'
import { childrenOf } from '../tree'
import { CopyButton } from './copy_button'
import { Icon } from './icons'
import { MarkdownView } from './markdown_view'

export function MessageView({ message }: { message: Message }) {
  return message.role === 'user' ? <Question message={message} /> : <Answer message={message} />
}

function Question({ message }: { message: Message }) {
  const [editing, setEditing] = useState(false)
  if (editing) return <QuestionEditor message={message} close={() => setEditing(false)} />
  return (
    <article class="message question" data-test="question" aria-label={t('message.you')}>
      <div class="bubble">{message.content}</div>
      <div class="actions">
        <Versions message={message} />
        <CopyButton text={message.content} label={t('message.copy')} />
        <button type="button" class="quiet" onClick={() => setEditing(true)} disabled={!!streamingId.value}
          aria-label={t('message.edit')} title={t('message.edit')}>
          <Icon name="edit" />
        </button>
      </div>
    </article>
  )
}

function QuestionEditor({ message, close }: { message: Message; close: () => void }) {
  const [text, setText] = useState(message.content)
  const submit = (event: Event) => {
    event.preventDefault()
    if (!text.trim()) return
    close()
    send(text, message.parent_id)
  }
  return (
    <form class="message question editor" onSubmit={submit}>
      <textarea value={text} rows={Math.min(10, text.split('\n').length + 1)} aria-label={t('message.edit')}
        onInput={(e) => setText(e.currentTarget.value)} autofocus />
      <div class="actions shown">
        <button type="button" onClick={close}>{t('dialog.cancel')}</button>
        <button type="submit" class="primary">{t('message.edit.save')}</button>
      </div>
    </form>
  )
}

function Answer({ message }: { message: Message }) {
  const writing = message.status === 'partial'
  return (
    <article class="message answer" data-test="answer" data-status={message.status} aria-label={message.model ?? 'Charter'}
      aria-busy={writing}>
      {message.content ? <MarkdownView source={message.content} /> : writing && <Thinking />}
      <Ending message={message} />
      {!writing && (
        <div class="actions">
          <Versions message={message} />
          <CopyButton text={message.content} label={t('message.copy')} />
          <button type="button" class="quiet" onClick={() => regenerate(message)} disabled={!!streamingId.value}
            aria-label={t('message.regenerate')} title={t('message.regenerate')} data-test="regenerate">
            <Icon name="again" />
          </button>
          <Bill message={message} />
        </div>
      )}
    </article>
  )
}

function Thinking() {
  return (
    <p class="thinking" role="status">
      <span class="visually-hidden">{t('message.thinking')}</span>
      <i /><i /><i />
    </p>
  )
}

function Ending({ message }: { message: Message }) {
  if (message.status === 'stopped') return <p class="ending">{t('message.stopped')}</p>
  if (message.status === 'error') return <p class="ending bad">{t('message.failed')}</p>
  if (message.finish_reason === 'length') return <p class="ending">{t('message.length')}</p>
  return null
}

function Bill({ message }: { message: Message }) {
  if (!message.usage) return null
  const text = t('message.cost', {
    read: formatNumber(message.usage.prompt_tokens),
    written: formatNumber(message.usage.completion_tokens),
    cost: formatUsd(message.cost_usd ?? '0'),
  })
  return (
    <span class="bill">
      {message.model} · {text}
    </span>
  )
}

function Versions({ message }: { message: Message }) {
  const siblings = childrenOf(messages.value, message.parent_id)
  if (siblings.length < 2) return null
  const index = siblings.findIndex((m) => m.id === message.id)
  const step = (by: number) => () => chooseSibling(siblings[index + by]!)
  return (
    <span class="versions" data-test="versions">
      <button type="button" class="quiet" disabled={index === 0} onClick={step(-1)} aria-label={t('message.previous')}>
        <Icon name="left" />
      </button>
      <span aria-label={t('message.version', { index: index + 1, count: siblings.length })}>
        {index + 1}/{siblings.length}
      </span>
      <button type="button" class="quiet" disabled={index === siblings.length - 1} onClick={step(1)}
        aria-label={t('message.next')}>
        <Icon name="right" />
      </button>
    </span>
  )
}
