/** The result partitions of one slot's tasks, and the consumers that wait for partitions still to come. */
import type { EdgeId, ExecutionAttemptId } from '#core/ids/ids.js'
import type { Environment } from '#core/time/environment.js'
import { PartitionNotFound } from './errors.js'
import type { ResultPartition } from './result-partition.js'
import type { Subpartition } from './subpartition.js'

/** How long a consumer waits for its producer to be deployed. */
export const PARTITION_WAIT_MS = 30_000

export interface PartitionKey {
  readonly producer: ExecutionAttemptId
  readonly edge: EdgeId
  readonly subpartition: number
}

export class PartitionRegistry {
  readonly #environment: Environment
  readonly #where: string
  readonly #partitions = new Map<string, ResultPartition>()
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(environment: Environment, where: string) {
    this.#environment = environment
    this.#where = where
  }

  register(producer: ExecutionAttemptId, partition: ResultPartition): void {
    const key = keyOf(producer, partition.descriptor.edgeId)
    this.#partitions.set(key, partition)
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    for (const arrived of waiting ?? []) arrived()
  }

  unregister(producer: ExecutionAttemptId, partition: ResultPartition): void {
    this.#partitions.delete(keyOf(producer, partition.descriptor.edgeId))
  }

  /**
   * Hands the subpartition over when it is there, at once or later; each has one reader. Returns how to give up waiting.
   * `failed`: NETWORK_PARTITION_NOT_FOUND.
   */
  request(wanted: PartitionKey, found: (subpartition: Subpartition) => void, failed: (error: Error) => void): () => void {
    const key = keyOf(wanted.producer, wanted.edge)
    const notFound = () =>
      failed(new PartitionNotFound({ producer: wanted.producer, edge: wanted.edge, where: this.#where, timeoutMs: PARTITION_WAIT_MS }))
    const deliver = () => {
      const subpartition = this.#partitions.get(key)?.subpartition(wanted.subpartition)
      if (subpartition === undefined || subpartition.attached) notFound()
      else found(subpartition)
    }
    if (this.#partitions.has(key)) {
      deliver()
      return () => undefined
    }
    const waiting = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, waiting)
    const stop = () => {
      timer.cancel()
      waiting.delete(arrived)
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key)
    }
    const arrived = () => {
      stop()
      deliver()
    }
    const timer = this.#environment.timers.after(PARTITION_WAIT_MS, () => {
      stop()
      notFound()
    })
    waiting.add(arrived)
    return stop
  }
}

function keyOf(producer: ExecutionAttemptId, edge: EdgeId): string {
  return `${producer}/${edge}`
}
