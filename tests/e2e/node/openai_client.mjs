// node openai_client.mjs URL KEY MODEL: the official Node client against a running Charter, plain and streamed.
import assert from 'node:assert/strict'
import OpenAI from 'openai'

const [url, apiKey, model] = process.argv.slice(2)
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey })
const messages = [{ role: 'user', content: 'What is 17 + 25?' }]
let checks = 0
const check = (run) => (run(), checks++)

const plain = await client.chat.completions.create({ model, messages, temperature: 0 })
check(() => assert.ok(plain.choices[0].message.content.trim()))
check(() => assert.equal(plain.choices[0].finish_reason, 'stop'))
check(() => assert.equal(plain.usage.total_tokens, plain.usage.prompt_tokens + plain.usage.completion_tokens))
check(() => assert.match(plain._request_id, /^req_/))

let text = ''
for await (const chunk of await client.chat.completions.create({ model, messages, temperature: 0, stream: true }))
  text += chunk.choices[0]?.delta?.content ?? ''
check(() => assert.equal(text, plain.choices[0].message.content))

const runner = client.chat.completions.stream({ model, messages, temperature: 0, stream_options: { include_usage: true } })
const final = await runner.finalChatCompletion()
check(() => assert.equal(final.choices[0].message.content, text))
check(() => assert.equal(final.usage.completion_tokens, plain.usage.completion_tokens))

const ids = []
for await (const m of client.models.list()) ids.push(m.id)
check(() => assert.ok(ids.includes(model)))

await client.chat.completions.create({ model: 'nope', messages }).catch((error) =>
  check(() => assert.ok(error instanceof OpenAI.NotFoundError && error.code === 'model_not_found')),
)
const aborted = client.chat.completions.stream({ model, messages: [{ role: 'user', content: 'Tell me about yourself.' }], temperature: 2 })
aborted.on('content', () => aborted.abort())
await aborted.done().catch((error) => check(() => assert.ok(error instanceof OpenAI.APIUserAbortError)))

console.log(JSON.stringify({ checks }))
