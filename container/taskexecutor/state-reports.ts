/**
 * Tells the JobMaster the states of tasks: for each task in order, each one repeated until it is acknowledged (the JobMaster takes
 * repetitions well). What cannot be told any more, because the job or this master is gone, is dropped.
 */
import type { ExecutionAttemptId, JobId } from '#core/ids/ids.js'
import { logger } from '#core/log/logger.js'
import { ConnectionLost, Fenced, UnknownEndpoint } from '#core/rpc/rpc-connection.js'
import { sleep, type Environment } from '#core/time/environment.js'
import { backoffDelay } from '#core/time/backoff.js'
import type { TaskStateUpdate } from './slot-messages.js'

const log = logger('TaskExecutor')
const RETRY = { first: 100, most: 5_000 }

export class StateReports {
  readonly #environment: Environment
  readonly #send: (jobId: JobId, update: TaskStateUpdate) => Promise<unknown>
  readonly #queues = new Map<ExecutionAttemptId, TaskStateUpdate[]>()
  #closed = false

  /** `send`: one try. */
  constructor(environment: Environment, send: (jobId: JobId, update: TaskStateUpdate) => Promise<unknown>) {
    this.#environment = environment
    this.#send = send
  }

  report(jobId: JobId, update: TaskStateUpdate): void {
    if (this.#closed) return
    const queue = this.#queues.get(update.executionAttemptId)
    if (queue !== undefined) return void queue.push(update)
    const fresh = [update]
    this.#queues.set(update.executionAttemptId, fresh)
    void this.#deliver(jobId, update.executionAttemptId, fresh)
  }

  /** The master is gone: nothing more is told. */
  close(): void {
    this.#closed = true
    this.#queues.clear()
  }

  async #deliver(jobId: JobId, task: ExecutionAttemptId, queue: TaskStateUpdate[]): Promise<void> {
    for (let next = queue[0]; next !== undefined && !this.#closed; next = queue[0]) {
      await this.#deliverOne(jobId, next)
      queue.shift()
    }
    this.#queues.delete(task)
  }

  async #deliverOne(jobId: JobId, update: TaskStateUpdate): Promise<void> {
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        await this.#send(jobId, update)
        return
      } catch (error) {
        if (ConnectionLost.is(error) || Fenced.is(error) || UnknownEndpoint.is(error)) {
          log.debug(`State ${update.state} of ${update.executionAttemptId} is not told: ${(error as Error).message}`)
          return
        }
        log.warn(`State ${update.state} of ${update.executionAttemptId} is not acknowledged yet (try ${attempt})`, error)
        await sleep(this.#environment, backoffDelay(RETRY, attempt, this.#environment.random))
      }
    }
  }
}
