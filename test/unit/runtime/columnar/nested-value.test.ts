import { expect } from 'chai'
import fc from 'fast-check'
import {
  array,
  BIGINT,
  BOOLEAN,
  BYTES,
  decimal,
  DOUBLE,
  INT,
  map,
  STRING,
  timestamp,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import {
  arrayElements,
  arrayValue,
  mapEntries,
  mapValue,
  multisetEntries,
  multisetValue,
  nestedCount,
  rowFields,
  rowValue,
} from '#runtime/columnar/nested-value.js'
import { readValue } from '#runtime/columnar/value.js'
import { decodeBatch, encodeBatch } from '#runtime/columnar/wire.js'

const binary = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const orNull = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(of, { freq: 5 })

/** Types with values of them. */
const typed: fc.Arbitrary<{ type: LogicalType; values: Value[] }> = fc.letrec<{ any: { type: LogicalType; values: Value[] } }>((tie) => {
  const of = (type: LogicalType, value: fc.Arbitrary<Value>) =>
    fc.array(orNull(value), { maxLength: 8 }).map((values) => ({ type, values }))
  return {
    any: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      of(INT, fc.integer()),
      of(BOOLEAN, fc.boolean()),
      of(BIGINT, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      of(decimal(38, 2), fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n })),
      of(timestamp(9), fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })),
      of(DOUBLE, fc.double({ noNaN: true })),
      of(STRING, fc.string({ unit: 'grapheme' })),
      of(BYTES, binary),
      tie('any').map(({ type, values }) => ({ type: array(type), values: [arrayValue(values, type), null] })),
      tie('any').map(({ type, values }) => {
        const fields = values.map((_, i) => ({ name: `f${i}`, type }))
        return { type: { kind: 'ROW' as const, fields, nullable: true }, values: [rowValue(values, fields)] }
      }),
      tie('any').map(({ type, values }) => {
        const of = map(STRING, type)
        return {
          type: of,
          values: [
            mapValue(
              values.map((value, i) => [String(i), value]),
              STRING,
              type,
            ),
          ],
        }
      }),
    ),
  }
}).any

describe('nested values', () => {
  it('come apart into what they were made of, whatever is inside', () => {
    fc.assert(
      fc.property(typed, ({ type, values }) => {
        const value = arrayValue(values, type)
        expect(arrayElements(value, type)).to.deep.equal(values)
        expect(nestedCount(value)).to.equal(values.length)
        expect(/^[\0-\xff]*$/.test(value)).to.equal(true)
      }),
      { numRuns: 300 },
    )
  })

  it('are equal as strings exactly when their parts are', () => {
    fc.assert(
      fc.property(
        fc.array(orNull(fc.integer({ min: 0, max: 2 })), { maxLength: 3 }),
        fc.array(orNull(fc.integer({ min: 0, max: 2 })), { maxLength: 3 }),
        (a, b) => {
          expect(arrayValue(a, INT) === arrayValue(b, INT)).to.equal(JSON.stringify(a) === JSON.stringify(b))
        },
      ),
    )
    expect(arrayValue([NaN], DOUBLE)).to.equal(arrayValue([0 / 0], DOUBLE))
  })

  it('keep the last of equal keys', () => {
    expect(
      mapEntries(
        mapValue(
          [
            ['a', 1],
            ['b', 2],
            ['a', 3],
          ],
          STRING,
          INT,
        ),
        STRING,
        INT,
      ),
    ).to.deep.equal([
      ['a', 3],
      ['b', 2],
    ])
    expect(multisetEntries(multisetValue([['x', 2]], STRING), STRING)).to.deep.equal([['x', 2]])
  })

  it('pass through columns and the wire', () => {
    fc.assert(
      fc.property(typed, ({ type, values }) => {
        const schema = { fields: [{ name: 'a', type: array(type) }] }
        const builder = new BatchBuilder(schema)
        const rows = [arrayValue(values, type), null, arrayValue([], type)]
        for (const value of rows) builder.appendRow([value])
        const back = decodeBatch(encodeBatch(builder.finish()), schema)
        expect(rows.map((_, i) => readValue(back.columns[0]!, i))).to.deep.equal(rows)
      }),
    )
  })

  it('that are damaged are refused and read nothing else', () => {
    const good = arrayValue(['abc', null, 'x'], STRING)
    for (let length = 0; length < good.length; length++) expect(() => arrayElements(good.slice(0, length), STRING)).to.throw(RangeError)
    expect(() => arrayElements('\xff\xff\xff\xff', STRING)).to.throw(RangeError)
    expect(() => rowFields('\x01\xff\xff\xff\x7fab', [{ type: STRING }])).to.throw(RangeError)
  })
})
