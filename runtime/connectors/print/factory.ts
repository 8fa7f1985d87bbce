/** Flink's `print`: a line of text per row, to the container's standard output or error (local mode: the terminal). */
import type { TableConnector } from '../connector.js'
import { isBoolean, parallelismOf, parallelismOption } from '../option-checks.js'

export const printConnector: TableConnector = {
  identifier: 'print',
  options: [
    { key: 'print-identifier', description: 'Text before every line. Default: none.' },
    { key: 'standard-error', description: 'Print to standard error. Default: false.', check: isBoolean },
    parallelismOption('sink.parallelism'),
  ],
  sink: { changelog: 'all' },
  variants: true,
  parallelism: (options, use) => (use === 'sink' ? parallelismOf(options, 'sink.parallelism') : undefined),
}
