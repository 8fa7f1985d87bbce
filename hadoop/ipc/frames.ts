/**
 * Framing of Hadoop RPC version 9. After seven opening bytes everything in both directions is a frame:
 *
 *   +----------------+--------------------------------+---------------------------+-----------------------------+
 *   | length int32 BE| delim(RpcRequestHeader)        | delim(RequestHeader)      | delim(request message)      |  call
 *   | length int32 BE| delim(RpcRequestHeader, -3)    | delim(IpcConnectionContext)                             |  connection context
 *   | length int32 BE| delim(RpcRequestHeader, -33)   | delim(RpcSasl)                                          |  SASL, wrapped data
 *   | length int32 BE| delim(RpcRequestHeader, -4)    |                                                         |  ping
 *   | length int32 BE| delim(RpcResponseHeader)       | delim(response message), only when SUCCESS              |  answer
 *   +----------------+--------------------------------+---------------------------------------------------------+
 *
 * `delim` = a varint of the length and the bytes. Opening: "hrpc", version 9, service class 0, 00 (no SASL) or DF (SASL).
 */
import { delimited, readDelimited } from '../proto/message.js'
import {
  CALL_ID,
  IpcConnectionContext,
  NO_RETRY,
  RequestHeader,
  RpcRequestHeader,
  RpcResponseHeader,
  RpcSasl,
} from '../proto/rpc-messages.js'
import type { InferInput } from '../proto/message.js'

export const RPC_VERSION = 9
/** `ipc.maximum.data.length` of a stock server; a limit for what we accept, too. */
export const MAX_FRAME_BYTES = 128 * 1024 * 1024

const NO_CLIENT = new Uint8Array(0)

export function openingBytes(sasl: boolean): Buffer {
  return Buffer.from([0x68, 0x72, 0x70, 0x63, RPC_VERSION, 0, sasl ? 0xdf : 0])
}

function frame(...parts: readonly Uint8Array[]): Buffer {
  const body = delimited(...parts)
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

function header(callId: number, clientId: Uint8Array, retryCount: number): Uint8Array {
  return RpcRequestHeader.encode({ rpcKind: 'PROTOCOL_BUFFER', rpcOp: 'FINAL_PACKET', callId, clientId, retryCount })
}

export function callFrame(call: {
  callId: number
  clientId: Uint8Array
  retryCount: number
  method: string
  protocol: string
  version: number
  request: Uint8Array
}): Buffer {
  const request = RequestHeader.encode({
    methodName: call.method,
    declaringClassProtocolName: call.protocol,
    clientProtocolVersion: BigInt(call.version),
  })
  return frame(header(call.callId, call.clientId, call.retryCount), request, call.request)
}

/** `userInfo` must be there even when empty (TOKEN). */
export function contextFrame(clientId: Uint8Array, context: InferInput<typeof IpcConnectionContext>): Buffer {
  return frame(header(CALL_ID.connectionContext, clientId, NO_RETRY), IpcConnectionContext.encode(context))
}

export function saslFrame(message: InferInput<typeof RpcSasl>): Buffer {
  return frame(header(CALL_ID.sasl, NO_CLIENT, NO_RETRY), RpcSasl.encode(message))
}

export function pingFrame(clientId: Uint8Array): Buffer {
  return frame(header(CALL_ID.ping, clientId, NO_RETRY))
}

export interface ResponseFrame {
  readonly header: RpcResponseHeader
  /** Signed again: negative ids are not calls. */
  readonly callId: number
  /** The message behind the header; undefined when there is none (errors). */
  readonly body: Uint8Array | undefined
}

/** @throws HADOOP_MALFORMED_MESSAGE */
export function readResponse(bytes: Uint8Array): ResponseFrame {
  const head = readDelimited(bytes, 0)
  const responseHeader = RpcResponseHeader.decode(head.bytes)
  const body = head.end < bytes.length ? readDelimited(bytes, head.end).bytes : undefined
  return { header: responseHeader, callId: responseHeader.callId | 0, body }
}

/** Cuts a stream of bytes into frames (without their length). */
export class FrameReader {
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #buffered = 0
  #received = 0

  constructor(maxBytes: number = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** @throws RangeError when a frame announces a length that is negative or above the limit */
  push(chunk: Uint8Array): Uint8Array[] {
    if (chunk.length > 0) this.#chunks.push(chunk)
    this.#buffered += chunk.length
    this.#received += chunk.length
    const frames: Uint8Array[] = []
    while (this.#buffered >= 4) {
      const length = this.#peekLength()
      if (length < 0 || length > this.#maxBytes) throw new RangeError(`it announced a message of ${length} bytes (limit ${this.#maxBytes})`)
      if (this.#buffered < 4 + length) break
      frames.push(this.#take(4 + length).subarray(4))
    }
    return frames
  }

  /** Bytes seen so far, and those not yet part of a whole frame. */
  get received(): number {
    return this.#received
  }
  get remainder(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  #peekLength(): number {
    // The length may be spread over chunks; joining a few bytes is rare and cheap.
    while (this.#chunks.length > 1 && this.#chunks[0]!.length < 4) this.#chunks.splice(0, 2, Buffer.concat(this.#chunks.slice(0, 2)))
    const first = this.#chunks[0]!
    return new DataView(first.buffer, first.byteOffset, 4).getInt32(0)
  }

  #take(count: number): Uint8Array {
    const parts: Uint8Array[] = []
    let missing = count
    while (missing > 0) {
      const chunk = this.#chunks[0]!
      if (chunk.length <= missing) {
        parts.push(chunk)
        this.#chunks.shift()
        missing -= chunk.length
      } else {
        parts.push(chunk.subarray(0, missing))
        this.#chunks[0] = chunk.subarray(missing)
        missing = 0
      }
    }
    this.#buffered -= count
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts, count)
  }
}

/**
 * Reads what a server answered that does not speak version 9.
 * @returns a sentence for the user, undefined when the bytes look like version 9
 */
export function explainForeignAnswer(bytes: Buffer): string | undefined {
  const text = bytes.subarray(0, 300).toString('latin1')
  if (/^HTTP\/1\.\d/.test(text)) return 'an HTTP server answers there: this is a web port, not an RPC port'
  if (/^SSH-/.test(text)) return 'an SSH server answers there'
  if (bytes.length >= 2 && bytes[0] === 0x15 && bytes[1] === 3) return 'a TLS server answers there: this is not an RPC port'
  const old = readOldFatal(bytes)
  if (old !== undefined) return `it is an older version of Hadoop: ${old}`
  if (/^[\x20-\x7e\r\n\t]{8,}/.test(text)) return `it answered with text: ${text.replace(/\s+/g, ' ').trim().slice(0, 200)}`
  return undefined
}

/** Before version 9: int32 call id -1, int32 status -1, then class and message, each behind an int32 length. */
function readOldFatal(bytes: Buffer): string | undefined {
  if (bytes.length < 12 || bytes.readInt32BE(0) !== -1 || bytes.readInt32BE(4) !== -1) return undefined
  const parts: string[] = []
  for (let offset = 8; offset + 4 <= bytes.length && parts.length < 2;) {
    const length = bytes.readInt32BE(offset)
    if (length < 0 || length > 65_536 || offset + 4 + length > bytes.length) break
    parts.push(bytes.toString('utf8', offset + 4, offset + 4 + length))
    offset += 4 + length
  }
  return parts.length === 2 ? parts[1]!.split('\n')[0]! : (parts[0] ?? 'no details')
}
