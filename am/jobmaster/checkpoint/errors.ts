/** What goes wrong with checkpoints and savepoints. */
import { defineError } from '#core/errors/define-error.js'

export const CheckpointDeclined = defineError('CHECKPOINT_DECLINED', {
  recovery: 'retry-here',
  message: (d: { checkpointId: number; task: string }) => `Checkpoint ${d.checkpointId}: ${d.task} could not store its state`,
})
export const CheckpointExpired = defineError('CHECKPOINT_EXPIRED', {
  recovery: 'retry-here',
  message: (d: { checkpointId: number; timeout: string; waitingFor: string }) =>
    `Checkpoint ${d.checkpointId} was not complete within ${d.timeout} (execution.checkpointing.timeout): it waited for ${d.waitingFor}`,
})
export const CheckpointSubsumed = defineError('CHECKPOINT_SUPERSEDED', {
  recovery: 'none',
  message: (d: { checkpointId: number; by: number }) =>
    `Checkpoint ${d.checkpointId} is not needed any more: checkpoint ${d.by} is complete`,
})
export const CheckpointInterrupted = defineError('CHECKPOINT_INTERRUPTED', {
  recovery: 'retry-here',
  message: (d: { checkpointId: number }) => `Checkpoint ${d.checkpointId} was given up, because tasks start again or the job ends`,
})
export const CheckpointTaskEnded = defineError('CHECKPOINT_TASK_ENDED', {
  recovery: 'retry-here',
  message: (d: { checkpointId: number; task: string }) =>
    `Checkpoint ${d.checkpointId} was given up, because ${d.task} came to its end meanwhile`,
})
export const CheckpointNotTriggered = defineError('CHECKPOINT_NOT_TRIGGERED', {
  recovery: 'retry-here',
  message: (d: { checkpointId: number; task: string }) => `Checkpoint ${d.checkpointId} could not be triggered at ${d.task}`,
})
export const CheckpointNotStored = defineError('CHECKPOINT_NOT_STORED', {
  recovery: 'retry-here',
  message: (d: { checkpointId: number; directory: string }) =>
    `Checkpoint ${d.checkpointId} could not be written down in ${d.directory}. Check that the directory can be written (execution.checkpointing.dir)`,
})
export const CheckpointNotCommitted = defineError('CHECKPOINT_NOT_COMMITTED', {
  recovery: 'retry-here',
  message: (d: { checkpointId: number }) => `Checkpoint ${d.checkpointId} is complete, but a sink could not make its output visible`,
})
export const TooManyFailedCheckpoints = defineError('CHECKPOINT_TOO_MANY_FAILURES', {
  recovery: 'retry-here',
  message: (d: { failures: number; tolerable: number }) =>
    `${d.failures} checkpoint${d.failures === 1 ? '' : 's'} failed one after the other, ${d.tolerable} ` +
    `${d.tolerable === 1 ? 'is' : 'are'} tolerated (execution.checkpointing.tolerable-failed-checkpoints)`,
})
export const RequestNotServed = defineError('CHECKPOINT_REQUEST_EXPIRED', {
  recovery: 'retry-here',
  message: (d: { what: string; waited: string; reason: string }) => `The ${d.what} could not begin within ${d.waited}: ${d.reason}`,
})
export const JobTakesNoCheckpoints = defineError('CHECKPOINT_NOT_POSSIBLE', {
  recovery: 'none',
  message: (d: { what: string; reason: string }) => `No ${d.what} can be taken: ${d.reason}`,
})
export const SavepointDirectoryMissing = defineError('SAVEPOINT_NO_DIRECTORY', {
  recovery: 'none',
  message: () =>
    'No savepoint directory is given, and none is configured. Name one with the command (weft savepoint <job> <directory>, weft stop -p ' +
    '<directory> <job>) or set execution.checkpointing.savepoint-dir.',
})
export const StopIncomplete = defineError('SAVEPOINT_STOP_INCOMPLETE', {
  recovery: 'none',
  message: (d: { path: string; state: string }) =>
    `The savepoint ${d.path} is complete, but the job did not come to its end after it (${d.state}); its further output may repeat what ` +
    `comes after the savepoint`,
})
export const MetadataExists = defineError('CHECKPOINT_METADATA_EXISTS', {
  recovery: 'none',
  message: (d: { file: string }) =>
    `${d.file} exists already: another JobManager has completed this checkpoint, so this one has lost its place`,
})
export const UnclaimedState = defineError('CHECKPOINT_UNCLAIMED_STATE', {
  recovery: 'none',
  message: (d: { path: string; operators: string }) =>
    `${d.path} holds state of ${d.operators}, which the job does not have. To leave that state behind, run with ` +
    `--allowNonRestoredState (-n, execution.state-recovery.ignore-unclaimed-state: true); to keep it, let the operator have that id again.`,
})
export const MaxParallelismChanged = defineError('CHECKPOINT_MAX_PARALLELISM', {
  recovery: 'none',
  message: (d: { path: string; operator: string; stored: number; job: number }) =>
    `${d.path}: the keyed state of ${d.operator} is divided into ${d.stored} key groups (max parallelism), the job asks for ${d.job}. ` +
    `Set pipeline.max-parallelism: ${d.stored}.`,
})
export const PartlyFinished = defineError('CHECKPOINT_PARTLY_FINISHED', {
  recovery: 'none',
  message: (d: { path: string; vertex: string; finished: number; stored: number; job: number }) =>
    `${d.path}: ${d.finished} of the ${d.stored} subtasks of ${d.vertex} had ended. Its parallelism cannot be changed to ${d.job}; run it with ${d.stored}.`,
})
export const FinishedBehindRunning = defineError('CHECKPOINT_FINISHED_CONSUMER', {
  recovery: 'none',
  message: (d: { path: string; producer: string; consumer: string }) =>
    `${d.path}: ${d.consumer} had ended, but now it would read from ${d.producer}, which has not. Keep the job as it was, or start without the savepoint.`,
})
export const InFlightNotMovable = defineError('CHECKPOINT_IN_FLIGHT_RECORDS', {
  recovery: 'none',
  message: (d: { path: string; vertex: string; reason: string }) =>
    `${d.path} is an unaligned checkpoint with records on their way at ${d.vertex}, and ${d.reason}. Such a checkpoint restores the same job at ` +
    `the same parallelism only; take a savepoint (weft savepoint, weft stop) to change it.`,
})
