import { expect } from 'chai'
import fc from 'fast-check'
import { BIGINT, BOOLEAN, DATE, decimal, DOUBLE, INT, STRING, timestamp, timestampLtz, type Value } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { validateTable } from '#runtime/connectors/registry.js'
import type { FormatOptions, RowProblem } from '#runtime/formats/format.js'
import { batchOf, cut, decode, decodePieces, failure, formatRuntime } from './decode-support.js'

const AB = schema(['a', INT], ['b', STRING])
const ALL = schema(
  ['i', INT],
  ['s', STRING],
  ['d', DOUBLE],
  ['m', decimal(10, 2)],
  ['w', decimal(30, 5)],
  ['l', BIGINT],
  ['o', BOOLEAN],
  ['t', timestamp(3)],
  ['z', timestampLtz(3)],
  ['y', DATE],
)

async function encode(of: typeof AB, rows: Value[][], options: FormatOptions = {}): Promise<string> {
  return Buffer.from((await formatRuntime('csv')).createEncoder(of, options).encode(batchOf(of, rows))).toString()
}

describe('csv format, reading', () => {
  it('reads quoted fields with delimiters, doubled quotes and line ends', async () => {
    expect(await decode('csv', AB, '1,"x,""y""\r\n z"\r\n2,plain\n3,')).to.deep.equal([
      [1, 'x,"y"\r\n z'],
      [2, 'plain'],
      [3, ''],
    ])
  })

  it('ends rows at \\n, \\r\\n and \\r, and takes a last row without one', async () => {
    expect(await decode('csv', AB, '1,a\r2,b\n3,c\r\n4,d')).to.deep.equal([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ])
  })

  it('reads BIGINT and DECIMAL exactly from their digits', async () => {
    const of = schema(['l', BIGINT], ['m', decimal(38, 18)], ['n', decimal(18, 2)])
    expect(
      await decode(
        'csv',
        of,
        '9223372036854775807,12345678901234567890.123456789012345678,1234567890123456.785\n-9223372036854775808,1e-18,-0.005\n',
      ),
    ).to.deep.equal([
      [9223372036854775807n, 12345678901234567890123456789012345678n, 123456789012345679n],
      [-9223372036854775808n, 1n, -1n],
    ])
  })

  it('makes a DECIMAL with too many digits NULL, as Flink', async () => {
    expect(await decode('csv', schema(['m', decimal(4, 2)]), '99.994\n99.995\n1e400\n')).to.deep.equal([[9999n], [null], [null]])
  })

  it('reads dates and timestamps of java.sql', async () => {
    const of = schema(['y', DATE], ['t', timestamp(3)], ['z', timestampLtz(3)])
    const ms = BigInt(Date.UTC(2024, 1, 29, 3, 4, 5, 120))
    expect(await decode('csv', of, '2024-2-29,2024-02-29 3:04:05.12,2024-02-29 03:04:05.12Z\n')).to.deep.equal([[19782, ms, ms]])
  })

  it('trims numbers, and takes every boolean but true for false', async () => {
    expect(await decode('csv', schema(['a', INT], ['b', BOOLEAN]), ' 12 , TRUE \n+7,yes\n')).to.deep.equal([
      [12, true],
      [7, false],
    ])
  })

  it('honours delimiter, quote and escape characters', async () => {
    const options = { 'field-delimiter': '\\t', 'quote-character': "'", 'escape-character': '\\' }
    expect(await decode('csv', AB, "1\t'it\\'s\\n\ta'\n2\tx\\\ty\n", options)).to.deep.equal([
      [1, "it's\n\ta"],
      [2, 'x\ty'],
    ])
  })

  it('takes quotes for ordinary characters when they are disabled', async () => {
    expect(await decode('csv', AB, '1,"a"\n2,"\n', { 'disable-quote-character': 'true' })).to.deep.equal([
      [1, '"a"'],
      [2, '"'],
    ])
  })

  it('knows the null literal, the empty string as NULL, comments and trimmed blanks', async () => {
    expect(await decode('csv', AB, 'n/a,n/a\n', { 'null-literal': 'n/a' })).to.deep.equal([[null, null]])
    expect(await decode('csv', AB, ',\n', { 'null-literal': '' })).to.deep.equal([[null, null]])
    expect(await decode('csv', AB, '1,\n', { 'empty-string-as-null': 'true' })).to.deep.equal([[1, null]])
    expect(await decode('csv', AB, '#x,"\n1,#y\n', { 'allow-comments': 'true' })).to.deep.equal([[1, '#y']])
    expect(await decode('csv', AB, '1 , a \n2 , "b " \n', { 'trim-spaces': 'true' })).to.deep.equal([
      [1, 'a'],
      [2, 'b '],
    ])
  })

  it('skips a byte order mark and blank lines', async () => {
    expect(await decode('csv', AB, '\uFEFF1,a\n\n\r\n2,b\n')).to.deep.equal([
      [1, 'a'],
      [2, 'b'],
    ])
  })

  it('replaces bytes that are no UTF-8', async () => {
    expect(await decode('csv', AB, Buffer.from([49, 44, 0xc3, 65, 10, 50, 44, 0xc3, 0xa9, 10]))).to.deep.equal([
      [1, '\uFFFDA'],
      [2, 'é'],
    ])
  })

  it('names line, column, field number and text of a malformed row', async () => {
    const problem = await failure<RowProblem>(() => decode('csv', AB, '1,"a\nb"\nx1,c\n'))
    expect(problem).to.include({ message: "'x1' is no INT", line: 3, column: 1, field: 'a', fieldNumber: 1, text: 'x1,c' })
    const count = await failure<RowProblem>(() => decode('csv', AB, '1,a\n2,b,c\n'))
    expect(count).to.include({ message: 'the row has 3 fields, the table has 2 columns', line: 2 })
    const quote = await failure<RowProblem>(() => decode('csv', AB, '1,a\n2,"b\n3,c\n'))
    expect(quote).to.include({ message: 'the closing quote is missing', line: 2, column: 3 })
    const behind = await failure<RowProblem>(() => decode('csv', AB, '1,"a"b\n'))
    expect(behind.message).to.contain('after the closing quote')
    const empty = await failure<RowProblem>(() => decode('csv', AB, ',a\n'))
    expect(empty.message).to.contain("'csv.null-literal' = ''")
    const range = await failure<RowProblem>(() => decode('csv', AB, '2147483648,a\n'))
    expect(range.message).to.equal('2147483648 is out of the range of INT')
  })

  it('shortens the text of a long row around the problem', async () => {
    const problem = await failure<RowProblem>(() => decode('csv', schema(['s', STRING], ['a', INT]), `${'x'.repeat(500)},y\n`))
    expect(problem.text.length).to.be.below(130)
    expect(problem.text).to.match(/^…x+,y$/)
  })

  it('with ignore-parse-errors makes bad fields NULL and skips bad rows', async () => {
    const text = 'x,a\n1\n1,b,c\n2,"d"e\n3,f\n'
    expect(await decode('csv', AB, text, { 'ignore-parse-errors': 'true' })).to.deep.equal([
      [null, 'a'],
      [1, null],
      [3, 'f'],
    ])
  })
})

describe('csv format, writing', () => {
  it('quotes as Jackson does', async () => {
    const rows = [
      [1, 'plain'],
      [2, 'two words'],
      [3, 'a"b'],
      [4, 'x'.repeat(24)],
      [5, 'x'.repeat(25)],
      [6, null],
    ]
    expect(await encode(AB, rows)).to.equal(`1,plain\n2,"two words"\n3,"a""b"\n4,${'x'.repeat(24)}\n5,"${'x'.repeat(25)}"\n6,\n`)
  })

  it('writes values as Flink does', async () => {
    const ms = BigInt(Date.UTC(2024, 0, 2, 3, 4, 5))
    expect(await encode(ALL, [[1, 's', 1e8, 1230n, -1n, -5n, true, ms, ms + 50n, 19724]])).to.equal(
      '1,s,1.0E8,12.30,-0.00001,-5,true,"2024-01-02 03:04:05","2024-01-02 03:04:05.05Z",2024-01-02\n',
    )
    expect(await encode(schema(['a', decimal(10, 8)]), [[1n]])).to.equal('1E-8\n')
    expect(await encode(schema(['a', decimal(10, 8)]), [[1n]], { 'write-bigdecimal-in-scientific-notation': 'false' })).to.equal(
      '0.00000001\n',
    )
  })
})

describe('csv format, properties', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', '😀', ',', '"', '\n', '\r', '\\', ' ', ';', '#', '\t', 'n'), maxLength: 40 })
  const row = fc.tuple(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    text,
    fc.double({ noNaN: false }),
    fc.bigInt({ min: -9999999999n, max: 9999999999n }),
    fc.bigInt({ min: -(10n ** 30n) + 1n, max: 10n ** 30n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.boolean(),
    fc.integer({ min: -62135596800000, max: 253402300799999 }).map(BigInt),
    fc.integer({ min: -62135596800000, max: 253402300799999 }).map(BigInt),
    fc.integer({ min: -719162, max: 2932896 }),
  )
  const rows = fc.array(row, { maxLength: 8 }) as fc.Arbitrary<Value[][]>
  const dialects: FormatOptions[] = [
    {},
    { 'field-delimiter': ';', 'quote-character': "'" },
    { 'escape-character': '\\' },
    { 'field-delimiter': '\\t', 'null-literal': 'NULL' },
  ]

  it('reads back what it wrote, however the bytes are cut', async () => {
    const format = await formatRuntime('csv')
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.constantFrom(...dialects),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        async (written, options, cuts, limit) => {
          const bytes = format.createEncoder(ALL, options).encode(batchOf(ALL, written))
          expect(decodePieces(format.createDecoder(ALL, options), ALL, cut(bytes, cuts), limit)).to.deep.equal(written)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('gives the same rows or the same error for any text, however it is cut', async () => {
    const format = await formatRuntime('csv')
    const outcome = async (pieces: Uint8Array[], options: FormatOptions) => {
      try {
        return decodePieces(format.createDecoder(AB, options), AB, pieces)
      } catch (error) {
        const { message, line, column, field } = error as RowProblem
        return { message, line, column, field }
      }
    }
    const piece = fc.constantFrom('1', ',', '"', '\n', '\r', '\\', 'a', ' ', '#', 'é')
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 25 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        fc.constantFrom(...dialects, { 'ignore-parse-errors': 'true', 'allow-comments': 'true' }),
        async (parts, cuts, options) => {
          const bytes = Buffer.from(parts.join(''))
          expect(await outcome(cut(bytes, cuts), options)).to.deep.equal(await outcome([bytes], options))
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('csv format, options', () => {
  const table = (options: Record<string, string>) => () =>
    validateTable({ connector: 'filesystem', path: '/x', format: 'csv', ...options }, AB, 'source')
  it('refuses unknown and bad ones by name', () => {
    expect(table({ 'csv.field-delimiter': ';' })).not.to.throw()
    expect(table({ 'csv.feild-delimiter': ';' })).to.throw("Did you mean 'csv.field-delimiter'?")
    expect(table({ 'csv.field-delimiter': ';;' })).to.throw("'csv.field-delimiter'")
    expect(table({ 'csv.ignore-parse-errors': 'maybe' })).to.throw("must be true or false, not 'maybe'")
    expect(table({ 'csv.quote-character': "'", 'csv.disable-quote-character': 'true' })).to.throw('cannot be used together')
  })
})
