/** The embedded cluster: the master as a thread of this process, which starts TaskManager threads itself. */
import { MessageChannel, Worker } from 'node:worker_threads'
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

/** @throws LOCAL_MASTER_DIED when the master ends before it serves. */
export async function runLocal(application: ApplicationDescriptor): Promise<LocalApplication> {
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(entryPoint('am'), { workerData: { application, port: port2 }, transferList: [port2], name: 'jobmanager' })
  let exitCode: number | undefined
  let failure: Error | undefined
  const ended = new Promise<number>((resolve) => {
    worker.on('error', (error: Error) => (failure = error))
    worker.on('exit', (code) => {
      port1.close()
      resolve(exitCode ?? (code === 0 ? 0 : 1))
    })
  })
  const url = await new Promise<string>((resolve, reject) => {
    port1.on('message', (message: { type: 'rest'; port: number } | { type: 'ended'; exitCode: number }) => {
      if (message.type === 'rest') resolve(`http://127.0.0.1:${message.port}/`)
      else exitCode = message.exitCode
    })
    void ended.then((code) =>
      reject(
        new LocalMasterDied({ reason: failure?.message ?? `exit code ${code}` }, failure === undefined ? undefined : { cause: failure }),
      ),
    )
  })
  return { url, ended, terminate: async () => void (await worker.terminate()) }
}
