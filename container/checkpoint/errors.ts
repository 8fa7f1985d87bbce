/** Why a task takes no checkpoint, or gives one up. The job goes on. */
import { defineError } from '#core/errors/define-error.js'

export const TaskNotReady = defineError('CHECKPOINT_TASK_NOT_READY', {
  recovery: 'none',
  message: (d: { task: string; checkpointId: number; reason: string }) =>
    `Task ${d.task} takes no checkpoint ${d.checkpointId}: ${d.reason}`,
})

export const CheckpointSubsumed = defineError('CHECKPOINT_SUBSUMED', {
  recovery: 'none',
  message: (d: { task: string; checkpointId: number; newer: number }) =>
    `Task ${d.task} gives up checkpoint ${d.checkpointId}: checkpoint ${d.newer} began before it was done`,
})

export const CheckpointAbandoned = defineError('CHECKPOINT_ABANDONED', {
  recovery: 'none',
  message: (d: { task: string; checkpointId: number; reason: string }) =>
    `Task ${d.task} gives up checkpoint ${d.checkpointId}: ${d.reason}`,
})

export const DrainAbandoned = defineError('STOP_DRAIN_ABANDONED', {
  recovery: 'retry-elsewhere',
  message: (d: { task: string; checkpointId: number }) =>
    `The savepoint ${d.checkpointId} that task ${d.task} was to stop with was given up after the last watermark had gone out. Nothing can follow ` +
    'it, so the job goes back to its last checkpoint. Stop without --drain where windows are to stay open.',
})
