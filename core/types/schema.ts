/** Names and types of a row's columns. */
import * as z from '../zod.js'
import { LogicalTypeSchema, typeToString, type LogicalType } from './logical-type.js'

export const FieldSchema = z.object({ name: z.string().min(1).max(1000), type: LogicalTypeSchema })
export const SchemaSchema = z.object({ fields: z.array(FieldSchema).max(10_000).readonly() })

export interface Field {
  readonly name: string
  readonly type: LogicalType
}

export interface Schema {
  readonly fields: readonly Field[]
}

export function schema(...fields: readonly (readonly [name: string, type: LogicalType])[]): Schema {
  return { fields: fields.map(([name, type]) => ({ name, type })) }
}

/** `(a INT, b STRING NOT NULL)` */
export function schemaToString(of: Schema): string {
  return `(${of.fields.map((field) => `${field.name} ${typeToString(field.type)}`).join(', ')})`
}

/** The columns at these positions, in this order. */
export function projectSchema(of: Schema, columns: readonly number[]): Schema {
  return { fields: columns.map((column) => of.fields[column] as Field) }
}
