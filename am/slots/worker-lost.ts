import { defineError } from '#core/errors/define-error.js'

/** The ResourceManager tells it of a worker, jobs fail with it. */
export const WorkerLost = defineError('WORKER_LOST', {
  recovery: 'retry-elsewhere',
  message: (d: { worker: string; host: string; reason: string }) => `TaskManager ${d.worker} on ${d.host} is lost: ${d.reason}`,
})
