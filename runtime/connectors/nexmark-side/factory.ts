/** The side input of the Nexmark benchmark: rows (i, 'i') for i from 0 to `rows` - 1, to be looked up or read. */
import type { Schema } from '#core/types/schema.js'
import type { TableConnector } from '../connector.js'
import { InvalidTable } from '../errors.js'
import { integerFrom } from '../option-checks.js'

const DEFAULT_ROWS = 10_000

export const nexmarkSideConnector: TableConnector = {
  identifier: 'nexmark-side',
  options: [{ key: 'rows', description: 'Number of rows.', check: integerFrom(0) }],
  source: { bounded: () => true, maxParallelism: () => 1 },
  validate: (_options, schema) => {
    if (!isSideInput(schema)) throw new InvalidTable({ connector: 'nexmark-side', problem: 'it has two columns, a BIGINT and a STRING' })
  },
}

export function rowsOf(options: Readonly<Record<string, string>>): number {
  return Number(options['rows'] ?? DEFAULT_ROWS)
}

function isSideInput({ fields }: Schema): boolean {
  const [key, value] = fields
  return fields.length === 2 && key?.type.kind === 'BIGINT' && value?.type.kind === 'VARCHAR'
}
