/** Calls of functions made with CREATE FUNCTION. Temporary system functions come before SQL's own, the others after them, as in Flink. */
import type { Expression } from '#core/graph/expression.js'
import { userFunctionName } from '#core/graph/function-module.js'
import { withNullable } from '#core/types/logical-type.js'
import { argumentProblem, resultType } from '#runtime/expr/user-functions.js'
import type { Catalog, CatalogFunction } from '../catalog/catalog.js'
import type { CallNode } from '../parser/ast-expression.js'
import { validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { castTo } from '../plan/expressions.js'
import { bindAll, type ExpressionContext } from './bind-expression.js'
import { objectPath } from './table-names.js'

/** `builtIn`: SQL has a function of that name. */
export function findUserFunction(
  { name }: CallNode,
  { source, catalog }: ExpressionContext,
  builtIn: boolean,
): CatalogFunction | undefined {
  if (catalog === undefined) return undefined
  const path = objectPath(source, name, catalog)
  const system = name.length === 1 ? catalog.findFunction(path, 'system') : undefined
  if (system !== undefined || (builtIn && name.length === 1)) return system
  return catalog.findFunction(path, 'temporary') ?? catalog.findFunction(path, 'permanent')
}

/** Names of functions that can be called from here, for a hint. */
export function userFunctionNames(catalog: Catalog | undefined): readonly string[] {
  return catalog?.functionNames() ?? []
}

/** @throws SQL_VALIDATION when its module has no such function, or it does not take these arguments */
export function bindUserFunction(node: CallNode, found: CatalogFunction, context: ExpressionContext): Expression {
  const { source } = context
  const called = (node.name.at(-1) as Name).text
  if (node.over !== null || node.star || node.distinct || node.filter !== null)
    throw validationError(source, node.at, `${called} is a scalar function: it takes neither OVER, nor DISTINCT, FILTER or '*'.`)
  const { digest, declared } = found.module()
  if ('problem' in declared)
    throw validationError(
      source,
      node.at,
      `Function '${called}' cannot be called: ${declared.problem}.`,
      "Its module has to export an object { parameters: ['STRING'], returns: 'BIGINT', eval: (text) => … }.",
    )
  const args = bindAll(node.args, { ...context, clause: `the arguments of ${called}` })
  const types = args.map(({ type }) => type)
  const problem = argumentProblem(called, declared, types)
  if (problem !== undefined) throw validationError(source, node.at, `${problem}.`)
  return {
    kind: 'call',
    name: userFunctionName(digest, declared.export, called.slice(0, 100)),
    args: args.map((arg, i) => castTo(arg, withNullable(declared.parameters[i] ?? arg.type, arg.type.nullable))),
    type: resultType(declared, types),
  }
}
