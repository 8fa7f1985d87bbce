/**
 * What clients have triggered over REST and ask for later: Flink's asynchronous operations. Triggering again with the same trigger id
 * triggers nothing. What has ended is kept until it was asked for, and for a while after its end.
 */
import { WeftError } from '#core/errors/define-error.js'
import type { OperationStatus, TriggerResponse } from '#core/rest/checkpoint-responses.js'
import type { Environment, Millis } from '#core/time/environment.js'
import { stackTrace } from '../stack-trace.js'

/** More than this many that nobody asks for: the oldest ended ones are forgotten. */
const MAX_OPERATIONS = 1_000

interface Operation {
  status: OperationStatus<unknown>
  endedAt: Millis | undefined
  fetched: boolean
}

export class AsyncOperations {
  readonly #environment: Environment
  readonly #storeDuration: Millis
  readonly #operations = new Map<string, Operation>()
  #waiting: (() => void)[] = []

  /** `storeDuration`: how long an ended one is kept. */
  constructor(environment: Environment, storeDuration: Millis) {
    this.#environment = environment
    this.#storeDuration = storeDuration
  }

  /** `scope`: what trigger ids are unique in (kind and job). `act` begins at once; its outcome becomes the operation's. */
  trigger(scope: string, triggerId: string | null | undefined, act: () => Promise<unknown>): TriggerResponse {
    const id = triggerId ?? this.#environment.random.bytes(16).toString('hex')
    const key = `${scope}/${id}`
    if (this.#operations.has(key)) return { 'request-id': id }
    this.#forgetOld()
    const operation: Operation = { status: { status: { id: 'IN_PROGRESS' }, operation: null }, endedAt: undefined, fetched: false }
    this.#operations.set(key, operation)
    const end = (outcome: object) => {
      operation.status = { status: { id: 'COMPLETED' }, operation: outcome }
      operation.endedAt = this.#environment.clock.now()
    }
    Promise.resolve()
      .then(act)
      .then(
        (outcome) => end(outcome as object),
        (error: unknown) =>
          end({ 'failure-cause': { class: error instanceof WeftError ? error.code : 'Error', 'stack-trace': stackTrace(error) } }),
      )
    return { 'request-id': id }
  }

  /** Undefined: there is none of that id. */
  status(scope: string, triggerId: string): OperationStatus<unknown> | undefined {
    const operation = this.#operations.get(`${scope}/${triggerId}`)
    if (operation === undefined) return undefined
    if (operation.endedAt !== undefined) {
      operation.fetched = true
      for (const resolve of this.#waiting.splice(0)) resolve()
    }
    return operation.status
  }

  /** Before the master goes: resolves when every outcome was asked for, after `patience` ms at the latest. */
  async drained(patience: Millis): Promise<void> {
    let stop = (): void => undefined
    const over = new Promise<'over'>((resolve) => {
      const timer = this.#environment.timers.after(patience, () => resolve('over'))
      stop = () => timer.cancel()
    })
    while ([...this.#operations.values()].some((operation) => !operation.fetched)) {
      if ((await Promise.race([over, new Promise<void>((resolve) => this.#waiting.push(resolve))])) === 'over') return
    }
    stop() // a pending timer would keep the process
  }

  #forgetOld(): void {
    const now = this.#environment.clock.now()
    for (const [key, { endedAt }] of this.#operations) {
      if (endedAt === undefined) continue
      if (now - endedAt >= this.#storeDuration || this.#operations.size >= MAX_OPERATIONS) this.#operations.delete(key)
    }
  }
}
