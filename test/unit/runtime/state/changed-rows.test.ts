import { expect } from 'chai'
import fc from 'fast-check'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { batchBytes } from '#runtime/columnar/batch-bytes.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { keyGroupOf } from '#runtime/columnar/hash.js'
import type { Int32Vector } from '#runtime/columnar/vector.js'
import { KeyedTables } from '#runtime/state/keyed-tables.js'
import { RowPages, type OwnedTable, type PagedRows } from '#runtime/state/row-pages.js'
import { RowStore } from '#runtime/state/row-store.js'
import type { KeyedRows, KeyedSnapshot } from '#runtime/state/snapshot.js'
import type { RowChanges } from '#runtime/state/stored-table.js'

const SCHEMA = schema(['key', INT], ['version', INT])
const TEXTS = schema(['key', INT], ['text', STRING])
const VERSION = 0
const MAX_PARALLELISM = 32768

/** Rows of one owner: a key for life, and a version that changes. The key is the row's hash too. */
class Rows {
  readonly store = new RowStore([INT], 1)
  readonly ids: number[] = []
  changes: RowChanges | PagedRows | undefined

  readonly table: Omit<OwnedTable, 'hashes'> & Required<Pick<OwnedTable, 'hashes'>> = {
    liveBits: () => this.store.liveBits(),
    read: (ids, count) => [
      ...this.store.columns(ids, count),
      { kind: 'int32', type: INT, nulls: undefined, values: this.store.extras(ids, count, VERSION) },
    ],
    hashes: (ids, count) => (this.store.column(0, ids, count) as Int32Vector).values,
  }

  add(keys: readonly number[]): void {
    const ids = new Int32Array(keys.length)
    const column: Int32Vector = { kind: 'int32', type: INT, nulls: undefined, values: Int32Array.from(keys) }
    this.store.addRows(
      [column],
      Int32Array.from(keys, (_, i) => i),
      keys.length,
      ids,
    )
    this.changes?.touch(ids, ids.length, this.store.idLimit)
    this.ids.push(...ids)
  }

  change(ids: Int32Array): void {
    this.changes?.touch(ids, ids.length, this.store.idLimit)
    for (const id of ids) this.store.setExtra(id, VERSION, this.store.extra(id, VERSION) + 1)
  }

  remove(count: number, from: number): void {
    const ids = Int32Array.from(this.ids.splice(from, count))
    this.changes?.remove(ids, ids.length)
    for (const id of ids) this.store.remove(id)
  }

  clear(): void {
    this.changes?.removeAll()
    this.store.clear()
    this.ids.length = 0
  }

  /** All rows as one number each. */
  content(): number[] {
    const ids = Int32Array.from(this.ids)
    const [keys, versions] = this.table.read(ids, ids.length) as [Int32Vector, Int32Vector]
    return Array.from(ids, (_, i) => rowNumber(keys, versions, i))
  }
}

function rowNumber(keys: Int32Vector, versions: Int32Vector, row: number): number {
  return (keys.values[row] as number) * 1000 + (versions.values[row] as number)
}

/** A table with its owners, and what its task would do: chains of snapshots by id, applied newest last. */
class Table {
  readonly tables = new KeyedTables()
  readonly owners: Rows[]
  /** Rows by id as of the newest complete snapshot. */
  #confirmed: ReadonlyMap<number, number> = new Map()
  open: {
    id: number
    base: Map<number, number>
    keyed: KeyedSnapshot
    expected: Float64Array
    full: boolean
    seen: Set<number>
    read: boolean
  }[] = []
  #checkpoints = 0
  #nextKey = 1

  constructor(paged: boolean) {
    this.owners = Array.from({ length: paged ? 3 : 1 }, () => new Rows())
    const descriptor = { name: 'rows', schema: SCHEMA, version: 1 }
    if (paged) {
      const pages = new RowPages(descriptor, true, this.tables)
      for (const rows of this.owners) rows.changes = pages.owner(rows.table)
    } else for (const rows of this.owners) rows.changes = this.tables.add({ ...rows.table, descriptor })
  }

  keys(count: number): number[] {
    return Array.from({ length: count }, () => this.#nextKey++)
  }

  content(): Float64Array {
    return Float64Array.from(this.owners.flatMap((rows) => rows.content())).sort()
  }

  begin(full: boolean): void {
    const id = ++this.#checkpoints
    const keyed = this.tables.snapshot({ checkpointId: id, full }, MAX_PARALLELISM) as KeyedSnapshot
    const base = new Map(full ? [] : this.#confirmed)
    this.open.push({ id, base, keyed, expected: this.content(), full, seen: new Set(), read: false })
  }

  drain(at: number): boolean {
    const open = this.open[at]
    if (open === undefined || open.read) return true
    const rows = open.keyed.next()
    if (rows === undefined) {
      open.read = true
      open.keyed.close()
      const found = Float64Array.from(open.base.values()).sort()
      const same = found.length === open.expected.length && found.every((row, i) => row === open.expected[i])
      if (!same) expect([...found], 'rows of the snapshot').to.deep.equal([...open.expected])
      return true
    }
    expect(rows.ids.length + rows.removed.length).to.be.greaterThan(0)
    const [keys, versions] = rows.batch.columns as [Int32Vector, Int32Vector]
    if (open.full && rows.removed.length > 0) throw new Error('a full snapshot removes nothing')
    rows.ids.forEach((id, i) => {
      open.base.set(id, rowNumber(keys, versions, i))
      if (rows.keyGroups[i] !== keyGroupOf(keys.values[i] as number, MAX_PARALLELISM)) throw new Error(`key group of row ${id}`)
    })
    for (const id of rows.removed) open.base.delete(id)
    for (const id of [...rows.ids, ...rows.removed]) {
      if (open.seen.has(id)) throw new Error(`id ${id} comes twice`)
      open.seen.add(id)
    }
    return false
  }

  complete(at: number): void {
    const done = this.open[at]
    if (done === undefined) return
    while (!this.drain(at));
    for (const older of this.open.slice(0, at)) this.abort(this.open.indexOf(older))
    this.open = this.open.filter((other) => other !== done)
    this.#confirmed = done.base
    this.tables.checkpointComplete(done.id)
  }

  abort(at: number): void {
    const [aborted] = this.open.splice(at, 1)
    if (aborted === undefined) return
    aborted.keyed.close()
    this.tables.checkpointAborted(aborted.id)
  }
}

describe('ChangedRows', () => {
  for (const paged of [false, true]) {
    it(`snapshots show the moment they were taken, while rows change, come and go${paged ? ' (rows of several owners)' : ''}`, () => {
      const step = fc.tuple(fc.nat(11), fc.nat(2), fc.nat(2500), fc.nat(1_000_000))
      fc.assert(
        fc.property(fc.array(step, { minLength: 20, maxLength: 40 }), (steps) => {
          const table = new Table(paged)
          for (const [action, which, size, place] of steps) {
            const rows = table.owners[which % table.owners.length] as Rows
            const from = rows.ids.length === 0 ? 0 : place % rows.ids.length
            const at = table.open.length === 0 ? 0 : place % table.open.length
            if (action <= 1) rows.add(table.keys(size))
            else if (action <= 3) rows.change(Int32Array.from(rows.ids.slice(from, from + (size >> 1))))
            else if (action === 4) rows.change(Int32Array.from(rows.ids.filter((_, i) => i % 97 === 0)))
            else if (action === 11 && size % 2 === 1) for (const id of rows.ids.slice(from, from + 100)) rows.change(Int32Array.of(id))
            else if (action === 5) rows.remove(size, from)
            else if (action === 6 && size < 500) rows.clear()
            else if (action <= 8) {
              if (table.open.length < 4) table.begin(size % 4 === 0)
              for (let piece = size % 3; piece > 0; piece--) table.drain(table.open.length - 1)
            } else if (action === 9) table.drain(at)
            else if (action === 10) table.complete(at)
            else table.abort(at)
          }
          table.begin(false)
          table.complete(table.open.length - 1)
        }),
        { numRuns: 30 },
      )
    }).timeout(20_000)
  }

  it('an increment has what changed since the newest complete snapshot, and nothing else', () => {
    const table = new Table(false)
    const [rows] = table.owners as [Rows]
    rows.add(table.keys(5000))
    let number = 100
    const sizes = (full = false): [rows: number, removed: number] => {
      const id = number++
      const keyed = table.tables.snapshot({ checkpointId: id, full }, 128) as KeyedSnapshot
      let [held, removed] = [0, 0]
      for (let piece = keyed.next(); piece !== undefined; piece = keyed.next()) {
        held += piece.ids.length
        removed += piece.removed.length
      }
      last = id
      return [held, removed]
    }
    let last = 0
    expect(sizes()).to.deep.equal([5000, 0])
    rows.change(Int32Array.of(7, 7, 4999))
    expect(sizes(), 'the first was not complete').to.deep.equal([5000, 0])
    table.tables.checkpointComplete(last)
    expect(sizes()).to.deep.equal([0, 0])
    table.tables.checkpointComplete(last)
    rows.change(Int32Array.of(7, 7, 4999))
    rows.remove(3, 10)
    expect(sizes()).to.deep.equal([2, 3])
    rows.add(table.keys(1))
    expect(sizes(), 'not complete yet: both changes').to.deep.equal([3, 2])
    table.tables.checkpointAborted(last)
    table.tables.checkpointAborted(last - 1)
    expect(sizes()).to.deep.equal([3, 2])
    expect(sizes(true)).to.deep.equal([4998, 0])
    table.tables.checkpointComplete(last)
    expect(sizes()).to.deep.equal([0, 0])
  })

  /** Rows of texts, changed one at a time. */
  function texts(lengths: readonly number[]) {
    const store = new RowStore([INT, STRING])
    const tables = new KeyedTables()
    const changes = tables.add({
      descriptor: { name: 'texts', schema: TEXTS, version: 1 },
      liveBits: () => store.liveBits(),
      read: (ids, count) => store.columns(ids, count),
    })
    const builder = new BatchBuilder(TEXTS, lengths.length)
    lengths.forEach((length, key) => builder.appendRow([key, 'x'.repeat(length)]))
    const batch = builder.finish()
    const ids = new Int32Array(lengths.length)
    store.addRows(
      batch.columns,
      Int32Array.from(lengths, (_, i) => i),
      lengths.length,
      ids,
    )
    return { changes, ids, keyed: tables.snapshot({ checkpointId: 1, full: true }, 128) as KeyedSnapshot, idLimit: store.idLimit }
  }
  const bytesOf = ({ batch }: KeyedRows): number => batchBytes(batch)

  it('large rows are read in pieces of about the same size, whatever came before them', () => {
    const lengths = Array.from({ length: 3000 }, (_, i) => (i < 1000 ? 3 : i < 2000 ? 20_000 : 300))
    const { keyed } = texts(lengths)
    const seen = new Set<number>()
    for (let piece = keyed.next(); piece !== undefined; piece = keyed.next()) {
      expect(bytesOf(piece)).to.be.lessThan(1.2 * 1024 * 1024)
      for (const id of piece.ids) seen.add(id)
    }
    expect(seen.size).to.equal(3000)
  })

  it('rows that change one at a time are put together, count while they are kept, and leave in large pieces', () => {
    const { changes, ids, keyed, idLimit } = texts(Array.from({ length: 5000 }, () => 100))
    for (const id of ids) changes.touch(Int32Array.of(id), 1, idLimit)
    const kept = keyed.keptBytes
    expect(kept).to.be.within(5000 * 100, 5000 * 120)
    const pieces: number[] = []
    for (let piece = keyed.next(); piece !== undefined; piece = keyed.next()) pieces.push(piece.ids.length)
    expect(pieces.reduce((sum, rows) => sum + rows, 0)).to.equal(5000)
    expect(pieces.length).to.be.lessThan(10)
    expect(keyed.keptBytes).to.equal(0)
  })

  it('what is kept is given up with its snapshot', () => {
    const { changes, ids, keyed, idLimit } = texts([100, 100])
    changes.touch(ids, 2, idLimit)
    expect(keyed.keptBytes).to.be.greaterThan(200)
    keyed.close()
    expect(keyed.keptBytes).to.equal(0)
    expect(keyed.next()).to.equal(undefined)
  })
})
