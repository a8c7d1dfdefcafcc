// node page.mjs URL OWNER_LINK API_KEY MODEL SHOTS: the page in a real headless Chromium, as a person uses it.
// Prints one JSON line per check and exits 1 when one fails. Screenshots go to the folder SHOTS.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, selectors } from 'playwright-core'

const [url, ownerLink, apiKey, model, shots] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags })
const context = await browser.newContext({ viewport: { width: 1200, height: 800 }, locale: 'en-US' })
await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: url })
selectors.setTestIdAttribute('data-test')
const page = await context.newPage()
page.setDefaultTimeout(10_000)
const faults = []
page.on('pageerror', (error) => faults.push(String(error)))
page.on('console', (message) => message.type() === 'error' && !/status of 401/.test(message.text()) && faults.push(message.text()))
page.on('request', (request) => new URL(request.url()).origin !== url && faults.push(`third party: ${request.url()}`))

const field = page.getByTestId('composer')
const answers = page.getByTestId('answer')
const questions = page.getByTestId('question')
const settled = (index) => page.waitForFunction(
  (i) => document.querySelectorAll('[data-test=answer]')[i]?.dataset.status?.match(/complete|stopped|error/), index)
const ask = async (text) => {
  await field.fill(text)
  await field.press('Enter')
}
const noViolations = async () => {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html}`), [])
}

let failed = 0
async function check(name, run) {
  try {
    await run()
    console.log(JSON.stringify({ check: name, ok: true }))
  } catch (error) {
    failed++
    console.log(JSON.stringify({ check: name, ok: false, error: String(error.stack ?? error).slice(0, 1500) }))
    await page.screenshot({ path: `${shots}/failed-${failed}.png` })
  }
}


await check('a stranger sees only how to sign in', async () => {
  await page.goto(url)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(await page.getByTestId('composer').count(), 0)
  await page.screenshot({ path: `${shots}/signin.png` })
  await noViolations()
})

await check('the link signs in, once', async () => {
  await page.goto(ownerLink)
  await field.waitFor()
  assert.ok(!page.url().includes('token'))
  await page.screenshot({ path: `${shots}/empty.png` })
  await noViolations()
  const other = await browser.newContext()
  const answer = await other.request.get(ownerLink, { maxRedirects: 0 })
  assert.ok(answer.status() >= 400, `a used link answered ${answer.status()}`)
  await other.close()
})

await check('a question is answered, with what it cost', async () => {
  await ask('Tom has 12 apples and gives away 5. How many are left?')
  await settled(0)
  assert.equal(await answers.count(), 1)
  assert.ok((await answers.nth(0).innerText()).trim().length > 3)
  assert.match(await answers.nth(0).locator('.bill').innerText(), /\d+ read, \d+ written, \$0\.\d+/)
  assert.match(page.url(), /\/c\/conv_/)
  await page.screenshot({ path: `${shots}/answer.png` })
  await noViolations()
})

await check('copy', async () => {
  const shown = await answers.nth(0).locator('.markdown').innerText()
  await answers.nth(0).getByTestId('copy').last().click()
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  const words = (text) => text.replace(/[\s*`|#-]+/g, '') // the copy is Markdown, what is shown is not
  assert.equal(words(copied), words(shown))
})

await check('answer again keeps both answers', async () => {
  await answers.nth(0).getByTestId('regenerate').click()
  await settled(0)
  await page.getByText('2/2').waitFor()
  await answers.nth(0).getByRole('button', { name: 'Previous version' }).click()
  await page.getByText('1/2').waitFor()
})

await check('an edited question is a new branch', async () => {
  await questions.nth(0).hover()
  await questions.nth(0).getByRole('button', { name: 'Edit' }).click()
  const editor = page.getByRole('textbox', { name: 'Edit' })
  await editor.fill('What is 17 + 25?')
  await page.getByRole('button', { name: 'Send as a new branch' }).click()
  await page.waitForFunction(() => document.querySelector('[data-test=question]')?.textContent?.includes('17 + 25'))
  await settled(0)
  assert.equal(await questions.count(), 1)
  await questions.nth(0).hover()
  await questions.nth(0).getByRole('button', { name: 'Previous version' }).click()
  await page.getByText('gives away 5').first().waitFor()
})

await check('history is on the server', async () => {
  await ask('Thank you!')
  await settled(1)
  const before = await answers.allInnerTexts()
  await page.reload()
  await settled(1)
  const bodies = (texts) => texts.map((t) => t.split('\n')[0])
  assert.deepEqual(bodies(await answers.allInnerTexts()), bodies(before))
})

await check('Enter during IME composition does not send', async () => {
  const count = await questions.count()
  await field.fill('你好')
  await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true })
  await field.dispatchEvent('keydown', { key: 'Enter', keyCode: 229 })
  assert.equal(await questions.count(), count)
  await field.fill('')
})

await check('markdown is drawn safely', async () => {
  const hostile = '<img src=x onerror="globalThis.broken=1">\n\n**bold** `code`\n\n```js\nlet a = 1\n```\n\n[x](javascript:globalThis.broken=2)'
  const id = page.url().split('/c/')[1]
  await page.route(`**/api/conversations/${id}`, async (route) => {
    const response = await route.fetch()
    const body = await response.json()
    body.messages.at(-1).content = hostile
    await route.fulfill({ response, json: body })
  })
  await page.reload()
  await page.locator('.markdown strong', { hasText: 'bold' }).waitFor()
  await page.locator('figure.code .hljs-keyword').waitFor()
  assert.equal(await page.locator('.markdown img').count(), 0)
  assert.equal(await page.locator('.markdown a[href^="javascript"]').count(), 0)
  assert.equal(await page.evaluate(() => globalThis.broken), undefined)
  await page.screenshot({ path: `${shots}/markdown.png` })
  await page.unroute(`**/api/conversations/${id}`)
})

await check('stop ends the answer at the server', async () => {
  await page.getByTestId('new-chat').click()
  // Other people's long streams slow this one down, so that there is something left to stop.
  const busy = new AbortController()
  const load = Array.from({ length: 24 }, () => fetch(`${url}/v1/chat/completions`, {
    method: 'POST', signal: busy.signal, headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ model, stream: true, temperature: 2, max_tokens: 400, logit_bias: {}, messages: [{ role: 'user', content: 'Tell me everything.' }], n: 4 }),
  }).then((r) => r.text()).catch(() => {}))
  let stopped = false
  for (let attempt = 0; attempt < 5 && !stopped; attempt++) {
    await ask('Tell me about yourself and about word problems.')
    await page.getByTestId('stop').click({ timeout: 5000 }).catch(() => {})
    await settled(attempt)
    stopped = (await answers.nth(attempt).getAttribute('data-status')) === 'stopped'
  }
  busy.abort()
  await Promise.all(load)
  assert.ok(stopped, 'no answer could be stopped in five attempts')
  await page.getByText('Stopped here.').first().waitFor()
})

await check('rename and delete', async () => {
  const chat = page.locator('.chat[aria-current]')
  await chat.getByRole('button', { name: 'More for this chat' }).click()
  await page.getByRole('textbox', { name: 'New title' }).fill('Renamed chat')
  await noViolations()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('link', { name: 'Renamed chat' }).waitFor()
  page.once('dialog', (dialog) => dialog.accept())
  await chat.getByRole('button', { name: 'More for this chat' }).click()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('link', { name: 'Renamed chat' }).waitFor({ state: 'detached' })
})

for (const [tag, lang, title] of [['zh-Hans', 'zh-CN', '想算点什么？'], ['zh-Hant', 'zh-TW', '想算點什麼？'], ['en', 'en', 'What shall we work out?']]) {
  await check(`language ${tag}`, async () => {
    await page.getByTestId('new-chat').click()
    await page.getByTestId('language').selectOption(tag)
    await page.getByRole('heading', { name: title }).waitFor()
    assert.equal(await page.evaluate(() => document.documentElement.lang), lang)
    await page.screenshot({ path: `${shots}/empty-${tag}.png` })
  })
}

await check('a Chinese question', async () => {
  await page.getByTestId('language').selectOption('zh-Hans')
  await ask('小明有12个苹果，送给别人5个，还剩多少个？')
  await settled(0)
  await page.screenshot({ path: `${shots}/answer-zh-Hans.png` })
  await page.getByTestId('language').selectOption('en')
})

await check('dark, and a phone', async () => {
  await page.getByRole('combobox', { name: 'Appearance' }).selectOption('dark')
  await page.screenshot({ path: `${shots}/dark.png` })
  await noViolations()
  await page.setViewportSize({ width: 390, height: 780 })
  await page.reload()
  await field.waitFor()
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
  await page.screenshot({ path: `${shots}/phone.png` })
  await noViolations()
})

await check('signing out ends the session', async () => {
  await page.setViewportSize({ width: 1200, height: 800 })
  await page.reload()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
})

await check('no page error, no console error, no third-party request', () => assert.deepEqual(faults, []))
await browser.close()
process.exit(failed ? 1 : 0)
