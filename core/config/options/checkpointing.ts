import { boolean, duration, integer, memorySize, oneOf, option, string } from '../option.js'

export const CHECKPOINT_INTERVAL = option('execution.checkpointing.interval', duration(), {
  description: 'Time between the beginnings of two checkpoints. Unset: none are taken by themselves.',
})
export const CHECKPOINT_MODE = option('execution.checkpointing.mode', oneOf('EXACTLY_ONCE', 'AT_LEAST_ONCE'), {
  default: 'EXACTLY_ONCE',
  description: 'EXACTLY_ONCE: barriers are aligned. AT_LEAST_ONCE: nothing waits, records may count twice after a failure.',
})
export const CHECKPOINT_TIMEOUT = option('execution.checkpointing.timeout', duration(), {
  default: '10 min',
  description: 'A checkpoint that takes longer is given up.',
})
export const CHECKPOINT_MIN_PAUSE = option('execution.checkpointing.min-pause', duration(), {
  default: '0 ms',
  description: 'Least time between the end of one checkpoint and the beginning of the next.',
})
export const MAX_CONCURRENT_CHECKPOINTS = option('execution.checkpointing.max-concurrent-checkpoints', integer(1, 100), {
  default: '1',
  description: 'Checkpoints that may be under way at once.',
})
export const TOLERABLE_FAILED_CHECKPOINTS = option('execution.checkpointing.tolerable-failed-checkpoints', integer(0), {
  default: '0',
  description:
    'Checkpoints that may fail one after the other before the job fails over. Flink’s default; 0: the first one that a task declines or that times out does.',
})
export const CHECKPOINT_RETENTION = option(
  'execution.checkpointing.externalized-checkpoint-retention',
  oneOf('DELETE_ON_CANCELLATION', 'RETAIN_ON_CANCELLATION', 'NO_EXTERNALIZED_CHECKPOINTS'),
  {
    default: 'NO_EXTERNALIZED_CHECKPOINTS',
    description:
      'What becomes of the newest checkpoints when the job ends otherwise than FINISHED. RETAIN_ON_CANCELLATION: kept. DELETE_ON_CANCELLATION: deleted on cancel, kept on failure. NO_EXTERNALIZED_CHECKPOINTS: deleted.',
  },
)
export const RETAINED_CHECKPOINTS = option('execution.checkpointing.num-retained', integer(1, 1000), {
  default: '1',
  description: 'Complete checkpoints that are kept.',
  deprecatedKeys: ['state.checkpoints.num-retained'],
})
export const CHECKPOINT_DIR = option('execution.checkpointing.dir', string(), {
  description:
    'Directory of checkpoints: <dir>/<job id>/chk-<n>. Unset: on YARN a directory of the application in HDFS, locally one below the system’s temporary directory.',
  deprecatedKeys: ['state.checkpoints.dir'],
})
export const SAVEPOINT_DIR = option('execution.checkpointing.savepoint-dir', string(), {
  description: 'Directory of savepoints whose trigger names none.',
  deprecatedKeys: ['state.savepoints.dir'],
})
export const INCREMENTAL_CHECKPOINTS = option('execution.checkpointing.incremental', boolean(), {
  default: 'true',
  description: 'Write only what changed since the last complete checkpoint. (Flink’s default is false.)',
  deprecatedKeys: ['state.backend.incremental'],
})
export const UNALIGNED_ENABLED = option('execution.checkpointing.unaligned.enabled', boolean(), {
  default: 'true',
  description: 'Barriers may overtake records: after the alignment time-out, or at once when that is 0. (Flink’s default is false.)',
  deprecatedKeys: ['execution.checkpointing.unaligned'],
})
export const ALIGNED_TIMEOUT = option('execution.checkpointing.aligned-checkpoint-timeout', duration(), {
  default: '2 s',
  description: 'How long a barrier waits to be aligned before it overtakes records. (Flink’s default is 0: it overtakes at once.)',
})
export const CHECKPOINTS_AFTER_FINISH = option('execution.checkpointing.checkpoints-after-tasks-finish', boolean(), {
  default: 'true',
  description: 'Checkpoints go on when some tasks have finished.',
})
export const INLINE_THRESHOLD = option('execution.checkpointing.data-inline-threshold', memorySize(), {
  default: '20 kb',
  description: 'State of a subtask that is smaller is stored in the metadata, without a file of its own.',
  deprecatedKeys: ['state.storage.fs.memory-threshold'],
})
export const LOCAL_BACKUP = option('execution.checkpointing.local-backup.enabled', boolean(), {
  default: 'true',
  description: 'Tasks that start again on a worker that lived on read their state from that worker’s own disk. (Flink’s default is false.)',
  deprecatedKeys: ['state.backend.local-recovery'],
})
export const STATE_RECOVERY_PATH = option('execution.state-recovery.path', string(), {
  description: 'Savepoint or checkpoint to start from (weft run -s).',
  deprecatedKeys: ['execution.savepoint.path'],
})
export const IGNORE_UNCLAIMED_STATE = option('execution.state-recovery.ignore-unclaimed-state', boolean(), {
  default: 'false',
  description: 'State that no operator of the job takes is left behind; otherwise the job does not start (weft run -n).',
  deprecatedKeys: ['execution.savepoint.ignore-unclaimed-state'],
})
export const CLAIM_MODE = option('execution.state-recovery.claim-mode', oneOf('NO_CLAIM', 'CLAIM'), {
  default: 'NO_CLAIM',
  description:
    'CLAIM: the snapshot that the job starts from becomes its own and is deleted when no longer needed. NO_CLAIM: it is never touched.',
  deprecatedKeys: ['execution.savepoint-restore-mode'],
})
