/** MATCH_RECOGNIZE: the pattern, what its variables stand for, and what comes out. What Flink refuses is refused here, in its words. */
import { RUNTIME_MODE } from '#core/config/options/execution.js'
import type { MatchExpression, MatchSkip, PatternVariable, SortKey } from '#core/graph/operator-spec.js'
import type { ExpressionNode, SortItemNode } from '../parser/ast-expression.js'
import type { MatchNode, PatternNode } from '../parser/ast-query.js'
import type { Position } from '../parser/source-text.js'
import { notSupported, validationError } from '../parser/sql-errors.js'
import type { Name } from '../parser/token-stream.js'
import { isMatchRowtime } from '../plan/match-columns.js'
import { isProcessingTime } from '../plan/processing-time.js'
import type { Relation, RelationField } from '../plan/relation.js'
import { bindCondition, bindExpression, expressionContext, intervalOf, type ExpressionContext } from './bind-expression.js'
import type { BoundTable } from './bind-table.js'
import type { BindContext } from './binder.js'
import { MatchNames } from './match-names.js'
import { didYouMean, resolveColumn } from './scope.js'

/** Rows that the repetitions of a pattern may name: A{1,1000}. */
const MAX_REPETITIONS = 1000

/** `input`: the table behind which it stands. */
export function bindMatch(node: MatchNode, input: BoundTable, context: BindContext): Relation {
  const { source } = context
  const { relation, scope } = input
  refuseClauses(node, context)
  const column = (expression: ExpressionNode, clause: string): number => {
    if (expression.kind !== 'column')
      throw notSupported(source, expression.at, `expressions in ${clause} of MATCH_RECOGNIZE.`, 'Name a column.')
    return resolveColumn(source, scope, expression.path)
  }
  const partition = [...new Set(node.partitionBy.map((expression) => column(expression, 'PARTITION BY')))]
  const sorted = node.orderBy.map((item): SortKey => {
    const { ascending, nullsFirst } = item
    return { column: column(item.expression, 'ORDER BY'), ascending, nullsFirst: nullsFirst ?? ascending }
  })
  const timeColumn = orderTime(node, sorted, relation, context)
  const time = relation.fields[timeColumn] as RelationField
  const repeated = elements(node.pattern, context)
  const names = repeated.map(({ name }) => name.text)
  const within = node.within === null ? {} : { withinMs: withinMs(node.within, context) }

  const bind = <T>(current: number | undefined, clause: string, make: (context: ExpressionContext) => T): [T, MatchNames] => {
    const match = new MatchNames(names, current, time.type)
    return [make({ ...expressionContext(source, scope, clause), match }), match]
  }
  const conditions = new Map<number, MatchExpression>()
  for (const { name, condition } of node.define) {
    const variable = known(name, names, context)
    if (conditions.has(variable)) throw validationError(source, name.at, `Pattern variable '${name.text}' has already been defined.`)
    const [expression, { inputs }] = bind(variable, 'DEFINE', (inner) => bindCondition(condition, inner))
    conditions.set(variable, { expression, inputs })
  }
  const measures = node.measures.map(({ expression: measure, alias }) => {
    const [expression, { inputs }] = bind(undefined, 'MEASURES', (inner) => bindExpression(measure, inner))
    if (expression.type.kind === 'NULL')
      throw validationError(source, measure.at, "Illegal use of 'NULL': the measure has no type.", 'Cast it to one.')
    return { value: { expression, inputs }, alias }
  })
  const kept = partition.map((index): RelationField => ({ ...(relation.fields[index] as RelationField), rowtime: false }))
  const added = measures.map(({ value, alias }): RelationField => ({
    name: alias.text,
    type: value.expression.type,
    rowtime: isMatchRowtime(value) && time.rowtime,
  }))
  measures.forEach(({ alias }, i) => {
    if ([...kept, ...added.slice(0, i)].some(({ name }) => name === alias.text))
      throw validationError(
        source,
        alias.at,
        `Column '${alias.text}' stands twice in the result of MATCH_RECOGNIZE.`,
        'Give the measure another name.',
      )
  })
  return {
    kind: 'match',
    input: relation,
    partition,
    timeColumn,
    processingTime: !time.rowtime && isProcessingTime(relation, timeColumn),
    order: sorted.slice(1),
    pattern: repeated.map(({ name, least, most, greedy }, i): PatternVariable => {
      const condition = conditions.get(i)
      return { name: name.text, least, most, greedy, ...(condition === undefined ? {} : { condition }) }
    }),
    skip: skipOf(node, names, context),
    ...within,
    measures: measures.map(({ value }) => value),
    fields: [...kept, ...added],
  }
}

function refuseClauses(node: MatchNode, { source }: BindContext): void {
  const { at, rows, anchored, subsets } = node
  if (rows === 'ALL')
    throw validationError(source, at, 'All rows per match mode is not supported yet.', 'Use ONE ROW PER MATCH.', 'TableException')
  if (anchored.start || anchored.end) throw notSupported(source, at, `the anchor ${anchored.start ? '^' : '$'} of a pattern.`)
  const [subset] = subsets
  if (subset !== undefined) throw notSupported(source, subset.name.at, 'SUBSET of MATCH_RECOGNIZE.')
}

function orderTime(node: MatchNode, sorted: readonly SortKey[], relation: Relation, { source, configuration }: BindContext): number {
  const [key] = sorted
  const refuse = (at: Position, problem: string, hint: string | null = null): never => {
    throw validationError(source, at, problem, hint, 'TableException')
  }
  if (key === undefined)
    return refuse(node.at, 'You must specify either rowtime or proctime for order by.', 'Add ORDER BY and the time attribute.')
  const { at } = (node.orderBy[0] as SortItemNode).expression
  const { type, rowtime, name } = relation.fields[key.column] as RelationField
  const isTime = rowtime || isProcessingTime(relation, key.column)
  const inBatch = configuration.get(RUNTIME_MODE) === 'BATCH' && ['TIMESTAMP', 'TIMESTAMP_LTZ'].includes(type.kind)
  if (!isTime && !inBatch)
    refuse(
      at,
      'You must specify either rowtime or proctime for order by as the first one.',
      `'${name}' is no time attribute: declare it with WATERMARK FOR or make it with PROCTIME(), and pass it on unchanged up to here.`,
    )
  if (!key.ascending) refuse(at, 'Primary sort order of a streaming table must be ascending on time.')
  return key.column
}

interface Element {
  readonly name: Name
  readonly least: number
  readonly most: number | null
  readonly greedy: boolean
}

/** The pattern's variables in their order. */
function elements(pattern: PatternNode, context: BindContext): Element[] {
  const { source } = context
  const flat = flatten(pattern, context)
  for (const [i, { name, least, most }] of flat.entries()) {
    if (flat.slice(0, i).some((other) => other.name.text === name.text))
      throw refused(context, name.at, 'Pattern variables must be unique. That might change in the future.', `'${name.text}' stands twice.`)
    if (most === 0) throw validationError(source, name.at, `'${name.text}' stands for no row at all.`)
    if (Math.max(least, most ?? 0) > MAX_REPETITIONS)
      throw notSupported(
        source,
        name.at,
        `more than ${MAX_REPETITIONS} repetitions of '${name.text}'.`,
        `Use ${name.text}+ and a condition on COUNT(${name.text}.*).`,
      )
  }
  const last = flat.at(-1) as Element
  if (flat.every(({ least }) => least === 0))
    throw refused(
      context,
      last.name.at,
      'Patterns that can produce empty matches are not supported. There must be at least one non-optional state.',
      'Ask for one row at least: A+ rather than A*.',
    )
  const fixed = last.least === last.most || (last.least === 0 && last.most === 1)
  if (last.greedy && !fixed)
    throw refused(
      context,
      last.name.at,
      'Greedy quantifiers are not allowed as the last element of a Pattern yet. Finish your pattern with either a simple variable or reluctant quantifier.',
      `Write ${last.name.text}+? or another variable behind it.`,
    )
  return flat
}

function flatten(pattern: PatternNode, context: BindContext): Element[] {
  switch (pattern.kind) {
    case 'variable':
      return [{ name: pattern.name, least: 1, most: 1, greedy: true }]
    case 'sequence':
      return pattern.parts.flatMap((part) => flatten(part, context))
    case 'repeat': {
      const { part, least, most, greedy } = pattern
      if (part.kind !== 'variable')
        throw refused(context, placeOf(part), `Expression not supported: ${patternText(part)} Group patterns are not supported yet.`)
      if (!greedy && least === 0 && most === 1)
        throw refused(
          context,
          part.name.at,
          'Reluctant optional variables are not supported yet.',
          `Write ${part.name.text}? or ${part.name.text}*?.`,
        )
      return [{ name: part.name, least, most, greedy }]
    }
    case 'alternatives':
      throw refused(
        context,
        placeOf(pattern),
        `Expression not supported: ${patternText(pattern)}. Currently, CEP doesn't support branching patterns.`,
      )
    case 'permutation':
      throw refused(
        context,
        placeOf(pattern),
        `Expression not supported: ${patternText(pattern)}. Currently, CEP doesn't support PERMUTE patterns.`,
      )
    case 'exclusion':
      throw refused(
        context,
        placeOf(pattern),
        `Expression not supported: ${patternText(pattern)}. Currently, CEP doesn't support '{-' '-}' patterns.`,
      )
  }
}

function refused({ source }: BindContext, at: Position, problem: string, hint: string | null = null): Error {
  return validationError(source, at, problem, hint, 'TableException')
}

function placeOf(pattern: PatternNode): Position {
  if (pattern.kind === 'variable') return pattern.name.at
  return placeOf('part' in pattern ? pattern.part : (pattern.parts[0] as PatternNode))
}

function patternText(pattern: PatternNode): string {
  switch (pattern.kind) {
    case 'variable':
      return pattern.name.text
    case 'sequence':
      return pattern.parts.map(patternText).join(' ')
    case 'alternatives':
      return pattern.parts.map(patternText).join(' | ')
    case 'permutation':
      return `PERMUTE(${pattern.parts.map(patternText).join(', ')})`
    case 'exclusion':
      return `{- ${patternText(pattern.part)} -}`
    case 'repeat':
      return `(${patternText(pattern.part)}){${pattern.least},${pattern.most ?? ''}}`
  }
}

function known(name: Name, names: readonly string[], { source }: BindContext): number {
  const index = names.indexOf(name.text)
  if (index < 0) throw validationError(source, name.at, `Unknown pattern '${name.text}'.`, didYouMean(name.text, names))
  return index
}

function skipOf({ skip }: MatchNode, names: readonly string[], context: BindContext): MatchSkip {
  switch (skip.kind) {
    case 'PAST LAST ROW':
      return { kind: 'past-last-row' }
    case 'TO NEXT ROW':
      return { kind: 'to-next-row' }
    case 'TO FIRST':
      return { kind: 'to-first', variable: known(skip.variable, names, context) }
    case 'TO LAST':
      return { kind: 'to-last', variable: known(skip.variable, names, context) }
  }
}

function withinMs(node: ExpressionNode, context: BindContext): number {
  const interval = intervalOf(node, context)
  if (interval === undefined || interval.unit === 'MONTHS')
    throw refused(
      context,
      node.at,
      'Only constant intervals with millisecond resolution are supported as time constraints of patterns.',
      "Such as WITHIN INTERVAL '1' HOUR.",
    )
  if (interval.amount <= 0) throw validationError(context.source, node.at, 'The interval of WITHIN must be positive.')
  return interval.amount
}
