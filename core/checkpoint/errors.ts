/** What can be wrong with stored state. */
import { defineError } from '../errors/define-error.js'

export const CheckpointFileCorrupt = defineError('CHECKPOINT_FILE_CORRUPT', {
  recovery: 'none',
  message: (d: { file: string; offset: number; problem: string }) =>
    `State in ${d.file} is damaged at byte ${d.offset}: ${d.problem}. Restore the file, or start from another checkpoint or savepoint.`,
})

export const CheckpointFileMissing = defineError('CHECKPOINT_FILE_MISSING', {
  recovery: 'none',
  message: (d: { file: string }) =>
    `State file ${d.file} is not there. It was deleted or moved without its checkpoint; start from another checkpoint or savepoint.`,
})
