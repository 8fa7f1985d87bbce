import { assert } from 'chai'
import fc from 'fast-check'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import type { RowProblem } from '#runtime/formats/format.js'
import { layoutOf } from '#runtime/formats/json/layout.js'
import { rowCode } from '#runtime/formats/json/row-code.js'
import { cut, decodePieces, failure, formatRuntime, rowsOf } from './decode-support.js'
import { LINE, line, PLAIN, TYPES, VALUES, WARM_UP } from './json-rows.js'

describe('generated code for JSON rows', () => {
  it('is there for plain rows, and takes no others', async () => {
    const runtime = await formatRuntime('json')
    const keys = Object.keys(PLAIN).map((key) => Buffer.from(`"${key}"`))
    const types = TYPES.fields.map((field) => field.type)
    const layout = layoutOf(
      keys,
      keys.map((_, column) => column),
    )
    const code = rowCode(layout, types, { timestamps: 'SQL', leastDigits: 2 })
    const run = (text: string) => {
      const bytes = new TextEncoder().encode(text)
      const builder = new BatchBuilder(TYPES)
      const end = code?.(bytes, new DataView(bytes.buffer), 0, bytes.length, builder.columns, false)
      if (end === bytes.length) builder.endRow()
      return { whole: end === bytes.length, refused: end === -1, rows: rowsOf(builder.finish()) }
    }
    const plain = line(PLAIN, '', '')
    assert.deepEqual(run(plain), {
      whole: true,
      refused: false,
      rows: decodePieces(runtime.createDecoder(TYPES, {}), TYPES, [Buffer.from(plain)]),
    })
    const others = [{ s: '"a\\"b"' }, { i: '"7"' }, { long: '1234567890123456' }, { x: '1e3' }, { at: '"2024-02-30 00:00:00"' }]
    for (const other of others) assert.isTrue(run(line({ ...PLAIN, ...other }, '', '')).refused, JSON.stringify(other))
    for (let length = 0; length < plain.length; length++) assert.isTrue(run(plain.slice(0, length)).refused, `${length} bytes`)
  })

  it('reads every value in every column as the general way does', async () => {
    const runtime = await formatRuntime('json')
    const read = (text: string) => decodePieces(runtime.createDecoder(TYPES, { 'ignore-parse-errors': 'true' }), TYPES, [Buffer.from(text)])
    // Each behind a plain row: after many misses one after the other the code would not be asked.
    const pairs = Object.keys(PLAIN).flatMap((key) => VALUES.map((value) => line(PLAIN, '', '') + line({ ...PLAIN, [key]: value }, '', '')))
    assert.deepEqual(read(WARM_UP + pairs.join('')).slice(40), pairs.flatMap(read))
  })

  it('reads what the general way reads, whatever comes after many rows alike', async function () {
    this.timeout(60_000)
    const runtime = await formatRuntime('json')
    fc.assert(
      fc.property(fc.array(LINE, { minLength: 1, maxLength: 12 }), fc.array(fc.nat(), { maxLength: 4 }), (lines, cuts) => {
        const options = { 'ignore-parse-errors': 'true' }
        const alone = lines.flatMap((text) => decodePieces(runtime.createDecoder(TYPES, options), TYPES, [Buffer.from(text)]))
        const pieces = cut(Buffer.from(WARM_UP + lines.join('')), cuts)
        const together = decodePieces(runtime.createDecoder(TYPES, options), TYPES, pieces)
        assert.deepEqual(together.slice(40), alone)
      }),
      { numRuns: Number(process.env['WEFT_PROPERTY_RUNS'] ?? 100) },
    )
  })

  it('leaves it to the general way to say what is wrong', async () => {
    const runtime = await formatRuntime('json')
    const bad = line({ ...PLAIN, d: '"much"' }, '', '')
    const problem = (text: string): Promise<RowProblem> =>
      failure<RowProblem>(() => decodePieces(runtime.createDecoder(TYPES, {}), TYPES, [Buffer.from(text)]))
    const [late, alone] = [await problem(WARM_UP + bad), await problem(bad)]
    assert.equal(late.message, alone.message)
    assert.equal(late.line, 41)
    assert.deepEqual({ ...late, line: 1 }, { ...alone })
  })

  it('makes what is not UTF-8 U+FFFD', async () => {
    const runtime = await formatRuntime('json')
    const text = Buffer.from(WARM_UP + line({ ...PLAIN, s: '"#"' }, '', ''))
    text[text.lastIndexOf('#')] = 0xff
    assert.equal(decodePieces(runtime.createDecoder(TYPES, {}), TYPES, [text])[40]?.[3], '\uFFFD')
  })

  it('refuses a missing key where that is asked for, and leaves out columns nobody reads', async () => {
    const runtime = await formatRuntime('json')
    const missing = line(Object.fromEntries(Object.entries(PLAIN).filter(([key]) => key !== 'ok')), '', '')
    const strict = { 'fail-on-missing-field': 'true' }
    const refused = await failure<RowProblem>(() =>
      decodePieces(runtime.createDecoder(TYPES, strict), TYPES, [Buffer.from(missing.repeat(50))]),
    )
    assert.include(refused.message, "'ok' is missing")
    const two = schema(['s', STRING], ['i', INT])
    const rows = decodePieces(runtime.createDecoder(TYPES, {}, [3, 0]), two, [Buffer.from(WARM_UP.repeat(2))])
    assert.equal(rows.length, 80)
    assert.deepEqual(rows[79], ['plain text, that is', 7])
  })
})
