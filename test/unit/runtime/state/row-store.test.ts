import { expect } from 'chai'
import fc from 'fast-check'
import type { Value } from '#core/types/logical-type.js'
import { readValue } from '#runtime/columnar/value.js'
import { OrderedRows, TREE_WORDS } from '#runtime/state/ordered-rows.js'
import { RowIndex } from '#runtime/state/row-index.js'
import { RowStore } from '#runtime/state/row-store.js'
import { batchOf } from '../../../operators/run.js'
import { schemaOf } from '../../../operators/rows.js'

const SCHEMA = schemaOf('b BOOLEAN, i INT, l BIGINT, x DOUBLE, d DECIMAL(30, 2), s STRING')
const ROW = fc.tuple(
  fc.constantFrom(true, false, null),
  fc.constantFrom(0, -1, null),
  fc.constantFrom(2n ** 40n, -1n, null),
  fc.constantFrom(0, -0, NaN, null),
  fc.constantFrom(10n ** 25n, -1n, null),
  fc.constantFrom('', 'a', 'ü'.repeat(20), null),
)
const types = SCHEMA.fields.map((field) => field.type)
const nameOf = (row: readonly Value[]): string => row.map((value) => `${typeof value} ${Object.is(value, -0) ? '-0' : value}`).join('|')

describe('RowStore and RowIndex', () => {
  it('keep rows, find them by content and use their ids again', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ROW, fc.nat(2)), { maxLength: 80 }), fc.nat(40), (steps, enableAt) => {
        const store = new RowStore(types, 2)
        const index = new RowIndex(store, SCHEMA)
        const held = new Map<number, Value[]>()
        steps.forEach(([row, choice], step) => {
          if (step === enableAt) index.enable()
          const batch = batchOf(SCHEMA, [{ kind: 0, values: row }])
          const hash = index.hashes(batch)[0] as number
          const same = [...held].filter(([, other]) => nameOf(other) === nameOf(row)).map(([id]) => id)
          if (index.enabled) {
            const found = index.find(hash, batch.columns, 0)
            if (same.length === 0) expect(found).to.equal(-1)
            else expect(same).to.include(found)
            if (choice === 0 && found >= 0) {
              index.remove(hash, found)
              store.remove(found)
              held.delete(found)
              return
            }
          }
          const id = store.add(batch.columns, 0)
          expect([store.extra(id, 0), store.extra(id, 1), held.has(id)]).to.deep.equal([0, 0, false])
          store.setExtra(id, 0, 5)
          if (index.enabled) index.add(hash, id)
          held.set(id, [...row])
        })
        expect([...store.liveIds()]).to.deep.equal([...held.keys()].sort((a, b) => a - b))
        const ids = [...held.keys()].reverse()
        const columns = store.columns(Int32Array.from(ids), ids.length)
        ids.forEach((id, r) => expect(columns.map((column) => readValue(column, r))).to.deep.equal(held.get(id)))
      }),
      { numRuns: 80 },
    )
  })

  it('reads rows back over page ends', () => {
    const store = new RowStore(types)
    const rows = Array.from({ length: 2500 }, (_, i) => [i % 2 === 0, i, BigInt(i), i / 2, BigInt(i), `row ${i}`])
    const ids = new Int32Array(rows.length)
    store.addRows(
      batchOf(
        SCHEMA,
        rows.map((values) => ({ kind: 0, values })),
      ).columns,
      Int32Array.from(rows, (_, i) => i),
      rows.length,
      ids,
    )
    const columns = store.columns(ids, ids.length)
    const index = new RowIndex(store, SCHEMA)
    index.enable()
    const batch = batchOf(
      SCHEMA,
      rows.map((values) => ({ kind: 0, values })),
      'wire',
    )
    const hashes = index.hashes(batch)
    expect(rows.every((_, r) => index.find(hashes[r] as number, batch.columns, r) === ids[r])).to.equal(true)
    expect(rows.every((row, r) => row.every((value, column) => readValue(columns[column] as never, r) === value))).to.equal(true)
  })

  it('reads ids that come several times, near and far from each other', () => {
    const store = new RowStore(types)
    const rows = Array.from({ length: 600 }, (_, i) => [
      true,
      i,
      BigInt(i),
      i,
      BigInt(i),
      i % 3 === 0 ? '' : i % 7 === 0 ? null : `row ${i}`,
    ])
    const batch = batchOf(
      SCHEMA,
      rows.map((values) => ({ kind: 0, values })),
    )
    const ids = new Int32Array(rows.length)
    store.addRows(
      batch.columns,
      Int32Array.from(rows, (_, i) => i),
      rows.length,
      ids,
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(3), fc.nat(599)), { maxLength: 60 }), (places) => {
        const wanted = Int32Array.from(places, (place) => ids[place] as number)
        const strings = store.column(5, wanted, wanted.length)
        expect(places.map((_, i) => readValue(strings, i))).to.deep.equal(places.map((place) => rows[place]?.[5]))
      }),
    )
  })
})

describe('OrderedRows', () => {
  it('compares a stored row with one of a batch as with a stored one', () => {
    fc.assert(
      fc.property(
        fc.array(ROW, { minLength: 2, maxLength: 12 }),
        fc.nat(5),
        fc.boolean(),
        fc.boolean(),
        (rows, column, ascending, nullsFirst) => {
          const store = new RowStore(types, TREE_WORDS)
          const order = new OrderedRows(store, [
            { column, ascending, nullsFirst },
            { column: 4, ascending: true, nullsFirst: true },
          ])
          const batch = batchOf(
            SCHEMA,
            rows.map((values) => ({ kind: 0, values })),
          )
          const ids = rows.map((_, position) => store.add(batch.columns, position))
          for (const a of ids) {
            ids.forEach((b, position) =>
              expect(Math.sign(order.compareKeys(a, batch.columns, position))).to.equal(Math.sign(order.compare(a, b))),
            )
          }
        },
      ),
      { numRuns: 80 },
    )
  })

  it('keeps the order through insertions and removals', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ROW, fc.nat(2)), { maxLength: 80 }), (steps) => {
        const store = new RowStore(types, TREE_WORDS)
        const order = new OrderedRows(store, [
          { column: 2, ascending: false, nullsFirst: true },
          { column: 5, ascending: true, nullsFirst: false },
        ])
        const held: { id: number; row: readonly Value[]; sequence: number }[] = []
        let root = 0
        steps.forEach(([row, choice], sequence) => {
          if (choice === 0 && held.length > 0) {
            const { id } = held.splice((sequence * 7) % held.length, 1)[0] as (typeof held)[number]
            root = order.remove(root, id)
            store.remove(id)
            return
          }
          const id = store.add(batchOf(SCHEMA, [{ kind: 0, values: row }]).columns, 0)
          order.setSequence(id, sequence * 2 ** 30)
          root = order.insert(root, id)
          held.push({ id, row, sequence })
        })
        const rank = (row: readonly Value[]): [number, string] => [
          row[2] === null ? -Infinity : -Number(row[2]),
          row[5] === null ? '￿' : (row[5] as string),
        ]
        held.sort((a, b) => {
          const [x, y] = [rank(a.row), rank(b.row)]
          return x[0] !== y[0] ? (x[0] < y[0] ? -1 : 1) : x[1] !== y[1] ? (x[1] < y[1] ? -1 : 1) : a.sequence - b.sequence
        })
        const ids = held.map(({ id }) => id)
        expect([...order.rows(root, 0, Infinity)]).to.deep.equal(ids)
        expect([...order.rows(root, 2, 3)]).to.deep.equal(ids.slice(2, 5))
        expect([order.first(root), order.last(root)]).to.deep.equal([ids[0] ?? -1, ids.at(-1) ?? -1])
        for (const id of ids) expect(order.find(root, id)).to.equal(id)
      }),
      { numRuns: 80 },
    )
  })
})
