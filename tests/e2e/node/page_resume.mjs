// node page_resume.mjs URL OWNER_LINK API_KEY MODEL ROUNDS: answers that are being written when the page is reloaded, when
// the network goes away, and when another device opens the chat. Whatever happens, every page ends with the text that
// the server has stored. Prints one JSON line.
import assert from 'node:assert/strict'
import { chromium, selectors } from 'playwright-core'

const [url, ownerLink, apiKey, model, rounds] = process.argv.slice(2)
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })
selectors.setTestIdAttribute('data-test')
const first = await browser.newContext({ locale: 'en-US' })
const page = await first.newPage()
await page.goto(ownerLink)
await page.getByTestId('composer').waitFor()
const other = await (await browser.newContext({ locale: 'en-US', storageState: await first.storageState() })).newPage()
for (const each of [page, other]) each.setDefaultTimeout(60_000)

const settled = (where) => where.waitForFunction(
  () => document.querySelector('[data-test=answer]')?.dataset.status?.match(/complete|stopped|error/))
const shown = (where) => where.evaluate(() => document.querySelector('[data-test=answer] .markdown').textContent)
const status = (where) => where.evaluate(() => document.querySelector('[data-test=answer]')?.dataset.status)

// Other people's streams slow the answer down, so that there is time to interrupt it.
let busy = true
const load = Array.from({ length: 12 }, async () => {
  while (busy) {
    await fetch(`${url}/v1/chat/completions`, {
      method: 'POST', headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model, temperature: 2, max_tokens: 200, messages: [{ role: 'user', content: 'Tell me everything.' }], n: 2 }),
    }).then((r) => r.text()).catch(() => {})
  }
})

const interruptions = {
  async reload() {
    await page.reload()
  },
  async offline() {
    await first.setOffline(true)
    await page.waitForTimeout(100 + Math.random() * 400)
    await first.setOffline(false)
  },
  async device() {
    await other.goto(page.url())
    await settled(other)
  },
  async connection() {
    // Only the stream breaks off, in the middle of its bytes, as behind a proxy that gives up.
    await page.evaluate(() => dispatchEvent(new Event('offline')))
  },
}

let during = 0
const names = Object.keys(interruptions)
for (let round = 0; round < Number(rounds); round++) {
  await page.getByTestId('new-chat').click()
  await page.getByTestId('composer').fill(`Tell me about yourself and about word problems, ${round}.`)
  await page.getByTestId('composer').press('Enter')
  await page.waitForFunction(() => /\/c\/conv_/.test(location.pathname) &&
    document.querySelector('[data-test=answer] .markdown')?.textContent.length > 0)
  await page.waitForTimeout(Math.random() * 60)
  if ((await status(page)) === 'partial') during++
  const name = names[round % names.length]
  await interruptions[name]()
  await settled(page)
  const text = await shown(page)
  const id = page.url().split('/c/')[1]
  const { messages } = await (await first.request.get(`${url}/api/conversations/${id}`)).json()
  assert.equal(messages.length, 2)
  assert.equal(messages[1].status, 'complete', `${name} ended the answer`)
  await other.goto(`${url}/c/${id}`)
  await settled(other)
  assert.equal(text, await shown(other), `after ${name} the page shows something else than what is stored`)

  // The stream, taken up behind each of its events, is byte for byte the rest of it.
  const whole = await (await first.request.get(`${url}/api/conversations/${id}/stream`)).text()
  const deltas = [...whole.matchAll(/^event: delta\ndata: (.*)$/gm)].map((m) => JSON.parse(m[1]).text).join('')
  assert.equal(deltas, messages[1].content)
  const ids = [...whole.matchAll(/^id: (.*)$/gm)].map((m) => m[1])
  const cut = ids[Math.floor(Math.random() * ids.length)]
  const rest = await (await first.request.get(`${url}/api/conversations/${id}/stream`, { headers: { 'Last-Event-ID': cut } })).text()
  assert.ok(whole.endsWith(rest) && !rest.includes(`id: ${cut}\n`))
}
busy = false
await Promise.all(load)
await browser.close()
console.log(JSON.stringify({ rounds: Number(rounds), during }))
