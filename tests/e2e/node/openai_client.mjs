// node openai_client.mjs URL KEY MODEL: the official Node client against a running Charter, plain and streamed.
import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { z } from 'zod'

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

const add = {
  type: 'function',
  function: {
    name: 'add',
    strict: true,
    parameters: { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } }, required: ['a', 'b'], additionalProperties: false },
  },
}
const named = { type: 'function', function: { name: 'add' } }
const toolAsk = { model, messages, temperature: 0, max_tokens: 200, tools: [add] }
const called = await client.chat.completions.create({ ...toolAsk, tool_choice: 'required', parallel_tool_calls: false })
check(() => assert.equal(called.choices[0].finish_reason, 'tool_calls'))
check(() => assert.equal(called.choices[0].message.content, null))
const streamed = await client.chat.completions.stream({ ...toolAsk, tool_choice: 'required', parallel_tool_calls: false }).finalChatCompletion()
check(() => assert.equal(streamed.choices[0].message.tool_calls[0].function.arguments, called.choices[0].message.tool_calls[0].function.arguments))

let sums = 0
const run = client.chat.completions.runTools({
  ...toolAsk,
  tool_choice: named,
  tools: [{ ...add, function: { ...add.function, parse: JSON.parse, function: ({ a, b }) => (sums++, String(a + b)) } }],
})
await run.done()
check(() => assert.equal(sums, 1))
check(() => assert.ok(run.messages.some((m) => m.role === 'tool')))

const format = zodResponseFormat(z.object({ left: z.number().int(), enough: z.boolean() }), 'apples')
const parsed = await client.chat.completions.parse({ model, messages, temperature: 0, max_tokens: 200, response_format: format })
check(() => assert.equal(typeof parsed.choices[0].message.parsed.enough, 'boolean'))
const parsedStream = await client.chat.completions.stream({ model, messages, temperature: 0, max_tokens: 200, response_format: format }).finalChatCompletion()
check(() => assert.deepEqual(parsedStream.choices[0].message.parsed, parsed.choices[0].message.parsed))

const vectors = await client.embeddings.create({ model, input: ['apples', 'pears'] })
check(() => assert.equal(vectors.data[1].index, 1))
check(() => assert.ok(Math.abs(vectors.data[0].embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-4))

const scored = await client.completions.create({ model, prompt: 'Tom has 12', echo: true, logprobs: 1, max_tokens: 0 })
check(() => assert.equal(scored.choices[0].text, 'Tom has 12'))
check(() => assert.equal(scored.choices[0].logprobs.token_logprobs[0], null))

for (const [status, kind, ask] of [
  [400, OpenAI.BadRequestError, { temperature: 9 }],
  [404, OpenAI.NotFoundError, { model: 'nope' }],
])
  await client.chat.completions.create({ model, messages, ...ask }).catch((error) => check(() => assert.ok(error instanceof kind && error.status === status)))
await new OpenAI({ baseURL: `${url}/v1`, apiKey: 'sk-wrong' }).models.list().catch((error) => check(() => assert.ok(error instanceof OpenAI.AuthenticationError)))

console.log(JSON.stringify({ checks }))
