import { defineError } from '#core/errors/define-error.js'

export const StateIncompatible = defineError('STATE_INCOMPATIBLE', {
  recovery: 'fail-job',
  message: (d: { operator: string; table: string; change: string }) =>
    `State '${d.table}' of operator '${d.operator}' cannot be restored: ${d.change}. ` +
    'Start the job as it was when the state was written, or without that state.',
})
