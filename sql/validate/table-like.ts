/** CREATE TABLE … LIKE: what is taken over from the other table, as Flink's MergeTableLikeUtil. */
import type { LikeClause, LikeFeature, LikeMerge } from '../parser/ast-statement.js'
import { validationError } from '../parser/sql-errors.js'
import type { BindContext } from './binder.js'
import { draftOf, type DraftColumn, type TableDraft } from './table-draft.js'
import { findObject } from './table-names.js'

/** Without words of its own a clause overwrites options and includes everything else. */
const DEFAULTS: Readonly<Record<Exclude<LikeFeature, 'ALL'>, LikeMerge>> = {
  CONSTRAINTS: 'INCLUDING',
  DISTRIBUTION: 'INCLUDING',
  GENERATED: 'INCLUDING',
  METADATA: 'INCLUDING',
  OPTIONS: 'OVERWRITING',
  PARTITIONS: 'INCLUDING',
  WATERMARKS: 'INCLUDING',
}

/** The options of the other table. */
export function likeOptions(like: LikeClause, context: BindContext): Readonly<Record<string, string>> {
  const other = findObject(context.source, like.table, context.catalog)
  return other.kind === 'table' ? other.options : {}
}

export function withLike(own: TableDraft, like: LikeClause, context: BindContext): TableDraft {
  const { source } = context
  const other = findObject(source, like.table, context.catalog)
  if (other.kind === 'view') throw validationError(source, like.at, `'${other.name}' is a view; LIKE takes a table.`)
  const all = like.options.find(({ feature }) => feature === 'ALL')?.merge
  const merge = (feature: Exclude<LikeFeature, 'ALL'>): LikeMerge =>
    like.options.find((option) => option.feature === feature)?.merge ?? all ?? DEFAULTS[feature]
  const base = draftOf(other, like.at)
  const refuse = (problem: string, feature: LikeFeature, overwriting = false) =>
    validationError(
      source,
      like.at,
      `${problem} You might want to specify EXCLUDING ${feature}${overwriting ? ` or OVERWRITING ${feature}` : ''}.`,
    )

  /** The one of the two, when there may be only one. */
  const one = <T>(
    feature: 'CONSTRAINTS' | 'DISTRIBUTION' | 'PARTITIONS' | 'WATERMARKS',
    mine: T | null,
    theirs: T | null,
    problem: string,
  ): T | null => {
    if (theirs === null || merge(feature) === 'EXCLUDING') return mine
    if (mine === null) return theirs
    if (merge(feature) === 'OVERWRITING') return mine
    throw refuse(problem, feature, feature === 'WATERMARKS')
  }
  const keys = (draft: TableDraft) => (draft.partitionKeys.length === 0 ? null : draft.partitionKeys)
  const watermarked = base.watermark?.column[0]?.text ?? ''
  return {
    ...own,
    columns: mergeColumns(own.columns, base.columns, merge, context),
    watermark: one(
      'WATERMARKS',
      own.watermark,
      base.watermark,
      `There already exists a watermark spec for column '${watermarked}' in the base table.`,
    ),
    primaryKey: one('CONSTRAINTS', own.primaryKey, base.primaryKey, 'The base table already has a primary key.'),
    partitionKeys: one('PARTITIONS', keys(own), keys(base), 'The base table already has partitions defined.') ?? [],
    distribution: one('DISTRIBUTION', own.distribution, base.distribution, 'The base table already has a distribution defined.'),
    options: mergeOptions(),
    comment: own.comment ?? base.comment,
  }

  function mergeOptions(): Record<string, string> {
    if (merge('OPTIONS') === 'EXCLUDING') return { ...own.options }
    const twice = Object.keys(own.options).find((key) => Object.hasOwn(base.options, key))
    if (merge('OPTIONS') === 'INCLUDING' && twice !== undefined)
      throw refuse(`There already exists an option ['${twice}' -> '${base.options[twice]}']  in the base table.`, 'OPTIONS', true)
    return { ...base.options, ...own.options }
  }
}

type Merge = (feature: Exclude<LikeFeature, 'ALL'>) => LikeMerge

/** The other table's columns first; what may be overwritten keeps its place. */
function mergeColumns(own: readonly DraftColumn[], base: readonly DraftColumn[], merge: Merge, { source }: BindContext): DraftColumn[] {
  const featureOf = (column: DraftColumn) => (column.kind === 'computed' ? 'GENERATED' : 'METADATA')
  const taken = base.filter((column) => column.kind === 'physical' || merge(featureOf(column)) !== 'EXCLUDING')
  const columns = [...taken]
  for (const column of own) {
    const index = taken.findIndex((other) => other.name.text === column.name.text)
    if (index < 0) {
      columns.push(column)
      continue
    }
    const other = taken[index] as DraftColumn
    if (column.kind !== 'physical' && column.kind === other.kind) {
      const feature = featureOf(column)
      if (merge(feature) === 'OVERWRITING') {
        columns[index] = column
        continue
      }
      const what = column.kind === 'computed' ? 'generated column' : 'metadata column'
      throw validationError(
        source,
        column.name.at,
        `A ${what} named '${column.name.text}' already exists in the base table. You might want to specify EXCLUDING ${feature} or OVERWRITING ${feature}.`,
      )
    }
    throw validationError(source, column.name.at, `A column named '${column.name.text}' already exists in the base table.`)
  }
  return columns
}
