/** Flink's `blackhole`: takes any rows and forgets them. */
import type { TableConnector } from '../connector.js'

export const blackholeConnector: TableConnector = { identifier: 'blackhole', options: [], sink: { changelog: 'all' }, variants: true }
