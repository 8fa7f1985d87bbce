import { assert } from 'chai'
import fc from 'fast-check'
import type { Expression } from '#core/graph/expression.js'
import {
  BIGINT,
  DATE,
  decimal,
  DOUBLE,
  INT,
  notNull,
  STRING,
  timestamp,
  timestampLtz,
  typeToString,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import { castValue, formatValue } from '#runtime/expr/cast.js'
import { compileJavaRegex } from '#runtime/expr/java-regex.js'
import { compileLike, matchesLike } from '#runtime/expr/like.js'
import { functionNames, resolveFunction } from '#runtime/expr/function-table.js'
import { evaluate, foldConstant, valueToLiteral } from '#runtime/expr/interpreter.js'
import { compareText, compareTextBytes } from '#runtime/expr/text-order.js'
import { canCast } from '#runtime/expr/type-rules.js'

const CONTEXT = { timeZone: 'Europe/Berlin', now: () => Date.UTC(2024, 6, 1, 12, 0, 0, 123) }
const utc = (text: string): bigint => BigInt(Date.parse(`${text}Z`))

type Typed = readonly [Value, LogicalType]
function argument(value: Value | Typed): Expression {
  const [of, type] = Array.isArray(value)
    ? (value as Typed)
    : ([
        value,
        typeof value === 'string' || value === null
          ? STRING
          : typeof value === 'bigint'
            ? BIGINT
            : typeof value === 'boolean'
              ? ({ kind: 'BOOLEAN', nullable: true } as const)
              : Number.isInteger(value)
                ? INT
                : DOUBLE,
      ] as Typed)
  return { kind: 'literal', value: valueToLiteral(of), type }
}
function call(name: string, ...values: (Value | Typed)[]): Value {
  const args = values.map(argument)
  const resolved = resolveFunction(
    name,
    args.map(({ type }) => type),
    args.map((arg) => (arg.kind === 'literal' ? arg.value : undefined)),
  )
  if ('problem' in resolved) throw new Error(resolved.problem)
  return evaluate({ kind: 'call', name, args, type: resolved.type }, [], CONTEXT)
}
function problem(name: string, ...types: LogicalType[]): string {
  const resolved = resolveFunction(name, types)
  return 'problem' in resolved ? resolved.problem : `no problem: ${typeToString(resolved.type)}`
}
function all(name: string, ...cases: readonly (readonly [...(Value | Typed)[], Value])[]): void {
  for (const one of cases)
    assert.deepEqual(call(name, ...(one.slice(0, -1) as Value[])), one.at(-1), `${name}(${one.slice(0, -1).map(String).join(', ')})`)
}

describe('text functions', () => {
  it('cut, pad, find and turn by characters, not by UTF-16 units', () => {
    all('CHAR_LENGTH', ['a🦊', 2], ['', 0], [null, null])
    all('LEFT', ['🦊🦊x', 2, '🦊🦊'], ['abc', 0, ''], ['abc', -1, ''], ['abc', 9, 'abc'])
    all('RIGHT', ['x🦊🦊', 2, '🦊🦊'], ['abc', 0, ''])
    all('LPAD', ['7', 3, '0', '007'], ['hello', 2, 'x', 'he'], ['a', -1, 'x', null], ['a', 3, '', null], ['a', 4, 'xy', 'xyxa'])
    all('RPAD', ['7', 3, '🦊', '7🦊🦊'])
    all('REVERSE', ['a🦊b', 'b🦊a'])
    all('LOCATE', ['b', 'abcb', 2], ['b', 'abcb', 3, 4], ['x', 'abc', 0], ['b', '🦊b', 2])
    all('POSITION', ['', 'abc', 1])
    all('INSTR', ['abc', 'c', 3])
    all('SUBSTRING', ['hello', 2, 'ello'], ['hello', 9, ''], ['hello', -9, ''], ['hello', 2, -1, null])
  })

  it('trim, replace, split and join', () => {
    all('TRIM', ['  a b ', 'a b'], ['xxaxx', 'x', 'a'])
    all('LTRIM', ['xya', 'yx', 'a'])
    all('RTRIM', ['a  ', 'a'])
    all('REPLACE', ['a.b.c', '.', '$&', 'a$&b$&c'])
    all('SPLIT_INDEX', ['a,b,,c', ',', 2, ''], ['a,b', ',', 5, null], ['a,b', ',', -1, null])
    all('CONCAT', ['a', 'b', 'c', 'abc'], ['a', null, null])
    all('CONCAT_WS', ['-', 'a', null, 'b', 'a-b'], [null, 'a', null])
    all('INITCAP', ['hello wORLD-x2y', 'Hello World-X2y'])
    all('REPEAT', ['ab', 3, 'ababab'], ['ab', -1, ''])
    assert.throws(() => call('REPEAT', 'ab', 2147483647), 'the text would have')
    all('UPPER', ['straße', 'STRASSE'])
  })

  it('digest the UTF-8 bytes', () => {
    all('MD5', ['abc', '900150983cd24fb0d6963f7d28e17f72'])
    all('SHA256', ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'])
  })

  it("match Java's regular expressions, and name what cannot be had", () => {
    all('REGEXP_EXTRACT', ['foothebar', 'foo(.*?)(bar)', 2, 'bar'], ['foothebar', 'x', null], ['foo', '(', null])
    all('REGEXP_REPLACE', ['a1b22', '\\d+', '<$0>', 'a<1>b<22>'], ['ab', '(a)(b)', '$2\\$$1', 'b$a'])
    all('REGEXP', ['hello', 'l+', true], ['hello', '', false])
    assert.isTrue(compileJavaRegex('\\Qa.b\\E\\p{Alpha}+\\z').test('a.bxyz'))
    assert.isFalse(compileJavaRegex('\\Qa.b\\E').test('axb'))
    assert.isTrue(compileJavaRegex('^\\++a+?}$').test('++aa}'))
    assert.isTrue(compileJavaRegex('(?i)ABC').test('xabc'))
    for (const [pattern, what] of [
      ['a++', 'possessive'],
      ['a{2}+', 'possessive'],
      ['(?>a)', 'atomic'],
      ['[a-z&&[^b]]', 'class'],
      ['a(?i)b', 'flags within'],
    ] as const) {
      assert.throws(() => compileJavaRegex(pattern), what)
    }
  })
})

describe('LIKE', () => {
  it('matches as the pattern spelled out character by character', () => {
    const alphabet = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '.', '*', '\\', '-', '🦊'), maxLength: 8 })
    fc.assert(
      fc.property(alphabet, alphabet, (text, pattern) =>
        assert.strictEqual(matchesLike(compileLike(pattern), text), slowLike([...text], [...pattern])),
      ),
      { numRuns: 2000 },
    )
  })

  it('takes an escape character', () => {
    all('LIKE', ['a%b', 'a!%b', '!', true], ['axb', 'a!%b', '!', false], ['a!b', 'a!!b', '!', true])
    assert.throws(() => call('LIKE', 'a', 'a!b', '!'), "Invalid escape sequence 'a!b', 1")
    assert.throws(() => call('LIKE', 'a', 'a', 'xx'), "Invalid escape character 'xx'")
    all('NOT LIKE', ['abc', 'a%', false], [null, 'a%', null])
  })
})

function slowLike(text: readonly string[], pattern: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return text.length === 0
  if (first === '%') return Array.from({ length: text.length + 1 }, (_, i) => i).some((i) => slowLike(text.slice(i), rest))
  return text.length > 0 && (first === '_' || first === text[0]) && slowLike(text.slice(1), rest)
}

describe('the order of texts', () => {
  it('is that of their UTF-8 bytes', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '', '\ud7ff', '🦊', '￿', 'z'), maxLength: 5 })
    const encoder = new TextEncoder()
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [x, y] = [encoder.encode(a), encoder.encode(b)]
        const expected = Math.sign(Buffer.compare(x, y))
        assert.strictEqual(Math.sign(compareText(a, b)), expected)
        assert.strictEqual(Math.sign(compareTextBytes(x, 0, x.length, y, 0, y.length)), expected)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('number functions', () => {
  it('keep their types and round as BigDecimal', () => {
    all('ABS', [-5, 5], [-2147483648, -2147483648], [-1.5, 1.5])
    all('SIGN', [-7, -1], [[-250n, decimal(5, 2)], -100n])
    all('FLOOR', [[-150n, decimal(5, 2)], -2n], [1.5, 1])
    all('CEIL', [[-150n, decimal(5, 2)], -1n], [[151n, decimal(5, 2)], 2n])
    all('ROUND', [0.125, 2, 0.13], [-0.125, 2, -0.13], [[1e300, DOUBLE], 2, 1e300], [15, -1, 20])
    all('TRUNCATE', [-1.99, 1, -1.9], [[1999n, decimal(5, 2)], 1, 199n])
    all('POWER', [2, 10, 1024])
    all('LOG', [1, 0], [2, 8, 3])
    all('DEGREES', [0, 0])
    all('ATAN2', [0, 1, 0])
    all('GREATEST', [1, 3, 2, 3], ['a', 'B', 'a'])
    all('NULLIF', [1, 1, null], [1, 2, 1])
    assert.strictEqual(problem('%', BIGINT, INT), 'no problem: INT')
    assert.strictEqual(problem('+', decimal(10, 2), INT), 'no problem: DECIMAL(13, 2)')
    assert.strictEqual(problem('+', decimal(10, 2), DOUBLE), 'no problem: DOUBLE')
  })

  it('agree with exact arithmetic for DECIMAL', () => {
    const digits = fc.bigInt(-(10n ** 9n) + 1n, 10n ** 9n - 1n)
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const [x, y] = [
          [a, decimal(9, 2)],
          [b, decimal(9, 4)],
        ] as const
        assert.strictEqual(call('+', x, y), a * 100n + b)
        assert.strictEqual(call('-', x, y), a * 100n - b)
        assert.strictEqual(call('*', x, y), a * b)
        if (b === 0n) assert.throws(() => call('/', x, y), /Division/)
        else {
          // scale max(6, 2 + 9 + 1) = 12: within half a unit of a / 10^2 / (b / 10^4).
          const quotient = call('/', x, y) as bigint
          const error = quotient * b - a * 10n ** 14n
          assert.isTrue((error < 0n ? -error : error) * 2n <= (b < 0n ? -b : b))
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('functions of time', () => {
  it('look at a TIMESTAMP_LTZ on the clock of the session', () => {
    const summer: Typed = [utc('2024-07-01T22:30:00'), timestampLtz(3)]
    all('HOUR', [summer, 0n])
    all('EXTRACT', ['DAY', summer, 2n], ['EPOCH', summer, utc('2024-07-01T22:30:00') / 1000n])
    all('DATE_FORMAT', [summer, 'yyyy-MM-dd HH:mm', '2024-07-02 00:30'])
    all('FLOOR', [summer, 'DAY', utc('2024-07-01T22:00:00')])
    assert.strictEqual(evaluate({ kind: 'cast', arg: argument(summer), safe: false, type: STRING }, [], CONTEXT), '2024-07-02 00:30:00.000')
    assert.strictEqual(
      evaluate(
        { kind: 'cast', arg: argument([utc('2024-07-02T00:30:00'), timestamp(3)]), safe: false, type: timestampLtz(3) },
        [],
        CONTEXT,
      ),
      utc('2024-07-01T22:30:00'),
    )
  })

  it('know what time it is', () => {
    assert.strictEqual(call('CURRENT_TIMESTAMP'), utc('2024-07-01T12:00:00.123'))
    assert.strictEqual(call('LOCALTIMESTAMP'), utc('2024-07-01T14:00:00.123'))
    assert.strictEqual(call('CURRENT_DATE'), Date.UTC(2024, 6, 1) / 86_400_000)
    assert.strictEqual(call('UNIX_TIMESTAMP'), 1719835200n)
    assert.isUndefined(foldConstant({ kind: 'call', name: 'NOW', args: [], type: timestampLtz(3) }, CONTEXT))
  })

  it('convert between texts, numbers and times', () => {
    all(
      'TO_TIMESTAMP',
      ['2024-01-02 03:04:05', utc('2024-01-02T03:04:05')],
      ['2024-01-02', utc('2024-01-02T00:00:00')],
      ['01.02.2024', 'dd.MM.yyyy', utc('2024-02-01T00:00:00')],
      ['x', 'dd.MM.yyyy', null],
    )
    all('TO_TIMESTAMP_LTZ', [1000n, 3, 1000n], [1, 0, 1000n], [[1500n, decimal(5, 3)], 0, 1500n])
    all('TO_DATE', ['03/2024', 'MM/yyyy', Date.UTC(2024, 2) / 86_400_000])
    all('FROM_UNIXTIME', [0n, '1970-01-01 01:00:00'], [0n, 'HH', '01'])
    all('UNIX_TIMESTAMP', ['1970-01-01 01:00:00', 0n], ['nope', -9223372036854775808n])
    assert.throws(() => call('DATE_FORMAT', [0n, timestamp(3)], 'yyyy z'), 'the letter z is not supported')
  })

  it('add and subtract', () => {
    const noon: Typed = [utc('2024-03-31T12:00:00'), timestamp(3)]
    all('TIMESTAMP_ADD_MILLIS', [noon, -3_600_000n, utc('2024-03-31T11:00:00')], [[10, DATE], 2n * 86_400_000n, 12])
    all('TIMESTAMP_ADD_MONTHS', [noon, -1, utc('2024-02-29T12:00:00')])
    all('TIMESTAMPADD', ['HOUR', 1, [0, DATE], 3_600_000n], ['DAY', 1, [0, DATE], 1], ['QUARTER', 1, noon, utc('2024-06-30T12:00:00')])
    all('CEIL', [noon, 'MONTH', utc('2024-04-01T00:00:00')])
    // Monday 2024-03-25 begins the week.
    all('FLOOR', [noon, 'WEEK', utc('2024-03-25T00:00:00')])
  })
})

describe('resolveFunction', () => {
  it("says in Calcite's words what is wrong", () => {
    assert.strictEqual(problem('NO_SUCH', INT), 'No match found for function signature NO_SUCH(?)')
    assert.strictEqual(problem('UPPER'), "Invalid number of arguments to function 'UPPER'. Was expecting 1 arguments")
    assert.strictEqual(
      problem('UPPER', INT),
      "Cannot apply 'UPPER' to arguments of type 'UPPER(<INTEGER>)'. Supported form(s): 'UPPER(<CHARACTER>)'",
    )
    assert.strictEqual(
      problem('AND', INT, INT),
      "Cannot apply 'AND' to arguments of type 'AND(<INTEGER>, <INTEGER>)'. Supported form(s): 'AND(<BOOLEAN>, <BOOLEAN>)'",
    )
    assert.include(problem('EXTRACT', STRING, timestamp(3)), 'EXTRACT needs a time unit')
    assert.include(problem('=', DATE, INT), "Cannot apply '=' to arguments of type '<DATE> = <INTEGER>'")
    assert.include(problem('NOT LIKE', INT, STRING), "Cannot apply 'NOT LIKE'")
  })

  it('is NOT NULL only where the arguments are and the function cannot give NULL', () => {
    const of = (name: string, ...types: LogicalType[]) => problem(name, ...types.map(notNull)).replace('no problem: ', '')
    assert.strictEqual(of('+', INT, BIGINT), 'BIGINT NOT NULL')
    assert.strictEqual(of('TO_TIMESTAMP', STRING), 'TIMESTAMP(3)')
    assert.strictEqual(of('UPPER', STRING), 'STRING NOT NULL')
    assert.strictEqual(problem('IS NULL', INT), 'no problem: BOOLEAN NOT NULL')
    assert.strictEqual(problem('COALESCE', INT, notNull(INT)), 'no problem: INT NOT NULL')
  })

  it('compares a text as the type of the other side', () => {
    const resolved = resolveFunction('=', [INT, STRING])
    assert.deepEqual('argTypes' in resolved ? resolved.argTypes.map(typeToString) : resolved.problem, ['INT', 'INT'])
  })

  it('has every name once, upper case', () => {
    const names = functionNames()
    assert.strictEqual(new Set(names).size, names.length)
    assert.isTrue(names.every((name) => name === name.toUpperCase()))
  })
})

describe('casts', () => {
  const types: readonly LogicalType[] = [
    { kind: 'BOOLEAN', nullable: true },
    INT,
    BIGINT,
    DOUBLE,
    decimal(12, 3),
    decimal(30, 0),
    STRING,
    { kind: 'VARCHAR', length: 5, nullable: true },
    DATE,
    timestamp(3),
    timestamp(0),
    timestampLtz(3),
  ]
  const samples: Record<string, Value> = {
    BOOLEAN: true,
    INT: 7,
    BIGINT: 7n,
    DOUBLE: 1.5,
    DECIMAL: 1500n,
    VARCHAR: '1',
    DATE: 19000,
    TIMESTAMP: 1_700_000_000_123n,
    TIMESTAMP_LTZ: 1_700_000_000_123n,
  }

  it('exist exactly where canCast says so', () => {
    for (const from of types) {
      for (const to of types) {
        const run = () => castValue(samples[from.kind] as Value, from, to, CONTEXT)
        if (!canCast(from, to, true)) assert.throws(run, 'cannot cast')
        // '1' is no timestamp, though texts may be.
        else if (from.kind !== 'VARCHAR' || !['TIMESTAMP', 'TIMESTAMP_LTZ'].includes(to.kind))
          assert.strictEqual(typeof run(), typeof samples[to.kind], `${typeToString(from)} to ${typeToString(to)}`)
      }
    }
  })

  it('come back from their text', () => {
    for (const type of types) {
      if (type.kind === 'VARCHAR' || (type.kind === 'TIMESTAMP' && type.precision === 0)) continue
      const text = formatValue(samples[type.kind] as Value, type, CONTEXT)
      assert.strictEqual(castValue(text, STRING, type, CONTEXT), samples[type.kind], typeToString(type))
    }
  })

  it('are silent only where nothing surprising can happen', () => {
    const silent = (from: LogicalType, to: LogicalType) => canCast(from, to, false)
    assert.deepEqual(
      [
        silent(INT, BIGINT),
        silent(BIGINT, INT),
        silent(INT, STRING),
        silent(STRING, INT),
        silent(DATE, timestamp(3)),
        silent(timestamp(3), timestampLtz(3)),
      ],
      [true, false, false, false, true, true],
    )
    assert.isFalse(canCast(BIGINT, timestamp(3), true))
  })
})

describe('foldConstant', () => {
  const one: Expression = { kind: 'literal', value: 1, type: INT }
  it('computes what has no columns', () => {
    assert.deepEqual(foldConstant({ kind: 'call', name: '+', args: [one, one], type: INT }, CONTEXT), {
      kind: 'literal',
      value: 2,
      type: INT,
    })
    assert.isUndefined(foldConstant({ kind: 'call', name: '+', args: [one, { kind: 'input', index: 0, type: INT }], type: INT }, CONTEXT))
  })
  it('fails at once for what can never be computed', () => {
    const broken: Expression = { kind: 'cast', arg: { kind: 'literal', value: 'abc', type: STRING }, safe: false, type: INT }
    assert.throws(() => foldConstant(broken, CONTEXT), "For input string: 'abc'. Invalid character found.\n  in CAST('abc' AS INT)")
  })
})
