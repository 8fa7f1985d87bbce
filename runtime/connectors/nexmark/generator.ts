/**
 * Whole epochs of events in columns. Every column is made on its own, from the draws it needs, so that columns nobody reads cost nothing.
 *
 * Source: the public benchmark nexmark/nexmark, its proportions, skew, fields and sizes; random numbers are addressed by number instead of
 * drawn in turn (draws.ts), which makes any event reachable without those before it.
 */
import type { LogicalType } from '#core/types/logical-type.js'
import { byteLanes, int32Lanes, int64Lanes } from '../../columnar/lanes.js'
import type { Vector } from '../../columnar/vector.js'
import { NEXMARK_COLUMNS, type NexmarkColumn } from './columns.js'
import { draw, eventBase, range } from './draws.js'
import { fillAuctions, fillBidders, fillChannels, fillExtras, fillPrices, fillTimes, priceOf, type Events } from './bid-columns.js'
import { POOL_SIZE, pools, type TextTable } from './pools.js'
import {
  ACTIVE_PEOPLE,
  AUCTION_EVENTS,
  AUCTIONS,
  AUCTIONS_FROM,
  BASE_TIME,
  BIDS_FROM,
  EPOCH,
  FIRST_CATEGORY,
  FIRST_ID,
  HOT_DISTANCE,
  ID_LEAD,
} from './proportions.js'

/** Positions of a kind of event within an epoch. */
interface Kind {
  readonly from: number
  readonly to: number
}
const KINDS: Readonly<Record<string, Kind>> = {
  person: { from: 0, to: AUCTIONS_FROM },
  auction: { from: AUCTIONS_FROM, to: BIDS_FROM },
  bid: { from: BIDS_FROM, to: EPOCH },
}

/** Calls `row` for each event of a kind: its position in the batch and its base. */
type EachEvent = (row: (position: number, base: number, epoch: number) => void) => void

export class NexmarkGenerator {
  readonly #rate: number
  /** By kind, of the longest batch so far: the rows of other kinds are NULL. */
  readonly #nulls = new Map<string, { rows: number; bits: Uint8Array }>()
  readonly #pools = pools()
  /** Of the batch at hand: what the draws of each event begin with. */
  #bases = new Int32Array(0)
  #basesOf: readonly number[] | undefined

  constructor(rate: number) {
    this.#rate = rate
  }

  /** Event time of event n in ms. */
  timeOf(n: number): number {
    return BASE_TIME + Math.floor((n * 1000) / this.#rate)
  }

  /** One column of the events of these epochs, in their order; `rows`: only so many of them (a last epoch may be cut off). */
  column(name: NexmarkColumn, epochs: readonly number[], rows: number): Vector {
    const type = NEXMARK_COLUMNS[name]
    if (name === 'event_type') return { kind: 'int32', type, nulls: undefined, values: eventTypes(rows) }
    const [kindName, field] = name.split('.') as [string, string]
    const kind = KINDS[kindName] as Kind
    const bases = this.#basesAt(epochs)
    const each: EachEvent = (row) => {
      for (let i = 0; i < epochs.length; i++) {
        const epoch = epochs[i] as number
        const end = Math.min(kind.to, rows - i * EPOCH) + i * EPOCH
        for (let at = i * EPOCH + kind.from; at < end; at++) row(at, bases[at] as number, epoch)
      }
    }
    const nulls = this.#nullsOf(kindName, kind, rows)
    const numbers = (value: (base: number, epoch: number, offset: number) => number): Vector => integers(type, nulls, rows, each, value)
    const events: Events = { epochs, rows, bases }
    if (field === 'dateTime')
      return lanes(type, nulls, rows, (words) => fillTimes(words, events, kind.from, kind.to, BASE_TIME, this.#rate))
    switch (name) {
      case 'person.id':
        return numbers((_base, epoch) => FIRST_ID + epoch)
      case 'person.name':
        return chosen(type, nulls, rows, each, this.#pools.names, (base) => this.#name(base))
      case 'person.emailAddress':
        return written(type, nulls, rows, each, (base, into) => this.#writeEmail(base, into))
      case 'person.creditCard':
        return written(type, nulls, rows, each, writeCreditCard)
      case 'person.city':
        return chosen(type, nulls, rows, each, this.#pools.cities, city)
      case 'person.state':
        return chosen(type, nulls, rows, each, this.#pools.states, state)
      case 'person.extra':
        return this.#pieces(type, nulls, rows, each, this.#pools.extra, (base) => extra(base, 200 - (8 + this.#personBytes(base))))
      case 'auction.id':
        return numbers((_base, epoch, offset) => FIRST_ID + AUCTIONS * epoch + offset - AUCTIONS_FROM)
      case 'auction.itemName':
        return this.#pieces(type, nulls, rows, each, this.#pools.words, (base) => this.#word(base, 7, 20))
      case 'auction.description':
        return this.#pieces(type, nulls, rows, each, this.#pools.words, (base) => this.#word(base, 11, 100))
      case 'auction.initialBid':
        return numbers((base) => this.#price(draw(base, 4)))
      case 'auction.reserve':
        return numbers((base) => this.#price(draw(base, 4)) + this.#price(draw(base, 5)))
      case 'auction.expires':
        return numbers((base, epoch, offset) => this.#expires(epoch * EPOCH + offset, base))
      case 'auction.seller':
        return numbers(seller)
      case 'auction.category':
        return numbers((base) => FIRST_CATEGORY + range(draw(base, 3), 5))
      case 'auction.extra':
        return this.#pieces(type, nulls, rows, each, this.#pools.extra, (base) => {
          const texts = lengthOf(this.#word(base, 7, 20)) + lengthOf(this.#word(base, 11, 100))
          return extra(base, 500 - (48 + texts))
        })
      case 'bid.auction':
        return lanes(type, nulls, rows, (words) => fillAuctions(words, events))
      case 'bid.bidder':
        return lanes(type, nulls, rows, (words) => fillBidders(words, events))
      case 'bid.price':
        return lanes(type, nulls, rows, (words) => fillPrices(words, events, this.#pools.prices))
      case 'bid.channel':
        return texts(type, nulls, rows, this.#pools.channels.bytes, (...at) => fillChannels(...at, events, this.#pools.channels))
      case 'bid.url':
        return texts(type, nulls, rows, this.#pools.urls.bytes, (...at) => fillChannels(...at, events, this.#pools.urls))
      default:
        return texts(type, nulls, rows, this.#pools.extra, (...at) => fillExtras(...at, events))
    }
  }

  #basesAt(epochs: readonly number[]): Int32Array {
    if (this.#basesOf === epochs) return this.#bases
    this.#basesOf = epochs
    if (this.#bases.length < epochs.length * EPOCH) this.#bases = new Int32Array(epochs.length * EPOCH)
    for (let i = 0; i < epochs.length; i++) {
      for (let offset = 0; offset < EPOCH; offset++) this.#bases[i * EPOCH + offset] = eventBase((epochs[i] as number) * EPOCH + offset)
    }
    return this.#bases
  }

  /** Shared by all batches: which rows are of another kind depends on their position alone. */
  #nullsOf(name: string, kind: Kind, rows: number): Uint8Array {
    let known = this.#nulls.get(name)
    if (known === undefined || known.rows < rows) {
      const bits = new Uint8Array((rows + 7) >> 3)
      for (let row = 0; row < rows; row++) {
        const offset = row % EPOCH
        if (offset < kind.from || offset >= kind.to) bits[row >> 3] = (bits[row >> 3] as number) | (1 << (row & 7))
      }
      known = { rows, bits }
      this.#nulls.set(name, known)
    }
    return known.bits
  }

  #price(word: number): number {
    return priceOf(this.#pools.prices, word)
  }

  #expires(n: number, base: number): number {
    const time = this.timeOf(n)
    return time + 1 + range(draw(base, 6), Math.max(2 * (this.timeOf(n + AUCTION_EVENTS) - time), 1))
  }

  /** A piece of the words without the blanks at its ends. */
  #word(base: number, k: number, max: number): number {
    const { words } = this.#pools
    let length = 3 + range(draw(base, k), max - 3)
    let offset = range(draw(base, k + 1), POOL_SIZE - length)
    while (length > 0 && words[offset] === 32) {
      offset++
      length--
    }
    while (length > 0 && words[offset + length - 1] === 32) length--
    return piece(offset, length)
  }

  #name(base: number): number {
    return range(draw(base, 1), this.#pools.firstNames) * this.#pools.lastNames + range(draw(base, 2), this.#pools.lastNames)
  }

  /** Bytes of a person's five texts. */
  #personBytes(base: number): number {
    const { names, cities, states } = this.#pools
    const email = lengthOf(this.#word(base, 11, 7)) + lengthOf(this.#word(base, 13, 5)) + 5
    const lengths = [names.lengths[this.#name(base)], cities.lengths[city(base)], states.lengths[state(base)]]
    return email + CARD_BYTES + lengths.reduce<number>((sum, length) => sum + (length ?? 0), 0)
  }

  #writeEmail(base: number, into: ByteList): void {
    const { words } = this.#pools
    const [user, host] = [this.#word(base, 11, 7), this.#word(base, 13, 5)]
    into.add(words, offsetOf(user), lengthOf(user))
    into.addByte(0x40)
    into.add(words, offsetOf(host), lengthOf(host))
    into.add(DOT_COM, 0, DOT_COM.length)
  }

  /** Texts that lie in a pool: `at` gives a `piece`. */
  #pieces(type: LogicalType, nulls: Uint8Array, rows: number, each: EachEvent, bytes: Uint8Array, at: (base: number) => number): Vector {
    const offsets = int32Lanes(rows)
    const lengths = int32Lanes(rows)
    each((row, base) => {
      const found = at(base)
      offsets[row] = offsetOf(found)
      lengths[row] = lengthOf(found)
    })
    return { kind: 'utf8', type, nulls, offsets, lengths, bytes }
  }
}

/** Offset and length of a text in one number: lengths are below 1024. */
function piece(offset: number, length: number): number {
  return offset * 1024 + length
}
function offsetOf(of: number): number {
  return of >>> 10
}
function lengthOf(of: number): number {
  return of & 1023
}

const DOT_COM = new TextEncoder().encode('.com')
const CARD_BYTES = 19

function city(base: number): number {
  return range(draw(base, 7), 10)
}
function state(base: number): number {
  return range(draw(base, 8), 6)
}

/** Fills an event up to about so many bytes. */
function extra(base: number, desired: number): number {
  if (desired < 0) return piece(0, 0)
  const delta = Math.floor((2 * desired + 5) / 10)
  const length = desired - delta + (delta === 0 ? 0 : range(draw(base, 9), 2 * delta))
  return piece(range(draw(base, 10), POOL_SIZE - length), length)
}

/** One of the people active lately, or of the next ones. */
function coldPerson(epoch: number, word: number): number {
  const active = Math.min(epoch + 1, ACTIVE_PEOPLE)
  return epoch + 1 - active + range(word, active + ID_LEAD)
}

function seller(base: number, epoch: number): number {
  const hot = range(draw(base, 1), 4) > 0
  return FIRST_ID + (hot ? HOT_DISTANCE * Math.floor(epoch / HOT_DISTANCE) : coldPerson(epoch, draw(base, 2)))
}

function writeCreditCard(base: number, into: ByteList): void {
  for (let k = 3; k <= 6; k++) {
    if (k > 3) into.addByte(32)
    const group = range(draw(base, k), 10_000)
    for (let unit = 1000; unit >= 1; unit /= 10) into.addByte(48 + (Math.floor(group / unit) % 10))
  }
}

function eventTypes(rows: number): Int32Array {
  const types = int32Lanes(rows)
  for (let row = 0; row < rows; row++) {
    const offset = row % EPOCH
    types[row] = offset < AUCTIONS_FROM ? 0 : offset < BIDS_FROM ? 1 : 2
  }
  return types
}

/** Safe integers, without a bigint. */
function integers(
  type: LogicalType,
  nulls: Uint8Array,
  rows: number,
  each: EachEvent,
  value: (base: number, epoch: number, offset: number) => number,
): Vector {
  const values = int64Lanes(rows)
  const words = new Int32Array(values.buffer, values.byteOffset, 2 * rows)
  each((row, base, epoch) => {
    const number = value(base, epoch, row % EPOCH)
    words[2 * row] = number | 0
    words[2 * row + 1] = Math.floor(number / 4_294_967_296)
  })
  return { kind: 'int64', type, nulls, values }
}

function lanes(type: LogicalType, nulls: Uint8Array, rows: number, fill: (words: Int32Array) => void): Vector {
  const values = int64Lanes(rows)
  fill(new Int32Array(values.buffer, values.byteOffset, 2 * rows))
  return { kind: 'int64', type, nulls, values }
}

function texts(
  type: LogicalType,
  nulls: Uint8Array,
  rows: number,
  bytes: Uint8Array,
  fill: (offsets: Int32Array, lengths: Int32Array) => void,
): Vector {
  const offsets = int32Lanes(rows)
  const lengths = int32Lanes(rows)
  fill(offsets, lengths)
  return { kind: 'utf8', type, nulls, offsets, lengths, bytes }
}

/** Texts of a table. */
function chosen(
  type: LogicalType,
  nulls: Uint8Array,
  rows: number,
  each: EachEvent,
  table: TextTable,
  index: (base: number) => number,
): Vector {
  const offsets = int32Lanes(rows)
  const lengths = int32Lanes(rows)
  each((row, base) => {
    const text = index(base)
    offsets[row] = table.offsets[text] as number
    lengths[row] = table.lengths[text] as number
  })
  return { kind: 'utf8', type, nulls, offsets, lengths, bytes: table.bytes }
}

/** Texts put together byte by byte: the few columns of persons. */
function written(
  type: LogicalType,
  nulls: Uint8Array,
  rows: number,
  each: EachEvent,
  write: (base: number, into: ByteList) => void,
): Vector {
  const offsets = int32Lanes(rows)
  const lengths = int32Lanes(rows)
  const list = new ByteList(Math.ceil(rows / EPOCH) * 32)
  each((row, base) => {
    offsets[row] = list.length
    write(base, list)
    lengths[row] = list.length - (offsets[row] as number)
  })
  return { kind: 'utf8', type, nulls, offsets, lengths, bytes: list.bytes }
}

class ByteList {
  bytes: Uint8Array
  length = 0

  constructor(capacity: number) {
    this.bytes = byteLanes(capacity)
  }

  addByte(byte: number): void {
    this.bytes[this.length++] = byte
  }

  add(source: Uint8Array, from: number, count: number): void {
    for (let i = 0; i < count; i++) this.bytes[this.length++] = source[from + i] as number
  }
}
