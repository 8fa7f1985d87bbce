/**
 * How processes of one machine end with the client that they work for, even when it is killed: all of them hold the reading end of a
 * pipe whose writing end only the client has. Nothing is ever sent; the system closes it when the client is gone.
 */
import { Socket } from 'node:net'

/** File descriptor of the reading end in every process below the client. */
export const LIFELINE_FD = 3
/** Set (to 1) where there is one. */
export const LIFELINE_VARIABLE = 'WEFT_LIFELINE'

/** Calls `onCut` once when the client is gone. Without a lifeline nothing happens. Does not keep the process alive. */
export function watchLifeline(environment: NodeJS.ProcessEnv, onCut: () => void): void {
  if (environment[LIFELINE_VARIABLE] !== '1') return
  const socket = new Socket({ fd: LIFELINE_FD, readable: true, writable: false })
  let cut = false
  const once = () => {
    if (!cut) onCut()
    cut = true
  }
  socket.on('end', once)
  socket.on('close', once)
  socket.on('error', once)
  socket.resume()
  socket.unref()
}
