import { useEffect, useState } from 'preact/hooks'
import { memo } from 'preact/compat'
import { t } from '../i18n'
import { blocksOf, type Block } from '../markdown'
import { CopyButton } from './copy_button'

export function MarkdownView({ source }: { source: string }) {
  return (
    <div class="markdown">
      {blocksOf(source).map((block, index) => (
        <BlockView key={index} block={block} />
      ))}
    </div>
  )
}

const BlockView = memo(
  ({ block }: { block: Block }) =>
    block.code ? (
      <CodeBlock text={block.code.text} language={block.code.language} />
    ) : (
      <div class="block" dangerouslySetInnerHTML={{ __html: block.html }} />
    ),
  (before, after) => before.block === after.block,
)

function CodeBlock({ text, language }: { text: string; language: string }) {
  const [coloured, setColoured] = useState<string | null>(null)
  useEffect(() => {
    let current = true
    if (language) {
      import('../highlight').then(({ highlight }) => current && setColoured(highlight(text, language.toLowerCase())))
    }
    return () => {
      current = false
    }
  }, [text, language])
  return (
    <figure class="code">
      <figcaption>
        <span>{language || 'text'}</span>
        <CopyButton text={text} label={t('code.copy')} />
      </figcaption>
      <pre tabIndex={0}>
        {coloured === null ? <code>{text}</code> : <code dangerouslySetInnerHTML={{ __html: coloured }} />}
      </pre>
    </figure>
  )
}
