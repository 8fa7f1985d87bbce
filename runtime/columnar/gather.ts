/** Compacting copies of batches: selected rows only, dense columns, own memory. */
import type { LogicalType } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from './batch.js'
import { copyBytes, viewOf } from './copy-bytes.js'
import { byteLanes, float64Lanes, int32Lanes, int64Lanes } from './lanes.js'
import { gatherTexts, locateTexts, worthwhile } from './text-kernels.js'
import { vectorKind, type ObjectVector, type Utf8Vector, type Vector } from './vector.js'

/** A copy of the rows at `positions` (column positions; default: the batch's own rows, in order) that keeps nothing of it alive. */
export function gatherBatch(batch: Batch, positions: Int32Array | undefined = batch.selection): Batch {
  const length = positions === undefined ? batch.length : positions.length
  const columns = batch.columns.map((column) => concatVectors(column.type, [{ vector: column, positions, length }], length))
  return new Batch(batch.schema, columns, length, undefined, concatRowKinds([{ batch, positions, length }], length))
}

/** All rows of the batches, one after the other, in one dense batch. The batches have the columns of `schema`. */
export function concatBatches(schema: Schema, batches: readonly Batch[]): Batch {
  const length = batches.reduce((sum, batch) => sum + batch.length, 0)
  const columns = schema.fields.map((field, i) =>
    concatVectors(
      field.type,
      batches.map((batch) => ({ vector: batch.columns[i] as Vector, positions: batch.selection, length: batch.length })),
      length,
    ),
  )
  const parts = batches.map((batch) => ({ batch, positions: batch.selection, length: batch.length }))
  return new Batch(schema, columns, length, undefined, concatRowKinds(parts, length))
}

/** `length` rows of a column: those at `positions`, or the first ones. */
export interface VectorPart {
  readonly vector: Vector
  readonly positions: Int32Array | undefined
  readonly length: number
}

function concatVectors(type: LogicalType, parts: readonly VectorPart[], length: number): Vector {
  const nulls = concatNulls(parts, length)
  const kind = vectorKind(type)
  switch (kind) {
    case 'boolean': {
      const values = byteLanes(length)
      copyParts(parts, (part, at) => copyLanes((part.vector as { values: Uint8Array }).values, values, at, part))
      return { kind, type, nulls, values }
    }
    case 'int32': {
      const values = int32Lanes(length)
      copyParts(parts, (part, at) => copyLanes((part.vector as { values: Int32Array }).values, values, at, part))
      return { kind, type, nulls, values }
    }
    case 'int64': {
      const values = int64Lanes(length)
      copyParts(parts, (part, at) => copyWideLanes((part.vector as { values: BigInt64Array }).values, values, at, 1, part))
      return { kind, type, nulls, values }
    }
    case 'float64': {
      const values = float64Lanes(length)
      copyParts(parts, (part, at) => copyLanes((part.vector as { values: Float64Array }).values, values, at, part))
      return { kind, type, nulls, values }
    }
    case 'decimal128': {
      const lanes = int64Lanes(length * 2)
      copyParts(parts, (part, at) => copyWideLanes((part.vector as { lanes: BigInt64Array }).lanes, lanes, at, 2, part))
      return { kind, type, nulls, lanes }
    }
    case 'utf8': {
      const lengths = int32Lanes(length)
      copyParts(parts, (part, at) => copyTextLengths(part, lengths, at))
      const offsets = int32Lanes(length)
      const total = offsetsOf(lengths, offsets)
      const bytes = byteLanes(total)
      copyParts(parts, (part, at) => copyTexts(part, bytes, offsets[at] ?? total))
      return { kind, type, nulls, offsets, lengths, bytes }
    }
    case 'object': {
      const values = new Array<unknown>(length)
      copyParts(parts, (part, at) => copyObjects(part, values, at))
      return { kind, type, nulls, values }
    }
  }
}

function copyParts(parts: readonly VectorPart[], copy: (part: VectorPart, at: number) => void): void {
  let at = 0
  for (const part of parts) {
    if (part.length > 0) copy(part, at)
    at += part.length
  }
}

/** Copies the part's rows to `target[at …]`; both arrays are of the same kind. */
export function copyLanes<A extends Uint8Array | Int32Array | Float64Array>(source: A, target: A, at: number, part: VectorPart): void {
  const { positions, length } = part
  if (positions === undefined) return target.set(source.subarray(0, length), at)
  for (let r = 0; r < length; r++) target[at + r] = source[positions[r] as number] as number
}

function copyObjects({ vector, positions, length }: VectorPart, target: unknown[], at: number): void {
  const { values } = vector as ObjectVector
  for (let r = 0; r < length; r++) target[at + r] = values[positions === undefined ? r : (positions[r] as number)]
}

/** The same for 64-bit lanes, `width` lanes a row; moved as pairs of 32 bits, which no engine boxes. */
export function copyWideLanes(source: BigInt64Array, target: BigInt64Array, at: number, width: 1 | 2, part: VectorPart): void {
  const { positions, length } = part
  if (positions === undefined) return target.set(source.subarray(0, length * width), at * width)
  const from = new Int32Array(source.buffer, source.byteOffset, source.length * 2)
  const to = new Int32Array(target.buffer, target.byteOffset, target.length * 2)
  const words = width * 2
  for (let r = 0; r < length; r++) {
    const p = (positions[r] as number) * words
    const q = (at + r) * words
    to[q] = from[p] as number
    to[q + 1] = from[p + 1] as number
    if (width === 2) {
      to[q + 2] = from[p + 2] as number
      to[q + 3] = from[p + 3] as number
    }
  }
}

/** Lengths in bytes of the part's texts; NULL rows get 0. */
export function copyTextLengths(part: VectorPart, target: Int32Array, at: number): void {
  const { lengths, nulls } = part.vector as Utf8Vector
  const { positions, length } = part
  for (let r = 0; r < length; r++) {
    const p = positions === undefined ? r : (positions[r] as number)
    target[at + r] = nulls !== undefined && ((nulls[p >> 3] ?? 0) & (1 << (p & 7))) !== 0 ? 0 : (lengths[p] as number)
  }
}

/** Fills the running sum of `lengths` into `offsets` and returns the total. */
export function offsetsOf(lengths: Int32Array, offsets: Int32Array): number {
  let total = 0
  for (let r = 0; r < lengths.length; r++) {
    offsets[r] = total
    total += lengths[r] as number
  }
  if (total > 0x7fffffff) throw new RangeError(`texts of one column exceed 2 GiB in a batch (${total} bytes)`)
  return total
}

/** Copies the part's texts, one after the other, to `target[at …]`; returns the end. Runs that lie together move at once. */
export function copyTexts(part: VectorPart, target: Uint8Array, at: number): number {
  const rows = locateTexts(part, 0)
  if (rows.runs > part.length >> 2 && worthwhile(rows, part.length, 12, 12))
    return gatherTexts((part.vector as Utf8Vector).bytes, rows, part.length, target, at)
  return copyTextRuns(part, target, at)
}

function copyTextRuns(part: VectorPart, target: Uint8Array, at: number): number {
  const { offsets, lengths, nulls, bytes } = part.vector as Utf8Vector
  const { positions, length } = part
  const view = viewOf(target)
  let start = 0
  let end = 0
  for (let r = 0; r < length; r++) {
    const p = positions === undefined ? r : (positions[r] as number)
    const size = nulls !== undefined && ((nulls[p >> 3] ?? 0) & (1 << (p & 7))) !== 0 ? 0 : (lengths[p] as number)
    if (size === 0) continue
    const offset = offsets[p] as number
    if (offset !== end) {
      at = copyRun(bytes, start, end, target, view, at)
      start = offset
    }
    end = offset + size
  }
  return copyRun(bytes, start, end, target, view, at)
}

function copyRun(source: Uint8Array, start: number, end: number, target: Uint8Array, view: DataView, at: number): number {
  copyBytes(source, start, end, target, view, at)
  return at + end - start
}

/** Null bits of the parts, or undefined when no row is NULL. */
function concatNulls(parts: readonly VectorPart[], length: number): Uint8Array | undefined {
  let nulls: Uint8Array | undefined
  let at = 0
  for (const part of parts) {
    if (part.vector.nulls !== undefined) {
      nulls ??= new Uint8Array((length + 7) >> 3)
      copyNulls(part, nulls, at)
    }
    at += part.length
  }
  return nulls
}

/** Sets bit at + r for each row r of the part that is NULL; the bits are zero before. */
export function copyNulls(part: VectorPart, target: Uint8Array, at: number): void {
  const { positions, length } = part
  const nulls = part.vector.nulls as Uint8Array
  if (positions === undefined && at === 0) {
    target.set(nulls.subarray(0, (length + 7) >> 3))
    // Bits past the last row may be anything in the source; the next part writes there.
    const rest = length & 7
    if (rest !== 0) target[length >> 3] = (target[length >> 3] ?? 0) & ((1 << rest) - 1)
    return
  }
  for (let r = 0; r < length; r++) {
    const p = positions === undefined ? r : (positions[r] as number)
    if (((nulls[p >> 3] ?? 0) & (1 << (p & 7))) !== 0) {
      const q = at + r
      target[q >> 3] = (target[q >> 3] ?? 0) | (1 << (q & 7))
    }
  }
}

interface BatchPart {
  readonly batch: Batch
  readonly positions: Int32Array | undefined
  readonly length: number
}

function concatRowKinds(parts: readonly BatchPart[], length: number): Uint8Array | undefined {
  if (parts.every(({ batch }) => batch.rowKinds === undefined)) return undefined
  const kinds = new Uint8Array(length)
  let at = 0
  for (const { batch, positions, length: rows } of parts) {
    if (batch.rowKinds !== undefined) {
      for (let r = 0; r < rows; r++) kinds[at + r] = batch.rowKinds[positions === undefined ? r : (positions[r] as number)] ?? 0
    }
    at += rows
  }
  return kinds
}
