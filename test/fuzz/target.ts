/** What is fed with hostile input, and what may come of it. */
import { WeftError } from '#core/errors/define-error.js'
import type { Random } from './mutations.js'

export interface FuzzTarget {
  readonly name: string
  /** One run's worth of state, made anew every some thousand inputs. `run`: feeds one input. @throws what is a crash */
  begin(): Promise<{ run(random: Random): void | Promise<void> }>
}

/** A refusal in words is the right answer. What is thrown otherwise is a mistake of ours: a TypeError, say. */
export function refusedOrRead(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
}

/** `Error` itself is what mechanisms throw for their caller to put into words (ipc/authentication.ts). */
export function isRefusal(error: unknown): boolean {
  return error instanceof WeftError || (error instanceof Error && Object.getPrototypeOf(error) === Error.prototype)
}
