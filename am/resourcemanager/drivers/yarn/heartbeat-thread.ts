/** The heartbeat thread as the driver sees it. */
import { Worker } from 'node:worker_threads'
import { entryPoint } from '#core/cluster/entry-points.js'
import type { Ask, Finish, Registration, Resize } from '#hadoop/yarn/am-rm/events.js'
import type { FromHeartbeatThread, HeartbeatThreadData, ToHeartbeatThread } from './heartbeat-messages.js'

/** The conversation with YARN's ResourceManager: what the driver needs of it. Tests script it. */
export interface AmRm {
  register(registration: Registration): void
  setAsks(asks: readonly Ask[], seen: number): void
  release(containerIds: readonly string[]): void
  resize(wish: Resize): void
  setBlacklist(hosts: readonly string[]): void
  /** 0..1 */
  setProgress(progress: number): void
  finish(finish: Finish): void
  close(): void
}

/** `onDied`: the thread ended though nobody closed it. */
export function startHeartbeatThread(
  data: HeartbeatThreadData,
  onEvent: (event: FromHeartbeatThread) => void,
  onDied: (error: Error) => void,
): AmRm {
  const worker = new Worker(entryPoint('heartbeat'), {
    workerData: data,
    name: 'heartbeat',
    resourceLimits: { maxOldGenerationSizeMb: 32 },
  })
  let closed = false
  let failure: Error | undefined
  worker.on('message', (event: FromHeartbeatThread) => {
    if (!closed) onEvent(event)
  })
  worker.on('error', (error: Error) => (failure = error))
  worker.on('exit', (code) => {
    if (!closed) onDied(failure ?? new Error(`the heartbeat thread ended with code ${code}`))
  })
  const send = (message: ToHeartbeatThread) => worker.postMessage(message)
  return {
    register: (registration) => send({ type: 'register', registration }),
    setAsks: (asks, seen) => send({ type: 'setAsks', asks, seen }),
    release: (containerIds) => send({ type: 'release', containerIds }),
    resize: (wish) => send({ type: 'resize', wish }),
    setBlacklist: (hosts) => send({ type: 'setBlacklist', hosts }),
    setProgress: (progress) => send({ type: 'setProgress', progress }),
    finish: (finish) => send({ type: 'finish', finish }),
    close: () => {
      closed = true
      void worker.terminate()
    },
  }
}
