import { assert } from 'chai'
import fc from 'fast-check'
import { BIGINT, decimal, DOUBLE, INT, STRING, type LogicalType, type Value } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { gatherBatch } from '#runtime/columnar/gather.js'
import { hashRows, keyGroupOf, murmurHash, subtaskOfKeyGroup } from '#runtime/columnar/hash.js'
import { anyBatch } from './random-batch.js'

function hashes(type: LogicalType, values: readonly Value[]): number[] {
  const builder = new BatchBuilder(schema(['k', type]))
  for (const value of values) builder.appendRow([value])
  return [...hashRows(builder.finish(), [0])]
}

describe('hashRows', () => {
  it('does not depend on where the rows lie', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const keys = batch.schema.fields.map((_, i) => i)
        assert.deepEqual([...hashRows(batch, keys)], [...hashRows(gatherBatch(batch), keys)])
      }),
      { numRuns: 200 },
    )
  })

  it('is one for values that SQL holds equal', () => {
    const nan = new Float64Array(new BigUint64Array([0xfff8000000000001n]).buffer)[0] as number
    const [zero, minusZero, not, otherNot] = hashes(DOUBLE, [0, -0, NaN, nan])
    assert.strictEqual(zero, minusZero)
    assert.strictEqual(not, otherNot)
    for (const type of [INT, BIGINT, DOUBLE, STRING, decimal(30, 2)]) {
      const [a, b] = hashes(type, [null, null])
      assert.strictEqual(a, b)
    }
  })

  it('tells apart what differs, down to the boundary between columns', () => {
    const values = Array.from({ length: 20_000 }, (_, i) => BigInt(i) * 4294967296n)
    assert.isAbove(new Set(hashes(BIGINT, values)).size, 19_990)
    assert.isAbove(new Set(hashes(STRING, values.map(String))).size, 19_990)
    const builder = new BatchBuilder(schema(['a', STRING], ['b', STRING]))
    builder.appendRow(['a', 'bc'])
    builder.appendRow(['ab', 'c'])
    const [x, y] = hashRows(builder.finish(), [0, 1])
    assert.notStrictEqual(x, y)
  })

  it('spreads regular keys evenly over key groups', () => {
    const groups = new Int32Array(128)
    for (const hash of hashes(
      INT,
      Array.from({ length: 128_000 }, (_, i) => i * 1000),
    ))
      groups[keyGroupOf(hash, 128)]! += 1
    assert.isAbove(Math.min(...groups), 800)
    assert.isBelow(Math.max(...groups), 1200)
  })
})

describe('key groups', () => {
  it("follow Flink's MathUtils.murmurHash", () => {
    // Murmur3 of the four bytes with seed 0, made non-negative: the same steps written over bytes.
    for (const code of [0, 1, -1, 42, 123456789, -2147483648, 2147483647]) assert.strictEqual(murmurHash(code), murmur3OfInt(code))
  })

  it('are shared out in contiguous ranges that cover all subtasks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 32768 }), fc.integer({ min: 1, max: 200 }), (maxParallelism, wish) => {
        const parallelism = Math.min(wish, maxParallelism)
        const owners = Array.from({ length: maxParallelism }, (_, group) => subtaskOfKeyGroup(group, maxParallelism, parallelism))
        assert.strictEqual(owners[0], 0)
        assert.strictEqual(owners.at(-1), parallelism - 1)
        assert.isTrue(owners.every((owner, i) => i === 0 || owner === owners[i - 1] || owner === (owners[i - 1] as number) + 1))
      }),
      { numRuns: 100 },
    )
  })
})

/** Murmur3_32 in bigint arithmetic. */
function murmur3OfInt(code: number): number {
  const u32 = (value: bigint) => BigInt.asUintN(32, value)
  const rotate = (value: bigint, by: bigint) => u32((value << by) | (value >> (32n - by)))
  let k = u32(u32(BigInt(code)) * 0xcc9e2d51n)
  k = u32(rotate(k, 15n) * 0x1b873593n)
  let h = u32(rotate(k, 13n) * 5n + 0xe6546b64n) ^ 4n
  h = u32((h ^ (h >> 16n)) * 0x85ebca6bn)
  h = u32((h ^ (h >> 13n)) * 0xc2b2ae35n)
  const signed = Number(BigInt.asIntN(32, h ^ (h >> 16n)))
  return signed === -2147483648 ? 0 : Math.abs(signed)
}
