/**
 * Calls in generated code. In this order: control flow and NULL tests, which are code by nature; forms over bytes and numbers for
 * texts and times; the function's own inline form; and for everything else a call of its row-wise code.
 */
import { hasNanos, isBinary, type LogicalType } from '#core/types/logical-type.js'
import type { Utf8Vector } from '../columnar/vector.js'
import type { BoundExpression } from './bound-expression.js'
import { ceilToUnit, extractUnit, floorToDays, floorToUnit, MILLIS_PER_DAY, type TimeUnit } from './calendar.js'
import { DateTimePattern } from './datetime-pattern.js'
import { emitGuardedCall, isFreeCast } from './emit-cast.js'
import { emptyValue, type Emitter, type Operand } from './emitter.js'
import { EvaluationFailure } from './evaluation.js'
import { checkTimestamp, parseWithFallback } from './functions/temporal.js'
import { constantValue } from './interpreter.js'
import { containsBytes, decodeText, endsWithBytes, rowsContaining, startsWithBytes } from './kernels.js'
import { compileLike, type LikeMatcher } from './like.js'
import { compareText, compareTextBytes, equalTextBytes } from './text-order.js'
import { localToUtc, timeZone, utcToLocal } from './time-zone.js'

type Call = Extract<BoundExpression, { kind: 'call' }>
type Special = (emitter: Emitter, call: Call) => Operand | undefined

const encoder = new TextEncoder()
/** Up to this many items IN is a chain of comparisons, above it a set. */
const MAX_CHAIN = 12

export function emitCall(emitter: Emitter, call: Call): Operand {
  return SPECIAL[call.definition.name]?.(emitter, call) ?? emitInline(emitter, call) ?? emitRowCall(emitter, call)
}

function emitInline(emitter: Emitter, call: Call): Operand | undefined {
  if (call.definition.nulls !== 'strict') return undefined
  const source = call.definition.inline?.(call.signature)
  if (source === undefined) return undefined
  const args = call.args.map((arg) => emitter.operand(arg))
  const isNull = emitter.anyNull(args)
  return { type: call.type, isNull, value: emitter.let(source(...args.map((arg) => emitter.value(arg)))) }
}

/** Functions whose row-wise code takes a time as a number just as well as a bigint. */
const TIMES_AS_NUMBERS = new Set(['TIMESTAMPDIFF', 'DATE_FORMAT'])

function emitRowCall(emitter: Emitter, call: Call): Operand {
  const { definition, signature, type } = call
  const constants = call.args.map((arg) => constantValue(arg, emitter.context))
  const name = emitter.constant(definition.bind({ ...signature, constants, context: emitter.context }))
  const args = call.args.map((arg) => emitter.operand(arg))
  if (definition.nulls === 'custom') {
    const given = args.map((arg) => (arg.isNull === undefined ? emitter.value(arg) : `${arg.isNull} === 0 ? ${emitter.value(arg)} : null`))
    return emitGuardedCall(emitter, type, undefined, () => `${name}(${given.join(', ')})`)
  }
  const asNumber = (arg: Operand) => TIMES_AS_NUMBERS.has(definition.name) && isTimestamp(arg.type) && emitter.hasNumber(arg)
  return emitGuardedCall(
    emitter,
    type,
    emitter.anyNull(args),
    () => `${name}(${args.map((arg) => (asNumber(arg) ? emitter.number(arg) : emitter.value(arg))).join(', ')})`,
  )
}

function isTimestamp(type: LogicalType): boolean {
  return (type.kind === 'TIMESTAMP' || type.kind === 'TIMESTAMP_LTZ') && !hasNanos(type)
}

/** AND (decisive: false), OR (decisive: true): stops at the first decisive argument; NULL when there is none but a NULL. */
function emitConnective(emitter: Emitter, call: Call, decisive: boolean): Operand {
  const value = emitter.name('v')
  const isNull = emitter.name('n')
  const label = emitter.name('L')
  emitter.line(`let ${value} = ${!decisive}, ${isNull} = 0`)
  emitter.block(`${label}:`, () => {
    for (const [i, arg] of call.args.entries()) {
      const operand = emitter.operand(arg)
      const decides = `${decisive ? '' : '!'}${emitter.value(operand)}`
      const decided = `{ ${value} = ${decisive}; ${isNull} = 0; ${i === call.args.length - 1 ? '' : `break ${label}`} }`
      if (operand.isNull === undefined) emitter.line(`if (${decides}) ${decided}`)
      else emitter.line(`if (${operand.isNull} !== 0) ${isNull} = 1\nelse if (${decides}) ${decided}`)
    }
  })
  return { type: call.type, isNull, value }
}

/** True when the expression has a text form without being computed, so that its bytes can be handed on. */
function hasBytes(expression: BoundExpression): boolean {
  if (expression.kind === 'cast')
    return expression.arg.type.kind === 'VARCHAR' && isFreeCast(expression.arg.type, expression.type) && hasBytes(expression.arg)
  return expression.kind === 'input' || (expression.kind === 'constant' && expression.value !== null)
}

/** Variables that one of several branches fills: texts stay bytes when all branches have bytes. */
function emitChoice(
  emitter: Emitter,
  type: LogicalType,
  branches: readonly BoundExpression[],
  body: (label: string, take: (operand: Operand) => void) => void,
): Operand {
  const asBytes =
    type.kind === 'VARCHAR' && branches.every((branch) => hasBytes(branch) || (branch.kind === 'constant' && branch.value === null))
  const label = emitter.name('L')
  const isNull = emitter.name('n')
  const value = emitter.name('v')
  const [bytes, start, length] = [emitter.name('b'), emitter.name('b'), emitter.name('b')]
  emitter.line(`let ${isNull} = 1`)
  emitter.line(asBytes ? `let ${bytes} = ${emitter.constant(NO_BYTES)}, ${start} = 0, ${length} = 0` : `let ${value} = ${emptyValue(type)}`)
  emitter.block(`${label}:`, () => {
    body(label, (operand) => {
      const { text } = operand
      if (operand.constant !== null) {
        if (!asBytes) emitter.line(`${value} = ${emitter.value(operand)}`)
        else if (text !== undefined) emitter.line(`${bytes} = ${text.bytes}; ${start} = ${text.start}; ${length} = ${text.length}`)
      }
      emitter.line(`${isNull} = ${operand.isNull ?? '0'}`)
      emitter.line(`break ${label}`)
    })
  })
  return asBytes ? { type, isNull, text: { bytes, start, length } } : { type, isNull, value }
}

const NO_BYTES = new Uint8Array(0)

function emitCase(emitter: Emitter, call: Call): Operand {
  const { args } = call
  const isValue = (i: number) => i % 2 === 1 || (args.length % 2 === 1 && i === args.length - 1)
  return emitChoice(
    emitter,
    call.type,
    args.filter((_, i) => isValue(i)),
    (_, take) => {
      let i = 0
      for (; i + 1 < args.length; i += 2) {
        const condition = emitter.operand(args[i] as BoundExpression)
        const value = args[i + 1] as BoundExpression
        const holds = condition.isNull === undefined ? emitter.value(condition) : `${condition.isNull} === 0 && ${emitter.value(condition)}`
        emitter.block(`if (${holds})`, () => take(emitter.operand(value)))
      }
      const otherwise = args[i]
      if (otherwise !== undefined) take(emitter.operand(otherwise))
    },
  )
}

function emitCoalesce(emitter: Emitter, call: Call): Operand {
  return emitChoice(emitter, call.type, call.args, (_, take) => {
    for (const arg of call.args) {
      const operand = emitter.operand(arg)
      if (operand.isNull === undefined) return take(operand)
      emitter.block(`if (${operand.isNull} === 0)`, () => take(operand))
    }
  })
}

function emitNullTest(emitter: Emitter, call: Call, whenNull: boolean): Operand {
  const { isNull } = emitter.operand(call.args[0] as BoundExpression)
  return {
    type: call.type,
    isNull: undefined,
    value: emitter.let(isNull === undefined ? `${!whenNull}` : `${isNull} ${whenNull ? '!==' : '==='} 0`),
  }
}

/** IS [NOT] TRUE, IS [NOT] FALSE. */
function emitTruthTest(emitter: Emitter, call: Call, wanted: boolean, negated: boolean): Operand {
  const operand = emitter.operand(call.args[0] as BoundExpression)
  const is = `${wanted ? '' : '!'}${emitter.value(operand)}`
  const holds = operand.isNull === undefined ? is : `${operand.isNull} === 0 && ${is}`
  return { type: call.type, isNull: undefined, value: emitter.let(negated ? `!(${holds})` : holds) }
}

const JAVASCRIPT: Record<string, string> = { '=': '===', '<>': '!==', '<': '<', '<=': '<=', '>': '>', '>=': '>=' }

/** A comparison of two operands of one type; the flag is the caller's. */
function compare(emitter: Emitter, operator: string, a: Operand, b: Operand, both: Operand): string {
  const javascript = JAVASCRIPT[operator] as string
  if (a.type.kind === 'VARCHAR' || a.type.kind === 'VARIANT' || isBinary(a.type)) return compareTexts(emitter, operator, a, b, both)
  const numbers =
    isInt64(a.type) &&
    a.exact === true &&
    b.exact === true &&
    [a, b].some((side) => side.value === undefined && side.lazyValue === undefined)
  return numbers
    ? emitter.let(`${emitter.number(a)} ${javascript} ${emitter.number(b)}`)
    : emitter.let(`${emitter.value(a)} ${javascript} ${emitter.value(b)}`)
}

function isInt64(type: LogicalType): boolean {
  return type.kind === 'BIGINT' || type.kind === 'INTERVAL_MILLIS' || isTimestamp(type)
}

/** Texts as bytes when both have them; NULL rows are spared, their lengths may be anything. */
function compareTexts(emitter: Emitter, operator: string, a: Operand, b: Operand, both: Operand): string {
  const equality = operator === '=' || operator === '<>'
  if (a.text !== undefined && b.text !== undefined) {
    const args = [a.text.bytes, a.text.start, a.text.length, b.text.bytes, b.text.start, b.text.length].join(', ')
    if (equality) return emitter.spared(both, 'false', `${operator === '=' ? '' : '!'}${emitter.constant(equalTextBytes)}(${args})`)
    return emitter.spared(both, 'false', `${emitter.constant(compareTextBytes)}(${args}) ${JAVASCRIPT[operator]} 0`)
  }
  const [left, right] = [emitter.value(a), emitter.value(b)]
  if (equality) return emitter.let(`${left} ${JAVASCRIPT[operator]} ${right}`)
  return emitter.let(`${emitter.constant(compareText)}(${left}, ${right}) ${JAVASCRIPT[operator]} 0`)
}

function emitComparison(emitter: Emitter, call: Call): Operand {
  const [a, b] = call.args.map((arg) => emitter.operand(arg)) as [Operand, Operand]
  const isNull = emitter.anyNull([a, b])
  return { type: call.type, isNull, value: compare(emitter, call.definition.name, a, b, { type: call.type, isNull }) }
}

/** value >= low AND value <= high, with all three computed first. */
function emitBetween(emitter: Emitter, call: Call): Operand {
  const [value, low, high] = call.args.map((arg) => emitter.operand(arg)) as [Operand, Operand, Operand]
  const [lowNull, highNull] = [emitter.anyNull([value, low]), emitter.anyNull([value, high])]
  const above = compare(emitter, '>=', value, low, { type: call.type, isNull: lowNull })
  const below = compare(emitter, '<=', value, high, { type: call.type, isNull: highNull })
  const result = emitter.let(`${above} && ${below}`)
  if (lowNull === undefined && highNull === undefined) return { type: call.type, isNull: undefined, value: result }
  // One side that is FALSE decides even when the other is NULL.
  const isFalse = `(${lowNull ?? '0'} === 0 && !${above}) || (${highNull ?? '0'} === 0 && !${below})`
  const isNull = emitter.name('n')
  const decided = emitter.let(isFalse)
  emitter.line(`const ${isNull} = ${decided} ? 0 : ${[lowNull, highNull].filter((flag) => flag !== undefined).join(' | ')}`)
  return { type: call.type, isNull, value: emitter.let(`!${decided} && ${result}`) }
}

/** Integer division and remainder by a constant that is not 0 cannot fail, and so need no call. */
function emitDivision(emitter: Emitter, call: Call): Operand | undefined {
  const [left, right] = call.args as [BoundExpression, BoundExpression]
  const integers = left.type.kind === right.type.kind && (left.type.kind === 'INT' || left.type.kind === 'BIGINT')
  if (!integers || right.kind !== 'constant' || right.value === null || right.value === 0 || right.value === 0n) return undefined
  const a = emitter.operand(left)
  const source = `${emitter.value(a)} ${call.definition.name === '/' ? '/' : '%'} ${emitter.value(emitter.operand(right))}`
  if (left.type.kind === 'INT') return { type: call.type, isNull: a.isNull, value: emitter.let(`(${source}) | 0`) }
  const wrapped = `BigInt.asIntN(64, ${source})`
  return { type: call.type, isNull: a.isNull, value: emitter.let(call.type.kind === 'INT' ? `Number(${wrapped})` : wrapped) }
}

/** A few constants: compared one by one. */
function emitIn(emitter: Emitter, call: Call): Operand | undefined {
  const [first, ...items] = call.args as [BoundExpression, ...BoundExpression[]]
  if (items.length > MAX_CHAIN || !items.every((item) => item.kind === 'constant' && item.value !== null)) return undefined
  const value = emitter.operand(first)
  const tests = items.map((item) => compare(emitter, '=', value, emitter.operand(item), value))
  return { type: call.type, isNull: value.isNull, value: emitter.let(tests.join(' || ')) }
}

/** LIKE with a constant pattern over bytes, when the pattern is plain text with `%` at its ends. */
function emitLike(emitter: Emitter, call: Call): Operand | undefined {
  const [, pattern, escape] = call.args.map((arg) => constantValue(arg, emitter.context))
  if (typeof pattern !== 'string' || (call.args.length === 3 && typeof escape !== 'string')) return undefined
  const matcher = likeMatcher(pattern, escape as string | undefined)
  if (matcher === undefined || matcher.kind === 'regex') return undefined
  const value = emitter.operand(call.args[0] as BoundExpression)
  if (value.text === undefined) return undefined
  const { bytes, start, length } = value.text
  const part = encoder.encode(matcher.text)
  const [argument] = call.args
  if (matcher.kind === 'contains' && part.length > 0 && argument?.kind === 'input') {
    // A whole batch at once.
    const found = emitter.name('f')
    const search = emitter.constant((vector: Utf8Vector, selection: Int32Array | undefined, rows: number) =>
      rowsContaining(vector, selection, rows, part),
    )
    emitter.before.push(`const ${found} = ${search}(inputs.vectors[${argument.index}], selection, length)`)
    return { type: call.type, isNull: value.isNull, value: emitter.let(`${found}[r] === 1`) }
  }
  const test =
    matcher.kind === 'equals'
      ? `${emitter.constant(equalTextBytes)}(${bytes}, ${start}, ${length}, ${emitter.constant(part)}, 0, ${part.length})`
      : `${emitter.constant(BYTE_TESTS[matcher.kind])}(${bytes}, ${start}, ${length}, ${emitter.constant(part)})`
  return { type: call.type, isNull: value.isNull, value: emitter.spared(value, 'false', test) }
}

const BYTE_TESTS = { prefix: startsWithBytes, suffix: endsWithBytes, contains: containsBytes }

function likeMatcher(pattern: string, escape: string | undefined): LikeMatcher | undefined {
  try {
    return compileLike(pattern, escape)
  } catch (error) {
    // A wrong pattern fails on the first row that needs it, in the row-wise code.
    if (error instanceof EvaluationFailure) return undefined
    throw error
  }
}

/** The number of ms that a date or timestamp shows on the clock of its zone. */
function localMillis(emitter: Emitter, operand: Operand, inUtc = false): string {
  if (operand.type.kind === 'TIME') return emitter.value(operand)
  if (operand.type.kind === 'DATE') return emitter.let(`${emitter.value(operand)} * ${MILLIS_PER_DAY}`)
  const millis = emitter.number(operand)
  if (operand.type.kind === 'TIMESTAMP' || inUtc) return millis
  const zone = timeZone(emitter.context.timeZone)
  return emitter.let(`${emitter.constant((utc: number) => utcToLocal(utc, zone))}(${millis})`)
}

function emitExtract(emitter: Emitter, call: Call, unit: TimeUnit, at: number): Operand {
  const time = emitter.operand(call.args[at] as BoundExpression)
  const millis = localMillis(emitter, time, unit === 'EPOCH')
  const kernel = emitter.constant((local: number) => extractUnit(unit, local))
  return { type: call.type, isNull: time.isNull, number: emitter.let(`${kernel}(${millis})`), exact: true }
}

function emitRounding(emitter: Emitter, call: Call, round: (unit: TimeUnit, millis: number) => number): Operand | undefined {
  if (call.args.length !== 2 || hasNanos(call.type) || call.type.kind === 'TIME') return undefined
  const unit = constantValue(call.args[1] as BoundExpression, emitter.context) as TimeUnit
  const time = emitter.operand(call.args[0] as BoundExpression)
  const { isNull } = time
  const millis = localMillis(emitter, time)
  if (call.type.kind === 'DATE') {
    return {
      type: call.type,
      isNull,
      value: emitter.let(`${emitter.constant((local: number) => floorToDays(round(unit, local)))}(${millis})`),
    }
  }
  const zone = timeZone(emitter.context.timeZone)
  const kernel =
    call.type.kind === 'TIMESTAMP'
      ? (local: number) => checkTimestamp(round(unit, local))
      : (local: number) => checkTimestamp(localToUtc(round(unit, local), zone))
  return { type: call.type, isNull, number: emitter.spared(time, '0', `${emitter.constant(kernel)}(${millis})`), exact: true }
}

/** TO_TIMESTAMP(text, pattern) with a constant pattern, over the bytes of the column: no string, no bigint. */
function emitToTimestamp(emitter: Emitter, call: Call): Operand | undefined {
  const pattern = call.args[1] === undefined ? undefined : constantValue(call.args[1], emitter.context)
  if (typeof pattern !== 'string') return undefined
  const compiled = dateTimePattern(pattern)
  if (compiled === undefined) return undefined
  const text = emitter.operand(call.args[0] as BoundExpression)
  if (text.text === undefined) return undefined
  const parse = (bytes: Uint8Array, start: number, length: number): number => {
    const millis = compiled.parseBytes(bytes, start, start + length)
    return millis === millis ? millis : parseWithFallback(compiled, decodeText(bytes, start, length))
  }
  const { bytes, start, length } = text.text
  const number = emitter.name('m')
  const isNull = emitter.name('n')
  emitter.line(`let ${number} = 0, ${isNull} = ${text.isNull ?? '0'}`)
  emitter.block(`if (${isNull} === 0)`, () => {
    emitter.line(`${number} = ${emitter.constant(parse)}(${bytes}, ${start}, ${length})`)
    emitter.line(`if (${number} !== ${number}) { ${number} = 0; ${isNull} = 1 }`)
  })
  return { type: call.type, isNull, number, exact: true }
}

/** Greatest number of seconds whose ms a double holds exactly; for ms, one more than the greatest that surely was not rounded. */
const MAX_SECONDS = 9_007_199_254_740
const ROUNDED_MILLIS = 2 ** 53

/** TO_TIMESTAMP_LTZ(n[, 0 | 3]) of a BIGINT: in numbers, without a bigint. What is out of range is NULL. */
function emitToTimestampLtz(emitter: Emitter, call: Call): Operand | undefined {
  const [argument, precision] = call.args
  if (argument?.type.kind !== 'BIGINT' || (precision !== undefined && precision.kind !== 'constant')) return undefined
  const seconds = precision?.value === 0
  if (precision?.value === null) return undefined
  const given = emitter.operand(argument)
  if (!emitter.hasNumber(given)) return undefined
  const from = emitter.number(given)
  const number = emitter.name('m')
  const isNull = emitter.name('n')
  emitter.line(`let ${number} = ${seconds ? `${from} * 1000` : from}, ${isNull} = ${given.isNull ?? '0'}`)
  const limit = seconds ? `> ${MAX_SECONDS}` : `>= ${ROUNDED_MILLIS}`
  emitter.block(`if (${isNull} === 0 && Math.abs(${from}) ${limit})`, () => {
    // Whether it is the limit itself, or was rounded to it, only the bigint tells.
    const lanes = seconds ? undefined : emitter.value(given)
    if (lanes !== undefined)
      emitter.line(`if (${lanes} !== BigInt(${number}) || Math.abs(${number}) > ${ROUNDED_MILLIS}) { ${isNull} = 1; ${number} = 0 }`)
    else emitter.line(`${isNull} = 1; ${number} = 0`)
  })
  return { type: call.type, isNull, number, exact: true }
}

function dateTimePattern(pattern: string): DateTimePattern | undefined {
  try {
    return new DateTimePattern(pattern)
  } catch (error) {
    if (error instanceof EvaluationFailure) return undefined
    throw error
  }
}

const PARTS: Record<string, TimeUnit> = {
  YEAR: 'YEAR',
  QUARTER: 'QUARTER',
  MONTH: 'MONTH',
  WEEK: 'WEEK',
  DAYOFYEAR: 'DOY',
  DAYOFMONTH: 'DAY',
  DAYOFWEEK: 'DOW',
  HOUR: 'HOUR',
  MINUTE: 'MINUTE',
  SECOND: 'SECOND',
}

const SPECIAL: Record<string, Special> = {
  AND: (emitter, call) => emitConnective(emitter, call, false),
  OR: (emitter, call) => emitConnective(emitter, call, true),
  CASE: emitCase,
  COALESCE: emitCoalesce,
  'IS NULL': (emitter, call) => emitNullTest(emitter, call, true),
  'IS UNKNOWN': (emitter, call) => emitNullTest(emitter, call, true),
  'IS NOT NULL': (emitter, call) => emitNullTest(emitter, call, false),
  'IS NOT UNKNOWN': (emitter, call) => emitNullTest(emitter, call, false),
  'IS TRUE': (emitter, call) => emitTruthTest(emitter, call, true, false),
  'IS NOT TRUE': (emitter, call) => emitTruthTest(emitter, call, true, true),
  'IS FALSE': (emitter, call) => emitTruthTest(emitter, call, false, false),
  'IS NOT FALSE': (emitter, call) => emitTruthTest(emitter, call, false, true),
  ...Object.fromEntries(Object.keys(JAVASCRIPT).map((operator) => [operator, emitComparison])),
  '/': emitDivision,
  '%': emitDivision,
  MOD: emitDivision,
  BETWEEN: emitBetween,
  IN: emitIn,
  LIKE: emitLike,
  EXTRACT: (emitter, call) => emitExtract(emitter, call, constantValue(call.args[0] as BoundExpression, emitter.context) as TimeUnit, 1),
  ...Object.fromEntries(
    Object.entries(PARTS).map(([name, unit]): [string, Special] => [name, (emitter, call) => emitExtract(emitter, call, unit, 0)]),
  ),
  FLOOR: (emitter, call) => emitRounding(emitter, call, floorToUnit),
  CEIL: (emitter, call) => emitRounding(emitter, call, ceilToUnit),
  CEILING: (emitter, call) => emitRounding(emitter, call, ceilToUnit),
  TO_TIMESTAMP: emitToTimestamp,
  TO_TIMESTAMP_LTZ: emitToTimestampLtz,
}
