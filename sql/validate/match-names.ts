/**
 * Names and functions inside MATCH_RECOGNIZE: `A.price` is a column of a row that the variable A stands for, FIRST and LAST choose which, aggregates
 * go over all of them. Each becomes a column of the expression that is bound.
 */
import type { Expression } from '#core/graph/expression.js'
import type { MatchInput } from '#core/graph/operator-spec.js'
import { notNull, withNullable, type LogicalType } from '#core/types/logical-type.js'
import type { CallNode, ColumnNode, ExpressionNode } from '../parser/ast-expression.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import { inputColumn, renumber } from '../plan/expressions.js'
import { AggregateCollector, isAggregateFunction, PLACEHOLDER, type AggregateFunction } from './aggregate-calls.js'
import { bindExpression, call, type ExpressionContext } from './bind-expression.js'
import { didYouMean, resolveColumn, type Scope } from './scope.js'

/** What an expression inside MATCH_RECOGNIZE makes of names and of some functions; undefined: it is another function. */
export interface MatchScope {
  column(node: ColumnNode, context: ExpressionContext): Expression
  call(node: CallNode, name: string, context: ExpressionContext): Expression | undefined
}

interface Place {
  /** null: all variables. */
  readonly variable: number | null
  readonly column: number
}

const REFUSED = new Set(['CLASSIFIER', 'MATCH_NUMBER'])

/** The columns of one condition or measure. */
export class MatchNames implements MatchScope {
  readonly inputs: MatchInput[] = []
  readonly #digests: string[] = []
  readonly #variables: readonly string[]
  /** In DEFINE: the variable whose condition it is. */
  readonly #current: number | undefined
  readonly #timeType: LogicalType

  constructor(variables: readonly string[], current: number | undefined, timeType: LogicalType) {
    this.#variables = variables
    this.#current = current
    this.#timeType = timeType
  }

  column(node: ColumnNode, context: ExpressionContext): Expression {
    return this.#row(this.#place(node, context), false, 0, context)
  }

  call(node: CallNode, name: string, context: ExpressionContext): Expression | undefined {
    const { source } = context
    if (name === 'FIRST' || name === 'LAST') return this.#navigated(node, name, context)
    if (name === 'PREV' || name === 'NEXT') {
      const [arg, offset] = this.#navigation(node, name, 1, context)
      if (offset > 0)
        throw validationError(
          source,
          node.at,
          'Flink does not support physical offsets within partition.',
          `Use LAST(${name === 'PREV' ? 'A.x, 1' : 'A.x'}) of a variable: it counts the variable's own rows.`,
          'TableException',
        )
      return bindExpression(arg, context)
    }
    if (name === 'MATCH_ROWTIME') {
      if (node.args.length > 0) this.#timeArgument(node, context)
      return this.#input({ kind: 'rowtime' }, notNull(this.#timeType))
    }
    if (name === 'MATCH_PROCTIME') {
      if (node.args.length > 0) throw validationError(source, node.at, 'MATCH_PROCTIME takes no arguments.')
      return call({ ...context, match: undefined }, node.at, 'PROCTIME', [])
    }
    if (REFUSED.has(name)) throw notSupported(source, node.at, `the function ${name}.`)
    if (isAggregateFunction(name) && node.over === null) return this.#aggregate(node, name, context)
    return undefined
  }

  #timeArgument(node: CallNode, context: ExpressionContext): void {
    const [arg, more] = node.args
    const column = arg?.kind === 'column' && more === undefined ? this.#place(arg, context).column : -1
    if (context.scope[column]?.rowtime !== true)
      throw validationError(
        context.source,
        node.at,
        'The function MATCH_ROWTIME requires argument to be a row time attribute type.',
        'Leave it out: MATCH_ROWTIME().',
      )
  }

  #navigated(node: CallNode, name: 'FIRST' | 'LAST', context: ExpressionContext): Expression {
    const [arg, offset] = this.#navigation(node, name, 0, context)
    const used = new Set<number | null>()
    const inner: MatchScope = {
      column: (column, at) => {
        const place = this.#place(column, at)
        used.add(place.variable)
        return this.#row(place, name === 'FIRST', offset, at)
      },
      call: (nested, nestedName, at) => {
        if (!['FIRST', 'LAST', 'PREV', 'NEXT'].includes(nestedName) && !isAggregateFunction(nestedName)) return undefined
        throw validationError(at.source, nested.at, `${nestedName} cannot stand within ${name}.`)
      },
    }
    const bound = bindExpression(arg, { ...context, match: inner })
    this.#oneVariable(used, node, name, context)
    return bound
  }

  /** The argument and its offset. */
  #navigation(node: CallNode, name: string, standard: number, context: ExpressionContext): [ExpressionNode, number] {
    const [arg, offset, more] = node.args
    if (arg === undefined || more !== undefined || node.star || node.distinct || node.filter !== null || node.over !== null)
      throw validationError(
        context.source,
        node.at,
        `${name} takes an expression over one pattern variable and perhaps an offset: ${name}(A.x, 1).`,
      )
    if (offset === undefined) return [arg, standard]
    if (offset.kind !== 'number' || !/^\d{1,9}$/.test(offset.text))
      throw validationError(context.source, offset.at, `The offset of ${name} is a whole number, such as ${name}(A.x, 1).`)
    return [arg, Number(offset.text)]
  }

  #aggregate(node: CallNode, name: AggregateFunction, context: ExpressionContext): Expression {
    const { source } = context
    if (node.distinct) throw notSupported(source, node.at, 'DISTINCT aggregates in MATCH_RECOGNIZE.')
    if (node.filter !== null) throw notSupported(source, node.at, 'FILTER in MATCH_RECOGNIZE.')
    const used = new Set<number | null>()
    const inner: MatchScope = {
      column: (column, at) => {
        const place = this.#place(column, at)
        used.add(place.variable)
        return inputColumn(place.column, (at.scope[place.column] as Scope[number]).type)
      },
      call: (nested, nestedName, at) => {
        if (!['FIRST', 'LAST', 'PREV', 'NEXT'].includes(nestedName)) return undefined
        throw validationError(at.source, nested.at, `${nestedName} cannot stand within ${name}.`)
      },
    }
    // COUNT(A.*) counts the variable's rows.
    const [star] = node.args
    const all = name === 'COUNT' && star?.kind === 'star' && star.qualifier.length === 1 ? star.qualifier[0] : undefined
    if (all !== undefined) used.add(this.#variable(all.text) ?? this.#unknown(all, context))
    const collector = new AggregateCollector(false)
    const bound = collector.collect(all === undefined ? node : { ...node, args: [], star: true }, name, { ...context, match: inner })
    this.#oneVariable(used, node, name, context)
    const [collected] = collector.calls as [AggregateCollector['calls'][number]]
    const [variable = null] = used
    const input: MatchInput = {
      kind: 'aggregate',
      variable,
      call: { function: collected.function, args: collected.args.map((_, i) => i), distinct: false, type: collected.type },
      args: collected.args,
    }
    const column = this.#input(input, collected.type)
    return renumber(bound, (index) => (index === PLACEHOLDER && column.kind === 'input' ? column.index : index))
  }

  #oneVariable(used: ReadonlySet<number | null>, node: CallNode, name: string, context: ExpressionContext): void {
    if (used.size < 2) return
    const names = [...used].map((variable) => (variable === null ? '*' : this.#variables[variable])).join(', ')
    throw validationError(
      context.source,
      node.at,
      `${isAggregateFunction(name) ? 'Aggregation' : `The argument of ${name}`} must be applied to a single pattern variable, but this reads ${names}.`,
    )
  }

  #row({ variable, column }: Place, first: boolean, offset: number, { scope }: ExpressionContext): Expression {
    const { type } = scope[column] as Scope[number]
    // The row that is looked at is always there.
    const present = this.#current !== undefined && !first && offset === 0 && (variable === null || variable === this.#current)
    return this.#input({ kind: 'row', variable, first, offset, column }, present ? type : withNullable(type, true))
  }

  #input(input: MatchInput, type: LogicalType): Expression {
    const digest = JSON.stringify(input)
    let index = this.#digests.indexOf(digest)
    if (index < 0) {
      index = this.inputs.push(input) - 1
      this.#digests.push(digest)
    }
    return inputColumn(index, type)
  }

  #place(node: ColumnNode, { source, scope }: ExpressionContext): Place {
    const [first, ...rest] = node.path as [ColumnNode['path'][number], ...ColumnNode['path']]
    // Only variables qualify columns here.
    const columns = scope.map((column) => ({ ...column, qualifier: null }))
    const variable = rest.length > 0 ? this.#variable(first.text) : undefined
    if (variable !== undefined) return { variable, column: resolveColumn(source, columns, rest) }
    const field = rest.length > 0 && columns.some(({ path }) => path?.[0] === first.text)
    if (rest.length === 0 || field) return { variable: null, column: resolveColumn(source, columns, node.path) }
    return this.#unknown(first, { source })
  }

  #variable(name: string): number | undefined {
    const index = this.#variables.indexOf(name)
    return index < 0 ? undefined : index
  }

  #unknown(name: ColumnNode['path'][number], { source }: Pick<ExpressionContext, 'source'>): never {
    throw validationError(source, name.at, `Unknown pattern '${name.text}'.`, didYouMean(name.text, this.#variables))
  }
}
