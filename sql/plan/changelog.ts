/**
 * Changelog modes: does a relation only add rows, or also change and take back earlier ones? And may its reader have that?
 */
import { readsChanges, sinkChangelog } from '#runtime/connectors/registry.js'
import { fullName } from '../catalog/catalog.js'
import { describeNode } from './describe.js'
import { inputsOf, type Over, type Relation, type Root, type Sort } from './relation.js'
import { temporalJoinProblem } from './versioned-tables.js'

/** 'append': +I only. 'retract': also -U, +U, -D. */
export type Changelog = 'append' | 'retract'
export type RuntimeMode = 'STREAMING' | 'BATCH'

/** What comes beside insertions: nothing, updates, or updates and deletions. */
type Changes = 'none' | 'updates' | 'all'

const known = new WeakMap<Relation, Changes>()

export function changelogOf(relation: Relation, mode: RuntimeMode): Changelog {
  return changesOf(relation, mode) === 'none' ? 'append' : 'retract'
}

function changesOf(relation: Relation, mode: RuntimeMode): Changes {
  if (mode === 'BATCH') return 'none'
  let changes = known.get(relation)
  if (changes === undefined) known.set(relation, (changes = infer(relation)))
  return changes
}

function infer(relation: Relation): Changes {
  const inputs = inputsOf(relation).map((input) => changesOf(input, 'STREAMING'))
  const below: Changes = inputs.includes('all') ? 'all' : inputs.includes('updates') ? 'updates' : 'none'
  switch (relation.kind) {
    case 'scan':
      return readsChanges(relation.options) ? 'all' : 'none'
    case 'aggregate':
      // A group over rows that only come is updated, and never empty again.
      return below === 'none' ? 'updates' : 'all'
    case 'window-aggregate':
    case 'match':
      return 'none'
    case 'rank':
      if (relation.versions === true) return below
      // A number that a row has had is another row's afterwards, and so is the only place there is.
      return below === 'none' && (relation.numbered || relation.limit === 1) ? 'updates' : 'all'
    case 'to-changelog':
      return 'none'
    case 'from-changelog': {
      const kinds = new Set(relation.kinds.map(({ kind }) => kind))
      return kinds.has(3) ? 'all' : kinds.size > 1 ? 'updates' : 'none'
    }
    case 'over':
      // Rows that come out in the order of time are not seen to change.
      return relation.time !== null ? 'none' : below === 'none' ? 'updates' : 'all'
    case 'sort':
      // The first n of an ordering change as rows come; the first n at all do not. Without a limit rows come out when the input ends.
      if (isSortAtEnd(relation)) return 'none'
      return relation.keys.length > 0 && !isTemporalSort(relation) ? 'all' : below
    case 'calc':
      // An update may bring a row into the condition, or out of it.
      return relation.condition !== null && below === 'updates' ? 'all' : below
    case 'join':
      if (relation.time !== undefined) return 'none'
      if (relation.temporal !== undefined) return inputs[0] === 'updates' ? 'all' : (inputs[0] as Changes)
      if (relation.lookup === true) return below === 'updates' ? 'all' : below
      // A row without a match is taken back when one comes.
      if (relation.joinType !== 'inner' && (below !== 'none' || relation.joinType !== 'semi')) return 'all'
      return below === 'updates' ? 'all' : below
    case 'set-operation':
      return relation.operator === 'except' || below !== 'none' ? 'all' : 'none'
    case 'filter':
      return below === 'updates' ? 'all' : below
    default:
      return below
  }
}

/**
 * What is wrong with the plan in this mode, in Flink's words, or undefined. `sortsAtEnd`: streams may be sorted when they end.
 */
export function planProblem(root: Root, mode: RuntimeMode, sortsAtEnd: boolean): string | undefined {
  if (root.kind === 'sink' && changelogOf(root.input, mode) === 'retract') {
    if (sinkChangelog(root.options) === 'append') {
      const producer = producerOf(root.input, mode)
      const changes = changesText(producer, mode)
      return `Table sink '${fullName(root.table)}' doesn't support consuming ${changes} which is produced by node ${describeNode(producer)}.`
    }
  }
  return relationProblem(root.input, mode, sortsAtEnd)
}

/** The node that makes updates out of an append-only input. */
function producerOf(relation: Relation, mode: RuntimeMode): Relation {
  const retracting = inputsOf(relation).find((input) => changelogOf(input, mode) === 'retract')
  return retracting === undefined ||
    relation.kind === 'aggregate' ||
    relation.kind === 'rank' ||
    relation.kind === 'over' ||
    relation.kind === 'sort'
    ? relation
    : producerOf(retracting, mode)
}

function relationProblem(relation: Relation, mode: RuntimeMode, sortsAtEnd: boolean): string | undefined {
  if (mode === 'BATCH' && relation.kind === 'scan' && !relation.bounded) {
    return `Querying an unbounded table '${fullName(relation.table)}' in batch mode is not allowed. The table source is unbounded.`
  }
  if (mode === 'BATCH' && relation.kind === 'scan' && readsChanges(relation.options)) {
    return `Querying a table in batch mode is currently only possible for INSERT-only table sources. But the source for table '${fullName(relation.table)}' produces other changelog messages than just INSERT.`
  }
  if (mode === 'BATCH' && (relation.kind === 'window-aggregate' || relation.kind === 'window-table-function') && relation.processingTime)
    return 'Processing time Window TableFunction is not supported in batch mode.'
  if (mode === 'BATCH' && relation.kind === 'from-changelog') return 'FROM_CHANGELOG is not supported in batch mode.'
  if (mode === 'STREAMING') {
    const [input] = inputsOf(relation)
    if (relation.kind === 'match' && changelogOf(relation.input, mode) === 'retract') {
      const producer = producerOf(relation.input, mode)
      return `Match Recognize doesn't support consuming ${changesText(producer, mode)} which is produced by node ${describeNode(producer)}.`
    }
    if (relation.kind === 'from-changelog' && changelogOf(relation.input, mode) === 'retract') {
      const producer = producerOf(relation.input, mode)
      return `${describeNode(relation)} doesn't support consuming ${changesText(producer, mode)} which is produced by node ${describeNode(producer)}.`
    }
    const problem = relation.kind === 'over' ? overProblem(relation) : undefined
    if (problem !== undefined) return problem
    if (relation.kind === 'sort' && isSortAtEnd(relation) && !sortsAtEnd) {
      const first = relation.keys[0] as (typeof relation.keys)[number]
      return relation.fields[first.column]?.rowtime === true
        ? 'The first sort key of a stream is its time attribute in ascending order, and it is sorted without OFFSET.'
        : 'Sort on a non-time-attribute field is not supported.'
    }
    if (relation.kind === 'sort' && isTemporalSort(relation) && input !== undefined && changelogOf(input, mode) === 'retract') {
      const producer = producerOf(input, mode)
      return `${describeNode(relation)} doesn't support consuming ${changesText(producer, mode)} which is produced by node ${describeNode(producer)}.`
    }
    if (
      (relation.kind === 'window-aggregate' || relation.kind === 'window-table-function') &&
      relation.window.kind !== 'session' &&
      input !== undefined &&
      changelogOf(input, mode) === 'retract'
    ) {
      const producer = producerOf(input, mode)
      return `${describeNode(relation)} doesn't support consuming ${changesText(producer, mode)} which is produced by node ${describeNode(producer)}.`
    }
  }
  if (relation.kind === 'join' && relation.lookup === true && relation.leftKeys.length === 0)
    return 'Temporal table join requires an equality condition on fields of the table that is looked up.'
  if (relation.kind === 'join' && relation.temporal !== undefined) {
    if (mode === 'BATCH') return 'Event-Time Temporal Table Join is not supported in batch mode.'
    const problem = temporalJoinProblem(relation, (input) => changelogOf(input, mode) === 'append')
    if (problem !== undefined) return problem
  }
  for (const input of inputsOf(relation)) {
    const problem = relationProblem(input, mode, sortsAtEnd)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** What streaming does not do, as in Flink, whose words these are. */
function overProblem(over: Over): string | undefined {
  const { order, frame, time, calls, input } = over
  const [key] = order
  if (over.continues) return 'All aggregates must be computed on the same window.'
  if (key === undefined || order.length !== 1) return 'The window can only be ordered by a single time column.'
  if (!key.ascending) return 'The window can only be ordered in ASCENDING mode.'
  if (frame.end !== 0) return 'OVER RANGE FOLLOWING windows are not supported yet.'
  if (time === null && frame.start !== null) return 'Non-time attribute sort is not supported for bounded OVER window.'
  for (const { function: name } of calls) {
    if (BOUNDED_ONLY.has(name)) return `${name} Function is not supported in stream mode.`
    if (time !== null && (name === 'RANK' || name === 'DENSE_RANK'))
      return `${name} over a time attribute is not supported. Rows of one time have no other order: use ROW_NUMBER.`
  }
  if (time === null || changelogOf(input, 'STREAMING') === 'append') return undefined
  const producer = producerOf(input, 'STREAMING')
  return `${describeNode(over)} doesn't support consuming ${changesText(producer, 'STREAMING')} which is produced by node ${describeNode(producer)}.`
}

/** They ask how many rows there are, or for later ones. */
const BOUNDED_ONLY: ReadonlySet<string> = new Set(['LEAD', 'NTILE', 'PERCENT_RANK', 'CUME_DIST'])

/** A stream in the order of its event time. */
export function isTemporalSort({ keys, limit, offset, fields }: Sort): boolean {
  const [first] = keys
  return limit === null && offset === 0 && first?.ascending === true && fields[first.column]?.rowtime === true
}

/** A stream in another order, which there is when it has ended. */
export function isSortAtEnd(sort: Sort): boolean {
  return sort.keys.length > 0 && sort.limit === null && !isTemporalSort(sort)
}

/** True when every table that is read ends. */
export function isBounded(relation: Relation): boolean {
  return relation.kind === 'scan' ? relation.bounded : inputsOf(relation).every(isBounded)
}

function changesText(relation: Relation, mode: RuntimeMode): string {
  return changesOf(relation, mode) === 'updates' ? 'update changes' : 'update and delete changes'
}

/** `[I]`, `[I,UB,UA,D]` for EXPLAIN CHANGELOG_MODE. */
export function changelogText(relation: Relation, mode: RuntimeMode): string {
  return { none: '[I]', updates: '[I,UB,UA]', all: '[I,UB,UA,D]' }[changesOf(relation, mode)]
}
