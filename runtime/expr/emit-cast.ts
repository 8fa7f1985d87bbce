/** Casts in generated code: free where the lanes stay as they are, inline where one expression does it, else the row-wise cast. */
import { hasNanos, MAX_VARCHAR_LENGTH, sameType, type LogicalType } from '#core/types/logical-type.js'
import type { BoundExpression } from './bound-expression.js'
import { prepareCast, type CastFunction } from './cast.js'
import { emptyValue, type Emitter, type Operand } from './emitter.js'
import { EvaluationFailure } from './evaluation.js'

type Cast = Extract<BoundExpression, { kind: 'cast' }>

/** True when every value of `from` is, unchanged, the value of `to`. */
export function isFreeCast(from: LogicalType, to: LogicalType): boolean {
  if (from.kind !== to.kind) return false
  switch (to.kind) {
    case 'VARCHAR':
      return (
        from.kind === 'VARCHAR' && from.length <= to.length && (to.fixed !== true || (from.fixed === true && from.length === to.length))
      )
    case 'BYTES':
      return from.kind === 'BYTES' && freeBytes(from, to)
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return sameType(from, to)
    case 'DECIMAL':
      return from.kind === 'DECIMAL' && from.scale === to.scale && from.precision <= to.precision
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
      return from.kind === to.kind && hasNanos(from) === hasNanos(to) && (to.precision === 3 || from.precision <= to.precision)
    case 'TIME':
      return from.kind === 'TIME' && (to.precision >= 3 || from.precision <= to.precision)
    default:
      return true
  }
}

function freeBytes(from: LogicalType & { kind: 'BYTES' }, to: LogicalType & { kind: 'BYTES' }): boolean {
  const length = to.length ?? MAX_VARCHAR_LENGTH
  return (from.length ?? MAX_VARCHAR_LENGTH) <= length && (to.fixed !== true || (from.fixed === true && from.length === length))
}

export function emitCast(emitter: Emitter, cast: Cast): Operand {
  const arg = emitter.operand(cast.arg)
  const { type } = cast
  const from = cast.arg.type
  if (isFreeCast(from, type)) return { ...arg, type }
  if (from.kind === 'NULL') return emitter.constantOperand(null, type)
  return emitInlineCast(emitter, arg, from, type) ?? emitRowCast(emitter, arg, cast)
}

/** Forms that cannot fail, nor give NULL. */
function emitInlineCast(emitter: Emitter, arg: Operand, from: LogicalType, type: LogicalType): Operand | undefined {
  const { isNull } = arg
  if (hasNanos(from) || hasNanos(type)) return undefined
  switch (`${from.kind} ${type.kind}`) {
    case 'TINYINT SMALLINT':
    case 'TINYINT INT':
    case 'SMALLINT INT':
    case 'TINYINT FLOAT':
    case 'SMALLINT FLOAT':
    case 'FLOAT DOUBLE':
      return { type, isNull, value: emitter.value(arg) }
    case 'SMALLINT TINYINT':
    case 'INT TINYINT':
      return { type, isNull, value: emitter.let(`(${emitter.value(arg)} << 24) >> 24`) }
    case 'INT SMALLINT':
      return { type, isNull, value: emitter.let(`(${emitter.value(arg)} << 16) >> 16`) }
    case 'INT FLOAT':
    case 'DOUBLE FLOAT':
      return { type, isNull, value: emitter.let(`Math.fround(${emitter.value(arg)})`) }
    case 'TINYINT BIGINT':
    case 'SMALLINT BIGINT':
    case 'INT BIGINT':
      return { type, isNull, number: emitter.value(arg), exact: true }
    case 'TINYINT DOUBLE':
    case 'SMALLINT DOUBLE':
    case 'INT DOUBLE':
      return { type, isNull, value: emitter.value(arg) }
    case 'BIGINT DOUBLE':
      return { type, isNull, value: emitter.number(arg) }
    case 'BIGINT INT':
      return { type, isNull, value: emitter.let(`Number(BigInt.asIntN(32, ${emitter.value(arg)}))`) }
    case 'BOOLEAN INT':
    case 'BOOLEAN DOUBLE':
      return { type, isNull, value: emitter.let(`${emitter.value(arg)} ? 1 : 0`) }
    case 'INT BOOLEAN':
    case 'DOUBLE BOOLEAN':
      return { type, isNull, value: emitter.let(`${emitter.value(arg)} !== 0`) }
    case 'DATE TIMESTAMP':
      return { type, isNull, number: emitter.let(`${emitter.value(arg)} * 86400000`), exact: true }
    case 'TIMESTAMP DATE':
      return { type, isNull, value: emitter.let(`Math.floor(${emitter.number(arg)} / 86400000)`) }
    default:
      return undefined
  }
}

function emitRowCast(emitter: Emitter, arg: Operand, { arg: { type: from }, safe, type }: Cast): Operand {
  const cast = prepareCast(from, type, emitter.context)
  const call = emitter.constant(safe ? safely(cast) : cast)
  // Times are cast from their number as well as from a bigint, and that need not be made.
  const byNumber = (from.kind === 'TIMESTAMP' || from.kind === 'TIMESTAMP_LTZ') && !hasNanos(from) && emitter.hasNumber(arg)
  return emitGuardedCall(emitter, type, arg.isNull, () => `${call}(${byNumber ? emitter.number(arg) : emitter.value(arg)})`)
}

function safely(cast: CastFunction): CastFunction {
  return (value) => {
    try {
      return cast(value)
    } catch (error) {
      if (error instanceof EvaluationFailure) return null
      throw error
    }
  }
}

/** A call that is made only where its arguments are not NULL, and that may give null. */
export function emitGuardedCall(emitter: Emitter, type: LogicalType, argsNull: string | undefined, call: () => string): Operand {
  const value = emitter.name('s')
  const isNull = emitter.name('n')
  const empty = emptyValue(type)
  emitter.line(`let ${value} = ${empty}, ${isNull} = ${argsNull ?? '0'}`)
  const inside = () => {
    emitter.line(`${value} = ${call()}`)
    emitter.line(`if (${value} === null) { ${value} = ${empty}; ${isNull} = 1 }`)
  }
  if (argsNull === undefined) inside()
  else emitter.block(`if (${isNull} === 0)`, inside)
  return { type, isNull, value }
}
