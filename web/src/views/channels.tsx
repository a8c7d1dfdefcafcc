// What each channel serves, and the emergency stop for those who may use it: one click to ask, one to sign.
import { useState } from 'preact/hooks'
import { governance, type Channel, type Charter } from '../governance_api'
import { t } from '../i18n'
import { showDecisions } from '../state'
import { keyAmong, type VoterKey } from '../voter_key'
import { shownTime, useLoaded } from './action'
import { Signing, type Wish } from './signing'

export function ChannelsRoom() {
  const [channels, reload] = useLoaded(governance.channels)
  const [charter] = useLoaded(governance.charter)
  const [asked, setAsked] = useState<{ wish: Wish; signer: VoterKey } | null>(null)
  if (!channels || !charter) return null
  const stop = (channel: string) => {
    const holder = stopperOf(charter)
    if (!holder) return
    const values = { channel, person: holder.id, reason: t('stop.reason') }
    const says = channel === '*' ? t('sign.stopAll', { person: holder.id }) : t('sign.stop', { channel, person: holder.id })
    setAsked({
      signer: holder.key,
      wish: { kind: 'stop', danger: true, says, values, expects: { channel, holder: holder.id } },
    })
  }
  const holder = stopperOf(charter)
  return (
    <>
      {channels.length === 0 && <p class="soft panel">{t('channel.none')}</p>}
      {channels.map((channel) => (
        <ChannelPanel key={channel.id} channel={channel} stop={holder && channel.serves ? () => stop(channel.id) : null} />
      ))}
      <section class="panel" aria-label={t('stop.title')}>
        <h2>{t('stop.title')}</h2>
        <p class="soft">{t('stop.about')}</p>
        {holder
          ? <button type="button" class="stop" data-test="stop-all" onClick={() => stop('*')}>{t('stop.all')}</button>
          : <p>{t('stop.noKey', { persons: charter.persons.filter((p) => p.may_stop).map((p) => p.id).join(', ') })}</p>}
      </section>
      {asked && (
        <Signing wish={asked.wish} signer={asked.signer} cancel={() => setAsked(null)}
          done={() => (setAsked(null), void reload())} />
      )}
    </>
  )
}

function stopperOf(charter: Charter): { id: string; key: VoterKey } | null {
  for (const person of charter.persons) {
    const key = person.may_stop ? keyAmong(person.keys) : undefined
    if (key) return { id: person.id, key }
  }
  return null
}

function ChannelPanel({ channel, stop }: { channel: Channel; stop: (() => void) | null }) {
  return (
    <section class="panel" aria-label={channel.id} data-test={`channel-${channel.id}`}>
      <p class="line">
        <strong class="title">{channel.id}</strong>
        <span class={channel.serves ? 'mark good' : 'mark bad'} data-test="serves" data-serves={String(channel.serves)}>
          {channel.serves ? t('channel.serves') : t('channel.stopped')}
        </span>
        {!channel.serves && channel.reason && <code>{channel.reason}</code>}
        {stop && <button type="button" class="stop push" data-test={`stop-${channel.id}`} onClick={stop}>{t('stop.one')}</button>}
      </p>
      {channel.one_person_decides && <p class="one-person">{t('proposal.onePerson')}</p>}
      {channel.message && <p class="soft">{channel.message}</p>}
      {channel.stops.map((s) => (
        <p class="bad" key={s.at.sha256}>{t('channel.stoppedBy', { holder: s.holder, leaf: s.at.leaf })}</p>
      ))}
      <ul class="rows">
        {channel.releases.map((release) => (
          <li key={release.proposal}>
            <span>
              <a href={`/decisions/${release.proposal}`} onClick={(e) => (e.preventDefault(), showDecisions(release.proposal))}>
                {release.model}</a>
              <small><code>{release.manifest_digest.slice(0, 16)}…</code></small>
            </span>
            <span class="share">
              <span class="mark open">{release.phase}</span>
              <svg class="share-bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img"
                aria-label={t('channel.share', { percent: release.served_percent })}>
                <rect class="track" width="100" height="8" /><rect class="part voting" width={release.served_percent} height="8" />
              </svg>
              {t('channel.share', { percent: release.served_percent })}
            </span>
          </li>
        ))}
      </ul>
      <p class="soft">
        {t('channel.epochs', { epoch: channel.epoch, stop: channel.stop_epoch })}
        {channel.released_at && <> · {shownTime(channel.released_at)}</>}
        {channel.model && (
          <> · <a href={`/v1/charter/channels/${encodeURIComponent(channel.id)}/bundle`} download>{t('channel.bundle')}</a></>
        )}
      </p>
    </section>
  )
}
