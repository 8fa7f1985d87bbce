/**
 * A pattern as states of an automaton. A state takes the next row if it meets the condition of the state's variable; it may also be passed by
 * without a row (`proceed`).
 *
 *   A        take A ──▶ next                      A?      as A, or proceed to next
 *   A{2}     take A ──▶ take A ──▶ next           A{1,2}  the second A may be passed by
 *   A+       take A ──▶ loop: take A ──▶ itself, or proceed to next
 *
 * What follows a greedy variable takes only rows that the variable itself would not take (`unless`): that is how Flink is greedy. A row that
 * both would take never ends the repetition, also where the pattern could otherwise be met.
 */
import type { PatternVariable } from '#core/graph/operator-spec.js'

/** In the place of a state: the match is complete. */
export const COMPLETE = -1

export interface PatternState {
  readonly variable: number
  readonly take: number
  readonly proceed: number | undefined
  /** Variables whose condition the row must not meet, neither to be taken nor to pass by. */
  readonly unless: readonly number[]
}

export interface PatternStates {
  readonly states: readonly PatternState[]
  readonly start: number
}

type Repeated = Pick<PatternVariable, 'least' | 'most' | 'greedy'>

export function patternStates(pattern: readonly Repeated[]): PatternStates {
  const states: { variable: number; take: number; proceed: number | undefined; unless: number[] }[] = []
  const add = (variable: number, take: number, proceed?: number): number => states.push({ variable, take, proceed, unless: [] }) - 1
  let next = COMPLETE
  for (const [variable, { least, most, greedy }] of [...pattern.entries()].reverse()) {
    const times = Math.max(1, least)
    const following = states[next]
    if (greedy && times !== most) following?.unless.push(variable)
    let state = next
    if (most === null) {
      state = add(variable, states.length, next)
    } else {
      for (let i = times; i < most; i++) state = add(variable, state, next)
    }
    for (let i = 1; i < times; i++) state = add(variable, state)
    next = add(variable, state, least === 0 ? next : undefined)
  }
  return { states, start: next }
}

/** True when no row at all meets the pattern. */
export function matchesNothing(pattern: readonly Repeated[]): boolean {
  return pattern.every(({ least }) => least === 0)
}
