import { defineError } from '#core/errors/define-error.js'

/** The ResourceManager tells it of a worker, jobs fail with it. */
export const WorkerLost = defineError('WORKER_LOST', {
  recovery: 'retry-elsewhere',
  message: (d: { worker: string; host: string; reason: string }) => `TaskManager ${d.worker} on ${d.host} is lost: ${d.reason}`,
})

/** The same where the cluster wanted it (preemption, a node that goes): jobs go on elsewhere, and their restart strategy does not count it. */
export const WorkerTakenBack = defineError('WORKER_TAKEN_BACK', {
  recovery: 'retry-elsewhere',
  message: (d: { worker: string; host: string; reason: string }) => `TaskManager ${d.worker} on ${d.host} was taken back: ${d.reason}`,
})

/** Either of them. */
export function isWorkerGone(error: unknown): boolean {
  return WorkerLost.is(error) || WorkerTakenBack.is(error)
}
