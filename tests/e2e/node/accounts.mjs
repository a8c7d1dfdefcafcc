// node accounts.mjs URL OWNER_LINK SHOTS: the page's settings in a real headless Chromium with a virtual
// authenticator (WebAuthn of the DevTools protocol). Prints one JSON line per check and exits 1 when one fails.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, selectors } from 'playwright-core'

const [url, ownerLink, shots] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] })
const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: 'en-US' })
selectors.setTestIdAttribute('data-test')
const page = await context.newPage()
page.setDefaultTimeout(10_000)
page.on('dialog', (dialog) => dialog.accept())
const faults = []
page.on('pageerror', (error) => faults.push(String(error)))
page.on('console', (message) => message.type() === 'error' && !/status of 4/.test(message.text()) && faults.push(message.text()))

const noViolations = async () => {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html}`), [])
}
const look = async (name) => {
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true })
  await noViolations()
}
let failed = 0
async function check(name, run) {
  try {
    await run()
    console.log(JSON.stringify({ check: name, ok: true }))
  } catch (error) {
    failed++
    console.log(JSON.stringify({ check: name, ok: false, error: String(error.stack ?? error).slice(0, 1500) }))
    await page.screenshot({ path: `${shots}/failed-accounts-${failed}.png` })
  }
}
function totp(secret, seconds = Date.now() / 1000) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)))
  const mac = createHmac('sha1', key).update(counter).digest()
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

const cdp = await context.newCDPSession(page)
await cdp.send('WebAuthn.enable')
const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
  options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true },
})

await check('the settings open', async () => {
  await page.goto(ownerLink)
  await page.getByTestId('settings').click()
  await page.getByRole('heading', { name: 'Passkeys' }).waitFor()
  assert.match(page.url(), /\/settings\/account$/)
  await look('settings-account')
})

await check('a passkey is added', async () => {
  await page.getByTestId('passkey-name').fill('Virtual key')
  await page.getByTestId('add-passkey').click()
  await page.getByText('Virtual key').waitFor()
})

await check('an authenticator app is set up', async () => {
  await page.getByTestId('begin-totp').click()
  const secret = await page.getByTestId('secret').innerText()
  await look('settings-totp')
  await page.getByTestId('totp-code').fill(totp(secret))
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Recovery codes left: 10').waitFor()
  globalThis.seed = secret
  globalThis.recovery = (await page.getByTestId('secret').innerText()).split('\n')
  assert.equal(globalThis.recovery.length, 10)
})

await check('a key is made, shown once, and revoked', async () => {
  await page.getByTestId('tab-keys').click()
  await page.getByTestId('key-name').fill('laptop')
  await page.getByTestId('create-key').click()
  const value = await page.getByTestId('secret').innerText()
  const models = () => context.request.get(`${url}/v1/models`, { headers: { Authorization: `Bearer ${value}` } })
  assert.equal((await models()).status(), 200)
  await look('settings-keys')
  await page.locator('.rows li', { hasText: 'laptop' }).getByRole('button', { name: 'Revoke' }).click()
  await page.locator('.rows li', { hasText: 'laptop' }).waitFor({ state: 'detached' })
  assert.equal((await models()).status(), 401)
})

await check('a project, an invitation and a limit', async () => {
  await page.getByTestId('tab-projects').click()
  await page.getByTestId('project-name').fill('Robots')
  await page.getByTestId('create-project').click()
  await page.getByText('Robots').waitFor()
  await look('settings-projects')
  await page.getByTestId('tab-limits').click()
  await page.getByTestId('limit-requests_per_minute').fill('600')
  await page.getByTestId('limit-usd_per_month').fill('20')
  await page.getByTestId('set-limit').click()
  await page.getByText('600 requests per minute').waitFor()
  await look('settings-limits')
  await page.getByTestId('tab-members').click()
  await page.getByTestId('invite-email').fill('eve@example.com')
  await page.getByTestId('invite').click()
  globalThis.invitation = await page.getByTestId('secret').innerText()
  await page.getByText('eve@example.com').waitFor()
  await look('settings-members')
})

await check('usage and budgets', async () => {
  await page.getByTestId('tab-usage').click()
  await page.getByText('$0.00 of $20.00').waitFor()
  await look('settings-usage')
})

await check('three languages, dark, and a phone', async () => {
  for (const [tag, heading] of [['zh-Hans', '设置'], ['zh-Hant', '設定'], ['en', 'Settings']]) {
    await page.getByTestId('language').selectOption(tag)
    await page.getByRole('heading', { name: heading, exact: true }).waitFor()
    if (tag !== 'en') await look(`settings-usage-${tag}`)
  }
  await page.getByRole('combobox', { name: 'Appearance' }).selectOption('dark')
  await page.setViewportSize({ width: 390, height: 780 })
  await page.reload()
  for (const tab of ['limits', 'members', 'account']) {
    await page.getByTestId(`tab-${tab}`).click()
    await page.locator('.panel').first().waitFor()
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), tab)
    await look(`settings-phone-${tab}`)
  }
  await page.setViewportSize({ width: 1200, height: 900 })
})

await check('the invited person joins and sees no administration', async () => {
  const other = await browser.newContext({ locale: 'en-US' })
  const guest = await other.newPage()
  guest.setDefaultTimeout(10_000)
  await guest.goto(globalThis.invitation)
  await guest.getByTestId('name').fill('Eve')
  await guest.screenshot({ path: `${shots}/invitation.png` })
  await guest.getByRole('button', { name: 'Join' }).click()
  await guest.getByTestId('settings').click()
  await guest.getByTestId('tab-usage').waitFor()
  assert.equal(await guest.getByTestId('tab-members').count(), 0)
  assert.equal((await other.request.get(`${url}/v1/organization/users`)).status(), 403)
  await guest.goto(globalThis.invitation)
  await guest.getByText('was used already').waitFor()
  await other.close()
})

await check('signing in with the passkey needs no code', async () => {
  await page.reload()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByTestId('passkey').click()
  await page.getByTestId('settings').waitFor()
  const account = await (await context.request.get(`${url}/api/account`)).json()
  assert.equal(account.sessions.find((s) => s.current).method, 'passkey')
})

await check('an answer of the authenticator counts once', async () => {
  const begin = await (await context.request.post(`${url}/api/account/passkeys/sign_in/begin`, { data: {}, headers: { Origin: url } })).json()
  const answer = await page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
    return (await navigator.credentials.get({ publicKey })).toJSON()
  }, begin)
  const fresh = await browser.newContext()
  const post = () => fresh.request.post(`${url}/api/account/passkeys/sign_in`, { data: answer, headers: { Origin: url } })
  assert.equal((await post()).status(), 200)
  assert.equal((await post()).status(), 401)
  const evil = await fresh.request.post(`${url}/api/account/passkeys/sign_in`, { data: answer, headers: { Origin: 'http://evil.example' } })
  assert.equal(evil.status(), 403)
  await fresh.close()
})

await check('an unverified user is refused', async () => {
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  await page.getByTestId('settings').click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByTestId('passkey').click()
  await page.locator('.bad').waitFor()
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
  await page.getByTestId('passkey').click()
  await page.getByTestId('settings').waitFor()
})

await check('a link then asks for the code', async () => {
  const users = await (await context.request.get(`${url}/v1/organization/users`)).json()
  const owner = users.data.find((u) => u.role === 'owner')
  const made = await context.request.post(`${url}/v1/organization/users/${owner.id}/sign_in_link`, { data: {}, headers: { Origin: url } })
  const { path } = await made.json()
  const other = await browser.newContext({ locale: 'en-US' })
  const second = await other.newPage()
  second.setDefaultTimeout(10_000)
  await second.goto(url + path)
  await second.getByTestId('code').waitFor()
  await second.screenshot({ path: `${shots}/second-factor.png` })
  assert.equal((await other.request.get(`${url}/api/account`)).status(), 401)
  await second.getByTestId('code').fill('000000')
  await second.getByRole('button', { name: 'Continue' }).click()
  await second.locator('.bad').waitFor()
  await second.getByTestId('code').fill(globalThis.recovery[0])
  await second.getByRole('button', { name: 'Continue' }).click()
  await second.getByTestId('composer').waitFor()
  await other.close()
})

await check('ending all other sessions', async () => {
  await page.goto(`${url}/settings/account`)
  await page.getByRole('button', { name: 'End all others' }).click()
  await page.getByRole('button', { name: 'End all others' }).waitFor({ state: 'detached' })
})

await check('no page error, no console error', () => assert.deepEqual(faults, []))
await browser.close()
process.exit(failed ? 1 : 0)
