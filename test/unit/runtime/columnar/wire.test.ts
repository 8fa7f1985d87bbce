import { assert } from 'chai'
import fc from 'fast-check'
import { BOOLEAN, DOUBLE, INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { Batch } from '#runtime/columnar/batch.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { decodeBatch, encodeBatch, MalformedBatch } from '#runtime/columnar/wire.js'
import { anyBatch, rowsOf } from './random-batch.js'

/** Reads the first rows and the last one of every column. */
function touchEverything(batch: Batch): void {
  rowsOf(batch.select(Int32Array.from([...Array(Math.min(batch.length, 100)).keys(), ...(batch.length > 0 ? [batch.length - 1] : [])])))
}

describe('wire form of a batch', () => {
  it('comes back with the same rows, kinds and schema, whatever the selection', () => {
    fc.assert(
      fc.property(anyBatch, (batch) => {
        const decoded = decodeBatch(encodeBatch(batch), batch.schema)
        assert.deepEqual(rowsOf(decoded), rowsOf(batch))
        assert.isUndefined(decoded.selection)
      }),
      { numRuns: 200 },
    )
  })

  it('is read from any place in a larger buffer', () => {
    fc.assert(
      fc.property(anyBatch, fc.nat(15), (batch, shift) => {
        const bytes = encodeBatch(batch)
        const larger = new Uint8Array(shift + bytes.length + 9).fill(0xff)
        larger.set(bytes, shift)
        assert.deepEqual(rowsOf(decodeBatch(larger.subarray(shift, shift + bytes.length), batch.schema)), rowsOf(batch))
      }),
      { numRuns: 100 },
    )
  })

  it('views the received bytes when they are aligned', () => {
    const builder = new BatchBuilder(schema(['a', INT]))
    builder.appendRow([7])
    const bytes = encodeBatch(builder.finish())
    const decoded = decodeBatch(bytes, schema(['a', INT]))
    assert.strictEqual((decoded.columns[0] as { values: Int32Array }).values.buffer, bytes.buffer)
  })

  it('is refused when cut off anywhere', () => {
    fc.assert(
      fc.property(anyBatch, fc.nat(), (batch, cut) => {
        const bytes = encodeBatch(batch)
        assert.isTrue(MalformedBatch.is(failure(() => decodeBatch(bytes.slice(0, cut % bytes.length), batch.schema))))
      }),
      { numRuns: 200 },
    )
  })

  it('is refused when something follows it', () => {
    const batch = new BatchBuilder(schema(['a', INT])).finish()
    const bytes = new Uint8Array([...encodeBatch(batch), 0, 0, 0, 0, 0, 0, 0, 0])
    assert.throws(() => decodeBatch(bytes, batch.schema), 'the batch ends at')
  })

  it('gives either a readable batch or MALFORMED_BATCH for damaged bytes', () => {
    let refused = 0
    fc.assert(
      fc.property(anyBatch, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }), (batch, damage) => {
        const bytes = encodeBatch(batch)
        for (const [at, value] of damage) bytes[at % Math.min(bytes.length, 120)] = value
        try {
          touchEverything(decodeBatch(bytes, batch.schema))
        } catch (error) {
          if (!MalformedBatch.is(error)) throw error
          refused++
        }
      }),
      { numRuns: 400 },
    )
    assert.isAbove(refused, 50)
  })

  it('gives MALFORMED_BATCH for arbitrary bytes and for another schema', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        assert.isTrue(MalformedBatch.is(failure(() => decodeBatch(bytes, schema(['a', STRING])))))
      }),
      { numRuns: 100 },
    )
    const batch = new BatchBuilder(schema(['a', INT])).finish()
    assert.throws(() => decodeBatch(encodeBatch(batch), schema(['a', DOUBLE])), "column 0 ('a') is not of kind float64")
    assert.throws(() => decodeBatch(encodeBatch(batch), schema(['a', INT], ['b', INT])), '1 columns, the schema has 2')
  })

  it('does no work for a hostile number of rows without columns, nor for texts beyond the bytes', () => {
    const none = encodeBatch(new Batch({ fields: [] }, [], 3))
    new DataView(none.buffer).setUint32(4, 0xffffffff, true)
    assert.throws(() => decodeBatch(none, { fields: [] }), 'the most is')
    const builder = new BatchBuilder(schema(['s', STRING]))
    builder.appendRow(['abc'])
    const bytes = encodeBatch(builder.finish())
    for (const hostile of [4, 0x7fffffff, 0xffffffff]) {
      new DataView(bytes.buffer).setUint32(24, hostile, true)
      assert.throws(() => decodeBatch(bytes, schema(['s', STRING])), /ends outside|announced|a section ends/)
    }
  })

  it('refuses values that no lane of ours holds', () => {
    const builder = new BatchBuilder(schema(['b', BOOLEAN]))
    builder.appendRow([true], 1)
    const bytes = encodeBatch(builder.finish())
    const kinds = bytes.slice()
    kinds[24] = 4
    assert.throws(() => decodeBatch(kinds, schema(['b', BOOLEAN])), 'row kind 4')
    const value = bytes.slice()
    value[32] = 2
    assert.throws(() => decodeBatch(value, schema(['b', BOOLEAN])), 'BOOLEAN 2')
  })

  it('leaves out the bytes that no row of the batch points to', () => {
    const builder = new BatchBuilder(schema(['s', STRING]))
    for (let i = 0; i < 100; i++) builder.appendRow(['x'.repeat(100)])
    const batch = builder.finish()
    assert.isBelow(encodeBatch(batch.select(Int32Array.of(5))).length, 200)
  })
})

function failure(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}
