import { expect } from 'chai'
import fc from 'fast-check'
import type { Partitioner } from '#core/graph/job-graph.js'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { distributor } from '#container/network/partitioner.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { readValue } from '#runtime/columnar/value.js'

const rows = schema(['id', INT], ['key', STRING])

function batchOf(ids: readonly number[], keys = 7): Batch {
  const builder = new BatchBuilder(rows)
  for (const id of ids) builder.appendRow([id, id % keys === 0 ? null : `key ${id % keys}`])
  return builder.finish()
}

function idsOf(batch: Batch): number[] {
  return Array.from({ length: batch.length }, (_, row) => readValue(batch.columns[0]!, batch.position(row)) as number)
}

function keysOf(batch: Batch): (string | null)[] {
  return Array.from({ length: batch.length }, (_, row) => readValue(batch.columns[1]!, batch.position(row)) as string | null)
}

const never = () => false

describe('distributor', () => {
  const anyPartitioner: fc.Arbitrary<Partitioner> = fc.constantFrom<Partitioner>(
    { kind: 'HASH', keys: [1] },
    { kind: 'HASH', keys: [0, 1] },
    { kind: 'REBALANCE' },
    { kind: 'RESCALE' },
    { kind: 'GLOBAL' },
    { kind: 'FORWARD' },
  )

  it('sends every row to exactly one subpartition, selections included', () => {
    fc.assert(
      fc.property(
        anyPartitioner,
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.uniqueArray(fc.nat(500), { minLength: 1, maxLength: 60 }), { maxLength: 5 }),
        fc.boolean(),
        (partitioner, n, ids, selected) => {
          const distribute = distributor(partitioner, n, 128)
          const sent: number[] = []
          const expected: number[] = []
          for (const each of ids) {
            const whole = batchOf(each)
            const batch = selected ? whole.select(Int32Array.from({ length: (each.length + 1) >> 1 }, (_, i) => i * 2)) : whole
            expected.push(...idsOf(batch))
            distribute(
              batch,
              (target, part) => {
                expect(target).to.be.within(0, n - 1)
                sent.push(...idsOf(part))
              },
              never,
            )
          }
          expect(sent.toSorted((a, b) => a - b)).to.deep.equal(expected.toSorted((a, b) => a - b))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('BROADCAST sends every row to every subpartition', () => {
    const targets: number[] = []
    distributor({ kind: 'BROADCAST' }, 3, 128)(
      batchOf([1, 2]),
      (target, part) => {
        targets.push(target)
        expect(idsOf(part)).to.deep.equal([1, 2])
      },
      never,
    )
    expect(targets).to.deep.equal([0, 1, 2])
  })

  it('HASH sends equal keys, NULL too, to the same subpartition and keeps their order', () => {
    const distribute = distributor({ kind: 'HASH', keys: [1] }, 4, 128)
    const homes = new Map<string | null, number>()
    const lastIds = new Map<string | null, number>()
    for (let i = 0; i < 10; i++) {
      distribute(
        batchOf(
          Array.from({ length: 100 }, (_, k) => i * 100 + k),
          13,
        ),
        (target, part) => {
          keysOf(part).forEach((key, row) => {
            expect(homes.get(key) ?? target).to.equal(target)
            homes.set(key, target)
            const id = idsOf(part)[row] as number
            expect(id).to.be.greaterThan(lastIds.get(key) ?? -1)
            lastIds.set(key, id)
          })
        },
        never,
      )
    }
    expect(homes.size).to.equal(13)
    expect(new Set(homes.values()).size).to.be.greaterThan(1)
  })

  it('REBALANCE goes round, past subpartitions that are full', () => {
    const distribute = distributor({ kind: 'REBALANCE' }, 3, 128)
    const targets: number[] = []
    for (let i = 0; i < 4; i++)
      distribute(
        batchOf([i]),
        (target) => targets.push(target),
        (target) => target === 1,
      )
    expect(targets).to.deep.equal([0, 2, 0, 2])
  })
})
