/** A channel between two threads of one process. */
import type { MessagePort, Worker } from 'node:worker_threads'
import type { Channel } from './channel.js'

/** `port` may also be a Worker (seen from its parent); the far end is then the worker's parentPort. */
export function portChannel(port: MessagePort | Worker, peer: string): Channel {
  let open = true
  let listener: ((message: unknown) => void) | undefined
  const waiting: unknown[] = []
  const closeListeners: ((reason?: Error) => void)[] = []
  const closed = (reason?: Error) => {
    if (!open) return
    open = false
    for (const each of closeListeners) each(reason)
  }
  port.on('message', (message: unknown) => {
    if (listener === undefined) waiting.push(message)
    else listener(message)
  })
  if ('terminate' in port) {
    port.on('error', (error: Error) => closed(error))
    port.on('exit', (code) => closed(code === 0 ? undefined : new Error(`thread ended with code ${code}`)))
  } else port.on('close', () => closed())
  return {
    peer,
    send(message) {
      if (open) port.postMessage(message)
    },
    onMessage(next) {
      listener = next
      for (const message of waiting.splice(0)) next(message)
    },
    onClose: (next) => void closeListeners.push(next),
    close() {
      if ('close' in port) port.close()
      closed()
    },
  }
}
