/**
 * Lookups of keys of one fixed-width column, which lie in the index itself: one cache line a row.
 *
 *   slot   | hash | id + 1 | low word | high word |      id + 1 is 0: empty; a key of one word has 0 as its high word
 *
 * NULL has the words 0, 0 and a hash that no other key with these words has. A loop returns to its driver at a key that is not there,
 * so that its arrays stay in constants and nothing is called inside.
 */
export const WIDE_SLOT = 4

/**
 * Ids of rows `from` .. of 64-bit keys; stops behind the first row that has none. Returns the row after the last one looked up: that
 * row's `ids` entry is -1 - the word offset of the empty slot where it belongs, when it was not found.
 */
export function probeLong(
  index: Int32Array,
  mask: number,
  words: Int32Array,
  positions: Int32Array,
  from: number,
  count: number,
  hashes: Int32Array,
  ids: Int32Array,
): number {
  const wrap = index.length - 1
  for (let row = from; row < count; row++) {
    const word = 2 * (positions[row] as number)
    const low = words[word] as number
    const high = words[word + 1] as number
    const hash = hashes[row] as number
    let at = (hash & mask) * WIDE_SLOT
    for (;;) {
      const entry = index[at + 1] as number
      if (entry === 0) {
        ids[row] = -1 - at
        return row + 1
      }
      if (index[at + 2] === low && index[at + 3] === high && index[at] === hash) {
        ids[row] = entry - 1
        break
      }
      at = (at + WIDE_SLOT) & wrap
    }
  }
  return count
}

/** The same for keys of one word. */
export function probeInt(
  index: Int32Array,
  mask: number,
  words: Int32Array,
  positions: Int32Array,
  from: number,
  count: number,
  hashes: Int32Array,
  ids: Int32Array,
): number {
  const wrap = index.length - 1
  for (let row = from; row < count; row++) {
    const low = words[positions[row] as number] as number
    const hash = hashes[row] as number
    let at = (hash & mask) * WIDE_SLOT
    for (;;) {
      const entry = index[at + 1] as number
      if (entry === 0) {
        ids[row] = -1 - at
        return row + 1
      }
      if (index[at + 2] === low && index[at] === hash) {
        ids[row] = entry - 1
        break
      }
      at = (at + WIDE_SLOT) & wrap
    }
  }
  return count
}

/** Reads the slots that the lookups will read, in a loop so short that the processor fetches many at once. `ids` means nothing afterwards. */
export function readSlotsAhead(index: Int32Array, mask: number, count: number, hashes: Int32Array, ids: Int32Array): void {
  for (let row = 0; row < count; row++) ids[row] = index[((hashes[row] as number) & mask) * WIDE_SLOT] as number
}
