/** `weft sql-client`: Flink's options of how results are shown. */
import { boolean, integer, oneOf, option } from '../option.js'

export const RESULT_MODE = option('sql-client.execution.result-mode', oneOf('TABLE', 'CHANGELOG', 'TABLEAU'), {
  default: 'TABLE',
  description:
    'How the SQL client shows the rows of a query. TABLE: what they add up to, kept up to date on the whole screen; CHANGELOG: each change, on the whole screen; TABLEAU: each change as it comes, below the query. Without a terminal, and in scripts, it is TABLEAU.',
})
export const MAX_TABLE_RESULT_ROWS = option('sql-client.execution.max-table-result.rows', integer(1), {
  default: '1000000',
  description: 'Rows that the SQL client keeps of a query in modes TABLE and CHANGELOG; when more come the oldest go.',
})
export const PRINT_TIME_COST = option('sql-client.display.print-time-cost', boolean(), {
  default: 'true',
  description: 'The SQL client says how long a query took.',
})
export const VERBOSE = option('sql-client.verbose', boolean(), {
  default: 'false',
  description: 'The SQL client prints all of a failure that a gateway sends, not only its last cause.',
})
