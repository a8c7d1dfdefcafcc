// The log, newest last, as events that people can read; each opens to the statement that was signed.
import { useEffect, useState } from 'preact/hooks'
import { governance, type LogEntry, type LogPage } from '../governance_api'
import { t, type MessageKey } from '../i18n'
import { attempt, shownTime } from './action'
import { voteNames } from './proposal'

const kinds: Record<string, MessageKey> = {
  'charter/v1': 'kind.charter', 'evidence/v1': 'kind.evidence', 'gate/v1': 'kind.gate', 'proposal/v1': 'kind.proposal',
  'ballot/v1': 'kind.ballot', 'tally/v1': 'kind.tally', 'release/v1': 'kind.release', 'stop/v1': 'kind.stop',
  'resume/v1': 'kind.resume', 'stage/v1': 'kind.stage', 'revoke/v1': 'kind.revoke', 'veto/v1': 'kind.veto',
  'recusal/v1': 'kind.recusal', 'lease/v1': 'kind.lease', 'alarm/v1': 'kind.alarm', 'incident/v1': 'kind.incident',
}
const shown = ['vote', 'body', 'channel', 'model', 'share', 'holder', 'reason', 'cause', 'recused']

export function LogRoom() {
  const [entries, setEntries] = useState<LogEntry[]>([])
  const [page, setPage] = useState<LogPage | null>(null)
  const more = () => attempt(async () => {
    const found = await governance.log(entries.at(-1)?.index ?? -1)
    setEntries([...entries, ...found.data])
    setPage(found)
  })
  useEffect(() => void more(), [])
  if (!page) return null
  return (
    <section class="panel" aria-label={t('decisions.log')}>
      <p class="soft">{t('log.about', { size: page.checkpoint.size, origin: page.checkpoint.origin })}</p>
      <ol class="log" data-test="log">{entries.map((entry) => <Entry key={entry.index} entry={entry} />)}</ol>
      {page.has_more && <button type="button" onClick={more}>{t('log.more')}</button>}
      <p class="line"><a href="/v1/charter/log/export" download>{t('verify.log')}</a></p>
    </section>
  )
}

function Entry({ entry }: { entry: LogEntry }) {
  const [whole, setWhole] = useState<LogEntry | null>(null)
  const facts = shown.map((name) => entry[name]).filter((value) => typeof value === 'string')
    .map((value) => (value === entry.vote && voteNames[value] ? t(voteNames[value]) : value))
  const kind = kinds[entry.type]
  const open = (event: Event) => {
    if ((event.currentTarget as HTMLDetailsElement).open && !whole) void attempt(async () => setWhole(await governance.logEntry(entry.index)))
  }
  return (
    <li>
      <details onToggle={open}>
        <summary>
          <span class="index">{entry.index}</span>
          <strong>{kind ? t(kind) : entry.type}</strong>
          <span>{facts.join(' · ')}</span>
          <small class="soft push">{entry.signers?.join(', ')} {shownTime(entry.time)}</small>
        </summary>
        {whole && <pre class="source" tabIndex={0}>{JSON.stringify(JSON.parse(whole.payload_text!), null, 2)}</pre>}
        <p class="soft"><code>{entry.sha256}</code></p>
      </details>
    </li>
  )
}
