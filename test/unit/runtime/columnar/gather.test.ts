import { assert } from 'chai'
import fc from 'fast-check'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import type { Utf8Vector } from '#runtime/columnar/vector.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { concatBatches, gatherBatch } from '#runtime/columnar/gather.js'
import { anyBatch, rowsOf } from './random-batch.js'

describe('gatherBatch', () => {
  it('gives the rows of the batch, dense', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const gathered = gatherBatch(batch)
        assert.isUndefined(gathered.selection)
        assert.deepEqual(rowsOf(gathered), rowsOf(batch))
      }),
      { numRuns: 200 },
    )
  })

  it('gives the rows at the positions asked for, in that order', () => {
    fc.assert(
      fc.property(anyBatch, fc.array(fc.nat()), (batch, picks) => {
        if (batch.length === 0) return
        const positions = Int32Array.from(picks.map((pick) => batch.position(pick % batch.length)))
        assert.deepEqual(rowsOf(gatherBatch(batch, positions)), rowsOf(batch.select(positions)))
      }),
      { numRuns: 200 },
    )
  })

  it('keeps no byte of the original alive', () => {
    const builder = new BatchBuilder(schema(['s', STRING], ['n', INT]))
    for (let i = 0; i < 50; i++) builder.appendRow([`text ${i}`, i])
    const batch = builder.finish()
    const gathered = gatherBatch(batch, Int32Array.of(3))
    const [original, copy] = [batch, gathered].map(({ columns }) => (columns[0] as Utf8Vector).bytes)
    assert.strictEqual(copy?.length, 6)
    assert.notStrictEqual(copy?.buffer, original?.buffer)
    ;(batch.columns[1] as { values: Int32Array }).values.fill(0)
    assert.deepEqual(rowsOf(gathered), [[0, 'text 3', 3]])
  })
})

describe('concatBatches', () => {
  it('gives all rows one after the other', () => {
    fc.assert(
      fc.property(anyBatch, fc.array(fc.array(fc.nat(), { maxLength: 20 }), { maxLength: 4 }), (batch, picks) => {
        const parts =
          batch.length === 0
            ? [batch]
            : [batch, ...picks.map((list) => batch.select(Int32Array.from(list.map((pick) => batch.position(pick % batch.length)))))]
        assert.deepEqual(rowsOf(concatBatches(batch.schema, parts)), parts.flatMap(rowsOf))
      }),
      { numRuns: 200 },
    )
  })

  it('gives an empty batch for none', () => {
    assert.strictEqual(concatBatches(schema(['n', INT]), []).length, 0)
  })
})
