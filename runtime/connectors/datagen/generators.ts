/**
 * Values of one column for the rows of a batch, made in loops over typed arrays. Random values come from words that are drawn for the
 * whole column first; sequences from the numbers of the rows (ranges.ts).
 */
import { parseDuration } from '#core/config/units.js'
import { MAX_VARCHAR_LENGTH, type LogicalType } from '#core/types/logical-type.js'
import { byteLanes, float64Lanes, int32Lanes, int64Lanes } from '../../columnar/lanes.js'
import type { Vector } from '../../columnar/vector.js'
import { decimalDigits, hexDigits } from './digits.js'
import type { Random } from './random.js'

/** Makes the values of `count` rows: number `next`, `next + step`, … */
export interface Generator {
  /** Most bytes of text in one row. */
  readonly textBytes: number
  fill(count: number, next: number, step: number): Vector
}

export interface FieldOptions {
  get(key: string): string | undefined
}

const TWO_32 = 4_294_967_296
const MIN_DOUBLE = Number.MIN_VALUE
/** Java's Float.MIN_VALUE and MAX_VALUE. */
const MIN_FLOAT = 2 ** -149
const MAX_FLOAT = (2 - 2 ** -23) * 2 ** 127
const DEFAULT_LENGTH = 100
/** Below this many values 32 random bits are enough to be even. */
const SMALL_RANGE = 2 ** 20
const LOW_64 = (1n << 64n) - 1n

/** `now`: ms since the epoch, for timestamps and dates. */
export function randomGenerator(type: LogicalType, options: FieldOptions, random: Random, now: () => number): Generator {
  const generator = randomValues(type, options, new Words(random), now)
  const rate = Number(options.get('null-rate') ?? 0)
  if (rate === 0) return generator
  const words = new Words(random)
  return {
    textBytes: generator.textBytes,
    fill(count, next, step) {
      const vector = generator.fill(count, next, step)
      return { ...vector, nulls: randomNulls(words.draw(count), count, rate) }
    },
  }
}

/** Random words, in an array that is used again. */
class Words {
  readonly #random: Random
  #words = new Int32Array(0)

  constructor(random: Random) {
    this.#random = random
  }

  /** At least `count` words; the first `count` are new. */
  draw(count: number): Int32Array {
    if (this.#words.length < count) this.#words = new Int32Array(count)
    this.#random.fill(this.#words, count)
    return this.#words
  }
}

function randomValues(type: LogicalType, options: FieldOptions, words: Words, now: () => number): Generator {
  const min = options.get('min')
  const max = options.get('max')
  switch (type.kind) {
    case 'BOOLEAN':
      return withoutText((count) => {
        const values = byteLanes(count)
        const drawn = words.draw(count)
        for (let i = 0; i < count; i++) values[i] = (drawn[i] as number) >>> 31
        return { kind: 'boolean', type, nulls: undefined, values }
      })
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT': {
      const least = { TINYINT: -128, SMALLINT: -32_768, INT: -2_147_483_648 }[type.kind]
      const low = Number(min ?? least)
      const range = Number(max ?? -least - 1) - low + 1
      return withoutText((count) => {
        const values = int32Lanes(count)
        randomInts(values, count, low, range, words)
        return { kind: 'int32', type, nulls: undefined, values }
      })
    }
    case 'BIGINT': {
      const low = BigInt(min ?? -(2n ** 63n))
      const high = BigInt(max ?? 2n ** 63n - 1n)
      return withoutText((count) => ({ kind: 'int64', type, nulls: undefined, values: randomInt64s(count, low, high, words) }))
    }
    case 'FLOAT':
    case 'DOUBLE': {
      const float = type.kind === 'FLOAT'
      const low = Number(min ?? (float ? MIN_FLOAT : MIN_DOUBLE))
      const high = Number(max ?? (float ? MAX_FLOAT : Number.MAX_VALUE))
      return withoutText((count) => {
        const values = float64Lanes(count)
        const drawn = words.draw(count * 2)
        for (let i = 0; i < count; i++) {
          // Halves first, or the width of the whole range overflows.
          const share = shareAt(drawn, i)
          values[i] = low * (1 - share) + high * share
          if (float) values[i] = Math.fround(values[i] as number)
        }
        return { kind: 'float64', type, nulls: undefined, values }
      })
    }
    case 'DECIMAL': {
      const limit = 10n ** BigInt(type.precision) - 1n
      const low = unscaledBound(min, type.scale, 0n, limit)
      const high = unscaledBound(max, type.scale, limit, limit)
      if (type.precision <= 18) {
        return withoutText((count) => ({ kind: 'int64', type, nulls: undefined, values: randomInt64s(count, low, high, words) }))
      }
      return withoutText((count) => {
        const drawn = words.draw(count * 6)
        return decimal128(type, count, (i) => wide(drawn, i * 6, low, high))
      })
    }
    case 'VARCHAR':
      return randomText(type, options, words)
    case 'DATE':
      return withoutText((count) => ({
        kind: 'int32',
        type,
        nulls: undefined,
        values: int32Lanes(count).fill(Math.floor(now() / 86_400_000)),
      }))
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ': {
      const past = Math.max(1, parseDuration(options.get('max-past') ?? '0') ?? 0)
      return withoutText((count) => {
        const values = int64Lanes(count)
        randomIntegers(values, count, Math.trunc(now()) - past + 1, past, words)
        return { kind: 'int64', type, nulls: undefined, values }
      })
    }
    default:
      throw new Error(`no random values of ${type.kind}`)
  }
}

function withoutText(fill: Generator['fill']): Generator {
  return { textBytes: 0, fill }
}

/** Uniform in [0, 1), 53 bits, from words 2i and 2i + 1. */
function shareAt(words: Int32Array, i: number): number {
  return ((words[i * 2] as number) >>> 5) * 2 ** -27 + ((words[i * 2 + 1] as number) >>> 6) * 2 ** -53
}

/** low … low + range - 1, within 32 bits. */
function randomInts(values: Int32Array, count: number, low: number, range: number, words: Words): void {
  if (range <= SMALL_RANGE || range === TWO_32) {
    const drawn = words.draw(count)
    if (range === TWO_32) values.set(drawn.subarray(0, count))
    else for (let i = 0; i < count; i++) values[i] = low + Math.floor(((drawn[i] as number) >>> 0) * range * (1 / TWO_32))
    return
  }
  const drawn = words.draw(count * 2)
  for (let i = 0; i < count; i++) values[i] = low + Math.floor(shareAt(drawn, i) * range)
}

/** low … low + range - 1, all safe integers, range at most 2^53. */
function randomIntegers(values: BigInt64Array, count: number, low: number, range: number, words: Words): void {
  const lanes = halves(values)
  const drawn = words.draw(count * 2)
  for (let i = 0; i < count; i++) {
    const value = low + Math.floor(shareAt(drawn, i) * range)
    lanes[i * 2] = value | 0
    lanes[i * 2 + 1] = Math.floor(value * (1 / TWO_32))
  }
}

/** Uniform in low … high, both of 64 bits. */
function randomInt64s(count: number, low: bigint, high: bigint, words: Words): BigInt64Array {
  const values = int64Lanes(count)
  const range = high - low
  if (range < 2n ** 52n && Number.isSafeInteger(Number(low)) && Number.isSafeInteger(Number(high))) {
    randomIntegers(values, count, Number(low), Number(range) + 1, words)
    return values
  }
  const lanes = halves(values)
  if (range === LOW_64) {
    lanes.set(words.draw(count * 2).subarray(0, count * 2))
    return values
  }
  // Numbers of as many bits as the range has; those above it are drawn again.
  const rangeHigh = Number(range >> 32n)
  const rangeLow = Number(range & 0xffff_ffffn)
  const highMask = rangeHigh === 0 ? 0 : -1 >>> Math.clz32(rangeHigh)
  const lowMask = rangeHigh !== 0 ? -1 : -1 >>> Math.clz32(rangeLow)
  const baseHigh = Number(BigInt.asIntN(32, low >> 32n))
  const baseLow = Number(low & 0xffff_ffffn)
  for (let i = 0; i < count;) {
    const wanted = count - i
    const drawn = words.draw(wanted * 2)
    for (let k = 0; k < wanted; k++) {
      const h = ((drawn[k * 2] as number) & highMask) >>> 0
      const l = ((drawn[k * 2 + 1] as number) & lowMask) >>> 0
      if (h > rangeHigh || (h === rangeHigh && l > rangeLow)) continue
      const sum = baseLow + l
      lanes[i * 2] = sum | 0
      lanes[i * 2 + 1] = (baseHigh + h + (sum >= TWO_32 ? 1 : 0)) | 0
      i++
    }
  }
  return values
}

function halves(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2)
}

function randomNulls(words: Int32Array, count: number, rate: number): Uint8Array {
  const nulls = byteLanes((count + 7) >> 3)
  const threshold = rate * TWO_32
  for (let i = 0; i < count; i++) {
    if ((words[i] as number) >>> 0 < threshold) nulls[i >> 3] = (nulls[i >> 3] as number) | (1 << (i & 7))
  }
  return nulls
}

function randomText(type: LogicalType & { kind: 'VARCHAR' }, options: FieldOptions, words: Words): Generator {
  const limit = type.length === MAX_VARCHAR_LENGTH ? undefined : type.length
  const asked = options.get('length')
  const length = asked === undefined ? (limit ?? DEFAULT_LENGTH) : Math.min(Number(asked), limit ?? Infinity)
  const variable = options.get('var-len')?.trim().toLowerCase() === 'true'
  return {
    textBytes: length,
    fill(count) {
      const offsets = int32Lanes(count)
      const lengths = int32Lanes(count)
      if (variable) randomInts(lengths, count, 1, length, words)
      else lengths.fill(length)
      let total = 0
      for (let i = 0; i < count; i++) {
        offsets[i] = total
        total += lengths[i] as number
      }
      return { kind: 'utf8', type, nulls: undefined, offsets, lengths, bytes: hexDigits(total, (n) => words.draw(n)) }
    },
  }
}

function wide(words: Int32Array, at: number, low: bigint, high: bigint): bigint {
  let bits = 0n
  for (let i = 0; i < 6; i++) bits = (bits << 32n) | BigInt((words[at + i] as number) >>> 0)
  return low + (bits % (high - low + 1n))
}

function unscaledBound(text: string | undefined, scale: number, fallback: bigint, limit: bigint): bigint {
  if (text === undefined) return fallback
  const value =
    BigInt(Math.trunc(Number(text))) * 10n ** BigInt(scale) +
    BigInt(Math.round((Number(text) % 1) * 10 ** Math.min(scale, 15))) * 10n ** BigInt(Math.max(0, scale - 15))
  return value > limit ? limit : value < -limit ? -limit : value
}

function decimal128(type: LogicalType, count: number, at: (i: number) => bigint, nulls?: Uint8Array): Vector {
  const lanes = int64Lanes(count * 2)
  for (let i = 0; i < count; i++) {
    const unscaled = at(i)
    lanes[i * 2] = BigInt.asIntN(64, unscaled)
    lanes[i * 2 + 1] = BigInt.asIntN(64, unscaled >> 64n)
  }
  return { kind: 'decimal128', type, nulls, lanes }
}

/** `start` plus the row's number. */
export function sequenceGenerator(type: LogicalType, start: bigint): Generator {
  const base = Number(start)
  /** All values of these rows are safe integers, and so are numbers. */
  const safe = (count: number, next: number, step: number) =>
    Number.isSafeInteger(base) && Number.isSafeInteger(base + next) && Number.isSafeInteger(base + next + (count - 1) * step)
  const exact = (row: number) => start + BigInt(row)
  switch (type.kind) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INT':
      return withoutText((count, next, step) => {
        const values = int32Lanes(count)
        for (let i = 0, value = base + next; i < count; i++, value += step) values[i] = value
        return { kind: 'int32', type, nulls: undefined, values }
      })
    case 'BIGINT':
      return withoutText((count, next, step) => {
        const values = int64Lanes(count)
        if (safe(count, next, step)) {
          const lanes = halves(values)
          for (let i = 0, value = base + next; i < count; i++, value += step) {
            lanes[i * 2] = value | 0
            lanes[i * 2 + 1] = Math.floor(value * (1 / TWO_32))
          }
        } else for (let i = 0; i < count; i++) values[i] = exact(next + i * step)
        return { kind: 'int64', type, nulls: undefined, values }
      })
    case 'FLOAT':
    case 'DOUBLE':
      return withoutText((count, next, step) => {
        const values = float64Lanes(count)
        if (safe(count, next, step)) for (let i = 0, value = base + next; i < count; i++, value += step) values[i] = value
        else for (let i = 0; i < count; i++) values[i] = Number(exact(next + i * step))
        return { kind: 'float64', type, nulls: undefined, values }
      })
    case 'DECIMAL':
      return sequenceOfDecimals(type, exact)
    case 'VARCHAR':
      return {
        textBytes: 20,
        fill(count, next, step) {
          const text = decimalDigits(count, safe(count, next, step) ? (i) => base + next + i * step : (i) => exact(next + i * step))
          return { kind: 'utf8', type, nulls: undefined, ...text }
        },
      }
    default:
      throw new Error(`no sequence of ${type.kind}`)
  }
}

/** NULL where a value has more digits than the type. */
function sequenceOfDecimals(type: LogicalType & { kind: 'DECIMAL' }, exact: (row: number) => bigint): Generator {
  const scale = 10n ** BigInt(type.scale)
  const limit = 10n ** BigInt(type.precision)
  return withoutText((count, next, step) => {
    let nulls: Uint8Array | undefined
    const at = (i: number) => {
      const unscaled = exact(next + i * step) * scale
      if (unscaled < limit && unscaled > -limit) return unscaled
      nulls ??= byteLanes((count + 7) >> 3)
      nulls[i >> 3] = (nulls[i >> 3] as number) | (1 << (i & 7))
      return 0n
    }
    if (type.precision > 18) {
      const vector = decimal128(type, count, at)
      return { ...vector, nulls }
    }
    const values = int64Lanes(count)
    for (let i = 0; i < count; i++) values[i] = at(i)
    return { kind: 'int64', type, nulls, values }
  })
}
