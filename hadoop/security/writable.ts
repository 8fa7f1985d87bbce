/**
 * Hadoop's Writable primitives, as used in credentials files and token texts.
 *
 * vint, first byte signed: -112..127 the value itself; -113..-120 positive, (-112 - b) big-endian bytes follow; -121..-128
 * negative, (-120 - b) bytes follow that hold the one's complement. Text = vint length + UTF-8; byte[] = vint length + bytes.
 */
import { defineError } from '#core/errors/define-error.js'

export const MalformedWritable = defineError('HADOOP_MALFORMED_WRITABLE', {
  recovery: 'none',
  message: (c: { what: string; problem: string }) => `${c.what} cannot be read: ${c.problem}`,
})

export class WritableReader {
  readonly #bytes: Buffer
  readonly #what: string
  #at: number

  /** `what` names the source in errors. */
  constructor(bytes: Uint8Array, what: string, offset = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#what = what
    this.#at = offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    return this.#take(1)[0]!
  }

  vlong(): bigint {
    const first = (this.byte() << 24) >> 24
    if (first >= -112) return BigInt(first)
    const negative = first < -120
    const count = negative ? -120 - first : -112 - first
    let value = 0n
    for (const byte of this.#take(count)) value = (value << 8n) | BigInt(byte)
    return BigInt.asIntN(64, negative ? ~value : value)
  }

  vint(): number {
    const value = this.vlong()
    if (value > 0x7fffffffn || value < -0x80000000n) this.fail(`${value} is no 32-bit number`)
    return Number(value)
  }

  /** A number of things to come, each of at least one byte: cannot exceed what is left. */
  count(): number {
    const value = this.vint()
    if (value < 0 || value > this.remaining) this.fail(`it announces ${value} entries with ${this.remaining} bytes left`)
    return value
  }

  bytes(): Buffer {
    const length = this.vint()
    if (length < 0 || length > this.remaining) this.fail(`it announces ${length} bytes with ${this.remaining} left`)
    return Buffer.from(this.#take(length))
  }

  text(): string {
    return this.bytes().toString('utf8')
  }

  fail(problem: string): never {
    throw new MalformedWritable({ what: this.#what, problem })
  }

  #take(count: number): Buffer {
    if (count > this.remaining) this.fail('it ends too early')
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }
}

export function vlongBytes(value: number | bigint): Buffer {
  const number = BigInt(value)
  if (number >= -112n && number <= 127n) return Buffer.from([Number(number) & 0xff])
  const negative = number < 0n
  let rest = negative ? ~number : number
  const bytes: number[] = []
  while (rest > 0n) {
    bytes.unshift(Number(rest & 0xffn))
    rest >>= 8n
  }
  return Buffer.from([((negative ? -120 : -112) - bytes.length) & 0xff, ...bytes])
}

export function writableBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([vlongBytes(bytes.length), bytes])
}

export function writableText(text: string): Buffer {
  return writableBytes(Buffer.from(text, 'utf8'))
}
