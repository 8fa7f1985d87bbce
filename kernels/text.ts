// Kernels over texts in linear memory: row i is source[offsets[i], offsets[i] + lengths[i]). The caller lays everything out and leaves 16
// bytes behind every region, which loads may read and stores may overwrite. `source` may be given less an offset that all rows have.

/** Copies the texts one after the other to `target`; returns how many bytes. */
export function gather(source: usize, offsets: usize, lengths: usize, count: i32, target: usize): i32 {
  let to = target
  for (let i: i32 = 0; i < count; i++) {
    const from = source + <usize>load<i32>(offsets + (<usize>i << 2))
    const length = <usize>load<i32>(lengths + (<usize>i << 2))
    for (let at: usize = 0; at < length; at += 16) v128.store(to + at, v128.load(from + at))
    to += length
  }
  return <i32>(to - target)
}

/** Murmur3's step. */
@inline
function mixWord(hash: i32, word: i32): i32 {
  return rotl<i32>(hash ^ (rotl<i32>(word * 0xcc9e2d51, 15) * 0x1b873593), 13) * 5 + 0xe6546b64
}

/** Mixes each text, four bytes at a time and then its length, into the row's hash. A length of -1 stands for NULL. */
export function hash(source: usize, offsets: usize, lengths: usize, hashes: usize, count: i32, nullWord: i32): void {
  for (let i: i32 = 0; i < count; i++) {
    const length = load<i32>(lengths + (<usize>i << 2))
    let mixed = load<i32>(hashes + (<usize>i << 2))
    if (length < 0) mixed = mixWord(mixed, nullWord)
    else {
      let at = source + <usize>load<i32>(offsets + (<usize>i << 2))
      const rest = length & 3
      for (const words = at + <usize>(length - rest); at < words; at += 4) mixed = mixWord(mixed, load<i32>(at))
      if (rest !== 0) mixed = mixWord(mixed, load<i32>(at) & ((1 << (rest << 3)) - 1))
      mixed = mixWord(mixed, length)
    }
    store<i32>(hashes + (<usize>i << 2), mixed)
  }
}

/**
 * out[i] = 1 where the text holds the needle, else 0. Blocks of 16 places are looked at for its first and its last byte.
 * The needle has at least 1 byte.
 */
export function contains(source: usize, offsets: usize, lengths: usize, count: i32, needle: usize, size: i32, out: usize): void {
  const first = v128.splat<u8>(load<u8>(needle))
  const last = v128.splat<u8>(load<u8>(needle + <usize>(size - 1)))
  for (let i: i32 = 0; i < count; i++) {
    const from = source + <usize>load<i32>(offsets + (<usize>i << 2))
    const places = load<i32>(lengths + (<usize>i << 2)) - size + 1
    let found: u8 = 0
    for (let place: i32 = 0; place < places && found === 0; place += 16) {
      const at = from + <usize>place
      let hits = i8x16.bitmask(
        v128.and(i8x16.eq(v128.load(at), first), i8x16.eq(v128.load(at + <usize>(size - 1)), last)),
      )
      if (places - place < 16) hits &= (1 << (places - place)) - 1
      while (hits !== 0) {
        const hit = at + <usize>ctz<i32>(hits)
        if (memory.compare(hit, needle, <usize>size) === 0) {
          found = 1
          break
        }
        hits &= hits - 1
      }
    }
    store<u8>(out + <usize>i, found)
  }
}
