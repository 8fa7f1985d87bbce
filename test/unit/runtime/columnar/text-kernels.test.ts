import { assert } from 'chai'
import fc from 'fast-check'
import { STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { Batch } from '#runtime/columnar/batch.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { gatherBatch } from '#runtime/columnar/gather.js'
import { hashRows } from '#runtime/columnar/hash.js'
import { gatherTexts, hashTexts, locateTexts, textsContaining, worthwhile } from '#runtime/columnar/text-kernels.js'
import { readValue } from '#runtime/columnar/value.js'
import type { Utf8Vector } from '#runtime/columnar/vector.js'
import { containsBytes } from '#runtime/expr/kernels.js'

const TEXTS = schema(['s', STRING])
const TEXT = fc.oneof(
  fc.constant(null),
  fc.constantFrom('', 'a', 'abc', 'abcd', 'abcabcabd', 'x'.repeat(15), 'y'.repeat(16), 'ü'.repeat(40), `${'ab'.repeat(40)}abd`),
  fc.string({ maxLength: 60 }),
)

function vectorOf(texts: readonly (string | null)[]): Utf8Vector {
  const builder = new BatchBuilder(TEXTS)
  for (const text of texts) builder.appendRow([text])
  return builder.finish().columns[0] as Utf8Vector
}

/** Texts, and some of their positions in any order, repeated too. */
const PICKED = fc
  .array(TEXT, { minLength: 1, maxLength: 50 })
  .chain((texts) => fc.tuple(fc.constant(texts), fc.array(fc.nat(texts.length - 1), { minLength: 1, maxLength: 80 })))

describe('kernels over texts', () => {
  it('gather as a loop over bytes does', () => {
    fc.assert(
      fc.property(PICKED, fc.nat(20), ([texts, picked], at) => {
        const vector = vectorOf(texts)
        const positions = Int32Array.from(picked)
        const rows = locateTexts({ vector, positions, length: positions.length }, 0)
        const target = new Uint8Array(at + rows.total + 3).fill(7)
        const end = gatherTexts(vector.bytes, rows, positions.length, target, at)
        const expected = Buffer.concat(picked.map((position) => Buffer.from(texts[position] ?? '')))
        assert.equal(end, at + expected.length)
        assert.deepEqual([...target], [...new Array<number>(at).fill(7), ...expected, 7, 7, 7])
      }),
    )
  })

  it('hash as rows are hashed one by one, NULL among them', () => {
    fc.assert(
      fc.property(PICKED, fc.integer(), ([texts, picked], seed) => {
        const vector = vectorOf(texts)
        const positions = Int32Array.from(picked)
        const rows = locateTexts({ vector, positions, length: positions.length }, -1)
        const hashes = new Int32Array(positions.length).fill(seed)
        hashTexts(vector.bytes, rows, hashes, 0x5bd1e995)
        picked.forEach((position, row) => {
          const one = Int32Array.of(seed)
          const only = Int32Array.of(position)
          const alone = locateTexts({ vector, positions: only, length: 1 }, -1)
          hashTexts(vector.bytes, alone, one, 0x5bd1e995)
          assert.equal(hashes[row], one[0])
        })
        // A row alone is hashed in JavaScript, many long ones are not.
        const many = picked
          .map((position) => texts[position] ?? null)
          .concat(new Array<string>(40).fill('long enough to be worth it, is it not?'))
        const all = new Batch(TEXTS, [vectorOf(many)], many.length)
        const together = hashRows(all, [0])
        many.forEach((_, row) => assert.equal(hashRows(all.select(Int32Array.of(row)), [0])[0], together[row]))
      }),
      { numRuns: 50 },
    )
  })

  it('find what a loop over bytes finds', () => {
    const needle = fc.oneof(
      fc.constantFrom('a', 'abd', 'ü', 'x', 'y'.repeat(16), 'ab'.repeat(20)),
      fc.string({ minLength: 1, maxLength: 20 }),
    )
    fc.assert(
      fc.property(PICKED, needle, ([texts, picked], part) => {
        const vector = vectorOf(texts)
        const positions = Int32Array.from(picked)
        const rows = locateTexts({ vector, positions, length: positions.length }, 0)
        const found = new Uint8Array(positions.length)
        const bytes = new TextEncoder().encode(part)
        textsContaining(vector.bytes, rows, positions.length, bytes, found)
        picked.forEach((position, row) => {
          const text = Buffer.from(texts[position] ?? '')
          assert.equal(found[row] === 1, containsBytes(text, 0, text.length, bytes), `'${part}' in '${texts[position]}'`)
        })
      }),
    )
  })

  it('are not for texts that share bytes and are large together', () => {
    const vector = vectorOf(['x'.repeat(100_000)])
    const located = locateTexts({ vector, positions: new Int32Array(100), length: 100 }, 0)
    assert.equal(located.total, 10_000_000)
    assert.isFalse(worthwhile(located, 100, 12, 12))
  })

  it('serve gathers of many rows that lie apart', () => {
    const texts = Array.from({ length: 600 }, (_, i) => (i % 7 === 3 ? null : `row ${i} ${'z'.repeat(i % 90)}`))
    const batch = new Batch(TEXTS, [vectorOf(texts)], texts.length)
    const positions = Int32Array.from({ length: 300 }, (_, i) => 599 - 2 * i)
    const located = locateTexts({ vector: batch.columns[0] as Utf8Vector, positions, length: 300 }, 0)
    assert.isTrue(worthwhile(located, 300, 12, 12), 'the case is one for the kernel')
    const gathered = gatherBatch(batch, positions).columns[0] as Utf8Vector
    positions.forEach((position, row) => {
      const isNull = ((gathered.nulls?.[row >> 3] ?? 0) & (1 << (row & 7))) !== 0
      assert.equal(isNull ? null : readValue(gathered, row), texts[position] ?? null)
    })
  })
})
