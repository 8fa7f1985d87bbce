/** Inputs that are almost right: parts of good ones with bits flipped, lengths forged, pieces cut out, doubled and put together. By seed, so that each can be had again. */

export interface Random {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
}

/** xorshift32: small, fast, and the same everywhere. */
export function seeded(seed: number): Random {
  // Neighbouring seeds have nothing in common (murmur3's last step).
  let state = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  state = state ^ (state >>> 16) || 1
  return {
    below(limit) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return (state >>> 0) % limit
    },
  }
}

const MAX_BYTES = 4096
/** What lengths, counts and tags are broken with: ends of ranges, long varints. */
const PIECES: readonly Buffer[] = [
  ...[
    '00',
    'ff',
    '7f',
    '80',
    '01',
    '0a',
    '8001',
    'ffffffff0f',
    'ffffffffffffffffff01',
    '80808080808080808000',
    '7fffffff',
    'ffffffff',
    '80000000',
  ],
  ...['0b', '0c', '8f', '87', '88ffffffffffffffff', 'efbfbd', 'c3', 'ed a0 80'.replaceAll(' ', '')],
].map((hex) => Buffer.from(hex, 'hex'))

export function mutated(corpus: readonly Buffer[], random: Random): Buffer {
  if (random.below(20) === 0) return Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256)))
  let bytes: Buffer = Buffer.from(corpus[random.below(corpus.length)]!)
  for (let changes = random.below(6); changes > 0; changes--) bytes = changed(bytes, corpus, random)
  return bytes.subarray(0, MAX_BYTES)
}

function changed(bytes: Buffer, corpus: readonly Buffer[], random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  const length = random.below(Math.min(64, bytes.length - at) + 1)
  switch (random.below(7)) {
    case 0: {
      if (at < bytes.length) bytes[at]! ^= 1 << random.below(8)
      return bytes
    }
    case 1:
      return Buffer.concat([bytes.subarray(0, at), PIECES[random.below(PIECES.length)]!, bytes.subarray(at)])
    case 2: {
      const piece = PIECES[random.below(PIECES.length)]!
      return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + piece.length)])
    }
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 4:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]).subarray(0, MAX_BYTES)
    case 5: {
      const other = corpus[random.below(corpus.length)]!
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.below(other.length + 1))])
    }
    default:
      return bytes.subarray(0, at)
  }
}

/** The same for texts: pieces of their language go in and out. */
export function mutatedText(corpus: readonly string[], pieces: readonly string[], random: Random): string {
  let text = corpus[random.below(corpus.length)]!
  for (let changes = random.below(6); changes > 0; changes--) {
    const at = random.below(text.length + 1)
    const piece = random.below(8) === 0 ? String.fromCharCode(random.below(0x10000)) : pieces[random.below(pieces.length)]!
    const cut = random.below(2) === 0 ? 0 : random.below(Math.min(30, text.length - at) + 1)
    text = (text.slice(0, at) + (random.below(4) === 0 ? '' : piece) + text.slice(at + cut)).slice(0, MAX_BYTES)
  }
  return text
}
