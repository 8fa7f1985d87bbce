/**
 * The keyed state of one subtask of a function operator: its keys, one table of entries for all states, lists, maps and timers, and which
 * key and window are being worked on. Values lie in bytes (columnar/object-codec.ts) outside of JavaScript's heap.
 *
 *   $state                entries
 *   value:<name>          one per key
 *   list:<name>           chunks of encoded items; sub-key: number of the chunk
 *   map:<name>            one per user key (sub-key: its canonical form), and an empty head that links them
 *   timer:<domain>        one per timer; sub-key: its time
 *
 * Keys are columns of the input, hashed as the exchange hashed them, so that a key's group is the one that it came by.
 */
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from '../../columnar/batch.js'
import { hashRows } from '../../columnar/hash.js'
import { ObjectReader, ObjectWriter } from '../../columnar/object-codec.js'
import { readString } from '../../columnar/value.js'
import type { Float64Vector, Utf8Vector, Vector } from '../../columnar/vector.js'
import { ENTRY_COLUMNS, EntryTable } from '../../state/entry-table.js'
import { identityPositions } from '../../state/growable.js'
import { KeyTable } from '../../state/key-table.js'
import { KeyedTables } from '../../state/keyed-tables.js'
import type { KeyedSnapshot, RestoredRows, SnapshotRequest } from '../../state/snapshot.js'
import type { OperatorContext } from '../operator.js'
import type { KeyLayout } from './definition.js'
import { columnReader } from './element-reader.js'
import { NoCurrentKey } from './errors.js'
import type { TypeInformation } from './type-information.js'

export const NO_KEY = -1
/** Entries that are looked at for their age after each batch. */
const EXPIRY_ENTRIES = 256

/** How a state with a time-to-live gives up an entry; its key and window are current then. */
export interface Expiring {
  readonly ttl: number
  /** False: the entry's time is not an age. */
  carriesTime(entry: number): boolean
  drop(entry: number): void
}
const VERSION = 1

export class KeyedState {
  readonly context: OperatorContext
  readonly keys: KeyTable
  readonly entries: EntryTable
  readonly reader = new ObjectReader()
  /** For values; for map keys, whose form is canonical. Each use begins with truncate. */
  readonly writer = new ObjectWriter()
  readonly keyWriter = new ObjectWriter(true)
  /** What state handles refer to. */
  key = NO_KEY
  start = 0
  end = 0
  /** States with a time-to-live, by number. */
  readonly expiring = new Map<number, Expiring>()
  /** Called before a snapshot: write back what is held elsewhere. */
  readonly beforeSnapshot: (() => void)[] = []
  readonly #keyType: TypeInformation
  readonly #keySchema: Schema
  readonly #tables = new KeyedTables()
  #keyValue: unknown
  #keyValueOf = NO_KEY
  #ids = new Int32Array(0)
  #expiryCursor = 0

  /** `layout` and `schema` of one of the keyed inputs; all have keys of the same columns' types. */
  constructor(layout: KeyLayout, schema: Schema, context: OperatorContext) {
    this.context = context
    this.#keySchema = { fields: layout.columns.map((column) => schema.fields[column] as Schema['fields'][0]) }
    this.#keyType = layout.type
    const types = this.#keySchema.fields.map((field) => field.type)
    this.keys = new KeyTable(types)
    this.entries = new EntryTable('state', VERSION, types, this.keys)
    this.entries.changes = this.#tables.add(this.entries)
  }

  now(): number {
    return this.context.environment.clock.now()
  }

  /** Key ids of the batch's rows, by row; valid until the next call. */
  assign(batch: Batch, columns: readonly number[]): Int32Array {
    const positions = batch.selection ?? identityPositions(batch.length)
    if (this.#ids.length < batch.length) this.#ids = new Int32Array(Math.max(batch.length, 1024))
    this.keys.assign(batch, columns, positions, batch.length, hashRows(batch, columns), this.#ids)
    this.#keyValueOf = NO_KEY
    return this.#ids
  }

  /** What follows is about that key, in no window. */
  useKey(key: number): void {
    this.key = key
    this.start = 0
    this.end = 0
  }

  useWindow(start: number, end: number): void {
    this.start = start
    this.end = end
  }

  /** Nothing is current; keys of the batch (row ids `ids`) that have no state are forgotten. */
  release(ids: Int32Array, count: number): void {
    this.key = NO_KEY
    let released: Set<number> | undefined // a key may have several rows
    for (let i = 0; i < count; i++) {
      const id = ids[i] as number
      if (this.entries.referencesOf(id) > 0 || released?.has(id) === true) continue
      released = (released ?? new Set()).add(id)
      this.keys.remove(id)
    }
  }

  /** The same for one key. */
  releaseKey(key: number): void {
    this.key = NO_KEY
    if (key >= 0 && this.entries.referencesOf(key) === 0) this.keys.remove(key)
  }

  /** Looks at the next few entries, and takes away those whose time is over. Between elements. */
  expire(): void {
    if (this.expiring.size === 0) return
    const { entries } = this
    const now = this.now()
    for (let left = Math.min(EXPIRY_ENTRIES, entries.idLimit); left > 0; left--) {
      if (this.#expiryCursor >= entries.idLimit) this.#expiryCursor = 0
      const entry = this.#expiryCursor++
      if (!entries.has(entry)) continue
      const state = this.expiring.get(entries.stateOf(entry))
      if (state === undefined || !state.carriesTime(entry) || now - entries.timeOf(entry) < state.ttl) continue
      const key = entries.keyOf(entry)
      this.key = key
      this.useWindow(entries.startOf(entry), entries.endOf(entry))
      state.drop(entry)
      this.releaseKey(key)
    }
  }

  /** @throws PROCESS_NO_KEY */
  requireKey(what: string): number {
    if (this.key < 0) throw new NoCurrentKey({ operator: this.context.operatorName, what })
    return this.key
  }

  /** The current key as the program knows it. @throws PROCESS_NO_KEY */
  keyValue(): unknown {
    const key = this.requireKey('the current key')
    if (this.#keyValueOf !== key) {
      this.#keyValue = this.#readKey(key)
      this.#keyValueOf = key
    }
    return this.#keyValue
  }

  #readKey(key: number): unknown {
    const columns = this.keys.keyColumns(Int32Array.of(key), 1)
    const values = columns.map((column) => this.#readKeyColumn(column))
    if (this.#keyType.kind !== 'row') return values[0]
    return Object.fromEntries(this.#keyType.schema.fields.map((field, i) => [field.name, values[i]]))
  }

  #readKeyColumn(column: Vector): unknown {
    if (column.type.kind !== 'BYTES' || column.kind !== 'utf8') return columnReader(column)(0)
    return this.reader.read(column.bytes, column.offsets[0] as number, (column.offsets[0] as number) + (column.lengths[0] as number))
  }

  // --- Stateful ---

  stateTables(): readonly StateTableDescriptor[] {
    return this.#tables.descriptors()
  }

  snapshot(request: SnapshotRequest): KeyedSnapshot | undefined {
    for (const write of this.beforeSnapshot) write()
    return this.#tables.snapshot(request, this.context.maxParallelism)
  }

  checkpointComplete(checkpointId: number): void {
    this.#tables.checkpointComplete(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.#tables.checkpointAborted(checkpointId)
  }

  /** Puts entries back; `restored` is told each: links are its business. */
  restore(rows: RestoredRows, restored: (entry: number) => void): void {
    const { batch } = rows
    const keyColumns = this.#keySchema.fields.map((_, i) => i)
    const ids = this.assign(batch, keyColumns)
    const column = (name: (typeof ENTRY_COLUMNS)[number]) => batch.columns[keyColumns.length + ENTRY_COLUMNS.indexOf(name)] as Vector
    const states = column('$state') as Utf8Vector
    const starts = (column('$start') as Float64Vector).values
    const ends = (column('$end') as Float64Vector).values
    const subs = column('$sub') as Utf8Vector
    const values = column('$value') as Utf8Vector
    const times = (column('$time') as Float64Vector).values
    for (let row = 0; row < batch.length; row++) {
      const p = batch.position(row)
      const state = this.entries.stateNumber(readString(states, p))
      const sub = subs.offsets[p] as number
      const entry = this.entries.assign(
        ids[row] as number,
        state,
        starts[p] as number,
        ends[p] as number,
        subs.bytes,
        sub,
        subs.lengths[p] as number,
      )
      this.entries.write(entry, values.bytes, values.offsets[p] as number, values.lengths[p] as number, times[p] as number)
      restored(entry)
    }
  }
}
