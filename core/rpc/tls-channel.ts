/**
 * Channels between processes: TLS 1.2 with a pre-shared key, so that both ends prove that they know the application's secret
 * and everything is encrypted, with forward secrecy, and nothing has to be configured (RFC 5489, RFC 7905). Without the
 * secret the handshake fails. A frame is
 *
 *   | uint32 BE length | UTF-8 JSON |
 */
import { createServer, connect, type TLSSocket } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { ConnectFailed, type Channel } from './channel.js'

export const MAX_FRAME_BYTES = 64 * 1024 * 1024
const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305'
const IDENTITY = 'weft'
const HANDSHAKE_TIMEOUT_MS = 10_000

export interface TlsListener {
  readonly port: number
  close(): Promise<void>
}

/** TLS options of both sides. `secret`: the application's, 32 bytes. */
export function pskServerOptions(secret: Buffer) {
  return {
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    pskCallback: (_socket: unknown, identity: string) => (identity === IDENTITY ? secret : null),
  } as const
}

export function pskClientOptions(secret: Buffer) {
  return {
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    checkServerIdentity: () => undefined,
    pskCallback: () => ({ psk: secret, identity: IDENTITY }),
  } as const
}

/** Listens on the first free port of `ports`; 0 is any. Connections that fail the handshake never reach `onChannel`. */
export async function listenTls(
  host: string | undefined,
  ports: readonly number[],
  secret: Buffer,
  onChannel: (channel: Channel) => void,
): Promise<TlsListener> {
  let last: unknown
  for (const port of ports) {
    const server = createServer(pskServerOptions(secret), (socket) => onChannel(socketChannel(socket)))
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve)
      })
      const sockets = new Set<TLSSocket>()
      server.on('secureConnection', (socket) => {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      })
      return {
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((resolve) => {
            server.close(() => resolve())
            for (const socket of sockets) socket.destroy()
          }),
      }
    } catch (error) {
      last = error
    }
  }
  throw last instanceof Error ? last : new Error('no port to listen on')
}

/** @throws RPC_CONNECT_FAILED */
export function connectTls(host: string, port: number, secret: Buffer): Promise<Channel> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ...pskClientOptions(secret) })
    const fail = (error: Error) => {
      socket.destroy()
      reject(new ConnectFailed({ address: `${host}:${port}`, reason: error.message }, { cause: error }))
    }
    socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => fail(new Error(`no answer within ${HANDSHAKE_TIMEOUT_MS} ms`)))
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      socket.off('error', fail)
      socket.setTimeout(0)
      resolve(socketChannel(socket))
    })
  })
}

export function socketChannel(socket: TLSSocket): Channel {
  const closeListeners: ((reason?: Error) => void)[] = []
  let listener: ((message: unknown) => void) | undefined
  const waiting: unknown[] = []
  let buffered: Buffer[] = []
  let bufferedBytes = 0
  let open = true
  let reason: Error | undefined
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 30_000)
  socket.on('error', (error) => (reason ??= error))
  socket.on('close', () => {
    if (!open) return
    open = false
    for (const each of closeListeners) each(reason)
  })
  socket.on('data', (chunk: Buffer) => {
    buffered.push(chunk)
    bufferedBytes += chunk.length
    while (bufferedBytes >= 4) {
      if ((buffered[0]?.length ?? 0) < 4) buffered = [Buffer.concat(buffered)]
      const length = buffered[0]?.readUInt32BE(0) ?? 0
      if (length > MAX_FRAME_BYTES)
        return void socket.destroy(new Error(`frame of ${length} bytes is over the limit of ${MAX_FRAME_BYTES}`))
      if (bufferedBytes < 4 + length) return
      const all = Buffer.concat(buffered)
      const rest = all.subarray(4 + length)
      buffered = rest.length > 0 ? [rest] : []
      bufferedBytes = rest.length
      let message: unknown
      try {
        message = JSON.parse(all.toString('utf8', 4, 4 + length))
      } catch (error) {
        return void socket.destroy(error as Error)
      }
      if (listener === undefined) waiting.push(message)
      else listener(message)
    }
  })
  return {
    peer: `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`,
    send(message) {
      if (!open) return
      const body = Buffer.from(JSON.stringify(message), 'utf8')
      const head = Buffer.allocUnsafe(4)
      head.writeUInt32BE(body.length)
      socket.cork()
      socket.write(head)
      socket.write(body)
      socket.uncork()
    },
    onMessage(next) {
      listener = next
      for (const message of waiting.splice(0)) next(message)
    },
    onClose(next) {
      if (open) closeListeners.push(next)
      else next(reason)
    },
    close: () => void socket.destroy(),
  }
}
