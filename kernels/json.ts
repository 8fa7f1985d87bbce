// Kernels over rows of JSON text, one object a line, in linear memory. `program` says what a row looks like, an entry of ENTRY bytes for each
// key in the order of the text; runtime/formats/json/row-kernel.ts writes it. The caller leaves 32 zero bytes behind the text.

/** Words of an entry; the last is counted here. */
const KEY_AT: usize = 0 // `"name"`, with 16 readable bytes behind it
const KEY_LENGTH: usize = 4
const KIND: usize = 8
const VALUES: usize = 12 // by row: the value; of texts: where it begins in TEXT
const LENGTHS: usize = 16 // by row: bytes of a text
const NULLS: usize = 20 // by row: 1 where there is null
const TEXT: usize = 24 // texts one after the other
const NULL_COUNT: usize = 28 // rows that were null, perhaps one more than there are
const ENTRY: usize = 32

const SKIPPED = 0
const INT = 1
const BIGINT = 2
const DOUBLE = 3
const STRING = 4
const BOOLEAN = 5
const DATE = 6
/** + 1: behind a T, not a blank; + 2: with a Z. */
const TIMESTAMP = 8

const QUOTE: u8 = 34
const COMMA: u8 = 44
const DASH: u8 = 45
const DOT: u8 = 46
const COLON: u8 = 58
const BACKSLASH: u8 = 92
const NEWLINE: u8 = 10
const BLANK: u8 = 32

const TRUE: u32 = 0x65757274
const ALSE: u32 = 0x65736c61
const NULL: u32 = 0x6c6c756e

const MS_PER_DAY: i64 = 86_400_000
/** Every number of so many digits is exact as a double. */
const SAFE_DIGITS: usize = 15
/** … as an i64. */
const LONG_DIGITS: usize = 18

const POWERS: StaticArray<f64> = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15]
const DAYS_OF_MONTH: StaticArray<u8> = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

@inline
function digitAt(at: usize): u32 {
  return <u32>load<u8>(at) - 48
}

/** Two digits; 100 and more: they are not. */
@inline
function twoDigits(at: usize): u32 {
  const tens = digitAt(at)
  const ones = digitAt(at + 1)
  return tens > 9 || ones > 9 ? 100 : tens * 10 + ones
}

const NO_DATE: i32 = i32.MIN_VALUE

/** Days since 1970-01-01 of `2024-01-02`, or NO_DATE. */
function dateAt(at: usize): i32 {
  const century = twoDigits(at)
  const yearOfCentury = twoDigits(at + 2)
  const month = twoDigits(at + 5)
  const day = twoDigits(at + 8)
  if (century > 99 || yearOfCentury > 99 || load<u8>(at + 4) !== DASH || load<u8>(at + 7) !== DASH) return NO_DATE
  if (month < 1 || month > 12 || day < 1) return NO_DATE
  const year = <i32>(century * 100 + yearOfCentury)
  const leap = (year & 3) === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (day > <u32>unchecked(DAYS_OF_MONTH[month]) + (month === 2 && leap ? 1 : 0)) return NO_DATE
  const y = month <= 2 ? year - 1 : year
  const era = (y >= 0 ? y : y - 399) / 400
  const yearOfEra = y - era * 400
  const shifted = <i32>month + (month > 2 ? -3 : 9)
  const dayOfYear = (153 * shifted + 2) / 5 + <i32>day - 1
  return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
}

/** The milliseconds of the timestamp that timestampEnd found. */
let millis: i64 = 0

/** Behind `2024-01-02 03:04:05.678901234`, or 0. */
function timestampEnd(start: usize, kind: i32): usize {
  const days = dateAt(start)
  if (days === NO_DATE || load<u8>(start + 10) !== ((kind & 1) !== 0 ? 84 : BLANK)) return 0
  const hour = twoDigits(start + 11)
  const minute = twoDigits(start + 14)
  const second = twoDigits(start + 17)
  if (hour > 23 || minute > 59 || second > 59 || load<u8>(start + 13) !== COLON || load<u8>(start + 16) !== COLON) return 0
  let fraction: u32 = 0
  let at = start + 19
  if (load<u8>(at) === DOT) {
    const from = ++at
    let factor: u32 = 100
    for (; at - from < 9; at++) {
      const digit = digitAt(at)
      if (digit > 9) break
      fraction += digit * factor
      factor = factor > 1 ? factor / 10 : 0
    }
    if (at === from) return 0
  }
  if ((kind & 2) !== 0) {
    if (load<u8>(at) !== 90) return 0
    at++
  }
  millis = <i64>days * MS_PER_DAY + <i64>(((hour * 60 + minute) * 60 + second) * 1000 + fraction)
  return at
}

@inline
function digitsEnd(at: usize): usize {
  while (digitAt(at) <= 9) at++
  return at
}

/** Copies the text at `from` up to its quote to `to`; returns where the quote is, or 0: there is an escape in it, or no quote. */
@inline
function copyPlain(from: usize, end: usize, to: usize): usize {
  const quote = v128.splat<u8>(QUOTE)
  const backslash = v128.splat<u8>(BACKSLASH)
  const newline = v128.splat<u8>(NEWLINE)
  for (let at = from; at < end; at += 16) {
    const block = v128.load(at)
    v128.store(to + (at - from), block)
    const stops = i8x16.bitmask(v128.or(v128.or(i8x16.eq(block, quote), i8x16.eq(block, backslash)), i8x16.eq(block, newline)))
    if (stops !== 0) {
      const stop = at + <usize>ctz<i32>(stops)
      return stop < end && load<u8>(stop) === QUOTE ? stop : 0
    }
  }
  return 0
}

/** Behind a text without escapes, a number or a word; 0: it is something else. */
function scalarEnd(start: usize, end: usize): usize {
  let at = start
  const first = load<u8>(at)
  if (first === QUOTE) {
    for (at++; at < end; at++) {
      const byte = load<u8>(at)
      if (byte === QUOTE) return at + 1
      if (byte === BACKSLASH || byte === NEWLINE) return 0
    }
    return 0
  }
  const word = load<u32>(at)
  if (word === NULL || word === TRUE) return at + 4
  if (first === 102 && load<u32>(at + 1) === ALSE) return at + 5
  if (first === DASH) at++
  const from = at
  at = digitsEnd(at)
  if (at === from || (at - from > 1 && load<u8>(from) === 48)) return 0
  if (load<u8>(at) === DOT) {
    const point = at + 1
    at = digitsEnd(point)
    if (at === point) return 0
  }
  if ((load<u8>(at) | 32) === 101) {
    at++
    const sign = load<u8>(at)
    if (sign === 43 || sign === DASH) at++
    const exponent = at
    at = digitsEnd(at)
    if (at === exponent) return 0
  }
  return at
}

@inline
function sameBytes(a: usize, b: usize, length: usize): bool {
  if (length <= 16) {
    const differ = ~i8x16.bitmask(i8x16.eq(v128.load(a), v128.load(b)))
    return (differ & ((1 << <i32>length) - 1)) === 0
  }
  return memory.compare(a, b, length) === 0
}

/** Reads the value at `at` into row `row`; returns where it ends, or 0: it is not in the plain form of its kind. */
@inline
function readValue(entry: usize, at: usize, end: usize, row: usize): usize {
  const kind = load<i32>(entry, KIND)
  if (kind === SKIPPED) return scalarEnd(at, end)
  const values = load<usize>(entry, VALUES)
  const isNull = load<u32>(at) === NULL
  store<u8>(load<usize>(entry, NULLS) + row, isNull ? 1 : 0)
  if (isNull) {
    store<i32>(entry, load<i32>(entry, NULL_COUNT) + 1, NULL_COUNT)
    if (kind === INT || kind === DATE) store<i32>(values + (row << 2), 0)
    else if (kind === BOOLEAN) store<u8>(values + row, 0)
    else if (kind === STRING) {
      store<i32>(values + (row << 2), textUsed(entry, row))
      store<i32>(load<usize>(entry, LENGTHS) + (row << 2), 0)
    } else store<i64>(values + (row << 3), 0)
    return at + 4
  }
  if (kind === STRING) {
    if (load<u8>(at) !== QUOTE) return 0
    const used = textUsed(entry, row)
    const stop = copyPlain(at + 1, end, load<usize>(entry, TEXT) + <usize>used)
    if (stop === 0) return 0
    store<i32>(values + (row << 2), used)
    store<i32>(load<usize>(entry, LENGTHS) + (row << 2), <i32>(stop - at - 1))
    return stop + 1
  }
  if (kind <= DOUBLE) {
    const negative = load<u8>(at) === DASH
    const from = negative ? at + 1 : at
    let value: i64 = 0
    at = from
    for (let digit = digitAt(at); digit <= 9; digit = digitAt(++at)) value = value * 10 + <i64>digit
    const digits = at - from
    if (digits === 0 || digits > LONG_DIGITS || (digits > 1 && load<u8>(from) === 48)) return 0
    if (kind === INT) {
      if (value > 0x7fffffff) return 0
      store<i32>(values + (row << 2), <i32>(negative ? -value : value))
      return at
    }
    if (kind === BIGINT) {
      store<i64>(values + (row << 3), negative ? -value : value)
      return at
    }
    if (digits > SAFE_DIGITS) return 0
    let places: usize = 0
    if (load<u8>(at) === DOT) {
      const point = ++at
      for (let digit = digitAt(at); digit <= 9; digit = digitAt(++at)) {
        if (digits + (at - point) >= SAFE_DIGITS) return 0
        value = value * 10 + <i64>digit
      }
      places = at - point
      if (places === 0) return 0
    }
    const magnitude = <f64>value / unchecked(POWERS[<i32>places])
    store<f64>(values + (row << 3), negative ? -magnitude : magnitude)
    return at
  }
  if (kind === BOOLEAN) {
    const yes = load<u32>(at) === TRUE
    if (!yes && (load<u8>(at) !== 102 || load<u32>(at + 1) !== ALSE)) return 0
    store<u8>(values + row, yes ? 1 : 0)
    return at + (yes ? 4 : 5)
  }
  if (load<u8>(at) !== QUOTE) return 0
  at++
  if (kind === DATE) {
    const days = dateAt(at)
    if (days === NO_DATE) return 0
    store<i32>(values + (row << 2), days)
    at += 10
  } else {
    at = timestampEnd(at, kind)
    if (at === 0) return 0
    store<i64>(values + (row << 3), millis)
  }
  return load<u8>(at) === QUOTE ? at + 1 : 0
}

/** Bytes in TEXT before that row. */
@inline
function textUsed(entry: usize, row: usize): i32 {
  if (row === 0) return 0
  const last = (row - 1) << 2
  return load<i32>(load<usize>(entry, VALUES) + last) + load<i32>(load<usize>(entry, LENGTHS) + last)
}

/** Behind the row's newline, or 0. */
@inline
function readRow(program: usize, entries: usize, start: usize, end: usize, row: usize): usize {
  if (load<u8>(start) !== 123) return 0
  let at = start + 1
  for (let entry = program; entry < entries; entry += ENTRY) {
    const length = load<usize>(entry, KEY_LENGTH)
    // Comma, blank, key, colon, blank and the first byte of the value.
    if (at + length + 5 > end) return 0
    if (entry !== program) {
      if (load<u8>(at) !== COMMA) return 0
      at++
      if (load<u8>(at) === BLANK) at++
    }
    if (!sameBytes(at, load<usize>(entry, KEY_AT), length)) return 0
    at += length
    if (load<u8>(at) !== COLON) return 0
    at++
    if (load<u8>(at) === BLANK) at++
    at = readValue(entry, at, end, row)
    if (at === 0) return 0
  }
  if (load<u8>(at) !== 125) return 0
  at++
  if (load<u8>(at) === 13) at++
  return at < end && load<u8>(at) === NEWLINE ? at + 1 : 0
}

/**
 * Reads rows from `source` on, at most `most` and up to the first one that does not look as the program says; returns how many. `behind`
 * gets where the last one ends.
 */
export function decode(program: usize, keys: i32, source: usize, end: usize, most: i32, behind: usize): i32 {
  const entries = program + <usize>keys * ENTRY
  for (let entry = program; entry < entries; entry += ENTRY) store<i32>(entry, 0, NULL_COUNT)
  let at = source
  let row: i32 = 0
  while (row < most && at < end) {
    const next = readRow(program, entries, at, end, <usize>row)
    if (next === 0) break
    at = next
    row++
  }
  store<usize>(behind, at)
  return row
}

// --- writing ------------------------------------------------------------------------------------------------------------------
// An entry of the program for each column: the key is `"name":`, TEXT is what the places of texts in VALUES are relative to, NULLS is 0
// where nothing is null.

/** A text that is written as it is. */
const RAW = 7

/** Days of 0000-01-01 and of 10000-01-01: years of four digits. */
const FIRST_DAY: i64 = -719_528
const END_DAY: i64 = 2_932_897

/** Second character of the short escapes, from 8 on. */
const SHORT_ESCAPES: StaticArray<u8> = [98, 116, 110, 0, 102, 114]

@inline
function hexDigit(value: u32): u8 {
  return <u8>(value < 10 ? 48 + value : 55 + value)
}

/** `"text"` with the escapes of Jackson. */
@inline
function writeText(out: usize, from: usize, length: i32): usize {
  store<u8>(out++, QUOTE)
  const quote = v128.splat<u8>(QUOTE)
  const backslash = v128.splat<u8>(BACKSLASH)
  const blank = v128.splat<u8>(BLANK)
  let at = from
  const end = from + <usize>length
  while (at < end) {
    const block = v128.load(at)
    v128.store(out, block)
    const rest = <i32>(end - at)
    const taken = min(rest, 16)
    let special = i8x16.bitmask(v128.or(v128.or(i8x16.eq(block, quote), i8x16.eq(block, backslash)), i8x16.lt_u(block, blank)))
    special &= (1 << taken) - 1
    if (special === 0) {
      at += <usize>taken
      out += <usize>taken
      continue
    }
    const plain = <usize>ctz<i32>(special)
    const byte = <u32>load<u8>(at + plain)
    at += plain + 1
    out += plain
    store<u8>(out, BACKSLASH)
    const short = byte >= 32 ? <u8>byte : byte >= 8 && byte <= 13 ? unchecked(SHORT_ESCAPES[byte - 8]) : 0
    if (short !== 0) {
      store<u8>(out + 1, short)
      out += 2
    } else {
      store<u32>(out + 1, 0x30303075)
      store<u8>(out + 4, hexDigit(byte >> 4))
      store<u8>(out + 5, hexDigit(byte & 15))
      out += 6
    }
  }
  store<u8>(out, QUOTE)
  return out + 1
}

/** `value` with leading zeros, `width` digits. */
@inline
function writePadded(out: usize, value: u32, width: usize): usize {
  let rest = value
  for (let at = out + width; at > out;) {
    const tens = rest / 10
    store<u8>(--at, <u8>(48 + rest - tens * 10))
    rest = tens
  }
  return out + width
}

@inline
function writeUnsigned(out: usize, value: u32): usize {
  let digits: usize = 1
  for (let bound: u64 = 10; digits < 10 && <u64>value >= bound; bound *= 10) digits++
  return writePadded(out, value, digits)
}

const BILLION: u64 = 1_000_000_000

function writeInteger(out: usize, value: i64): usize {
  let magnitude = <u64>value
  if (value < 0) {
    store<u8>(out++, DASH)
    magnitude = 0 - magnitude
  }
  if (magnitude < BILLION) return writeUnsigned(out, <u32>magnitude)
  const high = magnitude / BILLION
  const low = <u32>(magnitude - high * BILLION)
  if (high < BILLION) return writePadded(writeUnsigned(out, <u32>high), low, 9)
  const highest = high / BILLION
  return writePadded(writePadded(writeUnsigned(out, <u32>highest), <u32>(high - highest * BILLION), 9), low, 9)
}

/** A double that is a whole number of ten thousandths, 0 or from 10^-3 below 10^7, as Java writes it. */
function writeShortDouble(out: usize, value: f64): usize {
  if (value < 0) store<u8>(out++, DASH)
  const scaled = <i64>nearest(abs(value) * 10_000)
  const whole = scaled / 10_000
  out = writeUnsigned(out, <u32>whole)
  store<u8>(out++, DOT)
  return writeFraction(out, <u32>(scaled - whole * 10_000), 4)
}

/** Without trailing zeros, one digit at least. */
@inline
function writeFraction(out: usize, fraction: u32, places: usize): usize {
  let rest = fraction
  let width = places
  while (width > 1 && rest % 10 === 0) {
    rest /= 10
    width--
  }
  return writePadded(out, rest, width)
}

let lastDay: i64 = i64.MIN_VALUE
let lastYear: u32 = 0
let lastMonth: u32 = 0
let lastDate: u32 = 0

/** `2024-01-02`, of a year from 0 to 9999. */
@inline
function writeDate(out: usize, days: i64): usize {
  if (days !== lastDay) {
    lastDay = days
    const shifted = <u32>(days + 719_468 + 146_097) // an era more: not negative
    const era = shifted / 146_097
    const dayOfEra = shifted - era * 146_097
    const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    const shiftedMonth = (5 * dayOfYear + 2) / 153
    lastDate = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    lastMonth = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    lastYear = yearOfEra + era * 400 - 400 + (lastMonth <= 2 ? 1 : 0)
  }
  out = writePadded(out, lastYear, 4)
  store<u8>(out, DASH)
  out = writePadded(out + 1, lastMonth, 2)
  store<u8>(out, DASH)
  return writePadded(out + 1, lastDate, 2)
}

/** `2024-01-02 03:04:05.6`, or 0: its year has not four digits. */
@inline
function writeTimestamp(out: usize, value: i64, kind: i32): usize {
  let days = value / MS_PER_DAY
  if (days * MS_PER_DAY > value) days--
  if (days < FIRST_DAY || days >= END_DAY) return 0
  out = writeDate(out, days)
  store<u8>(out, (kind & 1) !== 0 ? 84 : BLANK)
  const ofDay = <u32>(value - days * MS_PER_DAY)
  const seconds = ofDay / 1000
  const minutes = seconds / 60
  out = writePadded(out + 1, minutes / 60, 2)
  store<u8>(out, COLON)
  out = writePadded(out + 1, minutes % 60, 2)
  store<u8>(out, COLON)
  out = writePadded(out + 1, seconds % 60, 2)
  const fraction = ofDay - seconds * 1000
  if (fraction !== 0) {
    store<u8>(out, DOT)
    out = writeFraction(out + 1, fraction, 3)
  }
  if ((kind & 2) !== 0) store<u8>(out++, 90)
  return out
}

@inline
function copy(out: usize, from: usize, length: usize): usize {
  for (let at: usize = 0; at < length; at += 16) v128.store(out + at, v128.load(from + at))
  return out + length
}

/** Behind the value of a row that is not null, or 0. */
@inline
function writeValue(out: usize, entry: usize, row: usize): usize {
  const kind = load<i32>(entry, KIND)
  const values = load<usize>(entry, VALUES)
  if (kind === STRING || kind === RAW) {
    const from = load<usize>(entry, TEXT) + <usize>load<i32>(values + (row << 2))
    const length = load<i32>(load<usize>(entry, LENGTHS) + (row << 2))
    return kind === STRING ? writeText(out, from, length) : copy(out, from, <usize>length)
  }
  if (kind === INT) return writeInteger(out, <i64>load<i32>(values + (row << 2)))
  if (kind === BIGINT) return writeInteger(out, load<i64>(values + (row << 3)))
  if (kind === DOUBLE) return writeShortDouble(out, load<f64>(values + (row << 3)))
  if (kind === BOOLEAN) {
    if (load<u8>(values + row) !== 0) {
      store<u32>(out, TRUE)
      return out + 4
    }
    store<u8>(out, 102)
    store<u32>(out + 1, ALSE)
    return out + 5
  }
  store<u8>(out++, QUOTE)
  if (kind === DATE) {
    const days = <i64>load<i32>(values + (row << 2))
    if (days < FIRST_DAY || days >= END_DAY) return 0
    out = writeDate(out, days)
  } else {
    out = writeTimestamp(out, load<i64>(values + (row << 3)), kind)
    if (out === 0) return 0
  }
  store<u8>(out, QUOTE)
  return out + 1
}

/** Writes rows to `target`; returns where they end, or 0: one has a date whose year has not four digits. */
export function encode(program: usize, columns: i32, rows: i32, leaveOutNulls: bool, target: usize): usize {
  const entries = program + <usize>columns * ENTRY
  let out = target
  for (let row: usize = 0; row < <usize>rows; row++) {
    let begun = false
    store<u8>(out++, 123)
    for (let entry = program; entry < entries; entry += ENTRY) {
      const nulls = load<usize>(entry, NULLS)
      const isNull = nulls !== 0 && load<u8>(nulls + row) !== 0
      if (isNull && leaveOutNulls) continue
      if (begun) store<u8>(out++, COMMA)
      begun = true
      out = copy(out, load<usize>(entry, KEY_AT), load<usize>(entry, KEY_LENGTH))
      if (isNull) {
        store<u32>(out, NULL)
        out += 4
      } else {
        out = writeValue(out, entry, row)
        if (out === 0) return 0
      }
    }
    store<u16>(out, 0x0a7d)
    out += 2
  }
  return out
}

/** From here on memory is the caller's. */
export function base(): usize {
  return __heap_base
}
