/**
 * The whole-screen views of a running query, as data: what its changes add up to (TABLE), or the changes themselves (CHANGELOG), the
 * part of it that the screen shows, and what keys do. Pure: full-screen.ts draws it.
 */
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { MaterializedRows } from '../cli/materialized-rows.js'
import { headerLines, layoutFor, rowLine } from '../cli/result-table.js'

export type ViewMode = 'TABLE' | 'CHANGELOG'

export interface ViewSize {
  readonly columns: number
  readonly lines: number
}

/** Title, border, names and border above the rows; the state and the keys below. */
const FRAME_LINES = 6

export class ResultView {
  readonly #mode: ViewMode
  readonly #names: readonly string[]
  readonly #maxRows: number
  readonly #maxWidth: number
  readonly #table = new MaterializedRows()
  #log: CollectedRow[] = []
  #changes = 0
  #top = 0
  /** Stays at the end while rows come. */
  #atEnd = false
  #ended: string | undefined

  constructor(mode: ViewMode, names: readonly string[], maxRows: number, maxWidth: number) {
    this.#mode = mode
    this.#names = names
    this.#maxRows = maxRows
    this.#maxWidth = maxWidth
    this.#atEnd = mode === 'CHANGELOG'
  }

  get changes(): number {
    return this.#changes
  }

  add(rows: readonly CollectedRow[]): void {
    this.#changes += rows.length
    if (this.#mode === 'CHANGELOG') {
      this.#log.push(...rows)
      // Taken away a portion at a time: each costs a copy.
      if (this.#log.length > this.#maxRows * 1.1 + 100) this.#log = this.#log.slice(-this.#maxRows)
      return
    }
    for (const row of rows) this.#table.apply(row)
    this.#table.keepNewest(this.#maxRows)
  }

  /** `how`: `finished`, or what it failed with. */
  end(how: string): void {
    this.#ended = how
  }

  /** False: the user has seen enough. `name` as node:readline names keys. */
  key(name: string, size: ViewSize): boolean {
    const page = rowsOnScreen(size)
    const last = Math.max(0, this.#rows().length - page)
    if (this.#atEnd) this.#top = last
    const to = (top: number): void => {
      this.#top = Math.max(0, Math.min(last, top))
      this.#atEnd = this.#mode === 'CHANGELOG' && this.#top === last
    }
    switch (name) {
      case 'q':
      case 'escape':
        return false
      case 'up':
      case 'k':
        to(this.#top - 1)
        break
      case 'down':
      case 'j':
        to(this.#top + 1)
        break
      case 'pageup':
      case 'p':
        to(this.#top - page)
        break
      case 'pagedown':
      case 'n':
      case 'space':
        to(this.#top + page)
        break
      case 'home':
      case 'g':
        to(0)
        break
      case 'end':
      case 'l':
        to(last)
        this.#atEnd = true
        break
      default:
    }
    return true
  }

  /** As many lines as the screen has, each at most as wide. */
  draw(size: ViewSize): string[] {
    const rows = this.#rows()
    const page = rowsOnScreen(size)
    const last = Math.max(0, rows.length - page)
    if (this.#atEnd || this.#top > last) this.#top = last
    const shown = rows.slice(this.#top, this.#top + page)
    const layout = layoutFor(this.#names, shown, this.#mode === 'CHANGELOG', this.#maxWidth)
    const title = `SQL Query Result (${this.#mode === 'TABLE' ? 'Table' : 'Changelog'})`
    const range = rows.length === 0 ? 'no rows' : `rows ${this.#top + 1} to ${this.#top + shown.length} of ${rows.length}`
    const state = `${range}, ${this.#changes} ${this.#changes === 1 ? 'change' : 'changes'} so far, ${this.#ended ?? 'running'}`
    const body = shown.map((row) => rowLine(layout, row))
    const filler = Array.from({ length: page - body.length }, () => '')
    const keys = 'Q quit   up, down   N next page   P previous page   G first   L last, and stay there'
    return [title, ...headerLines(layout), ...body, ...filler, state, keys].map((line) => [...line].slice(0, size.columns).join(''))
  }

  #rows(): readonly CollectedRow[] {
    return this.#mode === 'CHANGELOG' ? this.#log : this.#table.rows()
  }
}

function rowsOnScreen({ lines }: ViewSize): number {
  return Math.max(1, lines - FRAME_LINES)
}
