import { expect } from 'chai'
import fc from 'fast-check'
import { barrierOf } from '../checkpoint/one-slot.js'
import {
  BarrierPayloadSchema,
  decodeJson,
  decodeWatermark,
  encodeHeader,
  encodeJson,
  encodeWatermark,
  FrameDecoder,
  FrameType,
  HEADER_BYTES,
  HelloSchema,
  MAX_CONTROL_BYTES,
  MAX_DATA_BYTES,
  type Frame,
} from '#container/network/frame.js'

const bytesOf = (frames: readonly Frame[]) =>
  Buffer.concat(frames.flatMap((f) => [encodeHeader(f.type, f.channel, f.argument, f.payload.length), f.payload]))
const frame = (type: FrameType, channel: number, argument: number, payload: number[] = []): Frame => ({
  type,
  channel,
  argument,
  payload: Uint8Array.from(payload),
})

function decode(chunks: readonly Uint8Array[]): Frame[] {
  const decoder = new FrameDecoder({ peer: 'peer' })
  const frames: Frame[] = []
  for (const chunk of chunks) decoder.push(chunk, (each) => frames.push(each))
  return frames
}

describe('FrameDecoder', () => {
  const anyFrame = fc
    .record({
      type: fc.constantFrom(...Object.values(FrameType)),
      channel: fc.integer({ min: 0, max: 0xffff_ffff }),
      argument: fc.integer({ min: 1, max: 1000 }),
      payload: fc.uint8Array({ maxLength: 300 }),
    })
    .map(({ type, channel, argument, payload }) => frame(type, channel, argument, [...payload]))

  it('finds the frames again, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (frames, cuts) => {
        const bytes = bytesOf(frames)
        const chunks: Uint8Array[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length] as number
          chunks.push(bytes.subarray(at, at + size))
          at += size
        }
        expect(decode(chunks)).to.deep.equal(frames)
      }),
      { numRuns: 100 },
    )
  })

  it('gives every payload a buffer of its own, so that columns in it are aligned', () => {
    const [a, b] = decode([bytesOf([frame(FrameType.DATA, 1, 0, [1, 2, 3]), frame(FrameType.DATA, 2, 0, [4])])])
    for (const each of [a, b]) expect(each?.payload.byteOffset).to.equal(0)
    expect(a?.payload.buffer).to.not.equal(b?.payload.buffer)
  })

  it('refuses hostile heads before it takes memory for them', () => {
    const refused = (head: Buffer) =>
      expect(() => decode([head]))
        .to.throw()
        .with.property('code', 'NETWORK_PROTOCOL_VIOLATION')
    refused(encodeHeader(FrameType.DATA, 1, 0, MAX_DATA_BYTES + 1))
    refused(encodeHeader(FrameType.HELLO, 0, 1, MAX_CONTROL_BYTES + 1))
    refused(encodeHeader(99 as FrameType, 1, 0, 0))
    refused(encodeHeader(0 as FrameType, 1, 0, 0))
    refused(encodeHeader(FrameType.CREDIT, 1, 0, 0))
    refused(encodeHeader(FrameType.CREDIT, 1, 0xffff_ffff, 0))
    const short = Buffer.alloc(HEADER_BYTES)
    short.writeUInt32BE(3)
    short.writeUInt8(FrameType.END, 4)
    refused(short)
    const long = Buffer.alloc(HEADER_BYTES, 0xff)
    long.writeUInt8(FrameType.DATA, 4)
    refused(long)
  })

  it('survives any bytes: frames or a violation, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decode([bytes])
        } catch (error) {
          expect(error).to.have.property('code', 'NETWORK_PROTOCOL_VIOLATION')
        }
      }),
    )
  })
})

describe('frame payloads', () => {
  it('carries watermarks of any safe integer and refuses others', () => {
    for (const watermark of [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
      expect(decodeWatermark(encodeWatermark(watermark), 'peer')).to.equal(watermark)
    for (const payload of [new Uint8Array(7), encodeWatermark(0.5), encodeWatermark(NaN), encodeWatermark(Infinity)]) {
      expect(() => decodeWatermark(payload, 'peer'))
        .to.throw()
        .with.property('code', 'NETWORK_PROTOCOL_VIOLATION')
    }
  })

  it('carries barriers, and refuses what is none', () => {
    const barrier = barrierOf(5, { alignedTimeoutMs: 100 })
    expect(decodeJson(encodeJson(barrier), BarrierPayloadSchema, 'peer')).to.deep.equal(barrier)
    for (const hostile of [{}, { ...barrier, checkpointId: -1 }, { ...barrier, alignment: 'never' }]) {
      expect(() => decodeJson(encodeJson(hostile), BarrierPayloadSchema, 'peer'))
        .to.throw()
        .with.property('code', 'NETWORK_PROTOCOL_VIOLATION')
    }
  })

  it('checks JSON payloads against their schema', () => {
    for (const text of ['', '{', 'null', '{"resourceId":"","slotIndex":0}', '{"resourceId":"a","slotIndex":-1}', '\xff']) {
      expect(() => decodeJson(Buffer.from(text, 'latin1'), HelloSchema, 'peer'))
        .to.throw()
        .with.property('code', 'NETWORK_PROTOCOL_VIOLATION')
    }
  })
})
