/** The table of events: one column for the kind, one ROW for each kind. Columns are found by name; a table may leave some out. */
import { BIGINT, INT, sameType, STRING, timestamp, typeToString, type LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'

export const PERSON = 0
export const AUCTION = 1
export const BID = 2
export type EventKind = typeof PERSON | typeof AUCTION | typeof BID

const TIME = timestamp(3)

export const NEXMARK_COLUMNS = {
  event_type: INT,
  'person.id': BIGINT,
  'person.name': STRING,
  'person.emailAddress': STRING,
  'person.creditCard': STRING,
  'person.city': STRING,
  'person.state': STRING,
  'person.dateTime': TIME,
  'person.extra': STRING,
  'auction.id': BIGINT,
  'auction.itemName': STRING,
  'auction.description': STRING,
  'auction.initialBid': BIGINT,
  'auction.reserve': BIGINT,
  'auction.dateTime': TIME,
  'auction.expires': TIME,
  'auction.seller': BIGINT,
  'auction.category': BIGINT,
  'auction.extra': STRING,
  'bid.auction': BIGINT,
  'bid.bidder': BIGINT,
  'bid.price': BIGINT,
  'bid.channel': STRING,
  'bid.url': STRING,
  'bid.dateTime': TIME,
  'bid.extra': STRING,
} as const satisfies Readonly<Record<string, LogicalType>>

export type NexmarkColumn = keyof typeof NEXMARK_COLUMNS

/** What is wrong with a table's columns, or undefined. */
export function schemaProblem({ fields }: Schema): string | undefined {
  for (const { name, type } of fields) {
    if (!isNexmarkColumn(name)) {
      return `there is no column '${name}'; there are ${Object.keys(NEXMARK_COLUMNS)
        .map((column) => `'${column}'`)
        .join(', ')}, those with a dot as fields of the ROW before it`
    }
    const expected = NEXMARK_COLUMNS[name]
    if (!sameType(type, expected)) return `column '${name}' is ${typeToString(expected)}, not ${typeToString(type)}`
    if (name !== 'event_type' && !type.nullable) return `column '${name}' is NULL in events of another kind, so it cannot be NOT NULL`
  }
  return undefined
}

export function isNexmarkColumn(name: string): name is NexmarkColumn {
  return Object.hasOwn(NEXMARK_COLUMNS, name)
}
