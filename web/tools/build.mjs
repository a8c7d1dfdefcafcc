// node tools/build.mjs OUT: bundles the page into OUT: index.html and content-named files under assets/.
import { build } from 'esbuild'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

const out = process.argv[2]
if (!out) throw new Error('usage: node tools/build.mjs OUT')
await rm(out, { recursive: true, force: true })
await mkdir(out, { recursive: true })

const result = await build({
  entryPoints: { app: 'src/main.tsx', style: 'src/style.css' },
  outdir: join(out, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
  target: ['es2022'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  metafile: true,
})

const built = Object.entries(result.metafile.outputs)
const nameOf = (entry) => basename(built.find(([, o]) => o.entryPoint === entry)[0])
const html = await readFile('src/index.html', 'utf8')
await writeFile(
  join(out, 'index.html'),
  html.replace('{{app}}', `/assets/${nameOf('src/main.tsx')}`).replace('{{style}}', `/assets/${nameOf('src/style.css')}`),
)
await cp('public', out, { recursive: true })
