/**
 * Beside the JobMaster: enumerators and committers of a program's own sources and sinks, as the JobMaster calls them. Users' methods may be
 * synchronous, or missing.
 */
import type { JobId, OperatorId } from '#core/ids/ids.js'
import type { CommitterRestore, SinkCommitter, SplitEnumerator } from '#runtime/connectors/connector.js'
import { decodeElement } from '#runtime/connectors/collect/element-sink.js'
import type { Committer, Sink, Source, SplitEnumerator as UserEnumerator } from '#runtime/operators/process/connectors.js'
import type { FunctionDefinition } from '#runtime/operators/process/definition.js'

interface Place {
  readonly jobId: JobId
  readonly operatorId: OperatorId
  readonly parallelism: number
}

/** Undefined answers: the operator needs none. */
export interface FunctionCoordinators {
  enumerator(where: Place): Promise<SplitEnumerator | undefined>
  committer(where: Place): Promise<SinkCommitter | undefined>
}

export function functionCoordinators(definitions: ReadonlyMap<OperatorId, FunctionDefinition>): FunctionCoordinators {
  return {
    enumerator: async ({ jobId, operatorId, parallelism }) => {
      const definition = definitions.get(operatorId)
      if (definition?.kind !== 'source') return undefined
      return new FunctionEnumerator(definition.source, { jobId, parallelism })
    },
    committer: async ({ jobId, operatorId }) => {
      const definition = definitions.get(operatorId)
      if (definition?.kind !== 'sink') return undefined
      const committer = (definition.sink as Sink<unknown>).createCommitter?.({ jobId })
      return committer === undefined ? undefined : new FunctionCommitter(committer)
    },
  }
}

/** An element as `executeAndCollect` gives it to the program. */
export function decodeCollected(cell: string | null): unknown {
  return decodeElement(cell)
}

class FunctionEnumerator implements SplitEnumerator {
  readonly #source: Source<unknown>
  readonly #context: { readonly jobId: JobId; readonly parallelism: number }
  #enumerator: UserEnumerator<unknown> | undefined
  /** By subtask: answers the call that waits. */
  readonly #waiting = new Map<number, () => void>()

  constructor(source: Source<unknown>, context: { readonly jobId: JobId; readonly parallelism: number }) {
    this.#source = source
    this.#context = context
  }

  /** Each start is that of another enumerator: nothing of an earlier one is left in it. */
  async start(restored?: unknown): Promise<void> {
    await this.#enumerator?.close?.()
    this.#enumerator = this.#source.createEnumerator(this.#context)
    await this.#enumerator.start(restored)
  }

  nextSplit(subtaskIndex: number): Promise<unknown> {
    this.#waiting.get(subtaskIndex)?.()
    const enumerator = this.#started
    return new Promise((resolve, reject) => {
      let over = false
      const giveUp = () => {
        over = true
        resolve(null)
      }
      this.#waiting.set(subtaskIndex, giveUp)
      const done = () => {
        if (this.#waiting.get(subtaskIndex) === giveUp) this.#waiting.delete(subtaskIndex)
      }
      const asked = async () => enumerator.nextSplit(subtaskIndex)
      asked().then(
        (split) => {
          done()
          resolve(split)
          // Nobody listens any more. What an enumerator of before hands out is in the state that this one began with.
          if (over && split !== null && split !== undefined && enumerator === this.#enumerator)
            enumerator.addSplitsBack([split], subtaskIndex)
        },
        (error: unknown) => {
          done()
          reject(error as Error)
        },
      )
    })
  }

  snapshotState(): unknown {
    return this.#started.snapshotState()
  }

  addSplitsBack(splits: readonly unknown[], subtaskIndex: number): void {
    this.#waiting.get(subtaskIndex)?.()
    this.#waiting.delete(subtaskIndex)
    if (splits.length > 0) this.#started.addSplitsBack(splits, subtaskIndex)
  }

  pendingRecords(): number | undefined {
    return this.#enumerator?.pendingRecords?.()
  }

  async close(): Promise<void> {
    for (const giveUp of this.#waiting.values()) giveUp()
    this.#waiting.clear()
    await this.#enumerator?.close?.()
  }

  get #started(): UserEnumerator<unknown> {
    if (this.#enumerator === undefined) throw new Error('the enumerator was not started')
    return this.#enumerator
  }
}

class FunctionCommitter implements SinkCommitter {
  readonly #committer: Committer<unknown>

  constructor(committer: Committer<unknown>) {
    this.#committer = committer
  }

  /** What a checkpoint holds may not have been committed before the failure. */
  async start(restored?: CommitterRestore): Promise<void> {
    if (restored !== undefined && restored.committables.length > 0) await this.#committer.commit(restored.committables)
  }

  async commit(committables: readonly unknown[], last: boolean): Promise<void> {
    if (committables.length > 0) await this.#committer.commit(committables)
    if (last) await this.#committer.close?.()
  }

  async abort(): Promise<void> {
    await this.#committer.abort?.()
    await this.#committer.close?.()
  }
}
