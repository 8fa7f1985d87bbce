/** Failures of tasks that are not their operators' own. */
import { defineError } from '#core/errors/define-error.js'

export const TaskCanceled = defineError('TASK_CANCELED', {
  recovery: 'none',
  message: (d: { task: string }) => `Task ${d.task} was cancelled`,
})

export const InvalidDeployment = defineError('TASK_INVALID_DEPLOYMENT', {
  recovery: 'fail-job',
  message: (d: { task: string; problem: string }) => `Task ${d.task} cannot be built from its deployment descriptor: ${d.problem}`,
})
