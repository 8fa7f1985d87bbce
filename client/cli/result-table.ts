/**
 * A SELECT's rows as a table of text, in Flink's tableau form:
 *
 *   +----+-------+------+
 *   | op | state | late |
 *   +----+-------+------+
 *   | +I |    CA |   12 |
 */
import { ROW_KIND_SYMBOLS } from '#core/types/row-kind.js'
import type { CollectedRow } from '#core/rpc/operator-events.js'

const NULL_TEXT = '<NULL>'

export interface TableLayout {
  readonly columns: readonly string[]
  readonly widths: readonly number[]
  /** Whether a first column shows the row's kind. */
  readonly showKind: boolean
}

/** Widths that fit the names and these rows, each at most `maxWidth`. */
export function layoutFor(columns: readonly string[], rows: readonly CollectedRow[], showKind: boolean, maxWidth: number): TableLayout {
  const widths = columns.map((name, column) => {
    let width = displayWidth(name)
    for (const row of rows) width = Math.max(width, displayWidth(row.cells[column] ?? NULL_TEXT))
    return Math.min(width, Math.max(maxWidth, displayWidth(name)))
  })
  return { columns, widths, showKind }
}

export function borderLine(layout: TableLayout): string {
  return `+${(layout.showKind ? [2, ...layout.widths] : layout.widths).map((width) => '-'.repeat(width + 2)).join('+')}+`
}

export function headerLines(layout: TableLayout): string[] {
  return [borderLine(layout), line(layout, 'op', layout.columns), borderLine(layout)]
}

export function rowLine(layout: TableLayout, row: CollectedRow): string {
  return line(
    layout,
    ROW_KIND_SYMBOLS[row.kind as 0 | 1 | 2 | 3],
    row.cells.map((cell) => cell ?? NULL_TEXT),
  )
}

function line(layout: TableLayout, kind: string, cells: readonly string[]): string {
  const padded = layout.widths.map((width, column) => fit((cells[column] ?? '').replaceAll(/[\r\n\t]/g, ' '), width))
  return `| ${(layout.showKind ? [kind, ...padded] : padded).join(' | ')} |`
}

/** Right-aligned; a longer text is cut and ends in `...`. */
function fit(text: string, width: number): string {
  const actual = displayWidth(text)
  if (actual <= width) return ' '.repeat(width - actual) + text
  let kept = ''
  for (const character of text) {
    if (displayWidth(kept + character) > width - 3) break
    kept += character
  }
  return kept + '.'.repeat(Math.min(3, width)) + ' '.repeat(Math.max(0, width - displayWidth(kept) - 3))
}

/** Terminal columns: East Asian wide characters and emoji take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (/\p{Mark}/u.test(character) || code === 0x200b || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f)) continue
    width += isWide(code) ? 2 : 1
  }
  return width
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  )
}
