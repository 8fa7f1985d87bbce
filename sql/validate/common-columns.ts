/** JOIN … USING (a, b) and NATURAL JOIN: columns of the same name on both sides, equal, and one column of the result. */
import type { Expression } from '#core/graph/expression.js'
import type { JoinType } from '#core/graph/operator-spec.js'
import type { JoinNode } from '../parser/ast-query.js'
import { validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { conjunction, inputColumn } from '../plan/expressions.js'
import { projectedField, type Relation, type RelationField } from '../plan/relation.js'
import { call, type ExpressionContext } from './bind-expression.js'
import type { BindContext } from './binder.js'
import { didYouMean, resolveColumn, type Scope, type ScopeColumn } from './scope.js'

/** A column of both sides, by its places in left ++ right. */
export interface CommonColumn {
  readonly name: Name
  readonly left: number
  readonly right: number
}

/** undefined: the join has ON, or nothing. @throws SQL_VALIDATION for a name that a side has not, or has twice */
export function commonColumns(node: JoinNode, left: Scope, right: Scope, { source }: BindContext): CommonColumn[] | undefined {
  const visible = (scope: Scope): string[] => scope.flatMap(({ name, hidden }) => (hidden === true ? [] : [name]))
  const [ofLeft, ofRight] = [visible(left), visible(right)]
  const names = node.natural
    ? [...new Set(ofLeft)].filter((name) => ofRight.includes(name)).map((text): Name => ({ text, at: node.right.at }))
    : node.using
  return names?.map((name) => {
    for (const side of [ofLeft, ofRight])
      if (!side.includes(name.text))
        throw validationError(
          source,
          name.at,
          `Column '${name.text}' of USING is not on the ${side === ofLeft ? 'left' : 'right'} side.`,
          didYouMean(name.text, side),
        )
    return { name, left: resolveColumn(source, left, [name]), right: left.length + resolveColumn(source, right, [name]) }
  })
}

/** null: they have nothing in common, so all joins with all. */
export function equalities(common: readonly CommonColumn[], scope: Scope, context: ExpressionContext): Expression | null {
  const parts = common.map(({ name, left, right }) =>
    call(
      context,
      name.at,
      '=',
      [left, right].map((at) => inputColumn(at, (scope[at] as ScopeColumn).type)),
    ),
  )
  return conjunction(parts) ?? null
}

/** The common columns first, then the others; a common one can still be had of one side under the name of its table. */
export function mergeCommon(
  { relation, scope }: { readonly relation: Relation; readonly scope: Scope },
  common: readonly CommonColumn[],
  joinType: JoinType,
  context: ExpressionContext,
): { relation: Relation; scope: Scope } {
  const column = (at: number): Expression => inputColumn(at, (scope[at] as ScopeColumn).type)
  const merged = common.map(({ name, left, right }): Expression => {
    if (joinType === 'full') return call(context, name.at, 'COALESCE', [column(left), column(right)])
    return column(joinType === 'right' ? right : left)
  })
  const once = new Set(common.flatMap(({ left, right }) => [left, right]))
  const expressions = [...merged, ...scope.map((_, i) => column(i))]
  const names = [...common.map(({ name }) => name.text), ...relation.fields.map((field) => field.name)]
  const fields = expressions.map((expression, i): RelationField => projectedField(names[i] as string, expression, relation.fields))
  const project: Relation = { kind: 'project', input: relation, expressions, fields }
  return {
    relation: project,
    scope: [
      ...common.map(({ name }, i): ScopeColumn => ({
        qualifier: null,
        name: name.text,
        type: (merged[i] as Expression).type,
        rowtime: false,
      })),
      ...scope.map((each, i): ScopeColumn => (once.has(i) ? { ...each, hidden: true } : each)),
    ],
  }
}
