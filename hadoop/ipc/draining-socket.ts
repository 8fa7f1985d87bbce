/**
 * A TCP socket that reads what is left before it gives up. A Hadoop server that refuses a connection sends the reason and closes; our
 * next write then fails (EPIPE, ECONNRESET) while the reason lies unread in the receive buffer, and Node would throw it away together
 * with the socket.
 */
import { connect, type Socket } from 'node:net'
import type { Environment } from '#core/time/environment.js'
import type { HostPort } from '../conf/addresses.js'

/** How long the last bytes may take after a failed write. */
const DRAIN_MS = 500

export function connectDraining(address: HostPort, environment: Environment): Socket {
  const socket = connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 })
  const destroy = socket.destroy.bind(socket)
  let connected = false
  let draining = false
  socket.once('connect', () => (connected = true))
  // Node calls this method itself when a write fails; a second error, the reader's own, ends the drain.
  socket.destroy = (error?: Error): Socket => {
    if (error === undefined || !connected || draining || socket.readableEnded || (error as NodeJS.ErrnoException).syscall !== 'write') return destroy(error)
    draining = true
    environment.timers.after(DRAIN_MS, () => destroy(error))
    socket.once('end', () => destroy(error))
    socket.resume()
    return socket
  }
  return socket
}
