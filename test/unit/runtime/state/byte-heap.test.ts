import { expect } from 'chai'
import fc from 'fast-check'
import { ByteHeap } from '#runtime/state/byte-heap.js'

function bytesOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + seed
  return bytes
}

function read(heap: ByteHeap, ref: number, length: number): Uint8Array {
  const target = new Uint8Array(length + 2)
  heap.copyTo(ref, length, target, 1)
  return target.subarray(1, length + 1)
}

describe('ByteHeap', () => {
  it('keeps every string while others come and go', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(fc.nat(20), fc.nat(700), fc.constant(0), fc.nat(40_000)), fc.nat(3)), { maxLength: 60 }),
        (steps) => {
          const heap = new ByteHeap()
          const held: { ref: number; bytes: Uint8Array }[] = []
          let live = 0
          steps.forEach(([length, choice], i) => {
            if (choice === 0 && held.length > 0) {
              const { ref, bytes } = held.splice((i * 7) % held.length, 1)[0] as (typeof held)[number]
              heap.free(ref, bytes.length)
              live -= bytes.length
            } else {
              const bytes = bytesOf(length, i)
              held.push({ ref: heap.store(padded(bytes), 2, length), bytes })
              live += length
            }
          })
          expect(heap.liveBytes).to.equal(live)
          for (const { ref, bytes } of held)
            expect(heap.equals(ref, bytes.length, padded(bytes), 2), `${bytes.length} bytes unchanged`).to.equal(true)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('gives back what was stored, over page ends and above a page', () => {
    const heap = new ByteHeap()
    const lengths = [0, 1, 7, 8, 9, 512, 513, 70_000, 1 << 20, (1 << 20) + 1, 3_000_000, 5]
    const refs = lengths.map((length, i) => heap.store(bytesOf(length, i), 0, length))
    lengths.forEach((length, i) =>
      expect(Buffer.compare(read(heap, refs[i] as number, length), bytesOf(length, i)), `${length} bytes`).to.equal(0),
    )
  })

  it('uses freed memory again', () => {
    const heap = new ByteHeap()
    const first = heap.store(bytesOf(100, 1), 0, 100)
    heap.store(bytesOf(100, 2), 0, 100)
    heap.free(first, 100)
    expect(heap.store(bytesOf(98, 3), 0, 98)).to.equal(first)
  })

  it('compares by bytes, the shorter first', () => {
    const heap = new ByteHeap()
    const text = (value: string): Buffer => Buffer.from(value)
    const ref = heap.store(text('abc'), 0, 3)
    const compare = (value: string): number => Math.sign(heap.compare(ref, 3, text(value), 0, Buffer.byteLength(value)))
    expect([compare('abc'), compare('ab'), compare('abcd'), compare('abd'), compare('é'), compare('')]).to.deep.equal([0, 1, -1, -1, -1, 1])
  })
})

function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + 4)
  result.set(bytes, 2)
  return result
}
