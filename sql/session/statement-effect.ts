/** What statements do, as data: whoever runs the session acts on it. */
import type { JobGraph } from '#core/graph/job-graph.js'
import type { LogicalType } from '#core/types/logical-type.js'
import type { ResultSortKey } from '#core/rest/responses.js'

/** A statement and what it does. `kind`: of statement. */
export interface PlannedStatement {
  readonly text: string
  readonly kind: string
  readonly effect: StatementEffect
}

/** What a statement does. Rows hold texts as a table shows them; null is NULL. */
export type StatementEffect =
  | { readonly kind: 'none' }
  | { readonly kind: 'message'; readonly text: string }
  | {
      readonly kind: 'rows'
      readonly columns: readonly string[]
      /** Absent: all are texts. */
      readonly types?: readonly LogicalType[]
      readonly rows: readonly (readonly (string | null)[])[]
    }
  | {
      readonly kind: 'job'
      readonly jobGraph: JobGraph
      /** Names of the result's columns of a SELECT; null: the job has no result. */
      readonly columns: readonly string[] | null
      /** Of `columns`; absent: all are texts. */
      readonly types?: readonly LogicalType[]
      /** Order of the rows that a streaming SELECT's changes add up to; their cells may then go on behind `columns`. */
      readonly order?: readonly ResultSortKey[]
      /** The next statement waits for the job's end. */
      readonly wait: boolean
    }
