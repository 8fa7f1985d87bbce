/** + - * / % and what rounds: integers wrap, DECIMAL keeps Flink's precision and scale and is NULL when it overflows. */
import { MAX_COMPACT_DECIMAL_PRECISION, type LogicalType } from '#core/types/logical-type.js'
import { decimalToString, divide, fit, parseDecimal, powerOfTen, rescale, truncateScale } from '../decimal.js'
import { EvaluationFailure } from '../evaluation.js'
import { arithmeticType, commonType, isNumeric, roundType } from '../type-rules.js'
import {
  alias,
  cannotApply,
  matchArguments,
  strict,
  type BoundCall,
  type FunctionDefinition,
  type Resolution,
  type RowFunction,
  type Signature,
} from './definition.js'

type Operator = '+' | '-' | '*' | '/' | '%'
type DecimalType = Extract<LogicalType, { kind: 'DECIMAL' }>

/** Both operands are cast to what they have in common: INT, BIGINT or DOUBLE; a DECIMAL operand keeps its own shape. */
function resolveArithmetic(name: string, operator: Operator, argTypes: readonly LogicalType[]): Resolution {
  const matched = matchArguments(name, 'XX', argTypes)
  if ('problem' in matched) return matched
  const [a, b] = argTypes.map((type): LogicalType => (type.kind === 'NULL' ? { kind: 'INT', nullable: true } : type)) as [
    LogicalType,
    LogicalType,
  ]
  if (!isNumeric(a) || !isNumeric(b)) return cannotApply(name, argTypes, [`<NUMERIC> ${operator} <NUMERIC>`])
  const type = arithmeticType(operator, a, b)
  if (type.kind === 'DECIMAL') {
    // Division by zero fails, everything that does not fit is NULL: only results cut to 38 digits can overflow.
    const mayOverflow = type.precision === 38
    return { argTypes: [exact(a), exact(b)], type: { ...type, nullable: type.nullable || mayOverflow } }
  }
  const common = commonType([a, b]) as LogicalType
  return { argTypes: [withNull(common, a), withNull(common, b)], type }
}

function withNull(type: LogicalType, like: LogicalType): LogicalType {
  return { ...type, nullable: like.nullable } as LogicalType
}

/** INT and BIGINT beside a DECIMAL. */
function exact(type: LogicalType): LogicalType {
  if (type.kind === 'DECIMAL') return type
  return { kind: 'DECIMAL', precision: type.kind === 'INT' ? 10 : 19, scale: 0, nullable: type.nullable }
}

function operator(name: Operator): FunctionDefinition {
  return {
    name,
    nulls: 'strict',
    resolve: (argTypes) => resolveArithmetic(name, name, argTypes),
    bind: (call) => bindArithmetic(name, call),
    inline: (signature) => inlineArithmetic(name, signature),
  }
}

function byZero(): never {
  throw new EvaluationFailure('/ by zero')
}

function bindArithmetic(name: Operator, { argTypes, type }: Signature): RowFunction {
  const kind = argTypes[0]?.kind
  if (kind === 'DECIMAL') return bindDecimal(name, argTypes as readonly DecimalType[], type as DecimalType)
  if (kind === 'DOUBLE') {
    switch (name) {
      case '+':
        return (a: number, b: number) => a + b
      case '-':
        return (a: number, b: number) => a - b
      case '*':
        return (a: number, b: number) => a * b
      case '/':
        return (a: number, b: number) => a / b
      case '%':
        return (a: number, b: number) => a % b
    }
  }
  if (kind === 'INT') {
    switch (name) {
      case '+':
        return (a: number, b: number) => (a + b) | 0
      case '-':
        return (a: number, b: number) => (a - b) | 0
      case '*':
        return (a: number, b: number) => Math.imul(a, b)
      case '/':
        return (a: number, b: number) => (b === 0 ? byZero() : (a / b) | 0)
      case '%':
        return (a: number, b: number) => (b === 0 ? byZero() : (a % b) | 0)
    }
  }
  const narrow = type.kind === 'INT'
  switch (name) {
    case '+':
      return (a: bigint, b: bigint) => BigInt.asIntN(64, a + b)
    case '-':
      return (a: bigint, b: bigint) => BigInt.asIntN(64, a - b)
    case '*':
      return (a: bigint, b: bigint) => BigInt.asIntN(64, a * b)
    case '/':
      return (a: bigint, b: bigint) => (b === 0n ? byZero() : BigInt.asIntN(64, a / b))
    case '%':
      return (a: bigint, b: bigint) => (b === 0n ? byZero() : narrow ? Number(a % b) : a % b)
  }
}

function bindDecimal(name: Operator, [a, b]: readonly DecimalType[], type: DecimalType): RowFunction {
  if (a === undefined || b === undefined) throw new Error('two operands')
  const { precision, scale } = type
  switch (name) {
    case '+':
    case '-': {
      const common = Math.max(a.scale, b.scale)
      const [up, over] = [powerOfTen(common - a.scale), powerOfTen(common - b.scale)]
      const sign = name === '+' ? 1n : -1n
      return (x: bigint, y: bigint) => fit(rescale(x * up + sign * y * over, common, scale), precision)
    }
    case '*':
      return (x: bigint, y: bigint) => fit(rescale(x * y, a.scale + b.scale, scale), precision)
    case '/':
      return (x: bigint, y: bigint) => fit(divide(x, a.scale, y, b.scale, scale), precision)
    case '%': {
      const common = Math.max(a.scale, b.scale)
      const [up, over] = [powerOfTen(common - a.scale), powerOfTen(common - b.scale)]
      return (x: bigint, y: bigint) => {
        if (y === 0n) throw new EvaluationFailure('Division by zero')
        return fit(rescale((x * up) % (y * over), common, scale), precision)
      }
    }
  }
}

/** Wrapped BigInt arithmetic, imul and `| 0` are what the engine turns into plain machine integers. */
function inlineArithmetic(name: Operator, { argTypes, type }: Signature): ((a: string, b: string) => string) | undefined {
  const [left, right] = argTypes as [LogicalType, LogicalType]
  switch (left.kind) {
    case 'DOUBLE':
      return (a, b) => `${a} ${name} ${b}`
    case 'INT':
      if (name === '*') return (a, b) => `Math.imul(${a}, ${b})`
      return name === '+' || name === '-' ? (a, b) => `(${a} ${name} ${b}) | 0` : undefined
    case 'BIGINT':
      return name === '+' || name === '-' || name === '*' ? (a, b) => `BigInt.asIntN(64, ${a} ${name} ${b})` : undefined
    case 'DECIMAL': {
      // One lane, same scales, no digit lost: the sum and the product of the unscaled values are exact.
      if (type.kind !== 'DECIMAL' || right.kind !== 'DECIMAL' || type.precision > MAX_COMPACT_DECIMAL_PRECISION) return undefined
      if (name === '*') return (a, b) => `BigInt.asIntN(64, ${a} * ${b})`
      return (name === '+' || name === '-') && left.scale === right.scale ? (a, b) => `BigInt.asIntN(64, ${a} ${name} ${b})` : undefined
    }
    default:
      return undefined
  }
}

/** Unary minus is the call `-` with one argument; wraps. */
function withNegation(subtraction: FunctionDefinition): FunctionDefinition {
  return {
    ...subtraction,
    resolve(argTypes, literals) {
      if (argTypes.length !== 1) return subtraction.resolve(argTypes, literals)
      const [type] = argTypes as [LogicalType]
      return isNumeric(type) ? { argTypes: [type], type } : cannotApply('-', argTypes, ['-<NUMERIC>'])
    },
    bind(call) {
      if (call.argTypes.length !== 1) return subtraction.bind(call)
      switch (call.type.kind) {
        case 'INT':
          return (a: number) => -a | 0
        case 'BIGINT':
          return (a: bigint) => BigInt.asIntN(64, -a)
        case 'DECIMAL':
          return (a: bigint) => -a
        default:
          return (a: number) => -a
      }
    },
    inline(signature) {
      if (signature.argTypes.length !== 1) return subtraction.inline?.(signature)
      switch (signature.type.kind) {
        case 'INT':
          return (a) => `(-${a}) | 0`
        case 'DOUBLE':
          return (a) => `-${a}`
        case 'BIGINT':
          return (a) => `BigInt.asIntN(64, -${a})`
        default:
          return undefined
      }
    },
  }
}

/** ABS and SIGN keep the type; ABS of the least integer wraps to itself. */
function bindAbs({ type }: BoundCall): RowFunction {
  switch (type.kind) {
    case 'INT':
      return (a: number) => Math.abs(a) | 0
    case 'DOUBLE':
      return (a: number) => Math.abs(a)
    default:
      return (a: bigint) => (a < 0n ? BigInt.asIntN(128, -a) : a)
  }
}

function bindSign({ type }: BoundCall): RowFunction {
  switch (type.kind) {
    case 'INT':
    case 'DOUBLE':
      return (a: number) => Math.sign(a)
    case 'DECIMAL': {
      const one = powerOfTen(type.scale)
      return (a: bigint) => (a > 0n ? one : a < 0n ? -one : 0n)
    }
    default:
      return (a: bigint) => (a > 0n ? 1n : a < 0n ? -1n : 0n)
  }
}

const ABS = strict(
  'ABS',
  'N',
  ([type]) => type as LogicalType,
  (call) => (call.type.kind === 'BIGINT' ? (a: bigint) => BigInt.asIntN(64, a < 0n ? -a : a) : bindAbs(call)),
  {
    inline: ({ type }) =>
      type.kind === 'DOUBLE' ? (a) => `Math.abs(${a})` : type.kind === 'INT' ? (a) => `Math.abs(${a}) | 0` : undefined,
  },
)

/** FLOOR and CEIL of numbers; those of timestamps are in temporal.ts and share the names. */
export function bindFloor(up: boolean, argType: LogicalType): RowFunction {
  switch (argType.kind) {
    case 'DOUBLE':
      return up ? (a: number) => Math.ceil(a) : (a: number) => Math.floor(a)
    case 'DECIMAL': {
      const one = powerOfTen(argType.scale)
      return (a: bigint) => {
        const whole = a / one
        const rest = a % one
        return rest === 0n || rest < 0n === up ? whole : up ? whole + 1n : whole - 1n
      }
    }
    default:
      return (a: number | bigint) => a
  }
}

export function floorType(argType: LogicalType): LogicalType {
  return argType.kind === 'DECIMAL' ? { ...argType, scale: 0 } : argType
}

function roundDefinition(name: 'ROUND' | 'TRUNCATE'): FunctionDefinition {
  return strict(
    name,
    'N?I',
    ([type], literals) => {
      const digits = literals[1]
      if (type?.kind !== 'DECIMAL') return type as LogicalType
      return literals.length < 2 ? roundType(type, 0) : typeof digits === 'number' ? roundType(type, digits) : type
    },
    (call) => bindRound(name, call),
    { mayBeNull: false },
  )
}

function bindRound(name: 'ROUND' | 'TRUNCATE', { argTypes, type }: BoundCall): RowFunction {
  const [from] = argTypes as [LogicalType]
  const reduce = name === 'ROUND' ? rescale : truncateScale
  switch (from.kind) {
    case 'DOUBLE':
      return (value: number, digits = 0) => {
        if (!Number.isFinite(value) || digits > 30) return value
        const scale = Math.max(digits, -400)
        // As BigDecimal.valueOf(value).setScale(…): on the digits that print, not on the binary value.
        const exactDigits = parseExact(value)
        const reduced = scale >= exactDigits.scale ? exactDigits : { unscaled: reduceTo(reduce, exactDigits, scale), scale }
        return Number(reduced.scale >= 0 ? decimalToString(reduced.unscaled, reduced.scale) : reduced.unscaled * powerOfTen(-reduced.scale))
      }
    case 'DECIMAL': {
      const to = type as DecimalType
      return (value: bigint, digits = 0) => {
        const at = Math.min(Math.max(digits, -from.precision), from.scale)
        return fit(
          rescale(reduceTo(reduce, { unscaled: value, scale: from.scale }, at) * powerOfTen(at < 0 ? -at : 0), Math.max(at, 0), to.scale),
          to.precision,
        )
      }
    }
    case 'INT':
      return (value: number, digits = 0) => (digits >= 0 ? value : Number(BigInt.asIntN(32, roundWhole(reduce, BigInt(value), digits))))
    default:
      return (value: bigint, digits = 0) => (digits >= 0 ? value : BigInt.asIntN(64, roundWhole(reduce, value, digits)))
  }
}

type Reduce = typeof rescale

function reduceTo(reduce: Reduce, value: { unscaled: bigint; scale: number }, scale: number): bigint {
  return reduce(value.unscaled, value.scale - Math.min(scale, 0), Math.max(scale, 0))
}

function roundWhole(reduce: Reduce, value: bigint, digits: number): bigint {
  const at = Math.max(digits, -20)
  return reduce(value, -at, 0) * powerOfTen(-at)
}

/** The digits that a double prints with. */
function parseExact(value: number): { unscaled: bigint; scale: number } {
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e')
  const scale = Math.max(0, (mantissa.split('.')[1]?.length ?? 0) - Number(exponent))
  return { unscaled: parseDecimal(value.toExponential(), scale) as bigint, scale }
}

const MODULO = operator('%')

export const ARITHMETIC: readonly FunctionDefinition[] = [
  operator('+'),
  withNegation(operator('-')),
  operator('*'),
  operator('/'),
  MODULO,
  alias('MOD', { ...MODULO, resolve: (argTypes) => resolveArithmetic('MOD', '%', argTypes) }),
  ABS,
  strict('SIGN', 'N', ([type]) => type as LogicalType, bindSign),
  roundDefinition('ROUND'),
  roundDefinition('TRUNCATE'),
]
