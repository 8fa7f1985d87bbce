import { expect } from 'chai'
import fc from 'fast-check'
import type { Value } from '#core/types/logical-type.js'
import { hashRows } from '#runtime/columnar/hash.js'
import { readValue } from '#runtime/columnar/value.js'
import { isNull, type Vector } from '#runtime/columnar/vector.js'
import { KeyTable } from '#runtime/state/key-table.js'
import { batchOf } from '../../../operators/run.js'
import { schemaOf } from '../../../operators/rows.js'

const SCHEMA = schemaOf('b BOOLEAN, i INT, l BIGINT, x DOUBLE, d DECIMAL(30, 2), s STRING, t STRING')
const ROW = fc.tuple(
  fc.constantFrom(true, false, null),
  fc.constantFrom(0, 1, -1, null),
  fc.constantFrom(0n, 2n ** 40n, -1n, null),
  fc.constantFrom(0, 1.5, NaN, null),
  fc.constantFrom(0n, 10n ** 25n, -1n, null),
  fc.constantFrom('', 'a', 'ab', 'ü'.repeat(30), null),
  fc.constantFrom('', 'b', null),
)

function assign(
  table: KeyTable,
  rows: readonly (readonly Value[])[],
  columns: readonly number[],
  prefix?: Int32Array,
  insert = true,
): Int32Array {
  const batch = batchOf(
    SCHEMA,
    rows.map((values) => ({ kind: 0, values })),
    'selected',
  )
  const ids = new Int32Array(rows.length)
  table.assign(batch, columns, batch.selection as Int32Array, rows.length, hashRows(batch, columns), ids, insert, prefix)
  return ids
}

const valueAt = (vector: Vector | undefined, row: number): Value =>
  vector === undefined || isNull(vector, row) ? null : readValue(vector, row)

describe('KeyTable', () => {
  it('gives equal keys one id and other keys others, through growth and removals', () => {
    const columnSets = [[0], [1], [2], [3], [4], [5], [2, 5], [5, 6], [0, 1, 2, 3, 4, 5, 6]]
    fc.assert(
      fc.property(
        fc.constantFrom(...columnSets),
        fc.array(fc.tuple(fc.array(ROW, { maxLength: 40 }), fc.nat(5)), { maxLength: 8 }),
        (columns, steps) => {
          const table = new KeyTable(columns.map((column) => SCHEMA.fields[column]?.type as never))
          const known = new Map<string, { id: number; key: Value[] }>()
          for (const [rows, removals] of steps) {
            const ids = assign(table, rows, columns)
            rows.forEach((row, r) => {
              const key = columns.map((column) => row[column] ?? null)
              const name = key.map(String).join('|') + key.map((value) => typeof value).join()
              const id = ids[r] as number
              const held = known.get(name)
              if (held === undefined) {
                expect(
                  [...known.values()].some((other) => other.id === id),
                  'a new key has an id of its own',
                ).to.equal(false)
                known.set(name, { id, key })
              } else expect(id).to.equal(held.id)
            })
            expect(table.size).to.equal(known.size)
            for (const [name, { id }] of [...known].slice(0, removals)) {
              table.remove(id)
              known.delete(name)
            }
            const held = [...known.values()]
            const vectors = table.keyColumns(
              Int32Array.from(held, ({ id }) => id),
              held.length,
            )
            held.forEach(({ key }, r) => expect(vectors.map((vector) => valueAt(vector, r))).to.deep.equal(key))
          }
        },
      ),
      { numRuns: 100 },
    )
  })

  it('finds without inserting', () => {
    const table = new KeyTable([SCHEMA.fields[1]?.type as never])
    const row = (i: number): Value[] => [null, i, null, null, null, null, null]
    assign(table, [row(1)], [1])
    expect([...assign(table, [row(2), row(1)], [1], undefined, false)]).to.deep.equal([-1, 0])
    expect(table.size).to.equal(1)
  })

  it('keeps keys of different prefixes apart', () => {
    const table = new KeyTable([SCHEMA.fields[5]?.type as never], true)
    const row: Value[] = [null, null, null, null, null, 'a', null]
    const ids = assign(table, [row, row, row], [5], Int32Array.of(7, 8, 7))
    expect(ids[0]).to.equal(ids[2]).and.not.to.equal(ids[1])
    expect([table.prefixOf(ids[0] as number), table.prefixOf(ids[1] as number)]).to.deep.equal([7, 8])
  })

  it('without key columns all rows have one key; cleared, it is empty', () => {
    const table = new KeyTable([])
    const row: Value[] = [null, null, null, null, null, null, null]
    expect([...assign(table, [row, row], [], undefined, false)]).to.deep.equal([-1, -1])
    expect([...assign(table, [row, row], [])]).to.deep.equal([0, 0])
    expect(table.size).to.equal(1)
    expect(table.hashOf(0)).to.equal(hashRows(batchOf(SCHEMA, [{ kind: 0, values: row }]), [])[0])
    table.clear()
    expect(table.size).to.equal(0)
  })

  it('keeps the hash of a key, from which its key group follows', () => {
    const table = new KeyTable([SCHEMA.fields[5]?.type as never])
    const rows: Value[][] = ['a', 'b', 'c'].map((s) => [null, null, null, null, null, s, null])
    const hashes = hashRows(
      batchOf(
        SCHEMA,
        rows.map((values) => ({ kind: 0, values })),
      ),
      [5],
    )
    const ids = assign(table, rows, [5])
    expect([...ids].map((id) => table.hashOf(id))).to.deep.equal([...hashes])
  })
})
