import { assert } from 'chai'
import fc from 'fast-check'
import {
  BIGINT,
  BOOLEAN,
  DATE,
  decimal,
  DOUBLE,
  INT,
  timestamp,
  timestampLtz,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { ByteWriter } from '#runtime/formats/byte-writer.js'
import { scalarText } from '#runtime/formats/scalar-text.js'
import { scalarWriter } from '#runtime/formats/scalar-writer.js'

const LONG = fc.oneof(
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  fc.constantFrom(0n, 9n, 10n, -1n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n) - 1n, 10n ** 15n, 10n ** 15n - 1n),
)
const PLACES = fc.tuple(fc.integer(), fc.nat(6)).map(([digits, places]) => digits / 10 ** places)
const MILLIS = fc.oneof(
  fc.bigInt(-(2n ** 53n), 2n ** 53n),
  fc.bigInt(-100_000_000_000_000n, 300_000_000_000_000n),
  fc.constantFrom(0n, -1n, 1000n, 1010n, 1100n, 253_402_300_799_999n, 253_402_300_800_000n, -62_167_219_200_000n, -62_167_219_200_001n),
)
const CASES: readonly (readonly [LogicalType, fc.Arbitrary<Value>])[] = [
  [BOOLEAN, fc.boolean()],
  [INT, fc.integer()],
  [BIGINT, LONG],
  [DOUBLE, fc.oneof(fc.double(), PLACES, fc.constantFrom(0, -0, 0.001, 0.0011, 9_999_999.9999, 1e7, -0.5, NaN, Infinity))],
  [decimal(20, 3), fc.bigInt(-(10n ** 20n) + 1n, 10n ** 20n - 1n)],
  [DATE, fc.oneof(fc.integer({ min: -3_000_000, max: 4_000_000 }), fc.constantFrom(-719_528, -719_529, 2_932_896, 2_932_897, 11_016))],
  [timestamp(3), MILLIS],
  [timestampLtz(3), MILLIS],
]

describe('scalarWriter', () => {
  for (const [type, values] of CASES) {
    it(`writes ${type.kind} as scalarText says`, () => {
      fc.assert(
        fc.property(fc.array(values, { minLength: 1, maxLength: 20 }), fc.constantFrom('SQL', 'ISO-8601'), (column, standard) => {
          const builder = new BatchBuilder(schema(['v', type]))
          for (const value of column) builder.appendRow([value])
          const vector = builder.finish().columns[0]
          assert.isDefined(vector)
          const out = new ByteWriter(4)
          const write = scalarWriter(type, standard, false)
          column.forEach((value, position) => {
            if (vector !== undefined) write(out, vector, position)
            assert.equal(Buffer.from(out.take()).toString(), scalarText(value, type, standard, false))
          })
        }),
        { numRuns: 300 },
      )
    })
  }
})
