/**
 * Files of SQL cases (`test/sql/*.slt`, after DuckDB's and SQLite's logic tests). Blocks are separated by blank lines; a block is a header,
 * its lines, and for most `----` with what is expected:
 *
 *   # why, for people             comments stand above the header
 *   file people/a.csv             writes a file; $DIR in statements is the folder of all of them
 *   statement [mode…]             statements that must succeed, jobs included
 *   query [mode…] [ordered]       rows, in any order or in the given one; cells joined by ` | `
 *   changelog                     the exact changes of a streaming query at parallelism 1: `+I a | 1`
 *   types                         columns of a query's result: `name TYPE`
 *   error [mode…]                 each line must occur in the message
 *
 * mode: batch, streaming, single (parallelism 1), parallel (3). Left out: a query runs in all four combinations and must give the same;
 * statements and errors run streaming at parallelism 1.
 */

export const CASE_KINDS = ['file', 'statement', 'query', 'changelog', 'types', 'error'] as const

export interface SqlCase {
  readonly kind: (typeof CASE_KINDS)[number]
  readonly words: readonly string[]
  readonly title: string
  /** Of the header, from 1. */
  readonly line: number
  readonly body: string
  readonly expected: readonly string[]
}

const WORDS = ['batch', 'streaming', 'single', 'parallel', 'ordered']

/** @throws Error with the file's line */
export function parseSqlFile(name: string, text: string): SqlCase[] {
  const cases: SqlCase[] = []
  const lines = text.split('\n')
  for (let at = 0; at < lines.length;) {
    if (lines[at] === '') {
      at++
      continue
    }
    let end = at
    while (end < lines.length && lines[end] !== '') end++
    const block = lines.slice(at, end)
    const header = block.findIndex((line) => !line.startsWith('#'))
    if (header >= 0) cases.push(parseCase(name, block, header, at + header + 1))
    at = end
  }
  return cases
}

function parseCase(file: string, block: readonly string[], header: number, line: number): SqlCase {
  const [first = '', ...words] = (block[header] as string).split(' ')
  const kind = CASE_KINDS.find((each) => each === first)
  if (kind === undefined) throw new Error(`${file}:${line}: '${first}' is no kind of case`)
  const unknown = kind === 'file' ? undefined : words.find((word) => !WORDS.includes(word))
  if (unknown !== undefined) throw new Error(`${file}:${line}: '${unknown}' is not known here`)
  const rest = block.slice(header + 1)
  const ruler = rest.indexOf('----')
  if (ruler >= 0 === (kind === 'file' || kind === 'statement'))
    throw new Error(`${file}:${line}: '${kind}' with${ruler >= 0 ? '' : 'out'} an expected result`)
  const body = (ruler < 0 ? rest : rest.slice(0, ruler)).join('\n')
  const comment = block
    .slice(0, header)
    .map((each) => each.replace(/^#+ ?/, ''))
    .join(' ')
  const title = `${line}: ${comment === '' ? `${kind} ${body.replaceAll(/\s+/g, ' ').slice(0, 80)}` : comment}`
  return { kind, words, title, line, body, expected: ruler < 0 ? [] : rest.slice(ruler + 1) }
}
