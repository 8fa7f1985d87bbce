/** Results that surprise, as recorded from Flink SQL 2.3.0: one line for each, quoted as it was observed. */
import { assert } from 'chai'
import type { Expression } from '#core/graph/expression.js'
import {
  BIGINT,
  BOOLEAN,
  DATE,
  decimal,
  DOUBLE,
  INT,
  NULL,
  notNull,
  STRING,
  timestamp,
  timestampLtz,
  typeToString,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { readValue } from '#runtime/columnar/value.js'
import { formatValue } from '#runtime/expr/cast.js'
import { compileCalc } from '#runtime/expr/compile.js'
import { EvaluationFailure } from '#runtime/expr/evaluation.js'
import { resolveFunction } from '#runtime/expr/function-table.js'
import { evaluate, valueToLiteral } from '#runtime/expr/interpreter.js'
import { aggregateType, commonType } from '#runtime/expr/type-rules.js'

const CONTEXT = { timeZone: 'UTC', now: () => 1_704_164_645_123 }
const varchar = (length: number): LogicalType => ({ kind: 'VARCHAR', length, nullable: false })

function lit(value: Value, type: LogicalType): Expression {
  return { kind: 'literal', value: valueToLiteral(value), type: value === null ? type : notNull(type) }
}
const int = (value: number) => lit(value, INT)
const big = (value: bigint) => lit(value, BIGINT)
const double = (value: number) => lit(value, DOUBLE)
const text = (value: string) => lit(value, varchar(Math.max(1, value.length)))
/** A DECIMAL literal as the parser types it: 2.50 is DECIMAL(3, 2). */
function dec(value: string): Expression {
  const digits = value.replace('-', '').replace('.', '')
  const scale = value.includes('.') ? value.length - value.indexOf('.') - 1 : 0
  return lit(BigInt(value.replace('.', '')), decimal(Math.max(digits.replace(/^0+(?=\d)/, '').length, scale), scale))
}
const time = (value: string) => lit(BigInt(Date.parse(`${value.replace(' ', 'T')}Z`)), timestamp(3))
const day = (value: string) => lit(Date.parse(value) / 86_400_000, DATE)
const cast = (arg: Expression, type: LogicalType, safe = false): Expression => ({ kind: 'cast', arg, safe, type })

function call(name: string, ...args: Expression[]): Expression {
  const resolved = resolveFunction(
    name,
    args.map(({ type }) => type),
    args.map((arg) => (arg.kind === 'literal' ? arg.value : undefined)),
  )
  if ('problem' in resolved) throw new Error(resolved.problem)
  return { kind: 'call', name, args, type: resolved.type }
}

/** Value of an expression without columns: interpreted, and compiled with its literals as columns; both must agree. */
function value(expression: Expression): Value {
  const columns: Expression[] = []
  const lifted = lift(expression, columns)
  const input = schema(['dummy', INT], ...columns.map(({ type }, i) => [`c${i}`, type] as const))
  const builder = new BatchBuilder(input)
  builder.appendRow([0, ...columns.map((column) => evaluate(column, [], CONTEXT))])
  const output = schema(['x', expression.type])
  const compiled = () => {
    const batch = compileCalc({ projection: [lifted], inputSchema: input, outputSchema: output, context: CONTEXT })(builder.finish())
    return batch?.columns[0] === undefined ? null : readValue(batch.columns[0], batch.position(0))
  }
  let expected: Value
  try {
    expected = evaluate(expression, [], CONTEXT)
  } catch (error) {
    assert.throws(compiled, (error as Error).message)
    throw error
  }
  assert.deepEqual(compiled(), expected)
  return expected
}

function lift(expression: Expression, columns: Expression[]): Expression {
  switch (expression.kind) {
    case 'literal':
      // Units must stay literals; NULL has no lane of interest.
      if (expression.type.kind === 'VARCHAR' && /^[A-Z]+$/.test(String(expression.value))) return expression
      columns.push(expression)
      return { kind: 'input', index: columns.length, type: expression.type }
    case 'cast':
      return { ...expression, arg: lift(expression.arg, columns) }
    case 'call':
      // The digits of ROUND decide its type.
      return { ...expression, args: expression.args.map((arg, i) => (expression.name === 'ROUND' && i === 1 ? arg : lift(arg, columns))) }
    default:
      return expression
  }
}

/** As CAST(expression AS STRING) shows it. */
function shown(expression: Expression): string | null {
  return formatValue(value(expression), expression.type, CONTEXT)
}
function typed(expression: Expression): string {
  return `${typeToString({ ...expression.type, nullable: true } as LogicalType)} ${shown(expression)}`
}
function problem(name: string, ...types: LogicalType[]): string {
  const resolved = resolveFunction(name, types)
  return 'problem' in resolved ? resolved.problem : `no problem: ${typeToString(resolved.type)}`
}

describe("Flink's surprising results", () => {
  it('INT/BIGINT overflow in + wraps: 2147483647+1 = -2147483648', () => {
    assert.strictEqual(value(call('+', int(2147483647), int(1))), -2147483648)
    assert.strictEqual(value(call('*', int(65536), int(65536))), 0)
    assert.strictEqual(value(call('+', big(9223372036854775807n), int(1))), -9223372036854775808n)
    assert.strictEqual(value(call('-', int(-2147483648))), -2147483648)
  })
  it("CAST('abc' AS INT) fails: For input string: 'abc'. Invalid character found.; TRY_CAST → NULL", () => {
    assert.throws(() => value(cast(text('abc'), INT)), EvaluationFailure, "For input string: 'abc'. Invalid character found.")
    assert.isNull(value(cast(text('abc'), INT, true)))
    assert.throws(() => value(cast(text('2147483648'), INT)), "For input string: '2147483648'. Overflow.")
    assert.throws(() => value(cast(text(' '), BIGINT)), "For input string: ''. Input is empty.")
  })
  it("CAST(' 12 ' AS INT), CAST('1.9' AS INT): 12, 1", () => {
    assert.strictEqual(value(cast(text(' 12 '), INT)), 12)
    assert.strictEqual(value(cast(text('1.9'), INT)), 1)
    assert.strictEqual(value(cast(text('-9223372036854775808'), BIGINT)), -9223372036854775808n)
  })
  it('CAST(1.9), CAST(-1.9) AS INT: 1, -1; CAST(1e10 AS INT) = 2147483647', () => {
    assert.strictEqual(value(cast(dec('1.9'), INT)), 1)
    assert.strictEqual(value(cast(dec('-1.9'), INT)), -1)
    assert.strictEqual(value(cast(double(1e10), INT)), 2147483647)
    assert.strictEqual(value(cast(double(NaN), BIGINT)), 0n)
  })
  it('CAST(1.25/1.35 AS DECIMAL(5,1)): 1.3, 1.4 (half up)', () => {
    assert.strictEqual(shown(cast(dec('1.25'), decimal(5, 1))), '1.3')
    assert.strictEqual(shown(cast(dec('1.35'), decimal(5, 1))), '1.4')
    assert.strictEqual(shown(cast(dec('-1.25'), decimal(5, 1))), '-1.3')
  })
  it('DECIMAL overflow in CAST: NULL', () => {
    assert.isNull(value(cast(dec('123.4'), decimal(3, 1))))
    assert.isNull(value(cast(text('1e50'), decimal(38, 0))))
    assert.isNull(value(cast(double(1e20), decimal(10, 2))))
  })
  it('DECIMAL(10,2)/DECIMAL(10,2): DECIMAL(23,13), 0.3333333333333', () => {
    assert.strictEqual(
      typed(call('/', cast(dec('1.00'), decimal(10, 2)), cast(dec('3.00'), decimal(10, 2)))),
      'DECIMAL(23, 13) 0.3333333333333',
    )
  })
  it('DECIMAL(38,10)*DECIMAL(38,10): DECIMAL(38,6)', () => {
    assert.strictEqual(typed(call('*', cast(dec('2.5'), decimal(38, 10)), cast(dec('4'), decimal(38, 10)))), 'DECIMAL(38, 6) 10.000000')
  })
  it('1.0/3; 1/3.0: DECIMAL(13,12) 0.333333333333; DECIMAL(17,6) 0.333333', () => {
    assert.strictEqual(typed(call('/', dec('1.0'), int(3))), 'DECIMAL(13, 12) 0.333333333333')
    assert.strictEqual(typed(call('/', int(1), dec('3.0'))), 'DECIMAL(17, 6) 0.333333')
  })
  it('7/2, -7/2, -7%3, MOD(-7,3): 3, -3, -1, -1', () => {
    assert.deepEqual(
      [call('/', int(7), int(2)), call('/', int(-7), int(2)), call('%', int(-7), int(3)), call('MOD', int(-7), int(3))].map(value),
      [3, -3, -1, -1],
    )
  })
  it('integer /0: / by zero; double: Infinity, NaN', () => {
    assert.throws(() => value(call('/', int(1), int(0))), '/ by zero')
    assert.throws(() => value(call('%', big(1n), big(0n))), '/ by zero')
    assert.strictEqual(value(call('/', double(1), double(0))), Infinity)
    assert.isNaN(value(call('/', double(0), double(0))))
  })
  it('SUM of DECIMAL(p,s), AVG: DECIMAL(38,s), DECIMAL(38,max(6,s)); AVG of INT is INT; COUNT is BIGINT NOT NULL', () => {
    const type = (...args: Parameters<typeof aggregateType>) => {
      const resolved = aggregateType(...args)
      return 'problem' in resolved ? resolved.problem : typeToString(resolved.type)
    }
    assert.strictEqual(type('SUM', decimal(10, 2)), 'DECIMAL(38, 2)')
    assert.strictEqual(type('AVG', decimal(10, 2)), 'DECIMAL(38, 6)')
    assert.strictEqual(type('AVG', decimal(20, 9)), 'DECIMAL(38, 9)')
    assert.strictEqual(type('AVG', INT), 'INT')
    assert.strictEqual(type('COUNT'), 'BIGINT NOT NULL')
    assert.include(type('SUM', STRING), "Cannot apply 'SUM' to arguments of type 'SUM(<VARCHAR(2147483647)>)'")
  })
  it('NULL = NULL; 1 NOT IN (2,NULL): NULL; NULL', () => {
    assert.isNull(value(call('=', lit(null, INT), lit(null, INT))))
    assert.isNull(value(call('NOT IN', int(1), int(2), lit(null, INT))))
    assert.strictEqual(value(call('IN', int(1), int(1), lit(null, INT))), true)
    assert.strictEqual(value(call('NOT IN', int(1), int(2), int(3))), true)
  })
  it("'a ' = 'a', CAST('a' AS CHAR(3)) = 'a': false (no padding compare)", () => {
    assert.strictEqual(value(call('=', text('a '), text('a'))), false)
  })
  it("1 + '2' is rejected: Cannot apply '+' to arguments of type '<INTEGER> + <CHAR(1)>'", () => {
    // Texts are VARCHAR here; Flink types the literal CHAR(1).
    assert.include(problem('+', INT, varchar(1)), "Cannot apply '+' to arguments of type '<INTEGER> + <VARCHAR(1)>'")
  })
  it("SUBSTRING('hello',0), (…,-2): 'hello', 'lo'", () => {
    assert.strictEqual(value(call('SUBSTRING', text('hello'), int(0))), 'hello')
    assert.strictEqual(value(call('SUBSTRING', text('hello'), int(-2))), 'lo')
    assert.strictEqual(value(call('SUBSTRING', text('hello'), int(2), int(3))), 'ell')
    assert.strictEqual(value(call('SUBSTRING', text('a🦊c'), int(2), int(1))), '🦊')
  })
  it('ROUND(2.5), ROUND(-2.5), ROUND(2.5e0): 3, -3, 3.0', () => {
    assert.deepEqual([call('ROUND', dec('2.5')), call('ROUND', dec('-2.5')), call('ROUND', double(2.5))].map(shown), ['3', '-3', '3.0'])
    assert.strictEqual(typed(call('ROUND', dec('123.456'), int(1))), 'DECIMAL(5, 1) 123.5')
    assert.strictEqual(shown(call('ROUND', double(1.005), int(2))), '1.01')
    assert.strictEqual(value(call('ROUND', int(1250), int(-2))), 1300)
    assert.strictEqual(shown(call('TRUNCATE', dec('-42.987'), int(2))), '-42.98')
  })
  it("CAST(TRUE AS STRING), CAST(1e8 DOUBLE AS STRING): 'TRUE', '1.0E8'", () => {
    assert.strictEqual(value(cast(lit(true, BOOLEAN), STRING)), 'TRUE')
    assert.deepEqual(
      [1e8, 1, 0.001, 0.0001, 1234567.5, 1e7, -0, 1.5e-10, NaN, -Infinity].map((of) => value(cast(double(of), STRING))),
      ['1.0E8', '1.0', '0.001', '1.0E-4', '1234567.5', '1.0E7', '-0.0', '1.5E-10', 'NaN', '-Infinity'],
    )
  })
  it("CAST('yes'/'t'/'1' AS BOOLEAN): all true", () => {
    assert.deepEqual(
      ['yes', 't', '1', 'TRUE', 'n', '0'].map((of) => value(cast(text(of), BOOLEAN))),
      [true, true, true, true, false, false],
    )
    assert.throws(() => value(cast(text('maybe'), BOOLEAN)), "Cannot parse 'maybe' as BOOLEAN.")
  })
  it("CAST('2024-01-02 03:04' AS TIMESTAMP) fails (seconds needed); CAST('nope' AS DATE), '2024-13-01' fail", () => {
    assert.throws(() => value(cast(text('2024-01-02 03:04'), timestamp(3))), "Text '2024-01-02 03:04' could not be parsed")
    assert.throws(() => value(cast(text('nope'), DATE)), "For input string: 'nope'.")
    assert.throws(() => value(cast(text('2024-13-01'), DATE)), "For input string: '2024-13-01'.")
    assert.strictEqual(shown(cast(text('2024-01-02 03:04:05.1239'), timestamp(3))), '2024-01-02 03:04:05.123')
  })
  it("TO_DATE('2024-02-30'), TO_TIMESTAMP('bad'): NULL", () => {
    assert.isNull(value(call('TO_DATE', text('2024-02-30'))))
    assert.isNull(value(call('TO_TIMESTAMP', text('bad'))))
    assert.strictEqual(shown(call('TO_DATE', text('2024-02-29'))), '2024-02-29')
  })
  it("DATE '2024-01-31' + INTERVAL '1' MONTH: 2024-02-29", () => {
    assert.strictEqual(shown(call('TIMESTAMP_ADD_MONTHS', day('2024-01-31'), int(1))), '2024-02-29')
    assert.strictEqual(shown(call('TIMESTAMPADD', text('MONTH'), int(13), time('2024-01-31 10:00:00'))), '2025-02-28 10:00:00.000')
  })
  it('EXTRACT(DOW …) Sunday, WEEK of 2024-01-01: 1, 1', () => {
    assert.strictEqual(value(call('EXTRACT', text('DOW'), day('2024-01-07'))), 1n)
    assert.strictEqual(value(call('EXTRACT', text('WEEK'), day('2024-01-01'))), 1n)
    assert.strictEqual(value(call('DAYOFWEEK', day('2024-01-06'))), 7n)
  })
  it('TIMESTAMPDIFF(DAY, …): whole units, truncated', () => {
    assert.strictEqual(value(call('TIMESTAMPDIFF', text('DAY'), time('2024-01-01 12:00:00'), time('2024-01-03 11:00:00'))), 1)
    assert.strictEqual(value(call('TIMESTAMPDIFF', text('DAY'), time('2024-01-03 11:00:00'), time('2024-01-01 12:00:00'))), -1)
    assert.strictEqual(value(call('TIMESTAMPDIFF', text('MONTH'), day('2024-01-30'), day('2024-02-28'))), 0)
    assert.strictEqual(value(call('TIMESTAMPDIFF', text('MONTH'), day('2024-01-31'), day('2024-02-29'))), 1)
    assert.strictEqual(value(call('TIMESTAMPDIFF', text('MONTH'), day('2024-02-29'), day('2024-01-31'))), -1)
    assert.strictEqual(value(call('TIMESTAMPDIFF', text('YEAR'), time('2023-03-01 10:00:00'), time('2024-03-01 09:59:59'))), 0)
  })
  it("CASE 'a'/'bcd': VARCHAR(3); CASE 1 / 2.5 → DECIMAL(11,1)", () => {
    const condition = lit(true, BOOLEAN)
    assert.strictEqual(typed(call('CASE', condition, text('a'), text('bcd'))), 'VARCHAR(3) a')
    assert.strictEqual(typed(call('CASE', condition, int(1), dec('2.5'))), 'DECIMAL(11, 1) 1.0')
    assert.strictEqual(typeToString(commonType([INT, notNull(decimal(2, 1))]) as LogicalType), 'DECIMAL(11, 1)')
  })
  it('GREATEST is NULL when one argument is, and AND, OR know three values', () => {
    assert.isNull(value(call('GREATEST', int(1), lit(null, INT), int(3))))
    const [yes, no, unknown] = [lit(true, BOOLEAN), lit(false, BOOLEAN), lit(null, BOOLEAN)]
    assert.deepEqual([call('AND', unknown, no), call('AND', unknown, yes), call('OR', unknown, yes), call('OR', unknown, no)].map(value), [
      false,
      null,
      true,
      null,
    ])
    assert.deepEqual([call('IS TRUE', unknown), call('IS NOT TRUE', unknown), call('NOT', unknown)].map(value), [false, true, null])
  })
  it('a bare NULL takes the type that the others have', () => {
    assert.strictEqual(typed(call('COALESCE', lit(null, NULL), int(3))), 'INT 3')
  })
  it('TIMESTAMP prints as many fractional digits as its type has', () => {
    assert.strictEqual(value(cast(time('2024-01-02 03:04:05.678'), STRING)), '2024-01-02 03:04:05.678')
    assert.strictEqual(value(cast(cast(time('2024-01-02 03:04:05.678'), timestamp(0)), STRING)), '2024-01-02 03:04:05')
    assert.strictEqual(value(cast(lit(0n, timestampLtz(3)), STRING)), '1970-01-01 00:00:00.000')
  })
})
