/**
 * The contract of formats: bytes of a file to rows, rows to bytes. `factory.ts` of each format is what a planner loads; it
 * brings decoder and encoder in when they are needed (formats/registry.ts lists all).
 */
import type { Schema } from '#core/types/schema.js'
import type { Batch } from '../columnar/batch.js'
import type { BatchBuilder } from '../columnar/batch-builder.js'

/** Options of a format, its own prefix (`csv.`) cut off. */
export type FormatOptions = Readonly<Record<string, string>>

/** An option of a format as it is written after the format's name: `field-delimiter`. Names and defaults are Flink's. */
export interface FormatOption {
  readonly key: string
  readonly description: string
  /** Problem with the value in words, or undefined. */
  check?(value: string): string | undefined
}

export interface TableFormat {
  readonly identifier: string
  readonly options: readonly FormatOption[]
  /** True: its rows are changes of any kind, read and written; else insertions. */
  readonly changelog?: boolean
  /** Why a table of these columns and options cannot be read or written in this format, or undefined. */
  validate?(options: FormatOptions, schema: Schema): string | undefined
  /** True: a file may be cut behind any newline and the parts be read on their own. */
  splittable(options: FormatOptions): boolean
  load(): Promise<FormatRuntime>
}

export interface FormatRuntime {
  /**
   * `projection`: positions in `schema` of the columns that are read into the builder, in its order; absent: all. `fileStart`: the bytes
   * begin where a file does (default), else where a row does.
   */
  createDecoder(schema: Schema, options: FormatOptions, projection?: readonly number[], fileStart?: boolean): RowDecoder
  createEncoder(schema: Schema, options: FormatOptions): RowEncoder
}

/**
 * Turns the bytes of one file (or one part of it) into rows, straight into columns. The caller's loop: read until it adds
 * nothing, feed, read …; at the end of the file finish, then read until it adds nothing.
 */
export interface RowDecoder {
  /** The bytes that follow; only when read() had nothing left to do. They may end anywhere, inside a character too. */
  feed(bytes: Uint8Array): void
  /** No more bytes will come: what is left is the last row. */
  finish(): void
  /** Appends at most `limit` rows; returns how many. Fewer than `limit`: it needs more bytes. @throws RowProblem */
  read(builder: BatchBuilder, limit: number): number
  /** Bytes before the first row that read() has not appended: a decoder that begins there goes on with that row. */
  readonly consumed: number
}

/** Turns batches into bytes that may be put one after another into a file. Rows must be +I unless the format is one of changes. */
export interface RowEncoder {
  /** The bytes belong to the caller. */
  encode(batch: Batch): Uint8Array
}

/**
 * A row that is not what the schema says. Lines and columns count from 1; `line` counts from the first byte fed, so that the
 * reader, who knows where in the file that was, makes the error for people of it (FORMAT_MALFORMED_ROW).
 */
export class RowProblem extends Error {
  readonly line: number
  /** In bytes. */
  readonly column: number
  /** Name of the table's column, where the problem lies in one. */
  readonly field: string | undefined
  /** Position of the field in the row, from 1, where rows have positions. */
  readonly fieldNumber: number | undefined
  /** The row's text, shortened. */
  readonly text: string

  constructor(
    problem: string,
    at: { line: number; column: number; text: string; field?: string | undefined; fieldNumber?: number | undefined },
  ) {
    super(problem)
    this.name = 'RowProblem'
    this.line = at.line
    this.column = at.column
    this.field = at.field
    this.fieldNumber = at.fieldNumber
    this.text = at.text
  }
}

const SHOWN_BYTES = 120

/** Bytes as text for an error message: one line, shortened around `at` (an offset in `bytes`). */
export function excerpt(bytes: Uint8Array, start: number, end: number, at = start): string {
  const from = end - start <= SHOWN_BYTES ? start : Math.max(start, Math.min(at - SHOWN_BYTES / 2, end - SHOWN_BYTES))
  const to = Math.min(end, from + SHOWN_BYTES)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8')
  const shown = text.replace(
    // oxlint-disable-next-line no-control-regex -- made visible on purpose
    /[\u0000-\u001f\u007f]/g,
    (c) => ({ '\n': '\\n', '\r': '\\r', '\t': '\\t' })[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return (from > start ? '…' : '') + shown + (to < end ? '…' : '')
}

/** Value of a true/false option. */
export function flag(options: FormatOptions, key: string, fallback = false): boolean {
  const text = options[key]
  return text === undefined ? fallback : text.trim().toLowerCase() === 'true'
}

export function checkFlag(value: string): string | undefined {
  return /^\s*(true|false)\s*$/i.test(value) ? undefined : `must be true or false, not '${value}'`
}
