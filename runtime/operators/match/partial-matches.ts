/**
 * The search within one partition: rows are given one after the other, and complete matches come out. Pure but for its own state.
 *
 * Several matches grow at once, one from each row that may begin one, and more where a pattern leaves a choice. The rows of each are a chain of
 * links from the last to the first, shared as far as they agree. A complete match waits until no other that began earlier may still become
 * complete; then it comes out, and those that begin where the search does not go on are given up.
 * Source: Flink's NFA with strict contiguity, AfterMatchSkipStrategy.
 */
import { defineError } from '#core/errors/define-error.js'
import type { MatchSkip } from '#core/graph/operator-spec.js'
import { COMPLETE, type PatternState, type PatternStates } from './pattern-states.js'
import { StartQueue } from './start-queue.js'

export const MatchSkipImpossible = defineError('MATCH_SKIP_IMPOSSIBLE', {
  recovery: 'fail-job',
  message: (d: { problem: string; variable: string }) =>
    `${d.problem} MATCH_RECOGNIZE is to go on at a row of '${d.variable}' (AFTER MATCH SKIP TO …), which must be in every match and never its first row: ` +
    `choose another variable, or SKIP TO NEXT ROW or PAST LAST ROW.`,
})

/** A row that a match may hold. Numbers rise within a partition in the order in which rows are looked at. */
export interface MatchRow {
  readonly id: number
  readonly number: number
  /** Ms. */
  readonly time: number
  /** Links that hold it. */
  uses: number
}

/** A row as part of matches, and the one before it. */
export interface Link {
  readonly row: MatchRow
  readonly variable: number
  readonly previous: Link | undefined
  /** Matches and links that lead here. */
  uses: number
}

export interface Partial {
  readonly state: number
  readonly last: Link | undefined
  /** Number of the first row; Infinity: it has none. */
  readonly start: number
  readonly startTime: number
}

/** True when the row, as the next one of that match, meets the variable's condition. */
export type Condition = (variable: number, last: Link | undefined) => boolean
/** A match is complete; its rows are there during the call. */
export type Found = (last: Link) => void

export interface SearchPlan extends PatternStates {
  readonly skip: MatchSkip
  /** Infinity: any time. */
  readonly withinMs: number
  /** Of the variables, for messages. */
  readonly names: readonly string[]
}

export class PartialMatches {
  readonly #plan: SearchPlan
  /** Called with a row that no match holds any more. */
  readonly #forget: (row: MatchRow) => void
  #partial = new StartQueue<Partial>()
  readonly #complete = new StartQueue<Partial>()

  constructor(plan: SearchPlan, forget: (row: MatchRow) => void) {
    this.#plan = plan
    this.#forget = forget
    this.#partial.add({ state: plan.start, last: undefined, start: Infinity, startTime: Infinity })
  }

  /** In the order that decides; the one without rows among them. */
  get partial(): readonly Partial[] {
    return this.#partial.items
  }

  get complete(): readonly Partial[] {
    return this.#complete.items
  }

  /** True when it holds no row. */
  get empty(): boolean {
    return this.#partial.size === 1 && this.#complete.size === 0
  }

  /** The time from which some match is too old; Infinity: there is none. */
  get expiresAt(): number {
    return (this.#partial.peek()?.startTime ?? Infinity) + this.#plan.withinMs
  }

  /** What a snapshot held, in its order; links count their uses already. */
  restore(partial: readonly Partial[], complete: readonly Partial[]): void {
    this.#partial = new StartQueue()
    for (const match of partial) this.#partial.add(match)
    for (const match of complete) this.#complete.add(match)
  }

  /** Gives up what is too old at this time. */
  advance(time: number, found: Found): void {
    const { withinMs } = this.#plan
    if (withinMs === Infinity) return
    const kept = new StartQueue<Partial>()
    let any = false
    for (const match of this.#partial.items) {
      if (time - match.startTime < withinMs || match.start === Infinity) kept.add(match)
      else {
        any = true
        this.#release(match.last)
      }
    }
    if (!any) return
    this.#partial = kept
    this.#emit(found)
  }

  /** The next row of the partition. */
  next(row: MatchRow, meets: Condition, found: Found): void {
    const before = this.#partial
    this.#partial = new StartQueue()
    const complete = new StartQueue<Partial>()
    for (const match of before.items) {
      this.#follow(match, row, meets, complete)
      if (match.start === Infinity) this.#partial.add(match)
      else this.#release(match.last)
    }
    for (const match of complete.items) this.#complete.add(match)
    this.#emit(found)
  }

  #follow(match: Partial, row: MatchRow, meets: Condition, complete: StartQueue<Partial>): void {
    const { states } = this.#plan
    const known: (boolean | undefined)[] = []
    const holds = (variable: number): boolean => (known[variable] ??= meets(variable, match.last))
    const allowed = (state: PatternState): boolean => !state.unless.some(holds)
    for (const state of this.#taking(match.state, holds, allowed)) {
      const link: Link = { row, variable: state.variable, previous: match.last, uses: 0 }
      row.uses++
      if (match.last !== undefined) match.last.uses++
      const begun =
        match.start === Infinity ? { start: row.number, startTime: row.time } : { start: match.start, startTime: match.startTime }
      const grown = (to: number): void => {
        link.uses++
        const queue = to === COMPLETE ? complete : this.#partial
        queue.add({ state: to, last: link, ...begun })
      }
      grown(state.take)
      // What is left of the pattern may all be passed by.
      let rest = states[state.take]
      while (rest?.proceed !== undefined && allowed(rest)) {
        if (rest.proceed === COMPLETE) grown(COMPLETE)
        rest = states[rest.proceed]
      }
    }
  }

  /** The state, and those reached by passing by, that take the row. */
  *#taking(from: number, holds: (variable: number) => boolean, allowed: (state: PatternState) => boolean): Generator<PatternState, void> {
    let state = this.#plan.states[from]
    while (state !== undefined) {
      if (holds(state.variable) && allowed(state)) yield state
      if (state.proceed === undefined || !allowed(state)) return
      state = this.#plan.states[state.proceed]
    }
  }

  #emit(found: Found): void {
    for (let earliest = this.#complete.peek(); earliest !== undefined; earliest = this.#complete.peek()) {
      if (earliest.start > (this.#partial.peek()?.start ?? Infinity)) return
      this.#complete.poll()
      const last = earliest.last as Link
      const skipped = this.#skipped(last)
      for (const queue of [this.#partial, this.#complete])
        for (const { last: link } of queue.removeIf(({ start }) => start !== Infinity && skipped(start))) this.#release(link)
      found(last)
      this.#release(last)
    }
  }

  /** Which starts the search does not come back to after this match. */
  #skipped(last: Link): (start: number) => boolean {
    const { skip, names } = this.#plan
    let first = last
    let to: number | undefined
    for (let link: Link | undefined = last; link !== undefined; link = link.previous) {
      first = link
      if ('variable' in skip && link.variable === skip.variable && (to === undefined || skip.kind === 'to-first')) to = link.row.number
    }
    const begin = first.row.number
    if (skip.kind === 'past-last-row') return (start) => start <= last.row.number
    if (skip.kind === 'to-next-row') return (start) => start <= begin
    const variable = names[skip.variable] as string
    if (to === undefined)
      throw new MatchSkipImpossible({ problem: `Could not skip to ${variable}. No such element in the found match.`, variable })
    if (to === begin) throw new MatchSkipImpossible({ problem: 'Could not skip to first element of a match.', variable })
    const goesOnAt = to
    return (start) => start < goesOnAt
  }

  #release(last: Link | undefined): void {
    for (let link = last; link !== undefined && --link.uses === 0; link = link.previous) if (--link.row.uses === 0) this.#forget(link.row)
  }
}
