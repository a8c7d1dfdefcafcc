// What the program makes impossible, and what it only writes down: nobody should take the second for the first.
import { t, type MessageKey } from '../i18n'

const enforced: MessageKey[] = ['enforced.signatures', 'enforced.evidence', 'enforced.waits', 'enforced.loader', 'enforced.stop']
const recorded: MessageKey[] = ['recorded.interests', 'recorded.reading', 'recorded.coercion', 'recorded.suite', 'recorded.elsewhere']

export function Enforced() {
  return (
    <section class="panel two" aria-label={t('enforced.title')}>
      {([['enforced.title', enforced], ['recorded.title', recorded]] as const).map(([title, points]) => (
        <div key={title}>
          <h2>{t(title)}</h2>
          <ul>{points.map((point) => <li key={point}>{t(point)}</li>)}</ul>
        </div>
      ))}
    </section>
  )
}
