/**
 * A TCP socket that reads what is left before it gives up. A Hadoop server that refuses a connection sends the reason and closes; our
 * next write then fails (EPIPE, ECONNRESET) while the reason lies unread in the receive buffer, and Node would throw it away together
 * with the socket.
 */
import { connect, type Socket } from 'node:net'
import type { Environment } from '#core/time/environment.js'
import type { HostPort } from '../conf/addresses.js'

/** How long the last bytes may take after a failed write. */
const DRAIN_MS = 200
const READ_BUFFER_BYTES = 64 * 1024

export function connectDraining(address: HostPort, environment: Environment, onData: (chunk: Buffer) => void): Socket {
  const socket = connect({
    host: address.host,
    port: address.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    // Past the stream: a failed write marks its readable side as failed, too, and nothing would come out of it any more.
    onread: {
      buffer: Buffer.alloc(READ_BUFFER_BYTES),
      callback: (length, buffer) => {
        onData(Buffer.from(buffer.subarray(0, length)))
        return true
      },
    },
  })
  const destroy = socket.destroy.bind(socket)
  let draining = false
  // Node calls this method itself when a write fails. Whoever calls it without an error means it.
  socket.destroy = (error?: Error): Socket => {
    if (draining || (error as NodeJS.ErrnoException | undefined)?.syscall !== 'write') return destroy(error)
    draining = true
    environment.timers.after(DRAIN_MS, () => destroy(error))
    return socket
  }
  return socket
}
