/** Values of one column, one per call of `append`; made once per column and subtask. */
import { parseDuration } from '#core/config/units.js'
import { MAX_VARCHAR_LENGTH, type LogicalType } from '#core/types/logical-type.js'
import type { ColumnBuilder } from '../../columnar/batch-builder.js'

/** Appends the value of the subtask's `n`-th row, counted from 0. */
export type Generator = (column: ColumnBuilder, n: number) => void

/** Fast pseudo-random numbers (xoshiro128**), seeded with 16 bytes. */
export class Random {
  readonly #state: Uint32Array

  constructor(seed: Uint8Array) {
    this.#state = new Uint32Array(new Uint8Array(seed.subarray(0, 16)).buffer)
    if (this.#state.every((word) => word === 0)) this.#state[0] = 1
  }

  /** Uniform in 0 .. 2^32-1. */
  next32(): number {
    const s = this.#state as unknown as [number, number, number, number]
    const five = Math.imul(s[1], 5)
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return (this.next32() >>> 5) * 2 ** -27 + (this.next32() >>> 6) * 2 ** -53
  }

  /** Uniform in min .. max, both included; exact for 64-bit ranges. */
  between(min: bigint, max: bigint): bigint {
    const range = max - min + 1n
    const bits = (BigInt(this.next32()) << 64n) | (BigInt(this.next32()) << 32n) | BigInt(this.next32())
    return min + (bits % range)
  }
}

export interface FieldOptions {
  get(key: string): string | undefined
}

const MIN_DOUBLE = Number.MIN_VALUE
const DEFAULT_LENGTH = 100

/** `now`: ms since the epoch, for timestamps and dates. */
export function randomGenerator(type: LogicalType, options: FieldOptions, random: Random, now: () => number): Generator {
  const value = randomValue(type, options, random, now)
  const rate = Number(options.get('null-rate') ?? 0)
  if (rate === 0) return value
  return (column, n) => (random.uniform() < rate ? column.appendNull() : value(column, n))
}

function randomValue(type: LogicalType, options: FieldOptions, random: Random, now: () => number): Generator {
  const min = options.get('min')
  const max = options.get('max')
  switch (type.kind) {
    case 'BOOLEAN':
      return (column) => column.appendBoolean((random.next32() & 1) === 1)
    case 'INT': {
      const low = Number(min ?? -2_147_483_648)
      const range = Number(max ?? 2_147_483_647) - low + 1
      return (column) => column.appendInt32(low + Math.floor(random.uniform() * range))
    }
    case 'BIGINT': {
      const low = BigInt(min ?? -(2n ** 63n))
      const high = BigInt(max ?? 2n ** 63n - 1n)
      if (high - low >= 2n ** 52n || !Number.isSafeInteger(Number(low)) || !Number.isSafeInteger(Number(high))) {
        return (column) => column.appendInt64(random.between(low, high))
      }
      const safeLow = Number(low)
      const range = Number(high - low) + 1
      return (column) => column.appendSafeInteger(safeLow + Math.floor(random.uniform() * range))
    }
    case 'DOUBLE': {
      const low = Number(min ?? MIN_DOUBLE)
      const high = Number(max ?? Number.MAX_VALUE)
      // Halves first, or the width of the whole range overflows.
      return (column) => {
        const share = random.uniform()
        column.appendFloat64(low * (1 - share) + high * share)
      }
    }
    case 'DECIMAL': {
      const limit = 10n ** BigInt(type.precision) - 1n
      const low = unscaledBound(min, type.scale, 0n, limit)
      const high = unscaledBound(max, type.scale, limit, limit)
      const append = type.precision <= 18 ? 'appendInt64' : 'appendDecimal128'
      return (column) => column[append](wide(random, low, high))
    }
    case 'VARCHAR': {
      const longest = Math.min(Number(options.get('length') ?? DEFAULT_LENGTH), type.length === MAX_VARCHAR_LENGTH ? Infinity : type.length)
      const length = options.get('length') === undefined && type.length !== MAX_VARCHAR_LENGTH ? type.length : longest
      const variable = options.get('var-len')?.trim().toLowerCase() === 'true'
      const bytes = new Uint8Array(length)
      return (column) => {
        const count = variable ? 1 + Math.floor(random.uniform() * length) : length
        for (let i = 0; i < count;)
          for (let word = random.next32(), k = 0; k < 8 && i < count; k++, word >>>= 4)
            bytes[i++] = '0123456789abcdef'.charCodeAt(word & 15)
        column.appendUtf8(bytes, 0, count)
      }
    }
    case 'DATE':
      return (column) => column.appendInt32(Math.floor(now() / 86_400_000))
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const past = parseDuration(options.get('max-past') ?? '0') ?? 0
      return (column) => column.appendSafeInteger(Math.trunc(now()) - Math.floor(random.uniform() * past))
    }
    case 'NULL':
    case 'RAW':
    case 'BYTES':
      return (column) => column.appendNull()
  }
}

function wide(random: Random, low: bigint, high: bigint): bigint {
  const range = high - low + 1n
  let bits = 0n
  for (let i = 0; i < 6; i++) bits = (bits << 32n) | BigInt(random.next32())
  return low + (bits % range)
}

function unscaledBound(text: string | undefined, scale: number, fallback: bigint, limit: bigint): bigint {
  if (text === undefined) return fallback
  const value =
    BigInt(Math.trunc(Number(text))) * 10n ** BigInt(scale) +
    BigInt(Math.round((Number(text) % 1) * 10 ** Math.min(scale, 15))) * 10n ** BigInt(Math.max(0, scale - 15))
  return value > limit ? limit : value < -limit ? -limit : value
}

/** Sequence values of a subtask: start + subtask, then every `parallelism`-th, as in Flink. */
export function sequenceGenerator(type: LogicalType, start: bigint, subtask: number, parallelism: number): Generator {
  const first = start + BigInt(subtask)
  const step = BigInt(parallelism)
  const at = (n: number) => first + step * BigInt(n)
  switch (type.kind) {
    case 'INT':
      return (column, n) => column.appendInt32(Number(at(n)))
    case 'BIGINT':
      return (column, n) => column.appendInt64(at(n))
    case 'DOUBLE':
      return (column, n) => column.appendFloat64(Number(at(n)))
    case 'DECIMAL': {
      const scale = 10n ** BigInt(type.scale)
      const limit = 10n ** BigInt(type.precision)
      const append = type.precision <= 18 ? 'appendInt64' : 'appendDecimal128'
      return (column, n) => {
        const unscaled = at(n) * scale
        if (unscaled >= limit || unscaled <= -limit) column.appendNull()
        else column[append](unscaled)
      }
    }
    case 'VARCHAR':
      return (column, n) => column.appendString(at(n).toString())
    default:
      throw new Error(`no sequence of ${type.kind}`)
  }
}

/** How many of `total` rows fall to a subtask: they are dealt out in turn. */
export function shareOf(total: bigint, subtask: number, parallelism: number): bigint {
  const all = BigInt(parallelism)
  return total / all + (total % all > BigInt(subtask) ? 1n : 0n)
}
