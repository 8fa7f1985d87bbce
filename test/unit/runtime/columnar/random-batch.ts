/** Arbitrary schemas and batches for property tests. */
import fc from 'fast-check'
import {
  array,
  BIGINT,
  BOOLEAN,
  DATE,
  decimal,
  DOUBLE,
  FLOAT,
  INT,
  SMALLINT,
  TINYINT,
  BYTES,
  NULL,
  RAW,
  STRING,
  timestamp,
  VARIANT,
  type LogicalType,
  type Value,
} from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { readValue } from '#runtime/columnar/value.js'
import { parseVariant } from '#runtime/expr/variant.js'

const TYPES: readonly LogicalType[] = [
  BOOLEAN,
  TINYINT,
  SMALLINT,
  INT,
  BIGINT,
  FLOAT,
  DOUBLE,
  decimal(12, 2),
  decimal(38, 4),
  STRING,
  DATE,
  timestamp(3),
  timestamp(9),
  array(INT),
  VARIANT,
  NULL,
  RAW,
  BYTES,
]

function valueOf(type: LogicalType): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'NULL':
      return fc.constant(null)
    case 'BOOLEAN':
      return fc.boolean()
    case 'TINYINT':
      return fc.integer({ min: -128, max: 127 })
    case 'SMALLINT':
      return fc.integer({ min: -32_768, max: 32_767 })
    case 'FLOAT':
      return fc.float()
    case 'INT':
    case 'DATE':
    case 'TIME':
    case 'INTERVAL_MONTHS':
      return fc.integer()
    case 'BIGINT':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
    case 'INTERVAL_MILLIS':
      return fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)
    case 'DECIMAL':
      return fc.bigInt(-(10n ** BigInt(type.precision)) + 1n, 10n ** BigInt(type.precision) - 1n)
    case 'DOUBLE':
      return fc.double()
    case 'VARCHAR':
      return fc.string({ unit: 'grapheme', maxLength: 50 })
    case 'BYTES':
    case 'ARRAY':
    case 'MAP':
    case 'MULTISET':
    case 'ROW':
      return fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
    case 'VARIANT':
      return fc.jsonValue().map((value) => parseVariant(JSON.stringify(value)) ?? 'null')
    case 'RAW':
      return fc.jsonValue() as fc.Arbitrary<Value>
  }
}

/** Batches with and without NULLs, row kinds and selections (which may repeat or reorder positions). */
export const anyBatch: fc.Arbitrary<Batch> = fc
  .array(fc.constantFrom(...TYPES), { maxLength: 5 })
  .chain((types) => {
    const row = fc.tuple(...types.map((type) => fc.option(valueOf(type), { freq: 4 })))
    return fc.record({
      types: fc.constant(types),
      rows: fc.array(fc.tuple(row, fc.constantFrom(0, 1, 2, 3)), { maxLength: 30 }),
      withKinds: fc.boolean(),
      picks: fc.option(fc.array(fc.nat(1000), { maxLength: 40 })),
    })
  })
  .map(({ types, rows, withKinds, picks }) => {
    const builder = new BatchBuilder(schema(...types.map((type, i) => [`c${i}`, type] as const)))
    for (const [values, kind] of rows) builder.appendRow(values as Value[], withKinds ? (kind as 0) : 0)
    const batch = builder.finish()
    return picks === null || rows.length === 0 ? batch : batch.select(Int32Array.from(picks.map((pick) => pick % rows.length)))
  })

/** Kind and values of every row, in order. */
export function rowsOf(batch: Batch): unknown[][] {
  return Array.from({ length: batch.length }, (_, r) => {
    const position = batch.position(r)
    return [batch.rowKind(position), ...batch.columns.map((column) => readValue(column, position))]
  })
}
