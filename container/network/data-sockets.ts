/** Sockets between slots of different processes. A module of its own: where all slots are in one process, none of TLS is loaded. */
import { connect, createServer, type Server, type TLSSocket } from 'node:tls'
import { pskClientOptions, pskServerOptions } from '#core/rpc/tls-channel.js'

/** Listens on the first free port of `ports`. @throws the last port's error */
export async function listenForSlots(
  host: string | undefined,
  ports: readonly number[],
  secret: Buffer,
  accept: (socket: TLSSocket) => void,
): Promise<Server> {
  let last: unknown
  for (const port of ports) {
    const server = createServer(pskServerOptions(secret), accept)
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve)
      })
      return server
    } catch (error) {
      last = error
    }
  }
  throw last
}

/** Resolves when the handshake is done, within `timeoutMs`. */
export function openSocket(host: string, port: number, secret: Buffer, timeoutMs: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, ...pskClientOptions(secret) })
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer within ${timeoutMs} ms`)))
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      socket.off('error', fail)
      socket.setTimeout(0)
      resolve(socket)
    })
  })
}
