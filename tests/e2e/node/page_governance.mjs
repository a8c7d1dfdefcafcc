// node page_governance.mjs URL OWNER_LINK KEYS SHOTS: votes, a release and an emergency stop in a real headless Chromium.
// Prints one JSON line per check and exits 1 when one fails. Screenshots and downloads go to the folder SHOTS.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, selectors } from 'playwright-core'

const [url, ownerLink, keysFile, shots] = process.argv.slice(2)
const keys = JSON.parse(readFileSync(keysFile, 'utf8'))
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })
const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, locale: 'en-US', acceptDownloads: true })
selectors.setTestIdAttribute('data-test')
const page = await context.newPage()
page.setDefaultTimeout(20_000)
const faults = []
const sent = []
page.on('pageerror', (error) => faults.push(String(error)))
page.on('console', (message) => message.type() === 'error' && !/status of (401|403|409)/.test(message.text()) && faults.push(message.text()))
page.on('request', (request) => {
  if (new URL(request.url()).origin !== url && !request.url().startsWith('blob:')) faults.push(`third party: ${request.url()}`)
  sent.push(request.url() + (request.postData() ?? ''))
})
page.on('dialog', (dialog) => dialog.accept())

const shot = (name) => page.screenshot({ path: `${shots}/governance-${name}.png`, fullPage: false })
const whole = async (name) => {
  const height = await page.evaluate(() => document.querySelector('main').scrollHeight)
  const before = page.viewportSize()
  await page.setViewportSize({ width: before.width, height: Math.min(height + 20, 4000) })
  await shot(name)
  await page.setViewportSize(before)
}
const noViolations = async () => {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html}`), [])
}
const noOverflow = async () =>
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is wider than the window')
let failed = 0
async function check(name, run) {
  try {
    await run()
    console.log(JSON.stringify({ check: name, ok: true }))
  } catch (error) {
    failed++
    console.log(JSON.stringify({ check: name, ok: false, error: String(error.stack ?? error).slice(0, 1500) }))
    await page.screenshot({ path: `${shots}/governance-failed-${failed}.png` })
  }
}
const room = (name) => page.getByTestId(`room-${name}`).click()
let proposalUrl = ''
const openProposal = async () => {
  await page.goto(proposalUrl)
  await page.getByTestId('timeline').waitFor()
}
async function onlyKey(person) {
  await page.goto(`${url}/decisions/key`)
  await page.getByTestId('key-text').waitFor()
  await page.waitForTimeout(200)
  while (await page.getByTestId('voter-key').count()) {
    const before = await page.getByTestId('voter-key').count()
    await page.getByTestId('voter-key').first().getByRole('button', { name: 'Remove' }).click()
    await page.waitForFunction((n) => document.querySelectorAll('[data-test=voter-key]').length < n, before)
  }
  await page.getByTestId('key-text').fill(keys[person])
  await page.getByTestId('import-key').click()
  await page.getByTestId('voter-key').waitFor()
}
const sign = async () => {
  await page.waitForFunction(() => /^[0-9a-f]{64}$/.test(document.querySelector('[data-test=draft-digest]')?.textContent ?? ''))
  await page.getByTestId('sign').click()
}
const logged = () => page.getByTestId('logged').waitFor()

await page.goto(ownerLink)
await page.getByTestId('decisions').waitFor()

await check('the list names the open proposal', async () => {
  await page.getByTestId('decisions').click()
  await page.getByTestId('proposal').waitFor()
  assert.equal(await page.getByTestId('stage').getAttribute('data-stage'), 'voting')
  await shot('list')
  await noViolations()
})

await check('a proposal shows its terms, its people and its evidence', async () => {
  await page.getByTestId('proposal').click()
  await page.getByTestId('timeline').waitFor()
  proposalUrl = page.url()
  assert.match(await page.getByTestId('verdict').innerText(), /THRESHOLD_UNMET/)
  assert.match(await page.getByTestId('body-board').innerText(), /1 for, 2 needed, 3 may vote/)
  assert.match(await page.getByTestId('body-board').innerText(), /p\.cai\s+For/)
  assert.match(await page.getByTestId('evidence').innerText(), /lower bound at least 60\.0%/)
  assert.equal(await page.getByTestId('vote-for').count(), 0)
  await whole('proposal')
  await noViolations()
})

await check('a key that is no key is refused, a stranger’s key has no seat', async () => {
  await room('key')
  await page.getByTestId('key-text').fill('PRIVATE+KEY+p.ada+00000000+AAAA')
  await page.getByTestId('import-key').click()
  await page.getByRole('alert').waitFor()
  await onlyKey('p.eve')
  assert.match(await page.getByTestId('voter-key').innerText(), /not in the charter/)
  await openProposal()
  assert.equal(await page.getByTestId('vote-for').count(), 0)
})

await check('an investor’s key has no vote and no stop', async () => {
  await onlyKey('p.hal')
  await openProposal()
  assert.equal(await page.getByTestId('vote-for').count(), 0)
  await room('channels')
  await page.getByText('Emergency stop').waitFor()
  assert.equal(await page.getByTestId('stop-all').count(), 0)
})

await check('a director votes with a key of the command line', async () => {
  await onlyKey('p.ada')
  await noViolations()
  await shot('key')
  await openProposal()
  await page.getByTestId('vote-for').click()
  await page.getByTestId('draft-digest').waitFor()
  await page.waitForFunction(() => document.querySelector('.payload pre'))
  const text = await page.locator('.payload pre').innerText()
  assert.equal(JSON.parse(text).person, 'p.ada')
  assert.equal(JSON.parse(text).vote, 'for')
  await shot('signing')
  await noViolations()
  await sign()
  await logged()
  assert.match(await page.getByTestId('body-board').innerText(), /2 for/)
  assert.equal(await page.getByTestId('vote-for').count(), 0)
})

await check('a draft that says something else is not signed', async () => {
  await onlyKey('p.fei')
  await openProposal()
  await page.route('**/v1/charter/drafts/ballot**', async (route) => {
    const response = await route.fetch({ url: route.request().url().replace('vote=against', 'vote=for') })
    await route.fulfill({ response })
  })
  await page.getByTestId('vote-against').click()
  await page.getByTestId('refusal').waitFor()
  assert.match(await page.getByTestId('refusal').innerText(), /says something else in “vote”/)
  assert.ok(await page.getByTestId('sign').isDisabled())
  await page.unroute('**/v1/charter/drafts/ballot**')
  await page.getByRole('button', { name: 'Cancel' }).click()
})

await check('consent makes it pass; a timelock is waited for', async () => {
  await page.getByTestId('vote-for').click()
  await sign()
  await logged()
  assert.match(await page.getByTestId('verdict').innerText(), /this would pass/)
  assert.equal(await page.getByTestId('tally').count(), 0) // safety consents, and does not close
  await onlyKey('p.bea')
  await openProposal()
  await page.getByTestId('tally').click()
  await sign()
  await logged()
  await page.waitForTimeout(2500)
  await openProposal()
  await whole('passed')
})

await check('the release goes through', async () => {
  await page.getByTestId('release').click()
  await sign()
  await page.waitForFunction(() => document.querySelector('[data-stage]')?.dataset.stage === 'released')
  await whole('released')
  await room('channels')
  await page.getByTestId('channel-chat').waitFor()
  assert.equal(await page.getByTestId('serves').getAttribute('data-serves'), 'true')
  const models = (await (await context.request.get(`${url}/api/me`)).json()).models.map((m) => m.id)
  assert.deepEqual(models, ['chat'])
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Release bundle' }).click()
  await (await download).saveAs(`${shots}/bundle.json`)
  await shot('channels')
  await noViolations()
})

await check('the released model answers', async () => {
  await page.goto(url)
  await page.getByTestId('composer').fill('Tom has 12 apples and gives away 5. How many are left?')
  await page.getByTestId('composer').press('Enter')
  await page.waitForFunction(() => document.querySelector('[data-test=answer]')?.dataset.status === 'complete')
  await page.getByTestId('decisions').click()
})

await check('the charter is readable, with a pin to take along', async () => {
  await room('charter')
  await page.getByText('Who sits where').waitFor()
  await page.getByText('investors').first().waitFor()
  const download = page.waitForEvent('download')
  await page.getByTestId('save-pin').click()
  await (await download).saveAs(`${shots}/pin.json`)
  await whole('charter')
  await noViolations()
})

await check('the stop needs one key and two clicks', async () => {
  await room('channels')
  await page.getByTestId('stop-chat').click()
  await page.getByTestId('draft-digest').waitFor()
  await shot('stop')
  await sign()
  await page.waitForFunction(() => document.querySelector('[data-test=serves]')?.dataset.serves === 'false')
  await whole('stopped')
  await noViolations()
  const models = (await (await context.request.get(`${url}/api/me`)).json()).models
  assert.deepEqual(models, [])
})

await check('the log tells all of it', async () => {
  await room('log')
  await page.getByTestId('log').waitFor()
  const text = await page.getByTestId('log').innerText()
  for (const kind of ['Charter', 'Evidence', 'Proposal', 'Ballot', 'Count of the votes', 'Release', 'Stop']) assert.ok(text.includes(kind), kind)
  await page.locator('.log summary').last().click()
  await page.locator('.log pre').waitFor()
  await whole('log')
  await noViolations()
})

await check('Chinese, dark, and on a phone', async () => {
  await page.evaluate(() => (localStorage.setItem('charter.language', 'zh-Hans'), localStorage.setItem('charter.theme', 'dark')))
  await page.setViewportSize({ width: 390, height: 844 })
  await openProposal()
  await noOverflow()
  await whole('phone-proposal-zh')
  await noViolations()
  for (const name of ['channels', 'charter', 'log', 'key']) {
    await room(name)
    await page.locator('.panel').first().waitFor()
    await page.waitForTimeout(200)
    await noOverflow()
    await whole(`phone-${name}-zh`)
  }
  await page.evaluate(() => localStorage.setItem('charter.language', 'zh-Hant'))
  await page.goto(`${url}/decisions`)
  await page.getByRole('heading', { name: '決策' }).waitFor()
  await shot('phone-list-zh-hant')
  await noViolations()
})

await check('a new key is made here, and shown once', async () => {
  await page.evaluate(() => localStorage.setItem('charter.language', 'en'))
  await page.goto(`${url}/decisions/key`)
  await page.getByTestId('new-key-name').fill('p.ida')
  await page.getByTestId('make-key').click()
  assert.match(await page.getByTestId('secret').innerText(), /^PRIVATE\+KEY\+p\.ida\+[0-9a-f]{8}\+/)
  await page.reload()
  await page.getByText('p.ida').first().waitFor()
  assert.equal(await page.getByTestId('secret').count(), 0)
})

await check('no key was ever sent, nothing broke', async () => {
  for (const secret of Object.values(keys)) {
    const seed = secret.split('+').slice(4).join('+')
    assert.ok(!sent.some((text) => text.includes(seed) || text.includes(encodeURIComponent(seed))))
  }
  assert.deepEqual(faults, [])
})

await browser.close()
process.exit(failed ? 1 : 0)
