/**
 * Texts and prices that all events share, made once in each thread. A text column points into one of these byte arrays: no byte of it is
 * copied until a row is.
 */
import { draw, mix, range } from './draws.js'

/** Characters of the two large pools. */
export const POOL_SIZE = 1 << 20
export const CHANNELS = 10_004
/** The first ones are "hot". */
export const HOT_CHANNELS = 4

const FIRST_NAMES = ['Peter', 'Paul', 'Luke', 'John', 'Saul', 'Vicky', 'Kate', 'Julie', 'Sarah', 'Deiter', 'Walter']
const LAST_NAMES = ['Shultz', 'Abrams', 'Spencer', 'White', 'Bartels', 'Walton', 'Smith', 'Jones', 'Noris']
const CITIES = ['Phoenix', 'Los Angeles', 'San Francisco', 'Boise', 'Portland', 'Bend', 'Redmond', 'Seattle', 'Kent', 'Cheyenne']
const STATES = ['AZ', 'CA', 'ID', 'OR', 'WA', 'WY']

const URL_SEED = 0x55524c53
const EXTRA_SEED = 0x45585452
const WORD_SEED = 0x574f5244
const LETTER_A = 97
const BLANK = 32
/** 13 * 26: one in 13 is a blank, the others are letters. */
const LETTERS_AND_BLANKS = 338

/** Texts one after the other; text i is bytes[offsets[i], offsets[i] + lengths[i]). */
export interface TextTable {
  readonly bytes: Uint8Array
  readonly offsets: Int32Array
  readonly lengths: Int32Array
}

export interface Pools {
  /** Letters. */
  readonly extra: Uint8Array
  /** Letters and blanks. */
  readonly words: Uint8Array
  readonly channels: TextTable
  /** Of each channel. */
  readonly urls: TextTable
  /** First name i and last name j at i * lastNames + j. */
  readonly names: TextTable
  readonly firstNames: number
  readonly lastNames: number
  readonly cities: TextTable
  readonly states: TextTable
  /** 4097 prices from 100 to 10^8, each 10^(6/4096) times the one before. */
  readonly prices: Float64Array
}

let made: Pools | undefined

export function pools(): Pools {
  made ??= make()
  return made
}

function make(): Pools {
  const extra = new Uint8Array(POOL_SIZE)
  const words = new Uint8Array(POOL_SIZE)
  for (let i = 0; i < POOL_SIZE; i++) {
    extra[i] = LETTER_A + range(mix((i + EXTRA_SEED) | 0), 26)
    words[i] = letterOr(BLANK, mix((i + WORD_SEED) | 0))
  }
  const prices = new Float64Array(4097)
  prices[0] = 100
  for (let i = 0; i < 4096; i++) prices[i + 1] = (prices[i] as number) * 1.0033786221027048
  const channels = Array.from({ length: CHANNELS }, (_, i) => i)
  return {
    extra,
    words,
    channels: textTable(channels.map(channelName)),
    urls: textTable(channels.map(channelUrl)),
    names: textTable(FIRST_NAMES.flatMap((first) => LAST_NAMES.map((last) => `${first} ${last}`))),
    firstNames: FIRST_NAMES.length,
    lastNames: LAST_NAMES.length,
    cities: textTable(CITIES),
    states: textTable(STATES),
    prices,
  }
}

function letterOr(other: number, word: number): number {
  const v = range(word, LETTERS_AND_BLANKS)
  return v < 26 ? other : LETTER_A + (v % 26)
}

function channelName(channel: number): string {
  return ['Google', 'Facebook', 'Baidu', 'Apple'][channel] ?? `channel-${channel - HOT_CHANNELS}`
}

function channelUrl(channel: number): string {
  const base = mix((channel + URL_SEED) | 0)
  const directories = [0, 1, 2].map((s) => {
    const length = 3 + range(draw(base, 10 * s + 1), 2)
    return Array.from({ length }, (_, i) => String.fromCharCode(letterOr(0x5f, draw(base, 10 * s + 2 + i)))).join('')
  })
  const identified = channel >= HOT_CHANNELS && range(draw(base, 40), 10) > 0
  const query = identified ? `&channel_id=${Math.abs(reversedBits(channel - HOT_CHANNELS))}` : ''
  return `https://www.nexmark.com/${directories.join('/')}/item.htm?query=1${query}`
}

function reversedBits(word: number): number {
  let reversed = 0
  for (let i = 0; i < 32; i++) reversed = (reversed << 1) | ((word >>> i) & 1)
  return reversed
}

function textTable(texts: readonly string[]): TextTable {
  const encoded = texts.map((text) => new TextEncoder().encode(text))
  const offsets = new Int32Array(texts.length)
  const lengths = Int32Array.from(encoded, ({ length }) => length)
  let end = 0
  for (let i = 0; i < texts.length; i++) {
    offsets[i] = end
    end += lengths[i] as number
  }
  const bytes = new Uint8Array(end)
  encoded.forEach((text, i) => bytes.set(text, offsets[i]))
  return { bytes, offsets, lengths }
}
