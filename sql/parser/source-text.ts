/** The text a statement came from, and how a place in it is shown to a person. */

/** A place in the source: `offset` in UTF-16 units from 0, `line` and `column` from 1. */
export interface Position {
  readonly offset: number
  readonly line: number
  readonly column: number
}

/** Longest piece of a source line that is shown around a caret. */
const SHOWN_WIDTH = 120

export class SourceText {
  /** Where the text came from, for messages: a file's name, or `<stdin>`; empty when there is nothing to say. */
  readonly name: string
  readonly text: string
  readonly #lineStarts: readonly number[]

  constructor(name: string, text: string) {
    this.name = name
    this.text = text
    const starts = [0]
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) starts.push(i + 1)
    this.#lineStarts = starts
  }

  /** The position of an offset; binary search over the line starts. */
  position(offset: number): Position {
    let low = 0
    let high = this.#lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#lineStarts[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    return Object.freeze({ offset, line: low + 1, column: offset - (this.#lineStarts[low] as number) + 1 })
  }

  /** `line 3, column 7 of job.sql` */
  describe(at: Position): string {
    return `line ${at.line}, column ${at.column}${this.name === '' ? '' : ` of ${this.name}`}`
  }

  /**
   * The source line and a caret under the place; a long line is cut around it:
   *
   *     SELECT a,, b FROM t
   *              ^
   */
  excerpt(at: Position): string {
    const start = this.#lineStarts[at.line - 1] ?? 0
    const next = this.#lineStarts[at.line]
    const line = this.text
      .slice(start, next === undefined ? undefined : next - 1)
      .replace(/\r$/, '')
      .replaceAll('\t', ' ')
    const caret = at.column - 1
    if (line.length <= SHOWN_WIDTH) return `    ${line}\n    ${' '.repeat(caret)}^`
    const from = Math.max(0, Math.min(caret - SHOWN_WIDTH / 2, line.length - SHOWN_WIDTH))
    const shown = line.slice(from, from + SHOWN_WIDTH)
    const lead = from > 0 ? '… ' : ''
    const tail = from + SHOWN_WIDTH < line.length ? ' …' : ''
    return `    ${lead}${shown}${tail}\n    ${' '.repeat(lead.length + caret - from)}^`
  }
}
