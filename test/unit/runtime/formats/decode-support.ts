/** Runs a format over bytes in given pieces and gives plain rows back. */
import type { Value } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { readValue } from '#runtime/columnar/value.js'
import type { FormatOptions, FormatRuntime, RowDecoder } from '#runtime/formats/format.js'
import { findFormat } from '#runtime/formats/registry.js'

export function rowsOf(batch: Batch): Value[][] {
  return Array.from({ length: batch.length }, (_, row) => batch.columns.map((column) => readValue(column, batch.position(row))))
}

export async function formatRuntime(name: string): Promise<FormatRuntime> {
  const format = findFormat(name)
  if (format === undefined) throw new Error(`no format ${name}`)
  return format.load()
}

export function decodePieces(decoder: RowDecoder, schema: Schema, pieces: readonly Uint8Array[], limit = 1024): Value[][] {
  const rows: Value[][] = []
  const drain = () => {
    for (;;) {
      const builder = new BatchBuilder(schema)
      const count = decoder.read(builder, limit)
      if (count === 0) return
      rows.push(...rowsOf(builder.finish()))
    }
  }
  for (const piece of pieces) {
    decoder.feed(piece)
    drain()
  }
  decoder.finish()
  drain()
  return rows
}

export async function decode(format: string, schema: Schema, text: string | Uint8Array, options: FormatOptions = {}): Promise<Value[][]> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return decodePieces((await formatRuntime(format)).createDecoder(schema, options), schema, [bytes])
}

export function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(at.map((position) => position % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...cuts].map((from, i) => bytes.slice(from, cuts[i] ?? bytes.length))
}

export function batchOf(schema: Schema, rows: readonly (readonly Value[])[]): Batch {
  const builder = new BatchBuilder(schema)
  for (const row of rows) builder.appendRow(row)
  return builder.finish()
}

/** What was thrown, or a failure of the test. */
export async function failure<E = Error>(action: () => unknown): Promise<E> {
  try {
    await action()
  } catch (error) {
    return error as E
  }
  throw new Error('nothing was thrown')
}
