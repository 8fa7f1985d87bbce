/** How frames travel: as objects with transferred buffers between threads, as bytes in a TLS stream between processes. */
import type { MessagePort } from 'node:worker_threads'
import type { TLSSocket } from 'node:tls'
import { DataConnectionLost, ProtocolViolation } from './errors.js'
import { encodeHeader, FrameDecoder, frameProblem, NO_PAYLOAD, type Frame, type FrameType } from './frame.js'

export interface FrameTransport {
  /** Who is at the other end, for people. */
  readonly peer: string
  /** The payload's buffer belongs to the transport from then on. */
  send(type: FrameType, channel: number, argument: number, payload?: Uint8Array<ArrayBuffer>): void
  /** True while what was sent still waits in this process; `onDrain` tells when no more. */
  readonly congested: boolean
  /** Sets the one user of this transport. Frames that came before are kept for it. `onClose` comes once, unless closed from here. */
  start(user: TransportUser): void
  close(): void
}

export interface TransportUser {
  onFrame(frame: Frame): void
  onDrain(): void
  onClose(error: Error): void
}

export function portTransport(port: MessagePort, peer: string): FrameTransport {
  let closed = false
  return {
    peer,
    congested: false,
    send(type, channel, argument, payload = NO_PAYLOAD) {
      if (closed) return
      if (payload.length === 0) return port.postMessage({ type, channel, argument, payload: undefined })
      const whole = payload.byteLength === payload.buffer.byteLength ? payload : payload.slice()
      port.postMessage({ type, channel, argument, payload: whole }, [whole.buffer])
    },
    start(user) {
      port.on(
        'message',
        (message: { type: FrameType; channel: number; argument: number; payload: Uint8Array<ArrayBuffer> | undefined }) => {
          if (closed) return
          const { type, channel, argument, payload = NO_PAYLOAD } = message
          const problem = frameProblem(type, argument, payload.length)
          if (problem === undefined) return user.onFrame({ type, channel, argument, payload })
          closed = true
          port.close()
          user.onClose(new ProtocolViolation({ peer, problem }))
        },
      )
      port.on('close', () => {
        if (closed) return
        closed = true
        user.onClose(new DataConnectionLost({ peer, reason: 'the slot’s thread has ended' }))
      })
    },
    close() {
      closed = true
      port.close()
    },
  }
}

/** Bytes that may wait in a socket before its senders are held back. */
const SOCKET_BUFFER_BYTES = 512 * 1024

export interface SocketTransport extends FrameTransport {
  peer: string
  /** The first frame; those behind it are kept until `start`. */
  first(): Promise<Frame>
}

/** `socket`: past its handshake. */
export function socketTransport(socket: TLSSocket, peer: string): SocketTransport {
  const early: Frame[] = []
  let user: TransportUser | undefined
  let first: { resolve(frame: Frame): void; reject(error: Error): void } | undefined
  let reason: Error | undefined
  let closed = false
  let congested = false
  const deliver = (frame: Frame) => {
    if (closed) return
    if (user !== undefined) return user.onFrame(frame)
    if (first === undefined) return void early.push(frame)
    first.resolve(frame)
    first = undefined
  }
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 30_000)
  socket.on('data', (chunk: Uint8Array) => {
    try {
      decoder.push(chunk, deliver)
    } catch (error) {
      reason = error as Error
      socket.destroy()
    }
  })
  socket.on('error', (error) => (reason ??= error))
  socket.on('drain', () => {
    congested = false
    if (!closed) user?.onDrain()
  })
  const lost = () =>
    ProtocolViolation.is(reason) ? reason : new DataConnectionLost({ peer: transport.peer, reason: reason?.message ?? null })
  socket.on('close', () => {
    if (closed) return
    first?.reject(lost())
    if (user === undefined) return
    closed = true
    user.onClose(lost())
  })
  const transport: SocketTransport = {
    peer,
    get congested() {
      return congested
    },
    send(type, channel, argument, payload = NO_PAYLOAD) {
      if (closed || socket.destroyed) return
      const header = encodeHeader(type, channel, argument, payload.length)
      if (payload.length === 0) socket.write(header)
      else {
        socket.cork()
        socket.write(header)
        socket.write(payload)
        socket.uncork()
      }
      congested = socket.writableLength >= SOCKET_BUFFER_BYTES
    },
    first() {
      const frame = early.shift()
      if (frame !== undefined) return Promise.resolve(frame)
      if (socket.destroyed) return Promise.reject(lost())
      return new Promise((resolve, reject) => (first = { resolve, reject }))
    },
    start(next) {
      user = next
      for (const frame of early.splice(0)) deliver(frame)
      if (!socket.destroyed || closed) return
      closed = true
      next.onClose(lost())
    },
    close() {
      closed = true
      first?.reject(lost())
      socket.destroy()
    },
  }
  const decoder = new FrameDecoder(transport)
  return transport
}
