/** The thread of a TaskManager of the local target. It loads its code at once and waits on its port to be told who it is. */
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads'
import { entryPoint } from '#core/cluster/entry-points.js'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'

export interface WorkerThread {
  readonly worker: Worker
  readonly port: MessagePort
}

export function startWorkerThread(): WorkerThread {
  const { port1, port2 } = new MessageChannel()
  return { worker: new Worker(entryPoint('container'), { workerData: { port: port2 }, transferList: [port2] }), port: port1 }
}

/** From then on the port carries RPC. */
export function launchWorker({ port }: WorkerThread, descriptor: WorkerDescriptor): void {
  port.postMessage({ type: 'launch', worker: descriptor })
}
