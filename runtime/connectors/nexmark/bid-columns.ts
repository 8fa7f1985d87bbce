/**
 * The columns of bids, which are 46 of 50 events: one loop each, without a call per row but to the arithmetic of draws.ts, which is inlined.
 * `bases`: of every event of the batch.
 */
import { draw, range } from './draws.js'
import { CHANNELS, HOT_CHANNELS, POOL_SIZE, type TextTable } from './pools.js'
import { ACTIVE_PEOPLE, AUCTIONS, BIDS_FROM, EPOCH, FIRST_ID, HOT_DISTANCE, ID_LEAD } from './proportions.js'

/** The events of some epochs: `rows` of them, a last epoch may be cut off. */
export interface Events {
  readonly epochs: readonly number[]
  readonly rows: number
  readonly bases: Int32Array
}

/** Low and high words of 64-bit lanes, all zero. */
function store(words: Int32Array, row: number, value: number): void {
  words[2 * row] = value | 0
  if (value > 0x7fffffff) words[2 * row + 1] = Math.floor(value / 4_294_967_296)
}

export function fillAuctions(words: Int32Array, { epochs, rows, bases }: Events): void {
  for (let i = 0; i < epochs.length; i++) {
    const last = AUCTIONS * (epochs[i] as number) + AUCTIONS - 1
    const hot = FIRST_ID + HOT_DISTANCE * Math.floor(last / HOT_DISTANCE)
    const least = Math.max(last - HOT_DISTANCE, 0)
    const width = last - least + 1 + ID_LEAD
    const end = Math.min((i + 1) * EPOCH, rows)
    for (let row = i * EPOCH + BIDS_FROM; row < end; row++) {
      const base = bases[row] as number
      // range(word, 2) > 0: the highest bit.
      store(words, row, draw(base, 1) < 0 ? hot : FIRST_ID + least + range(draw(base, 2), width))
    }
  }
}

export function fillBidders(words: Int32Array, { epochs, rows, bases }: Events): void {
  for (let i = 0; i < epochs.length; i++) {
    const epoch = epochs[i] as number
    const hot = FIRST_ID + HOT_DISTANCE * Math.floor(epoch / HOT_DISTANCE) + 1
    const active = Math.min(epoch + 1, ACTIVE_PEOPLE)
    const first = FIRST_ID + epoch + 1 - active
    const end = Math.min((i + 1) * EPOCH, rows)
    for (let row = i * EPOCH + BIDS_FROM; row < end; row++) {
      const base = bases[row] as number
      // range(word, 4) > 0: not both of the highest bits are 0.
      store(words, row, draw(base, 3) >>> 30 !== 0 ? hot : first + range(draw(base, 4), active + ID_LEAD))
    }
  }
}

/** Log-uniform over 100 to 10^8. */
export function priceOf(prices: Float64Array, word: number): number {
  const step = word >>> 20
  const low = prices[step] as number
  return Math.floor(low + (((prices[step + 1] as number) - low) * (word & 0xfffff)) / 1_048_576 + 0.5)
}

export function fillPrices(words: Int32Array, { epochs, rows, bases }: Events, prices: Float64Array): void {
  for (let i = 0; i < epochs.length; i++) {
    const end = Math.min((i + 1) * EPOCH, rows)
    for (let row = i * EPOCH + BIDS_FROM; row < end; row++) words[2 * row] = priceOf(prices, draw(bases[row] as number, 5))
  }
}

/** Names or addresses of the channels. */
export function fillChannels(offsets: Int32Array, lengths: Int32Array, { epochs, rows, bases }: Events, texts: TextTable): void {
  const from = texts.offsets
  const sizes = texts.lengths
  for (let i = 0; i < epochs.length; i++) {
    const end = Math.min((i + 1) * EPOCH, rows)
    for (let row = i * EPOCH + BIDS_FROM; row < end; row++) {
      const base = bases[row] as number
      const word = draw(base, 7)
      const channel = draw(base, 6) < 0 ? word >>> 30 : HOT_CHANNELS + range(word, CHANNELS - HOT_CHANNELS)
      offsets[row] = from[channel] as number
      lengths[row] = sizes[channel] as number
    }
  }
}

/** Pieces of the pool of letters. */
export function fillExtras(offsets: Int32Array, lengths: Int32Array, { epochs, rows, bases }: Events): void {
  for (let i = 0; i < epochs.length; i++) {
    const end = Math.min((i + 1) * EPOCH, rows)
    for (let row = i * EPOCH + BIDS_FROM; row < end; row++) {
      const base = bases[row] as number
      const length = 54 + range(draw(base, 8), 28)
      lengths[row] = length
      offsets[row] = range(draw(base, 9), POOL_SIZE - length)
    }
  }
}

/** Times of the events from `from` to `to` of each epoch: ms since the epoch of Unix. */
export function fillTimes(words: Int32Array, { epochs, rows }: Events, from: number, to: number, start: number, rate: number): void {
  const low = start >>> 0
  const high = Math.floor(start / 4_294_967_296)
  for (let i = 0; i < epochs.length; i++) {
    const first = (epochs[i] as number) * EPOCH
    const end = Math.min(i * EPOCH + to, rows)
    for (let row = i * EPOCH + from; row < end; row++) {
      const sum = low + Math.floor(((first + row - i * EPOCH) * 1000) / rate)
      words[2 * row] = sum | 0
      words[2 * row + 1] = high + Math.floor(sum / 4_294_967_296)
    }
  }
}
