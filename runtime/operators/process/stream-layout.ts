/**
 * How elements lie in batches. First the columns of the element (type-information.ts): a row's fields, or `$value` alone, of the atomic type or
 * RAW (objects by reference; bytes of columnar/object-codec.ts on the wire). Hidden columns follow, in this order:
 *
 *   | element columns … | $timestamp DOUBLE NOT NULL | $key BYTES NOT NULL, on streams keyed by a function; or $partition INT |
 *
 * $timestamp: event time in ms, NaN: the element has none. $key: the key in the codec's canonical form, so that equal keys have equal
 * bytes; the HASH edge goes by it.
 *
 * The output of an operator with side outputs: | $output INT NOT NULL | columns of output 0 | columns of output 1 | … | $timestamp |, where
 * all columns but those of the row's own output are NULL.
 */
import { BYTES, DOUBLE, INT, notNull, RAW, withNullable } from '#core/types/logical-type.js'
import type { Field, Schema } from '#core/types/schema.js'
import type { TypeInformation } from './type-information.js'

export const VALUE_COLUMN = '$value'
export const TIMESTAMP_COLUMN = '$timestamp'
export const KEY_COLUMN = '$key'
export const OUTPUT_COLUMN = '$output'
export const PARTITION_COLUMN = '$partition'

const TIMESTAMP: Field = { name: TIMESTAMP_COLUMN, type: notNull(DOUBLE) }
const KEY: Field = { name: KEY_COLUMN, type: notNull(BYTES) }
const OUTPUT: Field = { name: OUTPUT_COLUMN, type: notNull(INT) }

/** The columns of an element. */
export function elementFields(type: TypeInformation): readonly Field[] {
  switch (type.kind) {
    case 'row':
      return type.schema.fields
    case 'atomic':
      return [{ name: VALUE_COLUMN, type: type.type }]
    case 'generic':
      return [{ name: VALUE_COLUMN, type: RAW }]
  }
}

/** Schema of a stream of such elements. */
export function streamSchema(type: TypeInformation): Schema {
  return { fields: [...elementFields(type), TIMESTAMP] }
}

/** Output schema of key-by. The key is the column behind the timestamp: `keyColumn`. */
export function keyedStreamSchema(type: TypeInformation): Schema {
  return { fields: [...elementFields(type), TIMESTAMP, KEY] }
}

export function timestampColumn(type: TypeInformation): number {
  return elementFields(type).length
}

/** Position of `$key` in keyedStreamSchema. */
export function keyColumn(type: TypeInformation): number {
  return elementFields(type).length + 1
}

/** Output schema of an operator with side outputs: `outputs[0]` is the main one. */
export function taggedStreamSchema(outputs: readonly TypeInformation[]): Schema {
  const columns = outputs.flatMap((type, output) =>
    elementFields(type).map((field) => ({ name: `$${output}.${field.name}`, type: withNullable(field.type, true) })),
  )
  return { fields: [OUTPUT, ...columns, TIMESTAMP] }
}

/** Where the columns of an output begin in taggedStreamSchema. */
export function taggedColumn(outputs: readonly TypeInformation[], output: number): number {
  return 1 + outputs.slice(0, output).reduce((sum, type) => sum + elementFields(type).length, 0)
}
