/**
 * The contract of operators' state with the task: how a snapshot is taken without stopping the operator, and how it comes back.
 *
 * Keyed state is a set of tables. A row of a table has an id, dense and unique within the table while it lives; a snapshot is the rows
 * that changed since the last confirmed one (or all), each with its id and key group, and the ids that ceased to be. Rows are batches:
 * their wire form (columnar/wire.ts) is the form in files, and inserting them is all there is to restoring, at any parallelism.
 *
 *   barrier ──▶ snapshotState(): marks, in microseconds ──▶ next(), next(), … between later elements ──▶ segment of a file
 *                                        │
 *                    a marked row about to change is copied first (the snapshot shows the barrier's moment)
 */
import type { ListState, StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { Batch } from '../columnar/batch.js'

/** Rows of one table. */
export interface KeyedRows {
  readonly table: string
  /** Position in the batch = position in `ids` and `keyGroups`. No selection, no row kinds. */
  readonly batch: Batch
  readonly ids: Int32Array
  readonly keyGroups: Uint16Array
  /** Ids whose rows are gone since the last confirmed snapshot; never an id of a row that is part of this snapshot. */
  readonly removed: Int32Array
}

/** A consistent copy of an operator's keyed state, read in pieces while the operator goes on. */
export interface KeyedSnapshot {
  /** Rows, at most a few ms of work; undefined: that was all. Tables in the order of their declaration, each in one run. */
  next(): KeyedRows | undefined
  /** Bytes of rows that had to be copied because they changed before they were read, and have not been read since. */
  readonly keptBytes: number
  /** Nothing more is wanted (all was read, or the checkpoint was given up). */
  close(): void
}

export interface OperatorSnapshot {
  readonly keyed?: KeyedSnapshot | undefined
  /** By name; copies, small. */
  readonly lists?: Readonly<Record<string, ListState>> | undefined
}

export interface SnapshotRequest {
  readonly checkpointId: number
  /** All rows; otherwise those that changed since the newest confirmed snapshot. */
  readonly full: boolean
}

/** Rows as they come back: tables in the order of their declaration, per handle; newest versions only, of this subtask's key groups. */
export interface RestoredRows {
  /** Counts the handles: ids are unique within one handle and table. */
  readonly handle: number
  readonly table: string
  /** As in KeyedRows: no selection, no row kinds. */
  readonly batch: Batch
  readonly ids: Int32Array
  readonly keyGroups: Uint16Array
}

export interface RestoredState {
  readonly keyed: AsyncIterable<RestoredRows>
  readonly lists: Readonly<Record<string, readonly unknown[]>>
}

/** The part of operators and sources that outlives a failure. Whoever has state implements all but the optional notices. */
export interface Stateful {
  /** Its keyed tables; the same for every run of the same plan. Rows of a table may refer to ids of tables before it. */
  stateTables?(): readonly StateTableDescriptor[]
  /** Once, after open() and before anything else, only when there is something to restore. */
  restoreState?(state: RestoredState): void | Promise<void>
  /** Between two elements, with no work of its own under way. Must return within a millisecond or two. */
  snapshotState?(request: SnapshotRequest): OperatorSnapshot
  /** The checkpoint is complete: later snapshots may leave out what it holds. Comes for each at most once, in order. */
  checkpointComplete?(checkpointId: number): void
  /** It will never be. What it held counts as changed again. */
  checkpointAborted?(checkpointId: number): void
}
