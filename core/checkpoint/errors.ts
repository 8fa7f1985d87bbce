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

export const CheckpointMissing = defineError('CHECKPOINT_NOT_FOUND', {
  recovery: 'none',
  message: (d: { path: string }) =>
    `There is no savepoint or checkpoint at ${d.path}: it has no file _metadata. Name the directory that a savepoint was reported with, or a chk-<n>.`,
})

export const MetadataDamaged = defineError('CHECKPOINT_METADATA_DAMAGED', {
  recovery: 'none',
  message: (d: { file: string; offset: number; problem: string }) => `${d.file} is damaged at byte ${d.offset}: ${d.problem}`,
})

export const MetadataTooLarge = defineError('CHECKPOINT_METADATA_TOO_LARGE', {
  recovery: 'none',
  message: (d: { file: string; bytes: number; limit: number }) =>
    `${d.file} has ${d.bytes} bytes, more than the ${d.limit} that are read. Lower execution.checkpointing.data-inline-threshold, so that state goes into files of its own.`,
})

export const SavepointNotDisposable = defineError('SAVEPOINT_NOT_DISPOSABLE', {
  recovery: 'none',
  message: (d: { path: string }) =>
    `${d.path} is a checkpoint, not a savepoint: others may share its files. The job deletes it when it is not needed any more; of an ended job, delete the folder <job id> with all its checkpoints.`,
})
