import { assert } from 'chai'
import fc from 'fast-check'
import { BIGINT, BOOLEAN, DATE, decimal, DOUBLE, INT, STRING, timestamp, timestampLtz } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { Batch } from '#runtime/columnar/batch.js'
import { EncodeKernel } from '#runtime/formats/json/encode-kernel.js'
import { batchOf, formatRuntime } from './decode-support.js'

const TYPES = schema(
  ['i', INT],
  ['a name that is longer than sixteen bytes', BIGINT],
  ['x', DOUBLE],
  ['s"é', STRING],
  ['at', timestamp(3)],
  ['zoned', timestampLtz(3)],
  ['day', DATE],
  ['d', decimal(20, 3)],
  ['ok', BOOLEAN],
)
const LONG = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const YEARS = { min: BigInt(Date.UTC(0, 0, 1)) - 1_900n * 366n * 86_400_000n, max: BigInt(Date.UTC(9999, 11, 31)) }
const millis = fc.oneof(
  { weight: 30, arbitrary: fc.bigInt(YEARS) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 52n), max: 2n ** 52n }) },
)
const short = fc.tuple(fc.integer({ min: -99_999_999, max: 99_999_999 }), fc.constantFrom(1, 10, 100, 1e3, 1e4)).map(([n, d]) => n / d)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '\u0001', '\u001f', '\u007f', 'é', '😀'), maxLength: 60 }),
  fc.constantFrom('x'.repeat(15), 'x'.repeat(16), `${'x'.repeat(16)}"`, 'y'.repeat(1000)),
)
const ROW = fc.tuple(
  fc.option(fc.oneof(fc.integer(), fc.constantFrom(-2147483648, 2147483647, 0, 9, 10, 99))),
  fc.option(
    fc.oneof(LONG, fc.bigInt({ min: -1000n, max: 1000n }), fc.constantFrom(999_999_999n, 1_000_000_000n, 10n ** 18n, -(2n ** 63n))),
  ),
  fc.option(fc.oneof({ weight: 20, arbitrary: short }, { weight: 1, arbitrary: fc.double() })),
  fc.option(text),
  fc.option(millis),
  fc.option(millis),
  fc.option(fc.integer({ min: -719_528, max: 2_932_896 })),
  fc.option(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })),
  fc.option(fc.boolean()),
)

describe('the kernel that writes JSON', () => {
  it('writes batches as rows are written one by one, with and without a selection', async function () {
    this.timeout(60_000)
    const runtime = await formatRuntime('json')
    const options = fc.record({
      'encode.ignore-null-fields': fc.constantFrom('true', 'false'),
      'timestamp-format.standard': fc.constantFrom('SQL', 'ISO-8601'),
    })
    fc.assert(
      fc.property(
        fc.array(ROW, { minLength: 20, maxLength: 40 }),
        fc.array(fc.nat(19), { maxLength: 40 }),
        options,
        (rows, picked, given) => {
          const encoder = runtime.createEncoder(TYPES, given)
          const alone = rows.map((row) => Buffer.from(encoder.encode(batchOf(TYPES, [row]))).toString())
          const batch = batchOf(TYPES, rows)
          assert.equal(Buffer.from(encoder.encode(batch)).toString(), alone.join(''))
          const selection = Int32Array.from([...picked, ...Array.from({ length: 16 }, (_, i) => i)])
          const selected = new Batch(TYPES, batch.columns, selection.length, selection)
          assert.equal(Buffer.from(encoder.encode(selected)).toString(), [...selection].map((position) => alone[position]).join(''))
        },
      ),
      { numRuns: Number(process.env['WEFT_PROPERTY_RUNS'] ?? 100) },
    )
  })

  it('is what writes batches of some rows', () => {
    const of = schema(['i', INT], ['s', STRING])
    const keys = [Buffer.from('"i":'), Buffer.from('"s":')]
    const kernel = new EncodeKernel([INT, STRING], keys, [], 'SQL', false)
    const rows = Array.from({ length: 16 }, (_, i) => [i, `text ${i}`])
    const expected = rows.map(([i, s]) => `{"i":${i},"s":"${s}"}\n`).join('')
    assert.equal(Buffer.from(kernel.encode(batchOf(of, rows)) ?? []).toString(), expected)
    assert.isUndefined(kernel.encode(batchOf(of, rows.slice(1))))
  })

  it('leaves batches with very much text to the general way', async () => {
    const runtime = await formatRuntime('json')
    const of = schema(['s', STRING])
    const encoder = runtime.createEncoder(of, {})
    const rows = Array.from({ length: 20 }, (_, i) => [`${i}`.repeat(200_000)])
    assert.equal(Buffer.from(encoder.encode(batchOf(of, rows))).toString(), rows.map(([s]) => `{"s":"${s}"}\n`).join(''))
  })
})
