import { expect } from 'chai'
import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BIGINT, STRING, type LogicalType, type Value } from '#core/types/logical-type.js'
import { hashRows } from '#runtime/columnar/hash.js'
import { readValue } from '#runtime/columnar/value.js'
import { isNull } from '#runtime/columnar/vector.js'
import { hasBit } from '#runtime/state/bits.js'
import { KeyTable } from '#runtime/state/key-table.js'
import { PagedIndex } from '#runtime/state/paged-index.js'
import { PagedInts } from '#runtime/state/paged-ints.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { batchOf } from '../../../operators/run.js'
import { schemaOf } from '../../../operators/rows.js'

const SCHEMA = schemaOf('l BIGINT, s STRING')

describe('tables in pages', () => {
  let directory: string
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => {
    stateMemory.limit(Infinity, directory)
    rmSync(directory, { recursive: true, force: true })
  })

  it('PagedIndex holds what a map holds, however the hashes fall, and wherever the pages are', () => {
    const spilledBefore = stateMemory.spilledBytes
    stateMemory.limit(40_000, directory)
    fc.assert(
      fc.property(
        // Of few hashes: one value over and over needs overflow pages. Of few upper bits after mixing: deep splits.
        fc.constantFrom<(i: number) => number>(
          (i) => Math.imul(i, 0x85ebca6b),
          (i) => i & 3,
          (i) => (i % 5 === 0 ? 7 : Math.imul(i, 0x2545f491)),
        ),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 1500 }), fc.boolean()), { maxLength: 6 }),
        (hashOf, steps) => {
          const index = new PagedIndex()
          const model = new Map<number, number>()
          let next = 1
          for (const [count, add] of steps) {
            if (add) {
              for (let i = 0; i < count; i++, next++) {
                index.add(hashOf(next), next)
                model.set(next, hashOf(next))
              }
            } else {
              for (const [entry, hash] of [...model].slice(0, count)) {
                index.remove(hash, entry)
                model.delete(entry)
              }
            }
            stateMemory.trim()
          }
          expect(index.size).to.equal(model.size)
          for (let entry = 1; entry < next; entry += 7)
            expect(index.find(hashOf(entry), (other) => other === entry)).to.equal(model.has(entry) ? entry : 0)
          expect(() => index.remove(hashOf(next), next)).to.throw('no entry')
          index.clear()
          expect(index.find(hashOf(1), () => true)).to.equal(0)
        },
      ),
      { numRuns: 12 },
    )
    expect(stateMemory.spilledBytes).to.be.above(spilledBefore)
  })

  it('PagedInts are zero at first and keep what was set', () => {
    stateMemory.limit(20_000, directory)
    const ints = new PagedInts(3)
    for (let id = 0; id < 4_000; id++) {
      ints.reserve(id + 1)
      expect(ints.get(id, 2)).to.equal(0)
      ints.set(id, id * 2, 2)
      if (id % 64 === 0) stateMemory.trim()
    }
    for (let id = 0; id < 4_000; id++) expect([ints.get(id), ints.get(id, 1), ints.get(id, 2)]).to.deep.equal([0, 0, id * 2])
  })

  for (const [name, columns, withPrefix] of [
    ['a BIGINT', [0], false],
    ['a BIGINT and a STRING', [0, 1], false],
    ['a STRING with a prefix', [1], true],
  ] as const)
    it(`KeyTable of ${name}: keys stay findable on the way from arrays into pages and onto disk`, () => {
      const budget = 30_000
      stateMemory.limit(budget, directory)
      const spilledBefore = stateMemory.spilledBytes
      const residentBefore = stateMemory.residentBytes()
      const table = new KeyTable(
        columns.map((column): LogicalType => (column === 0 ? BIGINT : STRING)),
        withPrefix,
      )
      const key = (k: number): Value[] => [k % 11 === 0 ? null : BigInt(k), k % 7 === 0 ? null : `key ${k} ${'x'.repeat(k % 60)}`]
      const prefixOf = (k: number): number => k
      const model = new Map<string, { id: number; k: number }>()
      const nameOf = (k: number): string => [...columns.map((column) => String(key(k)[column])), withPrefix ? prefixOf(k) : 0].join('|')
      const lookUp = (keys: readonly number[], insert: boolean): Int32Array => {
        const batch = batchOf(
          SCHEMA,
          keys.map((k) => ({ kind: 0, values: key(k) })),
          'selected',
        )
        const ids = new Int32Array(keys.length)
        const prefix = withPrefix ? Int32Array.from(keys, prefixOf) : undefined
        table.assign(batch, columns, batch.selection as Int32Array, keys.length, hashRows(batch, columns), ids, insert, prefix)
        return ids
      }
      let seed = 1
      const random = (limit: number): number => (seed = (Math.imul(seed, 48271) & 0x7fffffff) >>> 0) % limit
      let largest = 0
      for (let round = 0; round < 24; round++) {
        const keys = Array.from({ length: 200 }, () => random(3_000))
        const ids = lookUp(keys, true)
        keys.forEach((k, i) => {
          const held = model.get(nameOf(k))
          if (held === undefined) model.set(nameOf(k), { id: ids[i] as number, k })
          else expect(ids[i]).to.equal(held.id)
        })
        if (round % 3 === 2)
          for (const [held, { id }] of [...model].filter(() => random(4) === 0)) {
            table.remove(id)
            model.delete(held)
          }
        stateMemory.trim()
        largest = Math.max(largest, stateMemory.residentBytes() - residentBefore)
        expect(table.size).to.equal(model.size)
      }
      const held = [...model.values()]
      expect(new Set(held.map(({ id }) => id)).size).to.equal(held.length)
      const ids = Int32Array.from(held, ({ id }) => id)
      const vectors = table.keyColumns(ids, ids.length)
      held.forEach(({ id, k }, row) => {
        const values = vectors.map((vector) => (isNull(vector, row) ? null : readValue(vector, row)))
        expect(values).to.deep.equal(columns.map((column) => key(k)[column]))
        if (withPrefix) expect(table.prefixOf(id)).to.equal(prefixOf(k))
      })
      const bits = table.liveBits()
      const live = new Set(ids)
      for (let id = 0; id < table.idLimit; id++) expect(hasBit(bits, id)).to.equal(live.has(id))
      const missing = Array.from({ length: 50 }, (_, i) => 1_000_000 + i)
      if (!withPrefix) missing.forEach((k, i) => (missing[i] = k * 77 + 1))
      expect([...lookUp(missing, false)]).to.deep.equal(missing.map((k) => model.get(nameOf(k))?.id ?? -1))
      expect(stateMemory.spilledBytes).to.be.above(spilledBefore)
      expect(largest).to.be.below(4 * budget)
      table.clear()
      expect(table.size).to.equal(0)
      expect([...lookUp([1, 2, 1], true)]).to.deep.equal([0, 1, 0])
    })
})
