// The page: one screen, drawn from the signals of state.ts.
import { effect } from '@preact/signals'
import { render } from 'preact'
import { useState } from 'preact/hooks'
import { locale } from './i18n'
import { decisionsRoom, followAddress, me, settingsTab, start } from './state'
import './theme'
import { Chat } from './views/chat'
import { Decisions } from './views/decisions'
import { Invitation } from './views/invitation'
import { SecondFactor } from './views/second_factor'
import { Settings } from './views/settings'
import { Sidebar } from './views/sidebar'
import { SignIn } from './views/sign_in'

effect(() => {
  document.documentElement.lang = locale.value
})

function App() {
  const [aside, setAside] = useState(!matchMedia('(max-width: 760px)').matches)
  if (location.pathname === '/invite') return <Invitation />
  if (me.value === null) return null
  if (me.value === 'signed-out') return <SignIn />
  if (me.value === 'second-factor') return <SecondFactor />
  return (
    <div class={aside ? 'app with-aside' : 'app'}>
      {aside && <Sidebar close={() => setAside(false)} />}
      {aside && <div class="scrim" onClick={() => setAside(false)} />}
      {settingsTab.value ? (
        <Settings tab={settingsTab.value} showSidebar={aside ? null : () => setAside(true)} />
      ) : decisionsRoom.value ? (
        <Decisions room={decisionsRoom.value} showSidebar={aside ? null : () => setAside(true)} />
      ) : (
        <Chat showSidebar={aside ? null : () => setAside(true)} />
      )}
    </div>
  )
}

addEventListener('popstate', followAddress)
render(<App />, document.getElementById('app')!)
start()
