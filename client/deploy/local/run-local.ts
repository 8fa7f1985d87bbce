/** The embedded cluster: the master as a thread of this process, with its TaskManager in it; slots are threads of their own. */
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import type { ApplicationDescriptor } from '#core/cluster/application-descriptor.js'
import { entryPoint } from '#core/cluster/entry-points.js'
import type { ClientToLocalMaster, LocalMasterToClient } from '#core/cluster/local-master-messages.js'
import { defineError } from '#core/errors/define-error.js'
import { systemEnvironment } from '#core/time/environment.js'
import type { LocalApplication } from './local-application.js'
import { PortTransport, unreachable } from './port-transport.js'

export const LocalMasterDied = defineError('LOCAL_MASTER_DIED', {
  recovery: 'none',
  message: (d: { reason: string }) => `The JobManager's thread ended: ${d.reason}`,
})

/** A master's thread that loads its code and waits for its application. */
export interface LocalMaster {
  readonly worker: Worker
  readonly port: MessagePort
  /** When the thread is gone, with its error if it had one. */
  readonly exited: Promise<{ readonly code: number; readonly failure: Error | undefined }>
}

/** Started before the job is checked, so that the two go on side by side. Whoever does not use it terminates its worker. */
export function startLocalMaster(): LocalMaster {
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(entryPoint('am'), { workerData: { port: port2 }, transferList: [port2], name: 'jobmanager' })
  // The platform reads its time zones at the first question, once per process: better in this thread, which waits, than in that one.
  Intl.DateTimeFormat().resolvedOptions()
  const exited = new Promise<{ code: number; failure: Error | undefined }>((resolve) => {
    let failure: Error | undefined
    worker.on('error', (error: Error) => (failure = error))
    worker.on('exit', (code) => {
      port1.close()
      resolve({ code, failure })
    })
  })
  return { worker, port: port1, exited }
}

/** Requests to it are refused with LOCAL_MASTER_DIED when its thread ends otherwise than well. */
export function runLocal(
  application: Omit<ApplicationDescriptor, 'target'>,
  { worker, port, exited }: LocalMaster,
  timeoutMs: number,
): LocalApplication {
  const descriptor: ApplicationDescriptor = { ...application, target: { kind: 'local', workingDirectory: process.cwd() } }
  const transport = new PortTransport(port, timeoutMs, systemEnvironment)
  let exitCode: number | undefined
  let end: { succeeded: boolean; failure: string } | undefined
  let onRest: (port: number) => void = () => undefined
  const restPort = new Promise<number>((resolve) => (onRest = resolve))
  port.on('message', (message: LocalMasterToClient) => {
    if (message.type === 'answer') transport.answered(message)
    else if (message.type === 'rest') onRest(message.port)
    else exitCode = message.exitCode
  })
  port.postMessage({ type: 'application', application: descriptor } satisfies ClientToLocalMaster)
  const over = exited.then(({ code, failure }) => {
    const status = exitCode ?? code
    end = { succeeded: status === 0, failure: status === 0 ? '' : `The JobManager ended with exit code ${status}.` }
    const died = new LocalMasterDied(
      { reason: failure?.message ?? `exit code ${code}` },
      failure === undefined ? undefined : { cause: failure },
    )
    transport.close(exitCode === undefined ? died : unreachable('the JobManager', 'it has ended'))
  })
  return {
    transport,
    address: async () => `127.0.0.1:${await restPort}`,
    ended: () => end,
    over,
    terminate: () => void worker.terminate(),
  }
}
