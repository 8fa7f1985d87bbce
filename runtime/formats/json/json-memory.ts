/** The WebAssembly of kernels/json.ts, and what both directions know of its programs. */
import { hasNanos, type LogicalType } from '#core/types/logical-type.js'
import { KernelMemory } from '../../kernels/kernel-memory.js'
import { WASM_BASE64 } from '../../kernels/json-binary.js'
import type { TimestampStandard } from '../temporal-text.js'

interface JsonModule {
  /** First byte of memory that is free. */
  base(): number
  decode(program: number, keys: number, source: number, end: number, most: number, behind: number): number
  encode(program: number, columns: number, rows: number, leaveOutNulls: number, target: number): number
}

export const jsonMemory = new KernelMemory<JsonModule>(WASM_BASE64)

/** Kinds of values. */
export const SKIPPED = 0
export const STRING = 4
export const RAW = 7
const TIMESTAMP = 8
const KINDS: Readonly<Partial<Record<LogicalType['kind'], number>>> = {
  INT: 1,
  BIGINT: 2,
  DOUBLE: 3,
  VARCHAR: STRING,
  BOOLEAN: 5,
  DATE: 6,
}

/** Undefined: the kernels do not know that type. */
export function kernelKind(type: LogicalType, standard: TimestampStandard): number | undefined {
  const { kind } = type
  if (hasNanos(type)) return undefined
  if (kind !== 'TIMESTAMP' && kind !== 'TIMESTAMP_LTZ') return KINDS[kind]
  return TIMESTAMP + (standard === 'ISO-8601' ? 1 : 0) + (kind === 'TIMESTAMP_LTZ' ? 2 : 0)
}

/** Int32 words of an entry of a program, in their order. */
export interface Entry {
  readonly keyAt: number
  readonly keyLength: number
  readonly kind: number
  readonly values: number
  readonly lengths: number
  readonly nulls: number
  readonly text: number
}
export const ENTRY_WORDS = 8
export const NULL_COUNT_WORD = 7

export function putEntry(words: Int32Array, at: number, { keyAt, keyLength, kind, values, lengths, nulls, text }: Entry): void {
  words.set([keyAt, keyLength, kind, values, lengths, nulls, text, 0], at)
}

/** Kernels load and store by 16 bytes: up to so many behind a region. */
export const GAP = 32
