/**
 * A batch as bytes, for exchanges and files. Little-endian; every section starts at a multiple of 8, so that a decoded batch's
 * columns are views of the received bytes. Selections are applied before: n rows are n entries in every section.
 *
 *   0       4       8       12      16
 *   +-------+-------+-------+-------+----------------------+- - - - -+- - - - -+
 *   | magic | rows  |columns| flags | column descriptors,  | row     | columns |
 *   | u32   | u32   | u32   | u32   | 8 bytes each         | kinds   |         |
 *   +-------+-------+-------+-------+----------------------+- - - - -+- - - - -+
 *   flags: 1 = row kinds present (one byte a row)
 *
 *   descriptor      0      1       2          4                8
 *                   +------+-------+----------+----------------+
 *                   | kind | nulls | 0        | text bytes u32 |      kind: index in KINDS; nulls: 1 = bitmap present
 *                   +------+-------+----------+----------------+
 *
 *   column          [null bitmap, ceil(n/8)]  lanes: boolean n, int32 4n, int64 8n, float64 8n, decimal128 16n,
 *                                                    utf8: lengths 4n, then all texts without gaps
 *                                                    object: the same, texts in the form of object-codec.ts
 */
import { defineError } from '#core/errors/define-error.js'
import type { Schema } from '#core/types/schema.js'
import { Batch } from './batch.js'
import { copyLanes, copyNulls, copyTextLengths, copyTexts, copyWideLanes, type VectorPart } from './gather.js'
import { ObjectReader, ObjectWriter } from './object-codec.js'
import { vectorKind, type ObjectVector, type Utf8Vector, type Vector, type VectorKind } from './vector.js'

export const MalformedBatch = defineError('MALFORMED_BATCH', {
  recovery: 'retry-elsewhere',
  message: (c: { problem: string }) =>
    `received a batch that cannot be read: ${c.problem}; sender and receiver run different versions, or the bytes were damaged`,
})

const MAGIC = 0x31424657 // 'WFB1'
const HEADER_BYTES = 16
const DESCRIPTOR_BYTES = 8
const FLAG_ROW_KINDS = 1
/** Far above any batch of ours; keeps a hostile row count of a batch without columns from meaning work. */
export const MAX_WIRE_ROWS = 1 << 24
const KINDS = ['boolean', 'int32', 'int64', 'float64', 'decimal128', 'utf8', 'object'] as const satisfies readonly VectorKind[]

/** Not by bit operators: a hostile length may exceed 31 bits. */
const align = (offset: number): number => offset + ((8 - (offset % 8)) % 8)

/** Bytes of the lanes of n rows; utf8: of the lengths. */
function laneBytes(kind: VectorKind, rows: number): number {
  switch (kind) {
    case 'boolean':
      return rows
    case 'int32':
    case 'utf8':
    case 'object':
      return 4 * rows
    case 'int64':
    case 'float64':
      return 8 * rows
    case 'decimal128':
      return 16 * rows
  }
}

function textBytes({ vector, positions, length }: VectorPart): number {
  if (vector.kind !== 'utf8') return 0
  const { lengths, nulls } = vector
  let total = 0
  for (let r = 0; r < length; r++) {
    const p = positions === undefined ? r : (positions[r] as number)
    if (nulls === undefined || ((nulls[p >> 3] ?? 0) & (1 << (p & 7))) === 0) total += lengths[p] as number
  }
  return total
}

/** The rows of the batch (selection applied, row kinds kept) in the layout above. Texts of NULL rows are left out. */
export function encodeBatch(batch: Batch): Uint8Array<ArrayBuffer> {
  const rows = batch.length
  if (rows > MAX_WIRE_ROWS) throw new RangeError(`a batch of ${rows} rows is too large to send; the most is ${MAX_WIRE_ROWS}`)
  const parts: VectorPart[] = batch.columns.map((vector, i) => {
    if (vector.kind !== 'object') return { vector, positions: batch.selection, length: rows }
    const encoded = encodeObjects(vector, batch.selection, rows, batch.schema.fields[i]?.name ?? '')
    return { vector: encoded, positions: undefined, length: rows }
  })
  const texts = parts.map(textBytes)
  let size = HEADER_BYTES + DESCRIPTOR_BYTES * parts.length
  if (batch.rowKinds !== undefined) size += align(rows)
  parts.forEach(({ vector }, i) => {
    if (vector.nulls !== undefined) size += align((rows + 7) >> 3)
    size += align(laneBytes(vector.kind, rows)) + align(texts[i] as number)
  })
  if (size > 0x7fffffff) throw new RangeError(`a batch of ${size} bytes is too large to send`)

  const buffer = new ArrayBuffer(size)
  const bytes = new Uint8Array(buffer)
  const view = new DataView(buffer)
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, rows, true)
  view.setUint32(8, parts.length, true)
  view.setUint32(12, batch.rowKinds === undefined ? 0 : FLAG_ROW_KINDS, true)
  parts.forEach(({ vector }, i) => {
    const at = HEADER_BYTES + DESCRIPTOR_BYTES * i
    bytes[at] = KINDS.indexOf(batch.columns[i]?.kind ?? vector.kind)
    bytes[at + 1] = vector.nulls === undefined ? 0 : 1
    view.setUint32(at + 4, texts[i] as number, true)
  })
  let at = HEADER_BYTES + DESCRIPTOR_BYTES * parts.length
  if (batch.rowKinds !== undefined) {
    for (let r = 0; r < rows; r++) bytes[at + r] = batch.rowKinds[batch.position(r)] ?? 0
    at += align(rows)
  }
  parts.forEach((part, i) => {
    at = encodeColumn(part, texts[i] as number, buffer, at)
  })
  return bytes
}

const writer = new ObjectWriter()

/** The rows' objects in their encoded form, as a column of bytes. @throws OBJECT_NOT_ENCODABLE */
function encodeObjects(vector: ObjectVector, positions: Int32Array | undefined, rows: number, column: string): Utf8Vector {
  const offsets = new Int32Array(rows)
  const lengths = new Int32Array(rows)
  const what = column.startsWith('$') ? 'an element' : `field '${column}' of an element`
  writer.truncate()
  for (let r = 0; r < rows; r++) {
    const start = writer.length
    writer.write(vector.values[positions === undefined ? r : (positions[r] as number)], what)
    offsets[r] = start
    lengths[r] = writer.length - start
  }
  return { kind: 'utf8', type: vector.type, nulls: undefined, offsets, lengths, bytes: writer.slice() }
}

function encodeColumn(part: VectorPart, texts: number, buffer: ArrayBuffer, at: number): number {
  const { vector, length: rows } = part
  if (vector.nulls !== undefined) {
    copyNulls(part, new Uint8Array(buffer, at, (rows + 7) >> 3), 0)
    at += align((rows + 7) >> 3)
  }
  switch (vector.kind) {
    case 'boolean':
      copyLanes(vector.values, new Uint8Array(buffer, at, rows), 0, part)
      break
    case 'int32':
      copyLanes(vector.values, new Int32Array(buffer, at, rows), 0, part)
      break
    case 'int64':
      copyWideLanes(vector.values, new BigInt64Array(buffer, at, rows), 0, 1, part)
      break
    case 'float64':
      copyLanes(vector.values, new Float64Array(buffer, at, rows), 0, part)
      break
    case 'decimal128':
      copyWideLanes(vector.lanes, new BigInt64Array(buffer, at, rows * 2), 0, 2, part)
      break
    case 'utf8':
      copyTextLengths(part, new Int32Array(buffer, at, rows), 0)
      copyTexts(part, new Uint8Array(buffer, at + align(4 * rows), texts), 0)
      break
    case 'object':
      throw new Error('objects are encoded before')
  }
  return at + align(laneBytes(vector.kind, rows)) + align(texts)
}

const reader = new ObjectReader()

/**
 * The batch that encodeBatch wrote. Columns are views of `bytes` (copied once when they do not start at a multiple of 8), which
 * must not change afterwards.
 * @throws MALFORMED_BATCH when the bytes are not exactly one batch of that schema; nothing outside `bytes` is ever read.
 */
export function decodeBatch(bytes: Uint8Array, schema: Schema): Batch {
  const fail = (problem: string): never => {
    throw new MalformedBatch({ problem })
  }
  const columns = schema.fields.length
  const size = bytes.byteLength
  const body = HEADER_BYTES + DESCRIPTOR_BYTES * columns
  if (size < HEADER_BYTES) fail(`${size} bytes, a header alone has ${HEADER_BYTES}`)
  const source = (bytes.byteOffset & 7) === 0 ? bytes : new Uint8Array(bytes)
  const { buffer, byteOffset: base } = source
  const view = new DataView(buffer, base, size)
  if (view.getUint32(0, true) !== MAGIC) fail('it does not begin with the mark of a batch')
  const rows = view.getUint32(4, true)
  if (rows > MAX_WIRE_ROWS) fail(`${rows} rows, the most is ${MAX_WIRE_ROWS}`)
  if (view.getUint32(8, true) !== columns) fail(`${view.getUint32(8, true)} columns, the schema has ${columns}`)
  const flags = view.getUint32(12, true)
  if ((flags & ~FLAG_ROW_KINDS) !== 0) fail(`unknown flags ${flags}`)
  if (size < body) fail(`${size} bytes, the descriptors alone end at ${body}`)

  let at = body
  /** Start of the next section of that many bytes, checked to lie inside. */
  const section = (length: number): number => {
    const start = at
    at += align(length)
    if (at > size) fail(`${size} bytes, a section ends at ${at}`)
    return base + start
  }
  let rowKinds: Uint8Array | undefined
  if ((flags & FLAG_ROW_KINDS) !== 0) {
    rowKinds = new Uint8Array(buffer, section(rows), rows)
    for (let r = 0; r < rows; r++) if ((rowKinds[r] as number) > 3) fail(`row kind ${rowKinds[r]} in row ${r}`)
  }
  const vectors = schema.fields.map(({ name, type }, i): Vector => {
    const descriptor = HEADER_BYTES + DESCRIPTOR_BYTES * i
    const kind = vectorKind(type)
    if (KINDS[source[descriptor] as number] !== kind) fail(`column ${i} ('${name}') is not of kind ${kind}`)
    if ((source[descriptor + 1] as number) > 1 || view.getUint16(descriptor + 2, true) !== 0) fail(`descriptor of column ${i} ('${name}')`)
    const texts = view.getUint32(descriptor + 4, true)
    if (kind !== 'utf8' && kind !== 'object' && texts !== 0) fail(`column ${i} ('${name}') has texts but is of kind ${kind}`)
    const nulls = source[descriptor + 1] === 1 ? new Uint8Array(buffer, section((rows + 7) >> 3), (rows + 7) >> 3) : undefined
    const start = section(laneBytes(kind, rows))
    switch (kind) {
      case 'boolean': {
        const values = new Uint8Array(buffer, start, rows)
        for (let r = 0; r < rows; r++) if ((values[r] as number) > 1) fail(`BOOLEAN ${values[r]} in row ${r} of column ${i} ('${name}')`)
        return { kind, type, nulls, values }
      }
      case 'int32':
        return { kind, type, nulls, values: new Int32Array(buffer, start, rows) }
      case 'int64':
        return { kind, type, nulls, values: new BigInt64Array(buffer, start, rows) }
      case 'float64':
        return { kind, type, nulls, values: new Float64Array(buffer, start, rows) }
      case 'decimal128':
        return { kind, type, nulls, lanes: new BigInt64Array(buffer, start, rows * 2) }
      case 'object':
      case 'utf8': {
        const lengths = new Int32Array(buffer, start, rows)
        const offsets = new Int32Array(rows)
        let end = 0
        for (let r = 0; r < rows; r++) {
          const length = lengths[r] as number
          offsets[r] = end
          end += length
          if (length < 0 || end > texts) fail(`text ${r} of column ${i} ('${name}') ends outside its ${texts} bytes`)
        }
        if (end !== texts) fail(`texts of column ${i} ('${name}') have ${end} bytes, announced were ${texts}`)
        const bytes = new Uint8Array(buffer, section(texts), texts)
        if (kind === 'utf8') return { kind, type, nulls, offsets, lengths, bytes }
        const values = new Array<unknown>(rows)
        for (let r = 0; r < rows; r++) {
          const offset = offsets[r] as number
          try {
            values[r] = reader.read(bytes, offset, offset + (lengths[r] as number))
          } catch (error) {
            fail(`object ${r} of column ${i} ('${name}'): ${(error as Error).message}`)
          }
        }
        return { kind, type, nulls: undefined, values }
      }
    }
  })
  if (at !== size) fail(`${size} bytes, the batch ends at ${at}`)
  return new Batch(schema, vectors, rows, undefined, rowKinds)
}
