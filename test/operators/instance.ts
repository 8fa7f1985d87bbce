/**
 * One subtask of an operator under test, and what its task does about checkpoints: it reads snapshots piece by piece into segments,
 * keeps the chain of confirmed ones, and makes handles of it (runtime/checkpoint's own writer and reader).
 */
import type { KeyedStateHandle, ListState, StateBytes } from '#core/checkpoint/state-handles.js'
import { FileSystems } from '#core/fs/file-systems.js'
import { openKeyedState } from '#runtime/checkpoint/keyed-restore.js'
import { SegmentWriter } from '#runtime/checkpoint/segment-writer.js'
import type { Operator, OperatorContext, Output, SourceOperator } from '#runtime/operators/operator.js'
import type { KeyedSnapshot, RestoredRows } from '#runtime/state/snapshot.js'

/** State of one subtask, as it would be acknowledged. */
export interface StoredState {
  readonly keyed: KeyedStateHandle | undefined
  readonly lists: Readonly<Record<string, ListState>>
}

interface Open {
  readonly checkpointId: number
  readonly base: readonly StateBytes[]
  readonly keyed: KeyedSnapshot | undefined
  readonly lists: Readonly<Record<string, ListState>>
  readonly writer: SegmentWriter
  readonly pieces: Uint8Array[]
  stored: StoredState | undefined
}

export class Instance {
  readonly operator: Operator | SourceOperator
  readonly context: OperatorContext
  readonly #open = new Map<number, Open>()
  #confirmed: readonly StateBytes[] = []

  constructor(operator: Operator | SourceOperator, context: OperatorContext) {
    this.operator = operator
    this.context = context
  }

  async start(output: Output, restore: readonly StoredState[] | undefined): Promise<void> {
    await this.operator.open?.(this.context, output)
    if (restore === undefined) return
    const handles = restore.flatMap(({ keyed }) => (keyed === undefined ? [] : [keyed]))
    const tables = this.operator.stateTables?.() ?? []
    const { keyGroups, operatorName: operator } = this.context
    const keyed: AsyncIterable<RestoredRows> = await openKeyedState(new FileSystems('/'), { operator, tables, handles, keyGroups })
    const lists: Record<string, unknown[]> = {}
    for (const { lists: stored } of restore) {
      for (const [name, { mode, items }] of Object.entries(stored)) {
        // One copy of a BROADCAST list counts.
        if (mode === 'UNION' || lists[name] === undefined) lists[name] = [...(lists[name] ?? []), ...items]
      }
    }
    await this.operator.restoreState?.({ keyed, lists })
  }

  begin(checkpointId: number, full: boolean): void {
    const { keyed, lists = {} } = this.operator.snapshotState?.({ checkpointId, full }) ?? {}
    for (const { mode } of Object.values(lists))
      if (mode === 'SPLIT') throw new Error('the harness deals out UNION and BROADCAST lists only')
    const writer = new SegmentWriter(this.operator.stateTables?.() ?? [])
    this.#open.set(checkpointId, {
      checkpointId,
      base: full ? [] : this.#confirmed,
      keyed,
      lists: JSON.parse(JSON.stringify(lists)) as Record<string, ListState>,
      writer,
      pieces: [writer.begin()],
      stored: undefined,
    })
  }

  /** Reads one piece of the snapshot. True: that was all. */
  drain(checkpointId: number): boolean {
    const open = this.#open.get(checkpointId) as Open
    if (open.stored !== undefined) return true
    const rows = open.keyed?.next()
    if (rows !== undefined) {
      open.pieces.push(open.writer.block(rows))
      return false
    }
    open.keyed?.close()
    open.pieces.push(open.writer.end())
    const { length, checksum } = open.writer
    const base64 = Buffer.concat(open.pieces).toString('base64')
    const { first, last } = this.context.keyGroups
    const handle: KeyedStateHandle = {
      firstKeyGroup: first,
      lastKeyGroup: last,
      tables: [...(this.operator.stateTables?.() ?? [])],
      segments: [...open.base, { kind: 'inline', base64, length, checksum }],
    }
    open.stored = { keyed: open.keyed === undefined ? undefined : handle, lists: open.lists }
    return true
  }

  /** What was drained to the end. */
  stored(checkpointId: number): StoredState {
    return this.#open.get(checkpointId)?.stored as StoredState
  }

  complete(checkpointId: number): void {
    this.#confirmed = this.stored(checkpointId).keyed?.segments ?? []
    this.#open.delete(checkpointId)
    this.operator.checkpointComplete?.(checkpointId)
  }

  abort(checkpointId: number): void {
    this.#open.get(checkpointId)?.keyed?.close()
    this.#open.delete(checkpointId)
    this.operator.checkpointAborted?.(checkpointId)
  }
}
