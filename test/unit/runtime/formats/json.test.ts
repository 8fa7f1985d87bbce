import { expect } from 'chai'
import fc from 'fast-check'
import { BIGINT, BOOLEAN, DATE, decimal, DOUBLE, INT, STRING, timestamp, timestampLtz, type Value } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { validateTable } from '#runtime/connectors/registry.js'
import type { FormatOptions, RowProblem } from '#runtime/formats/format.js'
import { batchOf, cut, decode, decodePieces, failure, formatRuntime } from './decode-support.js'

const AB = schema(['a', INT], ['b', STRING])

async function encode(of: typeof AB, rows: Value[][], options: FormatOptions = {}): Promise<string> {
  return Buffer.from((await formatRuntime('json')).createEncoder(of, options).encode(batchOf(of, rows))).toString()
}

describe('json format, reading', () => {
  it('reads fields in any order, skips others, and makes missing ones NULL', async () => {
    const text = '{"a":1,"b":"x"}\n{"b":"y","c":{"d":[1,{}]},"a":2}\n{ "c" : null , "a" : 3 }\r\n\n{}\n{"a":4,"b":"z"}'
    expect(await decode('json', AB, text)).to.deep.equal([
      [1, 'x'],
      [2, 'y'],
      [3, null],
      [null, null],
      [4, 'z'],
    ])
  })

  it('reads BIGINT and DECIMAL exactly from their digits', async () => {
    const of = schema(['l', BIGINT], ['m', decimal(38, 18)], ['n', decimal(18, 2)])
    expect(
      await decode('json', of, '{"l":9223372036854775807,"m":12345678901234567890.123456789012345678,"n":"1234567890123456.785"}\n'),
    ).to.deep.equal([[9223372036854775807n, 12345678901234567890123456789012345678n, 123456789012345679n]])
  })

  it('resolves escapes and surrogate pairs', async () => {
    expect(await decode('json', AB, '{"a":1,"b":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\ud83d"}\n')).to.deep.equal([
      [1, '"\\/\b\f\n\r\té😀\uFFFD'],
    ])
    expect(await decode('json', AB, '{"\\u0061":1,"b":"tab\there"}\n')).to.deep.equal([[1, 'tab\there']])
  })

  it('converts between JSON and SQL types as Flink', async () => {
    const text = '{"a":1.9,"b":12.50}\n{"a":"7","b":true}\n{"a":-1e3,"b":{"x": [1, "a b"]}}\n'
    expect(await decode('json', AB, text)).to.deep.equal([
      [1, '12.50'],
      [7, 'true'],
      [-1000, '{"x":[1,"a b"]}'],
    ])
    expect(await decode('json', schema(['o', BOOLEAN], ['d', DOUBLE]), '{"o":"TRUE","d":"NaN"}\n{"o":1,"d":5}\n')).to.deep.equal([
      [true, NaN],
      [false, 5],
    ])
  })

  it('reads timestamps in both standards', async () => {
    const of = schema(['t', timestamp(3)], ['z', timestampLtz(3)], ['y', DATE])
    const ms = BigInt(Date.UTC(2024, 1, 29, 3, 4, 5, 120))
    expect(await decode('json', of, '{"t":"2024-02-29 03:04:05.12","z":"2024-02-29 03:04:05.12Z","y":"2024-02-29"}\n')).to.deep.equal([
      [ms, ms, 19782],
    ])
    const iso = { 'timestamp-format.standard': 'ISO-8601' }
    expect(await decode('json', of, '{"t":"2024-02-29T03:04:05.12","z":"2024-02-29T03:04:05.12Z"}\n', iso)).to.deep.equal([[ms, ms, null]])
    for (const bad of ['2024-02-30 00:00:00', '2024-02-29T03:04:05', '2024-2-9 03:04:05', '2024-02-29 24:00:00', '2024-02-29']) {
      const problem = await failure<RowProblem>(() => decode('json', of, `{"t":"${bad}"}\n`))
      expect(problem.message).to.equal(`'${bad}' is no TIMESTAMP(3) (yyyy-MM-dd HH:mm:ss.SSS)`)
    }
  })

  it('names line, column and field of a malformed row', async () => {
    const type = await failure<RowProblem>(() => decode('json', AB, '{"a":1,"b":"x"}\n{"a":"one","b":"y"}\n'))
    expect(type).to.include({ message: "'one' is no INT", line: 2, column: 7, field: 'a', text: '{"a":"one","b":"y"}' })
    const syntax = await failure<RowProblem>(() => decode('json', AB, '\n{"a":1,"b":"x"}\n{"a":1 "b"}\n'))
    expect(syntax).to.include({ message: "',' or '}' is expected here", line: 3, column: 8 })
    for (const [text, message] of [
      ['[{"a":1}]', 'the line is a JSON array, but every line must be one JSON object'],
      ['hello', 'the line is not a JSON object'],
      ['{"a":01}', 'this is no JSON value'],
      ['{"a":1} x', 'there is text behind the end of the object'],
      ['{"a":"x', 'the string is not closed or has a bad escape'],
      ['{"a":[1,{"b":}]}', 'this is no JSON value'],
      ['{"a":', 'the line ends where a value is expected'],
      ['{"a":1', "the line ends where ',' or '}' is expected"],
      ['{a:1}', 'a field name in double quotes is expected here'],
    ] as const) {
      const problem = await failure<RowProblem>(() => decode('json', AB, text))
      expect(problem.message, text).to.equal(message)
    }
  })

  it('does not overflow the stack on deep nesting', async () => {
    const deep = await failure<RowProblem>(() => decode('json', AB, `{"c":${'['.repeat(100_000)}`))
    expect(deep.message).to.contain('nested deeper than 1000')
  })

  it('with ignore-parse-errors makes bad fields NULL and skips bad rows', async () => {
    const text = '{"a":"x","b":"k"}\n{"a":\n{"a":99999999999,"b":"l"}\n[]\n{"a":5}'
    expect(await decode('json', AB, text, { 'ignore-parse-errors': 'true' })).to.deep.equal([
      [null, 'k'],
      [null, 'l'],
      [5, null],
    ])
  })

  it('fails on a missing field where that is asked for', async () => {
    const problem = await failure<RowProblem>(() => decode('json', AB, '{"a":1}\n', { 'fail-on-missing-field': 'true' }))
    expect(problem.message).to.equal("the field 'b' is missing")
    expect(await decode('json', AB, '{"a":1,"b":null}\n', { 'fail-on-missing-field': 'true' })).to.deep.equal([[1, null]])
  })
})

describe('json format, writing', () => {
  it('writes values as Flink does', async () => {
    const of = schema(
      ['d', DOUBLE],
      ['m', decimal(10, 8)],
      ['o', BOOLEAN],
      ['t', timestamp(3)],
      ['z', timestampLtz(3)],
      ['y', DATE],
      ['s', STRING],
    )
    const ms = BigInt(Date.UTC(2024, 0, 2, 3, 4, 5))
    expect(await encode(of, [[1e8, 1n, true, ms, ms + 50n, 19724, 'a"b\u0001\n']])).to.equal(
      '{"d":1.0E8,"m":1E-8,"o":true,"t":"2024-01-02 03:04:05","z":"2024-01-02 03:04:05.05Z","y":"2024-01-02","s":"a\\"b\\u0001\\n"}\n',
    )
    expect(
      await encode(of, [[NaN, 1n, null, ms, null, null, null]], {
        'encode.decimal-as-plain-number': 'true',
        'encode.ignore-null-fields': 'true',
        'timestamp-format.standard': 'ISO-8601',
      }),
    ).to.equal('{"d":"NaN","m":0.00000001,"t":"2024-01-02T03:04:05"}\n')
  })
})

describe('json format, properties', () => {
  const of = schema(['a', STRING], ['n', DOUBLE], ['é"', STRING], ['o', BOOLEAN])
  const key = fc.constantFrom('a', 'n', 'é"', 'o', 'other', 'x y')
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.double({ noDefaultInfinity: true, noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.jsonValue(),
  )

  /** What a row must be, by JSON.parse. */
  function oracle(text: string): Value[] {
    const parsed = JSON.parse(text) as Record<string, unknown>
    const string = (v: unknown): Value =>
      v === undefined || v === null
        ? null
        : typeof v === 'string'
          ? Buffer.from(v).toString()
          : typeof v === 'object'
            ? JSON.stringify(v)
            : String(v)
    const own = (name: string) => (Object.hasOwn(parsed, name) ? parsed[name] : undefined)
    const n = own('n')
    const o = own('o')
    return [
      string(own('a')),
      typeof n === 'number' ? n : null,
      string(own('é"')),
      o === undefined || o === null || typeof o === 'object' ? null : o === true || (typeof o === 'string' && o.toLowerCase() === 'true'),
    ]
  }

  const blank = fc.constantFrom('', '', '', ' ', '\t ', '\r')
  const spaced = (text: string, blanks: string[]) => {
    let i = 0
    const next = () => blanks[i++ % blanks.length] ?? ''
    return text.replace(/"(?:[^"\\]|\\.)*"|[{}[\]:,]/gs, (token) => next() + token + next())
  }
  /** Writes some plain letters of strings as escapes; escapes that are there stay. */
  const escaped = (text: string, seed: number) =>
    text.replace(/"(?:[^"\\]|\\.)*"/gs, (token) =>
      token.replace(/\\u[0-9a-f]{4}|\\.|[a-z]/gs, (part, at: number) =>
        part.length === 1 && (at + seed) % 3 === 0 ? `\\u${part.charCodeAt(0).toString(16).padStart(4, '0')}` : part,
      ),
    )

  it('agrees with JSON.parse for any objects, blanks, escapes, key orders and cuts', async () => {
    const format = await formatRuntime('json')
    const objects = fc.array(
      fc.tuple(fc.dictionary(key, value, { maxKeys: 6 }), fc.array(blank, { minLength: 1, maxLength: 7 }), fc.nat(9)),
      { maxLength: 8 },
    )
    await fc.assert(
      fc.asyncProperty(objects, fc.array(fc.nat(), { maxLength: 6 }), fc.boolean(), async (drawn, cuts, repeat) => {
        const lines = drawn.map(([object, blanks, seed]) => {
          const text = JSON.stringify(object)
          return seed === 0 ? text : seed < 5 ? escaped(text, seed) : spaced(text, blanks)
        })
        const all = repeat ? [...lines, ...lines] : lines
        const expected = all.map(oracle)
        const bytes = Buffer.from(all.join('\n'))
        const decoder = format.createDecoder(of, { 'ignore-parse-errors': 'true' })
        const actual = decodePieces(decoder, of, cut(bytes, cuts))
        // A number or container in a STRING column keeps the text it had; compare what it means.
        const same = (a: Value, e: Value) =>
          a === e || Object.is(a, e) || (typeof a === 'string' && typeof e === 'string' && meaning(a) === meaning(e))
        expect(actual.length).to.equal(expected.length)
        actual.forEach((row, r) =>
          row.forEach((cell, c) => {
            const wanted = expected[r]?.[c] ?? null
            // DOUBLE from text: Flink parses it, the oracle does not.
            if (c === 1 && typeof (JSON.parse(all[r] ?? '') as Record<string, unknown>)['n'] === 'string') return
            expect(same(cell, wanted), `${all[r]} column ${c}: ${String(cell)} instead of ${String(wanted)}`).to.equal(true)
          }),
        )
      }),
      { numRuns: 200 },
    )
  })

  function meaning(text: string): string {
    try {
      return JSON.stringify(JSON.parse(text))
    } catch {
      return text
    }
  }

  it('accepts exactly the lines that JSON.parse accepts as objects', async () => {
    const format = await formatRuntime('json')
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"b"',
      '1',
      '-0.5e+3',
      '01',
      '1.',
      'true',
      'null',
      'nul',
      ' ',
      '"\\x"',
      '"\\u00e9"',
      '""',
    )
    const nearly = fc
      .tuple(fc.constantFrom('{', '{"a":', '{"a":1,', ''), fc.array(token, { maxLength: 8 }), fc.constantFrom('}', '1}', ''))
      .map(([a, b, c]) => a + b.join('') + c)
    fc.assert(
      fc.property(nearly, (text) => {
        let valid = text.trim() === ''
        try {
          const parsed: unknown = JSON.parse(text)
          valid ||= typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
        } catch {
          /* not valid */
        }
        let accepted = true
        try {
          decodePieces(format.createDecoder(schema(['q', STRING]), {}), schema(['q', STRING]), [Buffer.from(text + '\n')])
        } catch {
          accepted = false
        }
        expect(accepted, text).to.equal(valid)
      }),
      { numRuns: 500 },
    )
  })

  it('reads back what it wrote', async () => {
    const all = schema(
      ['i', INT],
      ['s', STRING],
      ['d', DOUBLE],
      ['m', decimal(30, 5)],
      ['l', BIGINT],
      ['o', BOOLEAN],
      ['t', timestamp(3)],
      ['z', timestampLtz(3)],
      ['y', DATE],
    )
    const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 6 })
    const row = fc.tuple(
      nullable(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      nullable(fc.string({ unit: 'grapheme', maxLength: 20 })),
      nullable(fc.double()),
      nullable(fc.bigInt({ min: -(10n ** 30n) + 1n, max: 10n ** 30n - 1n })),
      nullable(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      nullable(fc.boolean()),
      nullable(fc.integer({ min: -62135596800000, max: 253402300799999 }).map(BigInt)),
      nullable(fc.integer({ min: -62135596800000, max: 253402300799999 }).map(BigInt)),
      nullable(fc.integer({ min: -719162, max: 2932896 })),
    )
    const format = await formatRuntime('json')
    const options = fc.constantFrom<FormatOptions>({}, { 'encode.ignore-null-fields': 'true', 'timestamp-format.standard': 'ISO-8601' })
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 6 }) as fc.Arbitrary<Value[][]>,
        options,
        fc.array(fc.nat(), { maxLength: 6 }),
        (written, chosen, cuts) => {
          const bytes = format.createEncoder(all, chosen).encode(batchOf(all, written))
          expect(decodePieces(format.createDecoder(all, chosen), all, cut(bytes, cuts))).to.deep.equal(written)
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('json format, options', () => {
  const table = (options: Record<string, string>) => () =>
    validateTable({ connector: 'filesystem', path: '/x', format: 'json', ...options }, AB, 'source')
  it('refuses unknown and contradicting ones', () => {
    expect(table({ 'json.ignore-parse-errors': 'true' })).not.to.throw()
    expect(table({ 'json.ignore-parse-error': 'true' })).to.throw("Did you mean 'json.ignore-parse-errors'?")
    expect(table({ 'csv.field-delimiter': ';' })).to.throw("'csv.field-delimiter'")
    expect(table({ 'json.timestamp-format.standard': 'ISO' })).to.throw("must be SQL or ISO-8601, not 'ISO'")
    expect(table({ 'json.ignore-parse-errors': 'true', 'json.fail-on-missing-field': 'true' })).to.throw('should not both be true')
  })
})
