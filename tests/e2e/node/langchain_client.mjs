// node langchain_client.mjs URL KEY MODEL: @langchain/openai against a running Charter.
import assert from 'node:assert/strict'
import { HumanMessage, ToolMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { z } from 'zod'

const [url, apiKey, model] = process.argv.slice(2)
const settings = { model, apiKey, configuration: { baseURL: `${url}/v1` }, maxRetries: 0 }
const question = 'Tom has 12 apples and gives away 5. How many are left?'
let checks = 0
const check = (run) => (run(), checks++)

const chat = new ChatOpenAI({ ...settings, temperature: 0, maxTokens: 200 })
const plain = await chat.invoke(question)
check(() => assert.ok(plain.content.trim()))
check(() => assert.ok(plain.usage_metadata.total_tokens > 0))

let text = ''
let usage
for await (const chunk of await chat.stream(question)) {
  text += chunk.content
  usage = chunk.usage_metadata ?? usage
}
check(() => assert.equal(text, plain.content))
check(() => assert.equal(usage.output_tokens, plain.usage_metadata.output_tokens))

const add = tool(({ a, b }) => a + b, { name: 'add', description: 'adds', schema: z.object({ a: z.number().int(), b: z.number().int() }) })
const forced = chat.bindTools([add], { tool_choice: 'add', strict: true })
const called = await forced.invoke(question)
check(() => assert.equal(called.tool_calls[0].name, 'add'))
check(() => assert.ok(Number.isInteger(called.tool_calls[0].args.a)))
const results = called.tool_calls.map((c) => new ToolMessage({ tool_call_id: c.id, content: '7' }))
const after = await new ChatOpenAI({ ...settings, temperature: 0, maxTokens: 20 }).invoke([new HumanMessage(question), called, ...results])
check(() => assert.equal(after.getType(), 'ai'))

let calls
for await (const chunk of await forced.stream(question)) calls = calls ? calls.concat(chunk) : chunk
check(() => assert.deepEqual(calls.tool_calls[0].args, called.tool_calls[0].args))

const schema = z.object({ left: z.number().int(), enough: z.boolean() })
for (const method of ['functionCalling', 'jsonSchema']) {
  const parsed = await chat.withStructuredOutput(schema, { method, name: 'apples', strict: true }).invoke(question)
  check(() => assert.equal(typeof parsed.enough, 'boolean'))
}

const embeddings = new OpenAIEmbeddings(settings)
const vectors = await embeddings.embedDocuments(['apples', 'pears'])
const query = await embeddings.embedQuery('apples')
check(() => assert.equal(vectors.length, 2))
check(() => assert.ok(query.every((x, i) => Math.abs(x - vectors[0][i]) < 1e-6)))

await new ChatOpenAI({ ...settings, model: 'nope' }).invoke(question).catch((error) => check(() => assert.equal(error.status, 404)))
console.log(JSON.stringify({ checks }))
