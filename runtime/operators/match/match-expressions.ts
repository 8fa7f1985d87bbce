/**
 * Conditions and measures over the rows of a match. Their columns are looked up in the match first, then the expression is evaluated by the
 * interpreter: it reads a few rows of many, which lie in the state.
 */
import type { AggregateCall, MatchExpression, MatchInput } from '#core/graph/operator-spec.js'
import type { Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch, BATCH_CAPACITY } from '../../columnar/batch.js'
import { readValue } from '../../columnar/value.js'
import type { Vector } from '../../columnar/vector.js'
import { compileCalc } from '../../expr/compile.js'
import { describeExpression, describeRow } from '../../expr/describe.js'
import { matchInputName } from '../../expr/match-input-name.js'
import { EvaluationFailure, ExpressionFailed, type EvaluationContext } from '../../expr/evaluation.js'
import { evaluate } from '../../expr/interpreter.js'
import type { RowStore } from '../../state/row-store.js'
import { GroupedAggregation } from '../aggregate/grouped-aggregation.js'
import type { Link, MatchRow } from './partial-matches.js'

/** Rows of a match, found from its last one backwards. */
export class MatchedRows {
  readonly #last: Link | undefined
  readonly #lists = new Map<number | null, MatchRow[]>()

  constructor(last: Link | undefined) {
    this.#last = last
  }

  /** The variable's row that has `offset` others of it behind it. */
  fromEnd(variable: number | null, offset: number): MatchRow | undefined {
    let left = offset
    for (let link = this.#last; link !== undefined; link = link.previous)
      if ((variable === null || link.variable === variable) && left-- === 0) return link.row
    return undefined
  }

  /** First to last. */
  of(variable: number | null): readonly MatchRow[] {
    let rows = this.#lists.get(variable)
    if (rows === undefined) {
      rows = []
      for (let link = this.#last; link !== undefined; link = link.previous)
        if (variable === null || link.variable === variable) rows.push(link.row)
      this.#lists.set(variable, rows.reverse())
    }
    return rows
  }
}

/** A row that would be the match's next one, for that variable. */
export interface Candidate {
  readonly row: MatchRow
  readonly variable: number
}

type Read = (rows: MatchedRows, candidate: Candidate | undefined, time: number) => Value

/** Evaluates one expression. */
export class MatchValue {
  readonly #spec: MatchExpression
  readonly #context: EvaluationContext
  readonly #reads: readonly Read[]
  readonly #names: Schema

  /** `store`: has the rows, `input` are their columns. */
  constructor(spec: MatchExpression, input: Schema, store: RowStore, context: EvaluationContext, variables: readonly string[]) {
    this.#spec = spec
    this.#context = context
    this.#reads = spec.inputs.map((one) => reader(one, input, store, context))
    this.#names = {
      fields: spec.inputs.map((one) => ({
        name: matchInputName(one, variables, (column) => input.fields[column]?.name ?? ''),
        type:
          one.kind === 'row'
            ? (input.fields[one.column] as Schema['fields'][number]).type
            : one.kind === 'aggregate'
              ? one.call.type
              : TIME,
      })),
    }
  }

  /** `time`: what MATCH_ROWTIME() is, ms. @throws EXPRESSION_FAILED */
  of(rows: MatchedRows, candidate: Candidate | undefined, time: number): Value {
    const values = this.#reads.map((read) => read(rows, candidate, time))
    const { expression } = this.#spec
    try {
      return evaluate(expression, values, this.#context)
    } catch (cause) {
      if (!(cause instanceof EvaluationFailure)) throw cause
      const row = describeRow(values, this.#names)
      throw new ExpressionFailed({ reason: cause.message, expression: describeExpression(expression, this.#names), row }, { cause })
    }
  }
}

const TIME = { kind: 'BIGINT', nullable: false } as const

function reader(one: MatchInput, input: Schema, store: RowStore, context: EvaluationContext): Read {
  switch (one.kind) {
    case 'rowtime':
      return (_rows, _candidate, time) => BigInt(time)
    case 'row': {
      const { variable, first, offset, column } = one
      const id = new Int32Array(1)
      const find = (rows: MatchedRows, candidate: Candidate | undefined): MatchRow | undefined => {
        const last = candidate !== undefined && (variable === null || variable === candidate.variable) ? candidate.row : undefined
        if (first) {
          const own = rows.of(variable)
          return own[offset] ?? (offset === own.length ? last : undefined)
        }
        if (last === undefined) return rows.fromEnd(variable, offset)
        return offset === 0 ? last : rows.fromEnd(variable, offset - 1)
      }
      return (rows, candidate) => {
        const row = find(rows, candidate)
        if (row === undefined) return null
        id[0] = row.id
        return readValue(store.column(column, id, 1), 0)
      }
    }
    case 'aggregate': {
      const { variable, call, args } = one
      if (call.function === 'COUNT' && args.length === 0)
        return (rows, candidate) => BigInt(rows.of(variable).length + (candidateCounts(variable, candidate) ? 1 : 0))
      const result = aggregate(call, args, input, store, context)
      return (rows, candidate) => {
        const own = rows.of(variable)
        return result(candidateCounts(variable, candidate) ? [...own, (candidate as Candidate).row] : own)
      }
    }
  }
}

function candidateCounts(variable: number | null, candidate: Candidate | undefined): boolean {
  return candidate !== undefined && (variable === null || variable === candidate.variable)
}

function aggregate(
  call: AggregateCall,
  args: Extract<MatchInput, { kind: 'aggregate' }>['args'],
  input: Schema,
  store: RowStore,
  context: EvaluationContext,
): (rows: readonly MatchRow[]) => Value {
  const schema: Schema = { fields: args.map(({ type }, i) => ({ name: `$${i}`, type })) }
  const compute = compileCalc({ projection: args, inputSchema: input, outputSchema: schema, context })
  const aggregation = new GroupedAggregation(schema, [], [call], false)
  return (rows) => {
    for (let from = 0; from < rows.length; from += BATCH_CAPACITY) {
      const ids = Int32Array.from(rows.slice(from, from + BATCH_CAPACITY), ({ id }) => id)
      const batch = compute(new Batch(input, store.columns(ids, ids.length), ids.length))
      if (batch !== undefined) aggregation.accumulate(batch)
    }
    let result = aggregation.size === 0 ? aggregation.emptyResults()[0] : undefined
    for (const group of aggregation.groups(1)) result = aggregation.results(group)[0]
    const value = readValue(result as Vector, 0)
    aggregation.clear()
    return value
  }
}
