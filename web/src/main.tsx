// The page: one screen, drawn from the signals of state.ts.
import { effect } from '@preact/signals'
import { render } from 'preact'
import { useState } from 'preact/hooks'
import { locale } from './i18n'
import { idInAddress, me, open, start } from './state'
import './theme'
import { Chat } from './views/chat'
import { Sidebar } from './views/sidebar'
import { SignIn } from './views/sign_in'

effect(() => {
  document.documentElement.lang = locale.value
})

function App() {
  const [aside, setAside] = useState(!matchMedia('(max-width: 760px)').matches)
  if (me.value === null) return null
  if (me.value === 'signed-out') return <SignIn />
  return (
    <div class={aside ? 'app with-aside' : 'app'}>
      {aside && <Sidebar close={() => setAside(false)} />}
      {aside && <div class="scrim" onClick={() => setAside(false)} />}
      <Chat showSidebar={aside ? null : () => setAside(true)} />
    </div>
  )
}

addEventListener('popstate', () => open(idInAddress()))
render(<App />, document.getElementById('app')!)
start()
