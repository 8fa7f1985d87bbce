/** Events of the Nexmark benchmark: persons, auctions and bids, the same ones in every run. `events` of them, `rate` a second of event time. */
import type { TableConnector } from '../connector.js'
import { InvalidTable } from '../errors.js'
import { integerFrom, parallelismOf, parallelismOption } from '../option-checks.js'
import { schemaProblem } from './columns.js'

/** Fewer per second would make durations of auctions inexact. */
const LEAST_RATE = 10

export const nexmarkConnector: TableConnector = {
  identifier: 'nexmark',
  options: [
    { key: 'events', required: true, description: 'Events in all, of every kind.', check: integerFrom(0) },
    {
      key: 'rate',
      required: true,
      description: 'Events per second of event time. The events come as fast as they are taken.',
      check: integerFrom(LEAST_RATE),
    },
    parallelismOption('scan.parallelism'),
  ],
  source: { bounded: () => true },
  rows: true,
  parallelism: (options) => parallelismOf(options, 'scan.parallelism'),
  validate: (_options, schema) => {
    const problem = schemaProblem(schema)
    if (problem !== undefined) throw new InvalidTable({ connector: 'nexmark', problem })
  },
}
