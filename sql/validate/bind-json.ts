/** JSON functions of standard SQL: their clauses become arguments (runtime/expr/functions/json.ts). */
import type { Expression } from '#core/graph/expression.js'
import { STRING, typeToString, type LogicalType } from '#core/types/logical-type.js'
import { parseJsonPath } from '#runtime/expr/json-path.js'
import { canCast } from '#runtime/expr/type-rules.js'
import type { ExpressionNode, IsJsonNode, JsonBehavior, JsonCallNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { castTo } from '../plan/expressions.js'
import { bindExpression, call, callAsIs, type ExpressionContext } from './bind-expression.js'
import { logicalType } from './data-type.js'
import { stringLiteral } from './literals.js'

const RETURNED: ReadonlySet<LogicalType['kind']> = new Set([
  'VARCHAR',
  'BOOLEAN',
  'TINYINT',
  'SMALLINT',
  'INT',
  'BIGINT',
  'FLOAT',
  'DOUBLE',
  'DECIMAL',
])

/** @throws SQL_VALIDATION, SQL_NOT_SUPPORTED */
export function bindJsonCall(node: JsonCallNode, context: ExpressionContext): Expression {
  const { source } = context
  if (node.filter !== null && !node.name.endsWith('AGG'))
    throw validationError(source, node.at, `FILTER belongs to aggregate functions, and ${node.name} is none.`)
  switch (node.name) {
    case 'JSON_EXISTS': {
      const behavior = keyword(node.onError, ['TRUE', 'FALSE', 'UNKNOWN', 'ERROR'], 'FALSE', 'ON ERROR', node, context)
      return call(context, node.at, node.name, [...input(node, context), stringLiteral(behavior)])
    }
    case 'JSON_VALUE':
      return bindValue(node, context)
    case 'JSON_QUERY': {
      if (node.returning !== null && !isString(logicalType(source, node.returning)))
        throw notSupported(source, node.returning.at, 'JSON_QUERY returning another type than STRING.')
      const kinds = ['NULL', 'ERROR', 'EMPTY ARRAY', 'EMPTY OBJECT'] as const
      const clauses = [
        node.wrapper ?? 'WITHOUT',
        keyword(node.onEmpty, kinds, 'NULL', 'ON EMPTY', node, context),
        keyword(node.onError, kinds, 'NULL', 'ON ERROR', node, context),
      ]
      return call(context, node.at, node.name, [...input(node, context), ...clauses.map(stringLiteral)])
    }
    case 'JSON_OBJECT':
    case 'JSON_ARRAY': {
      const isKey = (i: number) => node.name === 'JSON_OBJECT' && i % 2 === 0
      const args = node.args.map((arg, i) => (isKey(i) ? bindExpression(arg, context) : bindMember(arg, context)))
      return callAsIs(context, node.at, node.name, [
        stringLiteral(node.onNull ?? (node.name === 'JSON_OBJECT' ? 'NULL' : 'ABSENT')),
        ...args,
      ])
    }
    default:
      throw notSupported(source, node.at, `the function ${node.name}.`)
  }
}

export function bindIsJson(node: IsJsonNode, context: ExpressionContext): Expression {
  const is = call(context, node.at, `IS JSON ${node.type}`, [bindExpression(node.arg, context)])
  return node.negated ? call(context, node.at, 'NOT', [is]) : is
}

/** JSON and path; a literal path that is not understood is refused here, others fail row by row. */
function input(node: JsonCallNode, context: ExpressionContext): [Expression, Expression] {
  const [json, path] = node.args as [ExpressionNode, ExpressionNode]
  if (path.kind === 'string' && parseJsonPath(path.value) === undefined)
    throw validationError(
      context.source,
      path.at,
      `'${path.value}' is no path into JSON that is understood.`,
      "Paths are such as '$.a.b', 'lax $.a[0]', '$.a[*].b', '$..b'; there are no filters and functions in them.",
    )
  return [bindExpression(json, context), bindExpression(path, context)]
}

function bindValue(node: JsonCallNode, context: ExpressionContext): Expression {
  const { source } = context
  const type = node.returning === null ? STRING : logicalType(source, node.returning)
  if (node.returning !== null && !RETURNED.has(type.kind))
    throw validationError(
      source,
      node.returning.at,
      `JSON_VALUE cannot return ${typeToString(type)}.`,
      'It returns STRING, BOOLEAN and numbers.',
    )
  const carrier: Expression = { kind: 'literal', value: null, type }
  const instead = (behavior: JsonBehavior | null, clause: string): Expression[] => {
    if (behavior?.kind !== 'DEFAULT') return [stringLiteral(keyword(behavior, ['NULL', 'ERROR'], 'NULL', clause, node, context)), carrier]
    const value = bindExpression(behavior.value, context)
    if (!canCast(value.type, type, true))
      throw validationError(
        source,
        behavior.value.at,
        `The DEFAULT ${clause} is of type ${typeToString(value.type)}, JSON_VALUE returns ${typeToString(type)}.`,
      )
    return [stringLiteral('DEFAULT'), castTo(value, type)]
  }
  return callAsIs(context, node.at, node.name, [
    ...input(node, context),
    carrier,
    ...instead(node.onEmpty, 'ON EMPTY'),
    ...instead(node.onError, 'ON ERROR'),
  ])
}

function keyword(
  behavior: JsonBehavior | null,
  allowed: readonly JsonBehavior['kind'][],
  otherwise: string,
  clause: string,
  node: JsonCallNode,
  { source }: ExpressionContext,
): string {
  if (behavior === null) return otherwise
  if (allowed.includes(behavior.kind)) return behavior.kind
  throw validationError(source, node.at, `${node.name} takes no ${behavior.kind} ${clause}.`, `It takes ${allowed.join(', ')}.`)
}

/** JSON inside of JSON is not a text of it. */
function bindMember(node: ExpressionNode, context: ExpressionContext): Expression {
  if (node.kind === 'json-call' && (node.name === 'JSON_OBJECT' || node.name === 'JSON_ARRAY'))
    return call(context, node.at, 'JSON', [bindJsonCall(node, context)])
  if (node.kind === 'call' && node.name.length === 1 && node.name[0]?.text.toUpperCase() === 'JSON' && node.args.length === 1)
    return call(context, node.at, 'JSON', [bindExpression(node.args[0] as ExpressionNode, context)])
  return bindExpression(node, context)
}

const isString = ({ kind }: LogicalType): boolean => kind === 'VARCHAR'
