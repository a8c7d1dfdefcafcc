// node oidc.mjs CHARTER_URL PORT ALGORITHM: an OpenID provider (oidc-provider) on loopback, and people who sign in at it
// with a real browser. Prints one JSON line per check and exits 1 when one fails.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { Provider } from 'oidc-provider'
import { chromium, selectors } from 'playwright-core'

const [url, port, algorithm] = process.argv.slice(2)
const pair = algorithm === 'ES256' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{
    client_id: 'charter', client_secret: 'provider-canary-secret', redirect_uris: [`${url}/api/account/oidc/callback`],
    grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: algorithm,
  }],
  jwks: { keys: [{ ...pair.privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: 'first' }] },
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: id !== 'unverified', name: `Person ${id}` }),
  }),
  cookies: { keys: ['only for this test'] },
})
const listening = provider.listen(Number(port), 'localhost')
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] })
selectors.setTestIdAttribute('data-test')

async function signIn(login) {
  const context = await browser.newContext({ locale: 'en-US' })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  await page.goto(url)
  await page.getByTestId('oidc').click()
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill('any')
  await page.locator('button[type=submit]').click()
  const consent = page.getByRole('button', { name: 'Continue' })
  await Promise.race([consent.waitFor(), page.waitForURL(`${url}/**`)])
  if (await consent.count()) await consent.click()
  await page.waitForURL(`${url}/**`)
  return { context, page }
}

let failed = 0
async function check(name, run) {
  try {
    await run()
    console.log(JSON.stringify({ check: name, ok: true }))
  } catch (error) {
    failed++
    console.log(JSON.stringify({ check: name, ok: false, error: String(error.stack ?? error).slice(0, 1500) }))
  }
}

await check('an invited person signs in', async () => {
  const { context, page } = await signIn('ada')
  await page.getByTestId('composer').waitFor()
  const account = await (await context.request.get(`${url}/api/account`)).json()
  assert.equal(account.user.email, 'ada@example.com')
  assert.equal(account.user.name, 'Person ada')
  assert.equal(account.sessions[0].method, 'oidc')
  await context.close()
})

await check('and is the same person the next time', async () => {
  const { context, page } = await signIn('ada')
  await page.getByTestId('composer').waitFor()
  const account = await (await context.request.get(`${url}/api/account`)).json()
  assert.equal(account.sessions.length, 2)
  await context.close()
})

for (const login of ['eve', 'unverified']) {
  await check(`a stranger is not let in: ${login}`, async () => {
    const { context, page } = await signIn(login)
    await page.getByText('Nobody here has this account').waitFor()
    assert.equal((await context.request.get(`${url}/api/account`)).status(), 401)
    await context.close()
  })
}

await check('an answer without its attempt is refused', async () => {
  const context = await browser.newContext()
  const answer = await context.request.get(`${url}/api/account/oidc/callback?code=x&state=y`, { maxRedirects: 0 })
  assert.equal(answer.headers().location, '/?sign_in=refused')
  const begun = await context.request.get(`${url}/api/account/oidc/start`, { maxRedirects: 0 })
  assert.equal(begun.status(), 303)
  const other = await context.request.get(`${url}/api/account/oidc/callback?code=x&state=other`, { maxRedirects: 0 })
  assert.equal(other.headers().location, '/?sign_in=refused')
  await context.close()
})

await browser.close()
listening.close()
process.exit(failed ? 1 : 0)
