// Every language has every message, with the same {placeholders}, and nothing else.
import { readFile } from 'node:fs/promises'

const languages = ['en', 'zh-Hans', 'zh-Hant']
const tables = await Promise.all(
  languages.map(async (name) => JSON.parse(await readFile(`src/messages/${name}.json`, 'utf8'))),
)
const placeholders = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join(',')
let bad = 0
languages.forEach((language, i) => {
  for (const key of new Set([...Object.keys(tables[0]), ...Object.keys(tables[i])])) {
    const here = tables[i][key]
    const there = tables[0][key]
    if (!here || !there || placeholders(here) !== placeholders(there)) {
      console.error(`messages/${language}.json: '${key}' is missing, extra, or has other placeholders`)
      bad++
    }
  }
})
process.exit(bad ? 1 : 0)
