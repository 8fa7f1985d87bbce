/**
 * Entry of the heartbeat thread: the AM-RM session alone, so that no long turn of the master's event loop (user code in `main`,
 * a large plan) delays a heartbeat until YARN gives the attempt up.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { systemEnvironment } from '#core/time/environment.js'
import { AmRmClient } from '#hadoop/yarn/am-rm/am-rm-client.js'
import type { FromHeartbeatThread, HeartbeatThreadData, ToHeartbeatThread } from './heartbeat-messages.js'

const { addresses, token, protection, intervalMs, requestIntervalMs, expiryMs, leaseMs } = workerData as HeartbeatThreadData
const port = parentPort
if (port === null) throw new Error('the heartbeat thread was started as a process')

const client = new AmRmClient({
  addresses,
  // Structured clone turns Buffers into Uint8Arrays.
  token: { ...token, identifier: Buffer.from(token.identifier), password: Buffer.from(token.password) },
  protection,
  environment: systemEnvironment,
  intervalMs,
  requestIntervalMs,
  expiryMs,
  leaseMs,
  onEvent: (event: FromHeartbeatThread) => port.postMessage(event),
})

port.on('message', (message: ToHeartbeatThread) => {
  switch (message.type) {
    case 'register':
      return client.register(message.registration)
    case 'setAsks':
      return client.setAsks(message.asks, message.seen)
    case 'release':
      return client.release(message.containerIds)
    case 'resize':
      return client.resize(message.wish)
    case 'setBlacklist':
      return client.setBlacklist(message.hosts)
    case 'setProgress':
      return client.setProgress(message.progress)
    case 'finish':
      return client.finish(message.finish)
  }
})
