/**
 * Copies of a few bytes. A loop over words of a DataView is twice as fast as one over bytes, and both are faster than making the two views
 * that `set` needs, up to some hundred bytes.
 */

/** From here on `set` is faster. */
const LONG = 256

/** The array copied from last, and a view of it: rows of a batch come one after the other. */
let source: Uint8Array = new Uint8Array(0)
let sourceView: DataView = new DataView(source.buffer)

/** Copies from[start, end) to `to[at …]`, which has room; `view` is of `to`. The two do not overlap. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, view: DataView, at: number): void {
  const length = end - start
  if (length > LONG) return to.set(from.subarray(start, end), at)
  let i = 0
  if (length >= 8) {
    if (from !== source) {
      source = from
      sourceView = viewOf(from)
    }
    const words = sourceView
    for (; i + 4 <= length; i += 4) view.setInt32(at + i, words.getInt32(start + i, true), true)
  }
  for (; i < length; i++) to[at + i] = from[start + i] as number
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
