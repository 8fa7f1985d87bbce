import { assert } from 'chai'
import fc from 'fast-check'
import { BIGINT, BOOLEAN, DATE, DOUBLE, INT, STRING, timestamp, timestampLtz } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { layoutOf } from '#runtime/formats/json/layout.js'
import { RowKernel } from '#runtime/formats/json/row-kernel.js'
import { cut, decodePieces, formatRuntime, rowsOf } from './decode-support.js'
import { LINE, line, PLAIN, TYPES, VALUES } from './json-rows.js'

/** TYPES without the one that the kernel does not read: `d` is skipped. */
const READ = schema(
  ['i', INT],
  ['long', BIGINT],
  ['x', DOUBLE],
  ['s', STRING],
  ['at', timestamp(3)],
  ['zoned', timestampLtz(3)],
  ['day', DATE],
  ['ok', BOOLEAN],
)
const OPTIONS = { 'ignore-parse-errors': 'true' }
const WARM_UP_ROWS = 40
const warmUp = line(PLAIN, '', '').repeat(WARM_UP_ROWS)
const keys = Object.keys(PLAIN)
const layout = layoutOf(
  keys.map((key) => Buffer.from(`"${key}"`)),
  keys.map((key) => READ.fields.findIndex((field) => field.name === key)),
)

function kernel(): RowKernel {
  const found = RowKernel.of(
    layout,
    READ.fields.map((field) => field.type),
    { timestamps: 'SQL', leastDigits: 2 },
  )
  assert.isDefined(found)
  return found as RowKernel
}

function read(text: string, from = kernel()) {
  const bytes = new TextEncoder().encode(text)
  const builder = new BatchBuilder(READ)
  from.begin()
  const end = from.read(bytes, 0, bytes.length, builder, 5000)
  return { read: from.rows, end, rows: rowsOf(builder.finish()) }
}

describe('the kernel for JSON rows', () => {
  it('reads plain rows up to one that is not', async () => {
    const runtime = await formatRuntime('json')
    const plain = line(PLAIN, '', '')
    const nulls = line(Object.fromEntries(keys.map((key) => [key, 'null'])), ' ', '\r')
    const text = plain + nulls + plain
    const expected = decodePieces(runtime.createDecoder(READ, OPTIONS), READ, [Buffer.from(text)])
    assert.deepEqual(read(text + line({ ...PLAIN, s: '"a\\"b"' }, '', '')), { read: 3, end: text.length, rows: expected })
    for (let length = 0; length < plain.length; length++) assert.equal(read(plain + plain.slice(0, length)).read, 1, `${length} bytes`)
  })

  it('leaves out kinds of columns that it does not read', () => {
    const types = TYPES.fields.map((field) => field.type)
    const all = layoutOf(
      layout.keys,
      keys.map((_, column) => column),
    )
    assert.isUndefined(RowKernel.of(all, types, { timestamps: 'SQL', leastDigits: 2 }))
  })

  it('reads no value otherwise than the general way', async () => {
    const runtime = await formatRuntime('json')
    const alone = (text: string) => decodePieces(runtime.createDecoder(READ, OPTIONS), READ, [Buffer.from(text)])
    let taken = 0
    for (const key of keys)
      for (const value of VALUES) {
        const text = line({ ...PLAIN, [key]: value }, '', '')
        const { read: count, rows } = read(text)
        taken += count
        if (count === 1) assert.deepEqual(rows, alone(text), text)
      }
    assert.isAbove(taken, 3 * keys.length)
  })

  it('serves decoders: the same rows wherever the bytes are cut, whatever comes after many rows alike', async function () {
    this.timeout(60_000)
    const runtime = await formatRuntime('json')
    fc.assert(
      fc.property(fc.array(LINE, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(), { maxLength: 4 }), (lines, cuts) => {
        const alone = lines.flatMap((text) => decodePieces(runtime.createDecoder(READ, OPTIONS), READ, [Buffer.from(text)]))
        const pieces = cut(Buffer.from(warmUp + lines.join('') + warmUp), cuts)
        const together = decodePieces(runtime.createDecoder(READ, OPTIONS), READ, pieces)
        assert.deepEqual(together.slice(WARM_UP_ROWS, -WARM_UP_ROWS), alone)
      }),
      { numRuns: Number(process.env['WEFT_PROPERTY_RUNS'] ?? 100) },
    )
  })

  it('reads integers and doubles as their digits say', async () => {
    const runtime = await formatRuntime('json')
    const digits = fc.stringMatching(/^-?(0|[1-9][0-9]{0,19})$/)
    const double = fc.stringMatching(/^-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,16})?$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(digits, double), { minLength: 1, maxLength: 20 }), (values) => {
        const text = values.map(([long, x]) => line({ ...PLAIN, long, x }, '', '')).join('')
        const rows = decodePieces(runtime.createDecoder(READ, OPTIONS), READ, [Buffer.from(warmUp + text)]).slice(WARM_UP_ROWS)
        for (const [i, [long, x]] of values.entries()) {
          const fits = BigInt.asIntN(64, BigInt(long)) === BigInt(long)
          assert.equal(rows[i]?.[1], fits ? BigInt(long) : null)
          assert.equal(rows[i]?.[2], Number(x))
        }
      }),
    )
  })

  it('reads rows that are cut off where a copy ends, longer than a copy, and more than a call reads', async () => {
    const runtime = await formatRuntime('json')
    const sizes = [...Array.from({ length: 3000 }, (_, i) => (i * 7919) % 600), 300_000, 5, 262_000, 0, 0]
    const text = warmUp + sizes.map((size, i) => line({ ...PLAIN, i: String(i), s: `"${'é'.repeat(size >> 1)}"` }, '', '')).join('')
    const rows = decodePieces(runtime.createDecoder(READ, {}), READ, [Buffer.from(text)], 2000).slice(WARM_UP_ROWS)
    assert.equal(rows.length, sizes.length)
    for (const [i, size] of sizes.entries()) {
      assert.equal(rows[i]?.[0], i)
      assert.equal(rows[i]?.[3], 'é'.repeat(size >> 1))
    }
  })

  it('has its memory in turn with others', async () => {
    const runtime = await formatRuntime('json')
    const two = schema(['a', STRING], ['b', INT])
    const texts = [
      { columns: READ, text: Buffer.from(warmUp.repeat(100)), rows: [] as unknown[] },
      {
        columns: two,
        text: Buffer.from(Array.from({ length: 4000 }, (_, i) => `{"a":"${i}","b":${i}}\n`).join('')),
        rows: [] as unknown[],
      },
    ]
    const decoders = texts.map(({ columns, text }) => {
      const decoder = runtime.createDecoder(columns, {})
      decoder.feed(text)
      return decoder
    })
    for (let more = true; more;) {
      more = false
      for (const [i, each] of texts.entries()) {
        const builder = new BatchBuilder(each.columns)
        if (decoders[i]?.read(builder, 100) === 100) more = true
        each.rows.push(...rowsOf(builder.finish()))
      }
    }
    assert.deepEqual(
      texts[1]?.rows,
      Array.from({ length: 4000 }, (_, i) => [String(i), i]),
    )
    assert.equal(texts[0]?.rows.length, 4000)
    assert.deepEqual(texts[0]?.rows[3999], texts[0]?.rows[0])
  })
})
