/** Function calls: aggregates go to the collector, everything else to the function table. */
import { nearest } from '#core/config/nearest.js'
import { functionNames } from '#runtime/expr/function-table.js'
import { typeInMessage } from '#runtime/expr/type-rules.js'
import type { Expression } from '#core/graph/expression.js'
import type { CallNode, ExpressionNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { isAggregateFunction, isRefusedFunction } from './aggregate-calls.js'
import { bindExpression, call, type ExpressionContext } from './bind-expression.js'
import { stringLiteral } from './literals.js'
import { bindOver } from './over-calls.js'
import { bindUserFunction, findUserFunction, userFunctionNames } from './bind-user-function.js'
import { didYouMean } from './scope.js'

/** Internal functions of the function table: not to be called by name. */
const INTERNAL = new Set([
  'ARRAY',
  'MAP',
  'ROW',
  'ITEM',
  'FIELD',
  'JSON',
  'TIMESTAMP_ADD_MILLIS',
  'TIMESTAMP_ADD_MONTHS',
  'CASE',
  'IN',
  'BETWEEN',
  'LIKE',
  'AND',
  'OR',
  'NOT',
])

let known: ReadonlySet<string> | undefined

/** True for a name of the function table that people call. */
export function isPublicFunction(name: string): boolean {
  return /^[A-Z]/.test(name) && !INTERNAL.has(name)
}

function isKnown(name: string): boolean {
  known ??= new Set(functionNames())
  return known.has(name) && !INTERNAL.has(name)
}

export function bindFunctionCall(node: CallNode, context: ExpressionContext): Expression {
  const { source } = context
  const name = node.name.length > 1 ? '' : (node.name[0]?.text ?? '').toUpperCase()
  const user = findUserFunction(node, context, isAggregateFunction(name) || isKnown(name))
  if (user !== undefined) return bindUserFunction(node, user, context)
  if (node.name.length > 1) {
    const called = node.name.map(({ text }) => text).join('.')
    throw validationError(source, node.at, `There is no function ${called}.`, didYouMean(called, userFunctionNames(context.catalog)))
  }
  if (node.withinGroup.length > 0) throw notSupported(source, node.at, 'WITHIN GROUP.')
  if (node.nulls !== null) throw notSupported(source, node.at, `${node.nulls} NULLS.`)
  if (node.over !== null) return bindOver(node, name, context)
  const matched = context.match?.call(node, name, context)
  if (matched !== undefined) return matched
  if (isAggregateFunction(name)) {
    if (context.aggregates === null)
      throw validationError(
        source,
        node.at,
        `An aggregate such as ${name} cannot stand in ${context.clause}.`,
        context.clause === 'WHERE' ? 'Use HAVING.' : null,
      )
    return context.aggregates.collect(node, name, context)
  }
  const border = context.groupWindow?.auxiliary(node, name, context)
  if (border !== undefined) return border
  if (context.grouping !== undefined && (name === 'GROUPING' || name === 'GROUPING_ID' || name === 'GROUP_ID'))
    return context.grouping(node, name)
  if (isRefusedFunction(name))
    throw notSupported(
      source,
      node.at,
      `the function ${name}.`,
      /^(TUMBLE|HOP|SESSION)/.test(name)
        ? 'Use FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), size)) and its columns window_start, window_end.'
        : null,
    )
  if (node.star || node.distinct || node.filter !== null) {
    throw validationError(
      source,
      node.at,
      `${node.star ? "'*'" : node.distinct ? 'DISTINCT' : 'FILTER'} belongs to aggregate functions, and ${name} is none.`,
    )
  }
  if (!isKnown(name)) {
    const meant = nearest(name, [
      ...functionNames().filter((candidate) => /^[A-Z]/.test(candidate) && isKnown(candidate)),
      'COUNT',
      'SUM',
      'AVG',
      'MIN',
      'MAX',
      ...userFunctionNames(context.catalog),
    ])
    const types = node.args.map((arg) => `<${typeInMessage(bindArgument(arg, context).type)}>`).join(', ')
    throw validationError(
      source,
      node.at,
      `No match found for function signature ${name}(${types}).`,
      meant === undefined ? null : `Did you mean ${meant}?`,
    )
  }
  if (name === 'TRIM' && node.args.length === 3) {
    const [mode, characters, text] = node.args as [ExpressionNode, ExpressionNode, ExpressionNode]
    const side = mode.kind === 'symbol' && mode.name !== 'BOTH' ? (mode.name === 'LEADING' ? 'LTRIM' : 'RTRIM') : 'TRIM'
    return call(context, node.at, side, [bindExpression(text, context), bindExpression(characters, context)])
  }
  return call(
    context,
    node.at,
    name,
    node.args.map((arg) => bindArgument(arg, context)),
  )
}

/** A time unit is a text to the function table. */
function bindArgument(arg: ExpressionNode, context: ExpressionContext): Expression {
  return arg.kind === 'symbol' ? stringLiteral(arg.name) : bindExpression(arg, context)
}
