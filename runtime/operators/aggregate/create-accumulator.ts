/** The accumulator for an aggregate call. Decides by function, argument column and whether rows may be taken away. */
import type { AggregateCall } from '#core/graph/operator-spec.js'
import type { Schema } from '#core/types/schema.js'
import type { LogicalType } from '#core/types/logical-type.js'
import { vectorKind } from '../../columnar/vector.js'
import type { Accumulator } from './accumulator.js'
import { DecimalAverageAccumulator, DoubleAverageAccumulator, IntegerAverageAccumulator } from './average.js'
import { CountAccumulator } from './count.js'
import { NumberExtremeAccumulator, TextExtremeAccumulator, WideExtremeAccumulator, type Choice } from './extreme.js'
import { RetractableExtremeAccumulator } from './retractable-extreme.js'
import { DecimalSumAccumulator, DoubleSumAccumulator, Int32SumAccumulator, Int64SumAccumulator } from './sum.js'

export function createAccumulator(call: AggregateCall, input: Schema, retract: boolean): Accumulator {
  const column = call.args[0]
  const argument = column === undefined ? undefined : input.fields[column]?.type
  if (call.function === 'COUNT') return new CountAccumulator(call.type)
  if (column === undefined || argument === undefined) throw new Error(`${call.function} needs one argument column`)
  switch (call.function) {
    case 'SUM':
      return sum(column, argument, call.type)
    case 'AVG':
      return average(column, argument, call.type)
    case 'MIN':
    case 'MAX':
      if (vectorKind(argument) !== vectorKind(call.type)) throw mismatch(call, argument)
      return retract
        ? new RetractableExtremeAccumulator(column, call.type, call.function === 'MAX')
        : extreme(column, call.type, call.function === 'MAX' ? 'max' : 'min')
    case 'FIRST_VALUE':
    case 'LAST_VALUE':
      if (vectorKind(argument) !== vectorKind(call.type)) throw mismatch(call, argument)
      if (retract) throw new Error(`${call.function} over rows that are taken away`)
      return extreme(column, call.type, call.function === 'LAST_VALUE' ? 'last' : 'first')
  }
  function sum(of: number, type: LogicalType, result: LogicalType): Accumulator {
    if (type.kind === 'DOUBLE' && result.kind === 'DOUBLE') return new DoubleSumAccumulator(of, result)
    if (type.kind === 'DECIMAL' && result.kind === 'DECIMAL' && type.scale === result.scale) return new DecimalSumAccumulator(of, result)
    if (type.kind === 'INT' && result.kind === 'INT') return new Int32SumAccumulator(of, result)
    if ((type.kind === 'INT' || type.kind === 'BIGINT') && result.kind === 'BIGINT') return new Int64SumAccumulator(of, result)
    throw mismatch(call, type)
  }
  function average(of: number, type: LogicalType, result: LogicalType): Accumulator {
    if (type.kind === 'DOUBLE' && result.kind === 'DOUBLE') return new DoubleAverageAccumulator(of, result)
    if (type.kind === 'DECIMAL' && result.kind === 'DECIMAL' && result.scale >= type.scale) {
      return new DecimalAverageAccumulator(of, type, result)
    }
    if ((type.kind === 'INT' || type.kind === 'BIGINT') && (result.kind === 'INT' || result.kind === 'BIGINT')) {
      return new IntegerAverageAccumulator(of, result)
    }
    throw mismatch(call, type)
  }
}

function extreme(column: number, type: LogicalType, choice: Choice): Accumulator {
  switch (vectorKind(type)) {
    case 'boolean':
    case 'int32':
    case 'float64':
      return new NumberExtremeAccumulator(column, type, choice)
    case 'int64':
    case 'decimal128':
      return new WideExtremeAccumulator(column, type, choice)
    case 'utf8':
      return new TextExtremeAccumulator(column, type, choice)
    case 'object':
      throw new Error('objects have no order')
  }
}

/** The planner decides types; a spec that breaks its rules is a bug, not a user's mistake. */
function mismatch(call: AggregateCall, argument: LogicalType): Error {
  return new Error(`aggregate ${call.function}(${argument.kind}) cannot yield ${call.type.kind}`)
}
