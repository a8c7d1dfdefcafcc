// node responses_client.mjs URL KEY MODEL: the official Node client's responses and conversations against a running
// Charter. Its stream helper throws on any event out of order.
import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { zodTextFormat } from 'openai/helpers/zod'
import { z } from 'zod'

const [url, apiKey, model] = process.argv.slice(2)
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
const input = 'Tom has 12 apples and gives away 5. How many are left?'
let checks = 0
const check = (run) => (run(), checks++)

const plain = await client.responses.create({ model, input, temperature: 0 })
check(() => assert.equal(plain.status, 'completed'))
check(() => assert.ok(plain.output_text.trim()))
check(() => assert.equal(plain.usage.total_tokens, plain.usage.input_tokens + plain.usage.output_tokens))

const stream = client.responses.stream({ model, input, temperature: 0 })
let text = ''
stream.on('response.output_text.delta', (event) => (text += event.delta))
const final = await stream.finalResponse()
check(() => assert.equal(final.output_text, plain.output_text))
check(() => assert.equal(text, plain.output_text))
check(() => assert.equal(final.output[0].type, 'message'))

const Verdict = z.object({ correct: z.boolean(), kind: z.enum(['sum', 'difference']) })
const parsed = await client.responses.parse({ model, input: 'Is 12 - 5 = 7? As JSON.', text: { format: zodTextFormat(Verdict, 'verdict') } })
check(() => assert.ok(Verdict.safeParse(parsed.output_parsed).success))

const tools = [{
  type: 'function', name: 'weather', description: 'The weather in a city.', strict: true,
  parameters: { type: 'object', properties: { city: { type: 'string', enum: ['Berlin', 'Tokyo'] } }, required: ['city'], additionalProperties: false },
}]
const calling = client.responses.stream({ model, input: 'Weather in Tokyo?', tools, tool_choice: 'required', parallel_tool_calls: false })
const called = await calling.finalResponse()
const call = called.output[0]
check(() => assert.equal(call.type, 'function_call'))
check(() => assert.match(JSON.parse(call.arguments).city, /Berlin|Tokyo/))
const answered = await client.responses.create({
  model, previous_response_id: called.id, max_output_tokens: 16,
  input: [{ type: 'function_call_output', call_id: call.call_id, output: 'sunny' }],
})
check(() => assert.equal(answered.previous_response_id, called.id))

const begun = await client.responses.create({ model, input, background: true, stream: true })
let id = ''
let seen = -1
for await (const event of begun) {
  if (event.type === 'response.created') id = event.response.id
  seen = event.sequence_number
  if (seen >= 2) break
}
let last
for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: seen })) {
  check(() => assert.equal(event.sequence_number, ++seen))
  last = event
}
check(() => assert.equal(last.type, 'response.completed'))

const conversation = await client.conversations.create({ items: [{ type: 'message', role: 'user', content: 'I am Ann.' }] })
await client.responses.create({ model, input: 'Who am I?', conversation: conversation.id, max_output_tokens: 16 })
const items = []
for await (const item of client.conversations.items.list(conversation.id, { limit: 1, order: 'asc' })) items.push(item)
check(() => assert.deepEqual(items.map((i) => i.role), ['user', 'user', 'assistant']))

const listed = []
for await (const item of client.responses.inputItems.list(plain.id, { limit: 1 })) listed.push(item)
check(() => assert.equal(listed.length, 1))
await client.responses.create({ model: 'nope', input }).catch((error) =>
  check(() => assert.ok(error instanceof OpenAI.BadRequestError && error.code === 'model_not_found')),
)
console.log(JSON.stringify({ checks }))
