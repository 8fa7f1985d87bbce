/**
 * What a task's sinks prepared and no complete checkpoint has made visible yet. Of a checkpoint that is given up it goes with the next
 * one: the rows are in no later preparation.
 */
import type { OperatorId } from '#core/ids/ids.js'

interface Prepared {
  readonly checkpointId: number
  readonly operatorId: OperatorId
  readonly committables: Promise<readonly unknown[]>
  /** Undefined: still being prepared. */
  ready: readonly unknown[] | undefined
}

export class Committables {
  #prepared: Prepared[] = []
  readonly #onFailure: (error: unknown) => void
  readonly #onReady: () => void

  /** `onFailure`: rows cannot be made visible any more, the task has to fail. */
  constructor(onFailure: (error: unknown) => void, onReady: () => void) {
    this.#onFailure = onFailure
    this.#onReady = onReady
  }

  get preparing(): boolean {
    return this.#prepared.some(({ ready }) => ready === undefined)
  }

  prepare(checkpointId: number, operatorId: OperatorId, committables: Promise<readonly unknown[]>): void {
    const prepared: Prepared = { checkpointId, operatorId, committables, ready: undefined }
    this.#prepared.push(prepared)
    committables.then(
      (ready) => {
        prepared.ready = ready
        this.#onReady()
      },
      (error: unknown) => this.#onFailure(error),
    )
  }

  /** By operator, of that checkpoint and of earlier ones that are not known to be complete. */
  async upTo(checkpointId: number): Promise<ReadonlyMap<OperatorId, readonly unknown[]>> {
    const all = new Map<OperatorId, unknown[]>()
    for (const prepared of this.#prepared.filter((each) => each.checkpointId <= checkpointId)) {
      const ready = await prepared.committables
      if (ready.length > 0) all.set(prepared.operatorId, [...(all.get(prepared.operatorId) ?? []), ...ready])
    }
    return all
  }

  /** The checkpoint is complete: what it holds is its committers' from now on. */
  confirm(checkpointId: number): void {
    this.#prepared = this.#prepared.filter((each) => each.checkpointId > checkpointId)
  }

  all(): { operatorId: OperatorId; committable: unknown }[] {
    return this.#prepared.flatMap(({ operatorId, ready }) => (ready ?? []).map((committable) => ({ operatorId, committable })))
  }
}
