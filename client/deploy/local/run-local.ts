/** The embedded cluster: the master as a thread of this process, which starts TaskManager threads itself. */
import { setFlagsFromString } from 'node:v8'
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import type { ApplicationDescriptor } from '#core/cluster/application-descriptor.js'
import { entryPoint } from '#core/cluster/entry-points.js'
import { defineError } from '#core/errors/define-error.js'

export const LocalMasterDied = defineError('LOCAL_MASTER_DIED', {
  recovery: 'none',
  message: (d: { reason: string }) => `The JobManager's thread ended: ${d.reason}`,
})

export interface LocalApplication {
  /** Base URL of the master's REST endpoint. */
  readonly url: string
  /** The master's exit code, once all its threads have ended. */
  readonly ended: Promise<number>
  /** Ends everything at once. */
  terminate(): Promise<void>
}

/** A master's thread that loads its code and waits for its application. */
export interface LocalMaster {
  readonly worker: Worker
  readonly port: MessagePort
  /** When the thread is gone, with its error if it had one. */
  readonly exited: Promise<{ readonly code: number; readonly failure: Error | undefined }>
}

/** Started before the job is checked, so that the two go on side by side. Whoever does not use it terminates its worker. */
export function startLocalMaster(): LocalMaster {
  // What a thread makes while it loads fills V8's smallest nurseries many times over.
  setFlagsFromString('--min-semi-space-size=16')
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

/** @throws LOCAL_MASTER_DIED when the master ends before it serves. */
export async function runLocal(
  application: ApplicationDescriptor,
  { worker, port, exited }: LocalMaster = startLocalMaster(),
): Promise<LocalApplication> {
  let exitCode: number | undefined
  const url = await new Promise<string>((resolve, reject) => {
    port.on('message', (message: { type: 'rest'; port: number } | { type: 'ended'; exitCode: number }) => {
      if (message.type === 'rest') resolve(`http://127.0.0.1:${message.port}/`)
      else exitCode = message.exitCode
    })
    port.postMessage({ type: 'application', application })
    void exited.then(({ code, failure }) =>
      reject(
        new LocalMasterDied({ reason: failure?.message ?? `exit code ${code}` }, failure === undefined ? undefined : { cause: failure }),
      ),
    )
  })
  return {
    url,
    ended: exited.then(({ code }) => exitCode ?? (code === 0 ? 0 : 1)),
    terminate: async () => void (await worker.terminate()),
  }
}
