/** Random typed expressions over every function, and random batches for them, all from one seed. */
import type { Expression, LiteralValue } from '#core/graph/expression.js'
import {
  array,
  BIGINT,
  BOOLEAN,
  BYTES,
  DATE,
  decimal,
  DOUBLE,
  FLOAT,
  INT,
  sameType,
  SMALLINT,
  STRING,
  TIME,
  timestamp,
  timestampLtz,
  TINYINT,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { arrayValue } from '#runtime/columnar/nested-value.js'
import { functionNames, resolveFunction } from '#runtime/expr/function-table.js'
import { valueToLiteral } from '#runtime/expr/interpreter.js'
import { canCast, widened } from '#runtime/expr/type-rules.js'

const COLUMN_TYPES: readonly LogicalType[] = [
  BOOLEAN,
  BOOLEAN,
  INT,
  INT,
  BIGINT,
  BIGINT,
  DOUBLE,
  DOUBLE,
  decimal(10, 2),
  decimal(5, 2),
  decimal(30, 5),
  STRING,
  STRING,
  DATE,
  timestamp(3),
  timestamp(3),
  timestampLtz(3),
  timestamp(6),
  TIME,
  BYTES,
  array(INT),
]
export const RANDOM_SCHEMA = schema(...COLUMN_TYPES.map((type, i) => [`c${i}`, type] as const))

const INTS = [0, 1, -1, 2, 3, 7, 10, -5, 100, 2147483647, -2147483648]
const BIGINTS = [0n, 1n, -1n, 3n, 1000n, 9223372036854775807n, -9223372036854775808n, 4294967296n, -4294967297n, 9007199254740993n]
const DOUBLES = [0, -0, 1, -1.5, 0.1, 2.5, 1e8, 1e-7, 1e300, NaN, Infinity, -Infinity, 123456.789]
const TEXTS = [
  '',
  'a',
  'abc',
  'ABC',
  ' 12 ',
  '1.9',
  'true',
  'grüße',
  '🦊fox',
  'x🦊',
  '2024-01-31',
  '2024-02-29 12:30:45.678',
  '2024/03/05 07:08',
  '%',
  'a%',
  '%b%',
  'a_c',
  'b',
  'YEAR',
  'DAY',
  'HOUR',
  'MONTH',
  'SECOND',
  'WEEK',
  'QUARTER',
  'yyyy-MM-dd HH:mm:ss',
  'yyyy/MM/dd HH:mm',
  '(a)(b)?',
  '[a-c]+',
  '$1',
  'a text of more than thirty-two bytes, for the long way',
]
const UNIT_FIRST = new Set(['EXTRACT', 'TIMESTAMPADD', 'TIMESTAMPDIFF'])
const UNITS = ['YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY', 'HOUR', 'MINUTE', 'SECOND']
/** Functions whose second argument is a size: kept small, as their results are texts of that size. */
const SIZED = new Set(['REPEAT', 'LPAD', 'RPAD'])
const NAMES = functionNames()

export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed | 0
  }
  /** mulberry32, in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }
  chance(probability: number): boolean {
    return this.next() < probability
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }
}

/** A value that is not NULL. */
export function randomValue(random: Random, type: LogicalType): Value {
  switch (type.kind) {
    case 'NULL':
      return null
    case 'BOOLEAN':
      return random.chance(0.5)
    case 'TINYINT':
      return random.below(256) - 128
    case 'SMALLINT':
      return random.below(65_536) - 32_768
    case 'FLOAT':
      return Math.fround(random.pick(DOUBLES))
    case 'INT':
      return random.chance(0.7) ? random.pick(INTS) : random.below(50) - 20
    case 'BIGINT':
      return random.chance(0.7) ? random.pick(BIGINTS) : BigInt(random.below(1000) - 300)
    case 'DOUBLE':
      return random.chance(0.7) ? random.pick(DOUBLES) : (random.next() - 0.5) * 1000
    case 'DECIMAL': {
      const digits = random.below(type.precision + 1)
      let text = '0'
      for (let i = 0; i < digits; i++) text += random.below(10)
      return random.chance(0.4) ? -BigInt(text) : BigInt(text)
    }
    case 'VARCHAR':
      return random.pick(TEXTS)
    case 'DATE':
      return random.below(60000) - 20000
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return BigInt(Math.floor((random.next() - 0.3) * 4e12))
    case 'TIME':
      return random.below(86_400_000)
    case 'INTERVAL_MONTHS':
      return random.below(1000) - 500
    case 'INTERVAL_MILLIS':
      return BigInt(random.below(1_000_000_000) - 500_000_000)
    case 'BYTES':
      return Buffer.from(random.pick(TEXTS)).toString('latin1')
    case 'ARRAY': {
      const { element } = type
      return arrayValue(
        Array.from({ length: random.below(4) }, () => (random.chance(0.2) ? null : randomValue(random, element))),
        element,
      )
    }
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
    case 'VARIANT':
    case 'RAW':
      throw new Error(`expressions know no ${type.kind}`)
  }
}

function literal(value: LiteralValue, type: LogicalType): Expression {
  return { kind: 'literal', value, type }
}

export function randomExpression(random: Random, depth: number): Expression {
  if (depth === 0 || random.chance(0.1)) {
    if (random.chance(0.7)) {
      const index = random.below(COLUMN_TYPES.length)
      return { kind: 'input', index, type: COLUMN_TYPES[index] as LogicalType }
    }
    const type = random.pick(COLUMN_TYPES)
    return literal(random.chance(0.1) ? null : valueToLiteral(randomValue(random, type)), type)
  }
  if (random.chance(0.15)) return randomCast(random, depth)
  for (let attempt = 0; attempt < 40; attempt++) {
    const call = randomCall(random, depth)
    if (call !== undefined) return call
  }
  return randomCast(random, depth)
}

function randomCast(random: Random, depth: number): Expression {
  const arg = randomExpression(random, depth - 1)
  const targets = [...COLUMN_TYPES, TINYINT, SMALLINT, FLOAT, decimal(4, 1), timestamp(0), { ...STRING, length: 3 } as LogicalType].filter(
    (type) => canCast(arg.type, type, true),
  )
  const type = random.pick(targets)
  const cast: Expression = { kind: 'cast', arg, safe: random.chance(0.7), type }
  // Functions compute narrow numbers in a wider type, as the planner has it.
  return widened(type) === type ? cast : { kind: 'cast', arg: cast, safe: false, type: widened(type) }
}

function randomCall(random: Random, depth: number): Expression | undefined {
  const name = random.pick(NAMES)
  const args = Array.from({ length: random.below(4) + (random.chance(0.1) ? 2 : 0) }, () =>
    randomExpression(random, random.chance(0.5) ? 0 : depth - 1),
  )
  if (UNIT_FIRST.has(name)) args[0] = literal(random.pick(UNITS), STRING)
  if ((name === 'FLOOR' || name === 'CEIL' || name === 'CEILING') && args.length === 2) args[1] = literal(random.pick(UNITS), STRING)
  if (SIZED.has(name) && args.length > 1) args[1] = literal(random.below(40) - 5, INT)
  if (random.chance(0.5) && args.length > 1 && args[1]?.type.kind === 'VARCHAR') args[1] = literal(random.pick(TEXTS), STRING)
  const literals = args.map((arg) => (arg.kind === 'literal' ? arg.value : undefined))
  const resolved = resolveFunction(
    name,
    args.map((arg) => arg.type),
    literals,
  )
  if ('problem' in resolved) return undefined
  const cast = args.map((arg, i): Expression => {
    const type = resolved.argTypes[i] as LogicalType
    return sameType(arg.type, type) ? arg : { kind: 'cast', arg, safe: arg.type.kind === 'VARCHAR', type }
  })
  return { kind: 'call', name, args: cast, type: resolved.type }
}

/** Up to 40 rows; NULLs in some columns only; sometimes row kinds and a selection, in any order. */
export function randomBatch(random: Random): Batch {
  const builder = new BatchBuilder(RANDOM_SCHEMA)
  const rows = 1 + random.below(40)
  const nulls = random.chance(0.3) ? 0 : 0.4
  const nullable = COLUMN_TYPES.map(() => random.chance(0.6))
  const withKinds = random.chance(0.4)
  for (let r = 0; r < rows; r++) {
    builder.appendRow(
      COLUMN_TYPES.map((type, i) => (nullable[i] === true && random.chance(nulls) ? null : randomValue(random, type))),
      withKinds ? (random.below(4) as 0 | 1 | 2 | 3) : 0,
    )
  }
  const batch = builder.finish()
  if (random.chance(0.5)) return batch
  const positions = Array.from({ length: rows }, (_, i) => i).filter(() => random.chance(0.6))
  if (random.chance(0.3)) positions.reverse()
  return batch.select(Int32Array.from(positions))
}
