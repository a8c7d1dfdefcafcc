// node vercel.mjs URL KEY MODEL: Vercel's ai with @ai-sdk/openai against a running Charter, by its default path (the
// responses API, where earlier turns come back as item references) and by .chat. It checks every answer and event
// against its own schemas.
import assert from 'node:assert/strict'
import { createOpenAI } from '@ai-sdk/openai'
import { embed, generateObject, generateText, stepCountIs, streamText, tool } from 'ai'
import { z } from 'zod'

const [url, apiKey, model] = process.argv.slice(2)
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey })
const prompt = 'Tom has 12 apples and gives away 5. How many are left?'
let checks = 0
const check = (run) => (run(), checks++)
const paths = { responses: openai(model), chat: openai.chat(model) }

for (const [name, path] of Object.entries(paths)) {
  const settings = { model: path, temperature: 0, maxOutputTokens: 200, maxRetries: 0, providerOptions: { openai: { parallelToolCalls: false } } }
  const plain = await generateText({ ...settings, prompt })
  check(() => assert.ok(plain.text.trim(), name))
  check(() => assert.equal(plain.usage.totalTokens, plain.usage.inputTokens + plain.usage.outputTokens))

  const streamed = streamText({ ...settings, prompt })
  let text = ''
  for await (const piece of streamed.textStream) text += piece
  check(() => assert.equal(text, plain.text, name))
  assert.match(await streamed.finishReason, /stop|length/)

  const schema = z.object({ correct: z.boolean(), kind: z.enum(['sum', 'difference']) })
  const { object } = await generateObject({ ...settings, schema, prompt: 'Is 12 - 5 = 7? As JSON.' })
  check(() => assert.equal(typeof object.correct, 'boolean', name))

  // Two steps: a call that is forced, its result, then whatever the model says to it.
  const asked = []
  const weather = tool({
    description: 'The weather in a city.',
    inputSchema: z.object({ city: z.enum(['Berlin', 'Tokyo']) }),
    execute: async ({ city }) => (asked.push(city), `sunny in ${city}`),
  })
  const steps = await generateText({
    ...settings, prompt: 'Weather in Tokyo?', tools: { weather }, toolChoice: 'required', stopWhen: stepCountIs(2),
    prepareStep: ({ stepNumber }) => (stepNumber > 0 ? { toolChoice: 'none' } : {}),
  })
  check(() => assert.ok(asked.length >= 1, name))
  check(() => assert.equal(steps.steps.length, 2, name))
  check(() => assert.equal(steps.steps[0].toolResults[0].output, `sunny in ${asked[0]}`, name))

  const calling = streamText({ ...settings, prompt: 'Weather in Berlin?', tools: { weather }, toolChoice: 'required' })
  const parts = []
  for await (const part of calling.fullStream) parts.push(part.type)
  check(() => assert.ok(parts.includes('tool-call') && parts.includes('tool-result') && !parts.includes('error'), `${name}: ${parts}`))

  // The second turn carries the first: by the default path as references to stored items.
  const messages = [{ role: 'user', content: 'My name is Ann.' }, ...(await generateText({ ...settings, prompt: 'My name is Ann.' })).response.messages]
  const second = await generateText({ ...settings, messages: [...messages, { role: 'user', content: 'What is my name?' }] })
  const alone = await generateText({ ...settings, prompt: 'What is my name?' })
  check(() => assert.ok(second.usage.inputTokens > alone.usage.inputTokens, name))
}

const { embedding } = await embed({ model: openai.embedding(model), value: 'an apple', maxRetries: 0 })
check(() => assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-3))
await generateText({ model: openai('nope'), prompt, maxRetries: 0 }).catch((error) => check(() => assert.equal(error.statusCode, 400)))
console.log(JSON.stringify({ checks }))
