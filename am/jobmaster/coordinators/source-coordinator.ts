/**
 * One source's enumerator with what makes its splits safe: which were handed out since the newest complete checkpoint (a subtask that
 * starts again gives them back), and answers held back around a snapshot, so that a split is either in the enumerator's snapshot or in
 * the reader's. Flink's SourceCoordinatorContext with its SplitAssignmentTracker.
 *
 *   enumerator's snapshot ──── held: no split goes out ──── subtask's snapshot ──── released
 */
import { copyJson } from '#core/checkpoint/json-state.js'
import type { SplitEnumerator } from '#runtime/connectors/connector.js'

const STATE = "The state of a source's enumerator"
const SPLIT = 'A split'

interface HandedOut {
  readonly split: unknown
  /** The newest snapshot of the enumerator at that time, or the one it began from; -1: none. Later ones know of the split. */
  readonly after: number
}

export class SourceCoordinator {
  readonly #enumerator: SplitEnumerator
  readonly #handedOut = new Map<number, HandedOut[]>()
  /** By subtask: the checkpoints whose snapshot it has not taken yet. */
  readonly #held = new Map<number, Set<number>>()
  readonly #waiting = new Map<number, (() => void)[]>()
  /** By subtask: how often it was started again; what its earlier attempts still ask for is not handed out. */
  readonly #resets = new Map<number, number>()
  /** Counts starts and the close. */
  #run = 0
  #snapshot = -1

  constructor(enumerator: SplitEnumerator) {
    this.#enumerator = enumerator
  }

  /** All subtasks begin from `restored`, what snapshot gave for that checkpoint, or (both undefined) anew. May be repeated. */
  async start(restored: unknown, checkpointId: number | undefined): Promise<void> {
    this.#run++
    this.#forget()
    this.#snapshot = checkpointId ?? -1
    // The enumerator may change what it is given; the checkpoint keeps its own.
    await this.#enumerator.start(restored === undefined ? undefined : copyJson(restored, STATE))
  }

  /** False: splits that are out already cannot be told to this enumerator. */
  get takesAssigned(): boolean {
    return this.#enumerator.assigned !== undefined
  }

  /**
   * Right after `start`: what subtasks that run on were given after its state, by an earlier master. `after`: the newest checkpoint that the
   * subtask had been told of by then.
   */
  assigned(splits: readonly { readonly subtask: number; readonly split: unknown; readonly after: number }[]): void {
    if (splits.length === 0) return
    this.#enumerator.assigned?.(splits.map(({ split }) => copyJson(split, SPLIT)))
    for (const { subtask, split, after } of splits) this.#remember(subtask, split, Math.max(after, this.#snapshot))
  }

  /** The next split, null: there are no more; undefined: the one who asked is gone. @throws what the enumerator throws */
  async nextSplit(subtask: number): Promise<unknown> {
    const [run, resets] = [this.#run, this.#resetsOf(subtask)]
    for (;;) {
      await this.#released(subtask)
      if (run !== this.#run || resets !== this.#resetsOf(subtask)) return undefined
      const split = copyJson((await this.#enumerator.nextSplit(subtask)) ?? null, SPLIT)
      if (run !== this.#run) return undefined
      if (resets === this.#resetsOf(subtask) && !this.#held.has(subtask)) {
        if (split !== null) this.#remember(subtask, split)
        return split
      }
      // Taken across a snapshot, which has it: asked for again when the subtask has taken its own.
      if (split !== null) this.#enumerator.addSplitsBack([split], subtask)
    }
  }

  /**
   * The enumerator's state (JSON), as it is now. Call it where no split can be on its way from the enumerator to its answer: at the beginning of a
   * turn of the event loop (timers, input), not between promises of others. From now on nothing goes to these subtasks.
   */
  snapshot(checkpointId: number, subtasks: readonly number[]): unknown {
    const state = copyJson(this.#enumerator.snapshotState() ?? null, STATE)
    this.#snapshot = Math.max(this.#snapshot, checkpointId)
    for (const subtask of subtasks) this.#held.set(subtask, (this.#held.get(subtask) ?? new Set()).add(checkpointId))
    return state
  }

  release(checkpointId: number, subtask: number): void {
    const held = this.#held.get(subtask)
    if (held?.delete(checkpointId) !== true || held.size > 0) return
    this.#held.delete(subtask)
    this.#wake(subtask)
  }

  /** Readers' state in that checkpoint has the splits that were handed out before it. */
  checkpointComplete(checkpointId: number): void {
    for (const [subtask, splits] of this.#handedOut) {
      const later = splits.filter(({ after }) => after >= checkpointId)
      if (later.length > 0) this.#handedOut.set(subtask, later)
      else this.#handedOut.delete(subtask)
    }
  }

  /** These subtasks start again from the newest complete checkpoint, or from nothing: what they got since then is free again. */
  reset(subtasks: readonly number[]): void {
    for (const subtask of subtasks) {
      this.#resets.set(subtask, this.#resetsOf(subtask) + 1)
      this.#held.delete(subtask)
      this.#wake(subtask)
      const splits = (this.#handedOut.get(subtask) ?? []).map(({ split }) => split)
      this.#handedOut.delete(subtask)
      this.#enumerator.addSplitsBack(splits, subtask) // also when there are none: nobody waits any more
    }
  }

  /** Rows that wait in splits that were not handed out; undefined: not known. */
  pendingRecords(): number | undefined {
    const pending = this.#enumerator.pendingRecords?.()
    return pending !== undefined && Number.isFinite(pending) && pending >= 0 ? pending : undefined
  }

  async close(): Promise<void> {
    this.#run++
    this.#forget()
    await this.#enumerator.close()
  }

  #forget(): void {
    this.#handedOut.clear()
    this.#held.clear()
    for (const subtask of [...this.#waiting.keys()]) this.#wake(subtask)
  }

  #remember(subtask: number, split: unknown, after = this.#snapshot): void {
    const splits = this.#handedOut.get(subtask)
    const entry = { split, after }
    if (splits === undefined) this.#handedOut.set(subtask, [entry])
    else splits.push(entry)
  }

  #released(subtask: number): Promise<void> | undefined {
    if (!this.#held.has(subtask)) return undefined
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(subtask)
      if (waiting === undefined) this.#waiting.set(subtask, [resolve])
      else waiting.push(resolve)
    })
  }

  #wake(subtask: number): void {
    const waiting = this.#waiting.get(subtask) ?? []
    this.#waiting.delete(subtask)
    for (const resolve of waiting) resolve()
  }

  #resetsOf(subtask: number): number {
    return this.#resets.get(subtask) ?? 0
  }
}
