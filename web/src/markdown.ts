// Markdown to safe HTML, block by block: a finished block keeps its HTML while the last one still grows, so a long answer
// costs the same per token as a short one, and nothing above the cursor moves.
import DOMPurify from 'dompurify'
import { marked, type Token } from 'marked'

marked.use({
  gfm: true,
  breaks: true,
  // Raw HTML in a model's answer is text to read, not markup to run.
  renderer: { html: ({ text }) => escapeHtml(text) },
})

const purifier = DOMPurify()
purifier.addHook('afterSanitizeAttributes', (node) => {
  if (node.tagName === 'A') {
    node.setAttribute('target', '_blank')
    node.setAttribute('rel', 'noopener noreferrer')
  }
})
// No remote images: an answer could otherwise call home through an image address.
const options = { FORBID_TAGS: ['img', 'style', 'form', 'input', 'video', 'audio', 'iframe'], FORBID_ATTR: ['style'] }

export type Block = { key: string; html: string; code?: { text: string; language: string } }

const cache = new Map<string, Block>()
const cacheMax = 2000

export function blocksOf(source: string): Block[] {
  return marked
    .lexer(source)
    .filter((token) => token.type !== 'space' && token.type !== 'def')
    .map((token, index) => block(token, index))
}

function block(token: Token, index: number): Block {
  const key = `${index}:${token.raw}`
  const known = cache.get(key)
  if (known) return known
  const made: Block =
    token.type === 'code'
      ? { key, html: '', code: { text: String(token.text), language: String(token.lang ?? '').split(/\s/)[0] ?? '' } }
      : { key, html: purifier.sanitize(marked.parser([token]), options) }
  if (cache.size >= cacheMax) cache.clear()
  cache.set(key, made)
  return made
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!)
}
