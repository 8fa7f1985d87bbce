/** One turn of a pure state machine: the state after the event and what the shell around it has to do, in order. */
export interface Step<S, E> {
  readonly state: S
  readonly effects: readonly E[]
}

export function go<S, E>(state: S, ...effects: readonly E[]): Step<S, E> {
  return { state, effects }
}

/** Effects of a step so far, then those of the next decision made on its state. */
export function then<A, B, E>(first: Step<A, E>, next: (state: A) => Step<B, E>): Step<B, E> {
  const second = next(first.state)
  return { state: second.state, effects: [...first.effects, ...second.effects] }
}

/** For the `default` of a switch that must be complete: the compiler refuses a forgotten case. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
