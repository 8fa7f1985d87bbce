/**
 * Text to statements: at each `;` that stands outside of strings, quoted names and comments. The statements of a statement set
 * (`EXECUTE STATEMENT SET BEGIN …; …; END;`) stay together. Nothing is checked here: whoever runs a statement says what is wrong.
 */
export interface StatementText {
  /** Without the `;` and the blanks around it; comments are kept. */
  readonly text: string
  /** Where it begins, in UTF-16 units from 0. */
  readonly start: number
}

export interface SplitText {
  readonly statements: readonly StatementText[]
  /** Behind the last `;`; empty: nothing but blanks and comments. */
  readonly rest: string
  readonly restStart: number
}

/** One piece each: comments, strings, quoted names, words. What is not closed ends with the text. */
const PIECE =
  /--[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|`(?:[^`]|``)*(?:`|$)|"[^"]*(?:"|$)|[\p{L}\p{N}_$]+|\s+|[\s\S]/gu
const HINT = /^\/\*\+/

export function splitStatements(text: string): SplitText {
  const statements: StatementText[] = []
  /** Words in a row. */
  let words: string[] = []
  let inSet = false
  /** Pieces of the part behind the last `;`. */
  let part: string[] = []
  let start: number | undefined
  for (const { 0: piece, index } of text.matchAll(PIECE)) {
    if (/^\s/.test(piece) || isComment(piece)) continue
    if (piece === ';') {
      if (start === undefined) continue
      if (inSet && !(part.length === 1 && part[0] === 'END')) {
        part = []
        words = []
        continue
      }
      statements.push({ text: text.slice(start, index).trimEnd(), start })
      start = undefined
      inSet = false
      part = []
      words = []
      continue
    }
    start ??= index
    const word = piece.toUpperCase()
    if (part.length < 2) part.push(word)
    words = /^[\p{L}_]/u.test(piece) ? [...words.slice(-2), word] : []
    if (words.join(' ') === 'STATEMENT SET BEGIN') {
      inSet = true
      part = []
    }
  }
  return { statements, rest: start === undefined ? '' : text.slice(start).trimEnd(), restStart: start ?? text.length }
}

/** The text with its comments as blanks, and all of it on one line; undefined where a string or name goes over several lines. */
export function onOneLine(text: string): string | undefined {
  let line = ''
  for (const [piece] of text.matchAll(PIECE)) {
    if (/^\s/.test(piece) || isComment(piece)) line += line === '' || line.endsWith(' ') ? '' : ' '
    else if (piece.includes('\n')) return undefined
    else line += piece
  }
  return line.trim()
}

/** The contents of its strings. */
export function stringsOf(text: string): string[] {
  return [...text.matchAll(PIECE)].flatMap(([piece]) => (piece.startsWith("'") ? [piece.slice(1).replace(/'$/, '')] : []))
}

function isComment(piece: string): boolean {
  return /^(?:--|\/\/|\/\*)/.test(piece) && !HINT.test(piece)
}
