/** LIKE patterns: `%` any characters, `_` one character, an escape character before either (none by default). */
import { EvaluationFailure } from './evaluation.js'

/** A pattern in the simplest form that decides it. `regex` is the general one. */
export type LikeMatcher =
  { readonly kind: 'equals' | 'prefix' | 'suffix' | 'contains'; readonly text: string } | { readonly kind: 'regex'; readonly regex: RegExp }

/** @throws EvaluationFailure for an escape that is not one character, or stands before anything but `%`, `_` or itself. */
export function compileLike(pattern: string, escape?: string): LikeMatcher {
  if (escape !== undefined && [...escape].length !== 1) throw new EvaluationFailure(`Invalid escape character '${escape}'`)
  const characters = [...pattern]
  /** Runs of plain text, with '%' and '_' between them. */
  const parts: (string | { wild: '%' | '_' })[] = []
  let text = ''
  const flush = () => {
    if (text !== '') parts.push(text)
    text = ''
  }
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string
    if (character === escape) {
      const next = characters[++i]
      if (next !== '%' && next !== '_' && next !== escape) throw new EvaluationFailure(`Invalid escape sequence '${pattern}', ${i - 1}`)
      text += next
    } else if (character === '%' || character === '_') {
      flush()
      parts.push({ wild: character })
    } else text += character
  }
  flush()
  return simplest(parts)
}

function simplest(parts: readonly (string | { wild: '%' | '_' })[]): LikeMatcher {
  const shape = parts
    .map((part) => (typeof part === 'string' ? 't' : part.wild))
    .join('')
    .replace(/%+/g, '%')
  const text = parts.find((part) => typeof part === 'string') ?? ''
  switch (shape) {
    case '':
    case 't':
      return { kind: 'equals', text }
    case '%':
      return { kind: 'prefix', text: '' }
    case 't%':
      return { kind: 'prefix', text }
    case '%t':
      return { kind: 'suffix', text }
    case '%t%':
      return { kind: 'contains', text }
  }
  const source = parts.map((part) =>
    typeof part === 'string' ? part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') : part.wild === '%' ? '.*' : '.',
  )
  return { kind: 'regex', regex: new RegExp(`^${source.join('').replace(/\\-/g, '-')}$`, 'su') }
}

export function matchesLike(matcher: LikeMatcher, text: string): boolean {
  switch (matcher.kind) {
    case 'equals':
      return text === matcher.text
    case 'prefix':
      return text.startsWith(matcher.text)
    case 'suffix':
      return text.endsWith(matcher.text)
    case 'contains':
      return text.includes(matcher.text)
    case 'regex':
      return matcher.regex.test(text)
  }
}
