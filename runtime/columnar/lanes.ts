/**
 * Typed arrays for the columns of batches, cut one after the other from larger buffers: an ArrayBuffer of its own for each column costs
 * more than filling it. All bytes are zero. An array keeps its whole slab alive, so a batch of a few rows that waits somewhere may hold
 * 64 KiB or two that no count of its bytes shows: these are for batches, which live briefly and wait in queues of a few (an exchange's hold
 * 8 a consumer), not for state. And an array's `buffer` belongs to others too, so it is never transferred.
 */

/** Below malloc's limit for memory of its own, whose pages would be faulted in anew each time. */
const SLAB_BYTES = 64 * 1024
/** What is larger gets a buffer of its own. */
const MAX_CUT_BYTES = SLAB_BYTES / 4

let slab = new ArrayBuffer(0)
let used = 0

/** Offset of `bytes` free bytes in `slab`, at a multiple of 8. */
function cut(bytes: number): number {
  if (bytes > slab.byteLength - used) {
    slab = new ArrayBuffer(SLAB_BYTES)
    used = 0
  }
  const offset = used
  used += (bytes + 7) & ~7
  return offset
}

export function int64Lanes(length: number): BigInt64Array {
  if (length * 8 > MAX_CUT_BYTES) return new BigInt64Array(length)
  const offset = cut(length * 8)
  return new BigInt64Array(slab, offset, length)
}

export function float64Lanes(length: number): Float64Array {
  if (length * 8 > MAX_CUT_BYTES) return new Float64Array(length)
  const offset = cut(length * 8)
  return new Float64Array(slab, offset, length)
}

export function int32Lanes(length: number): Int32Array {
  if (length * 4 > MAX_CUT_BYTES) return new Int32Array(length)
  const offset = cut(length * 4)
  return new Int32Array(slab, offset, length)
}

export function byteLanes(length: number): Uint8Array {
  if (length > MAX_CUT_BYTES) return new Uint8Array(length)
  const offset = cut(length)
  return new Uint8Array(slab, offset, length)
}
