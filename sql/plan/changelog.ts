/**
 * Changelog modes: does a relation only add rows, or also change and take back earlier ones? And may its reader have that?
 */
import { findConnector } from '#runtime/connectors/registry.js'
import { fullName } from '../catalog/catalog.js'
import { describeNode } from './describe.js'
import { inputsOf, type Relation, type Root } from './relation.js'

export type Changelog = 'append' | 'retract'
export type RuntimeMode = 'STREAMING' | 'BATCH'

const known = new WeakMap<Relation, Map<RuntimeMode, Changelog>>()

export function changelogOf(relation: Relation, mode: RuntimeMode): Changelog {
  if (mode === 'BATCH') return 'append'
  let byMode = known.get(relation)
  if (byMode === undefined) known.set(relation, (byMode = new Map()))
  let changelog = byMode.get(mode)
  if (changelog === undefined) byMode.set(mode, (changelog = infer(relation, mode)))
  return changelog
}

function infer(relation: Relation, mode: RuntimeMode): Changelog {
  switch (relation.kind) {
    case 'aggregate':
      return 'retract'
    case 'window-aggregate':
      return 'append'
    case 'sort':
      // The first n of an ordering change as rows come; the first n at all do not.
      if (relation.keys.length > 0) return 'retract'
      return changelogOf(relation.input, mode)
    default:
      return inputsOf(relation).some((input) => changelogOf(input, mode) === 'retract') ? 'retract' : 'append'
  }
}

/**
 * What is wrong with the plan in this mode, in Flink's words, or undefined.
 */
export function planProblem(root: Root, mode: RuntimeMode): string | undefined {
  if (root.kind === 'sink' && changelogOf(root.input, mode) === 'retract') {
    const accepts = findConnector(root.options['connector'] ?? '')?.sink?.changelog
    if (accepts === 'append') {
      const producer = producerOf(root.input, mode)
      const changes = changesOf(producer, mode)
      return `Table sink '${fullName(root.table.name)}' doesn't support consuming ${changes} which is produced by node ${describeNode(producer)}.`
    }
  }
  return relationProblem(root.input, mode)
}

/** The node that makes updates out of an append-only input. */
function producerOf(relation: Relation, mode: RuntimeMode): Relation {
  const retracting = inputsOf(relation).find((input) => changelogOf(input, mode) === 'retract')
  return retracting === undefined || relation.kind === 'aggregate' || relation.kind === 'sort' ? relation : producerOf(retracting, mode)
}

/** Groups and first rows over an append-only input are updated; over updates, or when they are replaced, rows are deleted too. */
function changesOf(relation: Relation, mode: RuntimeMode): string {
  const updatesOnly = relation.kind === 'aggregate' && changelogOf(relation.input, mode) === 'append'
  return updatesOnly ? 'update changes' : 'update and delete changes'
}

function relationProblem(relation: Relation, mode: RuntimeMode): string | undefined {
  if (mode === 'BATCH' && relation.kind === 'scan' && !relation.bounded) {
    return `Querying an unbounded table '${fullName(relation.table.name)}' in batch mode is not allowed. The table source is unbounded.`
  }
  if (mode === 'STREAMING') {
    const [input] = inputsOf(relation)
    if (relation.kind === 'sort' && relation.keys.length > 0 && relation.limit === null) {
      const first = relation.keys[0] as (typeof relation.keys)[number]
      return relation.fields[first.column]?.rowtime === true
        ? 'Sort on a time attribute without LIMIT is not supported in streaming mode.'
        : 'Sort on a non-time-attribute field is not supported.'
    }
    if ((relation.kind === 'window-aggregate' || relation.kind === 'window-table-function' || relation.kind === 'watermark') && input !== undefined && changelogOf(input, mode) === 'retract') {
      const producer = producerOf(input, mode)
      return `${describeNode(relation)} doesn't support consuming ${changesOf(producer, mode)} which is produced by node ${describeNode(producer)}.`
    }
  }
  for (const input of inputsOf(relation)) {
    const problem = relationProblem(input, mode)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** True when every table that is read ends. */
export function isBounded(relation: Relation): boolean {
  return relation.kind === 'scan' ? relation.bounded : inputsOf(relation).every(isBounded)
}

/** `[I]`, `[I,UB,UA,D]` for EXPLAIN CHANGELOG_MODE. */
export function changelogText(relation: Relation, mode: RuntimeMode): string {
  if (changelogOf(relation, mode) === 'append') return '[I]'
  const deletes = changesOf(relation, mode) !== 'update changes' || relation.kind !== 'aggregate'
  return deletes ? '[I,UB,UA,D]' : '[I,UB,UA]'
}

