import { assert } from 'chai'
import fc from 'fast-check'
import type { Expression } from '#core/graph/expression.js'
import {
  BIGINT,
  BOOLEAN,
  decimal,
  INT,
  STRING,
  timestamp,
  timestampLtz,
  typeToString,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import { schema, type Schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { readValue } from '#runtime/columnar/value.js'
import { compileCalc, compileCondition } from '#runtime/expr/compile.js'
import { describeExpression } from '#runtime/expr/describe.js'
import { EvaluationFailure, ExpressionFailed, InvalidExpression } from '#runtime/expr/evaluation.js'
import { evaluate } from '#runtime/expr/interpreter.js'
import { Random, randomBatch, randomExpression, RANDOM_SCHEMA } from './random-expressions.js'

const CONTEXT = { timeZone: 'America/Los_Angeles', now: () => 1_700_000_000_123 }

type Outcome = { readonly rows: readonly (readonly [number, ...Value[]])[] } | { readonly failed: true }

function rowsOf(batch: Batch | undefined): readonly (readonly [number, ...Value[]])[] {
  if (batch === undefined) return []
  return Array.from({ length: batch.length }, (_, r) => {
    const position = batch.position(r)
    return [batch.rowKind(position), ...batch.columns.map((column) => readValue(column, position))] as const
  })
}

function interpreted(condition: Expression | undefined, projection: readonly Expression[], batch: Batch): Outcome {
  try {
    const rows = Array.from({ length: batch.length }, (_, r) => batch.position(r)).map((position) => ({
      position,
      values: batch.columns.map((column) => readValue(column, position)),
    }))
    const kept = condition === undefined ? rows : rows.filter(({ values }) => evaluate(condition, values, CONTEXT) === true)
    return {
      rows: kept.map(({ position, values }) => [
        batch.rowKind(position),
        ...projection.map((expression) => evaluate(expression, values, CONTEXT)),
      ]),
    }
  } catch (error) {
    if (error instanceof EvaluationFailure) return { failed: true }
    throw error
  }
}

function compiled(condition: Expression | undefined, projection: readonly Expression[], batch: Batch, input: Schema): Outcome {
  const output = schema(...projection.map(({ type }, i) => [`o${i}`, type] as const))
  try {
    return { rows: rowsOf(compileCalc({ condition, projection, inputSchema: input, outputSchema: output, context: CONTEXT })(batch)) }
  } catch (error) {
    if (ExpressionFailed.is(error)) return { failed: true }
    throw error
  }
}

const input = (index: number, type: LogicalType): Expression => ({ kind: 'input', index, type })
const literal = (value: string | number | boolean | null, type: LogicalType): Expression => ({ kind: 'literal', value, type })
const call = (name: string, type: LogicalType, ...args: Expression[]): Expression => ({ kind: 'call', name, args, type })

describe('compiled expressions', () => {
  it('give what the interpreter gives, or fail where it fails', function () {
    this.timeout(120_000)
    const seen = new Set<string>()
    let computed = 0
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = new Random(seed)
        const projection = Array.from({ length: 1 + random.below(3) }, () => randomExpression(random, 1 + random.below(3)))
        let condition: Expression | undefined
        for (let i = 0; i < 20 && random.chance(0.8); i++) {
          const candidate = randomExpression(random, 2)
          if (candidate.type.kind === 'BOOLEAN') {
            condition = candidate
            break
          }
        }
        const batch = randomBatch(random)
        const expected = interpreted(condition, projection, batch)
        const actual = compiled(condition, projection, batch, RANDOM_SCHEMA)
        const shown = () =>
          `${condition === undefined ? '' : `WHERE ${describeExpression(condition)} `}${projection.map((e) => `${describeExpression(e)}: ${typeToString(e.type)}`).join('; ')}`
        if (!('failed' in expected)) {
          computed++
          projection.forEach((expression) => collectNames(expression, seen))
        }
        assert.deepEqual(actual, expected, shown())
      }),
      { numRuns: Number(process.env['WEFT_PROPERTY_RUNS'] ?? 250) },
    )
    assert.isAbove(computed, 100, 'most random cases should not fail')
    assert.isAbove(seen.size, 60, 'most functions should occur')
  })

  const rows = schema(['id', INT], ['name', STRING], ['at', STRING])
  function batchOf(...values: (readonly Value[])[]): Batch {
    const builder = new BatchBuilder(rows)
    for (const row of values) builder.appendRow(row)
    return builder.finish()
  }

  it('pass plain columns on without a copy, under the selection of the condition', () => {
    const batch = batchOf([1, 'a', ''], [2, 'b', ''], [3, 'c', ''])
    const output = schema(['name', STRING], ['twice', INT])
    const calc = compileCalc({
      condition: call('>', BOOLEAN, input(0, INT), literal(1, INT)),
      projection: [input(1, STRING), call('*', INT, input(0, INT), literal(2, INT))],
      inputSchema: rows,
      outputSchema: output,
      context: CONTEXT,
    })
    const result = calc(batch)
    assert.strictEqual((result?.columns[0] as { bytes: unknown }).bytes, (batch.columns[1] as { bytes: unknown }).bytes)
    assert.deepEqual([...(result?.selection ?? [])], [1, 2])
    assert.deepEqual(rowsOf(result), [
      [0, 'b', 4],
      [0, 'c', 6],
    ])
  })

  it('give undefined when no row is left, and hand a batch on when all are', () => {
    const batch = batchOf([1, 'a', ''])
    const of = (value: boolean) =>
      compileCalc({
        condition: literal(value, BOOLEAN),
        projection: [input(0, INT)],
        inputSchema: rows,
        outputSchema: schema(['id', INT]),
        context: CONTEXT,
      })
    assert.isUndefined(of(false)(batch))
    assert.isUndefined(of(true)(batch)?.selection)
    assert.deepEqual(rowsOf(of(true)(batch)), [[0, 1]])
  })

  it('select positions in the order of the batch', () => {
    const batch = batchOf([1, 'a', ''], [2, 'b', ''], [3, 'a', '']).select(Int32Array.of(2, 1, 0))
    const select = compileCondition(call('=', BOOLEAN, input(1, STRING), literal('a', STRING)), rows, CONTEXT)
    assert.deepEqual([...select(batch)], [2, 0])
  })

  it('read timestamps from the bytes of a column by a constant pattern', () => {
    const at = call('TO_TIMESTAMP', timestamp(3), input(2, STRING), literal('yyyy/MM/dd HH:mm', STRING))
    const outcome = compiled(
      undefined,
      [at, call('HOUR', BIGINT, at)],
      batchOf([1, '', '2001/01/14 21:55'], [2, '', 'soon'], [3, '', null]),
      rows,
    )
    assert.deepEqual(outcome, {
      rows: [
        [0, BigInt(Date.UTC(2001, 0, 14, 21, 55)), 21n],
        [0, null, null],
        [0, null, null],
      ],
    })
  })

  it('are fed by batches of every kind with one compiled calc', () => {
    const calc = compileCalc({
      projection: [call('+', INT, input(0, INT), literal(1, INT))],
      inputSchema: rows,
      outputSchema: schema(['n', INT]),
      context: CONTEXT,
    })
    assert.deepEqual(rowsOf(calc(batchOf([1, '', ''], [2, '', '']))), [
      [0, 2],
      [0, 3],
    ])
    assert.deepEqual(rowsOf(calc(batchOf([1, '', ''], [null, '', '']))), [
      [0, 2],
      [0, null],
    ])
    assert.deepEqual(rowsOf(calc(batchOf([1, '', ''], [2, '', '']).select(Int32Array.of(1)))), [[0, 3]])
    assert.deepEqual(rowsOf(calc(batchOf([null, '', ''], [2, '', '']).select(Int32Array.of(1, 0)))), [
      [0, 3],
      [0, null],
    ])
  })

  it('cast to the type of the output', () => {
    const calc = compileCalc({
      projection: [input(0, INT)],
      inputSchema: rows,
      outputSchema: schema(['n', decimal(20, 1)]),
      context: CONTEXT,
    })
    assert.deepEqual(rowsOf(calc(batchOf([7, '', '']))), [[0, 70n]])
  })

  it('name the expression and the row that failed', () => {
    const calc = compileCalc({
      projection: [call('UPPER', STRING, input(1, STRING)), { kind: 'cast', arg: input(1, STRING), safe: false, type: INT }],
      inputSchema: rows,
      outputSchema: schema(['u', STRING], ['n', INT]),
      context: CONTEXT,
    })
    try {
      calc(batchOf([1, '12', ''], [2, 'abc', 'x'.repeat(500)]))
      assert.fail('should have failed')
    } catch (error) {
      if (!ExpressionFailed.is(error)) throw error
      assert.include(error.message, `For input string: 'abc'. Invalid character found.`)
      assert.include(error.message, 'in CAST(name AS INT)')
      assert.include(error.message, `(id = 2, name = 'abc', at = 'xxx`)
      assert.isBelow(error.message.length, 500)
    }
  })

  it('fail with / by zero only for rows that get there', () => {
    const quotient = call('/', INT, literal(10, INT), input(0, INT))
    const guarded = call('AND', BOOLEAN, call('<>', BOOLEAN, input(0, INT), literal(0, INT)), call('>', BOOLEAN, quotient, literal(3, INT)))
    assert.deepEqual([...compileCondition(guarded, rows, CONTEXT)(batchOf([0, '', ''], [2, '', ''], [null, '', '']))], [1])
    assert.throws(() => compileCondition(call('>', BOOLEAN, quotient, literal(3, INT)), rows, CONTEXT)(batchOf([0, '', ''])), '/ by zero')
  })

  it('make timestamps of numbers up to the last one that a double holds exactly', () => {
    const numbers = schema(['n', BIGINT])
    const limit = 2n ** 53n
    const builder = new BatchBuilder(numbers)
    const seconds = limit / 1000n
    const values = [0n, 1n, 1_700_000_000_123n, limit - 1n, limit, limit + 1n, limit + 2n, seconds, seconds + 1n, 2n ** 63n - 1n]
    for (const value of values) for (const n of [value, -value]) builder.appendRow([n])
    builder.appendRow([null])
    builder.appendRow([-(2n ** 63n)])
    const batch = builder.finish()
    const n = input(0, BIGINT)
    const sum = call('+', BIGINT, n, literal('1', BIGINT))
    const millis = [call('TO_TIMESTAMP_LTZ', timestampLtz(3), n), call('TO_TIMESTAMP_LTZ', timestampLtz(3), n, literal(3, INT))]
    const projection = [...millis, ...[n, sum].map((argument) => call('TO_TIMESTAMP_LTZ', timestampLtz(3), argument, literal(0, INT)))]
    assert.deepEqual(compiled(undefined, projection, batch, numbers), interpreted(undefined, projection, batch))
  })

  it('are exact at the edges of their lanes', () => {
    const edges = schema(['i', INT], ['l', BIGINT], ['s', STRING], ['t', timestamp(3)])
    const builder = new BatchBuilder(edges)
    const midnight = BigInt(Date.UTC(2524, 5, 17))
    builder.appendRow([2147483647, -9223372036854775808n, 'xyab', midnight])
    builder.appendRow([-2147483648, 9007199254740993n, 'ab', midnight - 1n])
    const [i, l, s, t] = edges.fields.map(({ type }, index) => input(index, type)) as [Expression, Expression, Expression, Expression]
    const outcome = compiled(
      undefined,
      [
        call('*', INT, i, i),
        call('/', INT, i, literal(-1, INT)),
        call('%', INT, i, literal(1000, INT)),
        call('%', BIGINT, l, literal('1000', BIGINT)),
        call('/', BIGINT, l, literal('-1', BIGINT)),
        { kind: 'cast', arg: l, safe: false, type: { kind: 'DOUBLE', nullable: true } },
        call('LIKE', BOOLEAN, s, literal('%ab%', STRING)),
        call('LIKE', BOOLEAN, s, literal('xyab%', STRING)),
        { kind: 'cast', arg: t, safe: false, type: { kind: 'DATE', nullable: true } },
        call('TIMESTAMP_ADD_MILLIS', timestamp(3), t, literal('1', BIGINT)),
      ],
      builder.finish(),
      edges,
    )
    const day = Number(midnight / 86_400_000n)
    assert.deepEqual(outcome, {
      rows: [
        [0, 1, -2147483647, 647, -808n, -9223372036854775808n, -9223372036854775808, true, true, day, midnight + 1n],
        [0, 0, -2147483648, -648, 993n, -9007199254740993n, 9007199254740992, true, false, day - 1, midnight],
      ],
    })
  })

  it('refuse what the function table does not know', () => {
    const broken = (expression: Expression) => () =>
      compileCalc({ projection: [expression], inputSchema: rows, outputSchema: schema(['x', INT]), context: CONTEXT })
    assert.throws(broken(call('NO_SUCH', INT)), 'there is no function NO_SUCH')
    assert.throws(broken(call('UPPER', STRING, input(0, INT))), `Cannot apply 'UPPER'`)
    assert.isTrue(InvalidExpression.is(catchError(broken(literal('x', INT)))))
  })

  it('never let a text of the user into the code', () => {
    const hostile = '\'"`;process.exit(1)//\u2028${x}'
    const outcome = compiled(
      call('=', BOOLEAN, input(1, STRING), literal(hostile, STRING)),
      [call('||', STRING, input(1, STRING), literal(hostile, STRING)), call('LIKE', BOOLEAN, input(1, STRING), literal(hostile, STRING))],
      batchOf([1, hostile, '']),
      rows,
    )
    assert.deepEqual(outcome, { rows: [[0, hostile + hostile, true]] })
  })

  it('survive expressions of many branches and levels', () => {
    const branches = Array.from({ length: 500 }, (_, i) => [
      call('=', BOOLEAN, input(0, INT), literal(i, INT)),
      literal(`n${i}`, STRING),
    ]).flat()
    let sum: Expression = input(0, INT)
    for (let i = 0; i < 400; i++) sum = call('+', INT, sum, literal(1, INT))
    let any: Expression = call('=', BOOLEAN, input(0, INT), literal(-1, INT))
    for (let i = 0; i < 5000; i++) any = call('OR', BOOLEAN, any, call('=', BOOLEAN, input(0, INT), literal(i * 500, INT)))
    const outcome = compiled(undefined, [call('CASE', STRING, ...branches), sum, any], batchOf([499, '', ''], [500, '', '']), rows)
    assert.deepEqual(outcome, {
      rows: [
        [0, 'n499', 899, false],
        [0, null, 900, true],
      ],
    })
    for (let i = 0; i < 2000; i++) sum = call('+', INT, sum, literal(1, INT))
    assert.throws(() => compiled(undefined, [sum], batchOf([1, '', '']), rows), 'nested more than 1000 levels deep')
  })
})

function catchError(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}

function collectNames(expression: Expression, into: Set<string>): void {
  if (expression.kind === 'cast') collectNames(expression.arg, into)
  if (expression.kind !== 'call') return
  into.add(expression.name)
  expression.args.forEach((arg) => collectNames(arg, into))
}
