import { double, memorySize, option } from '../option.js'

/**
 * One number per process; all budgets derive from it (core/cluster/memory-budget.ts). Flink's finer keys of the JVM's areas
 * are accepted and have no effect.
 */
export const JOBMANAGER_PROCESS_SIZE = option('jobmanager.memory.process.size', memorySize(), {
  default: '256 mb',
  description: 'Memory of the JobManager’s container (Flink: 1600 MB).',
})
export const TASKMANAGER_PROCESS_SIZE = option('taskmanager.memory.process.size', memorySize(), {
  default: '256 mb',
  description: 'Memory of a TaskManager’s container (Flink: 1728 MB).',
})
export const TASKMANAGER_MAX_PROCESS_SIZE = option('taskmanager.memory.process.max-size', memorySize(), {
  description:
    'A TaskManager’s container that runs short of memory is made larger where it is, by half each time, up to this: what is gained is for operators’ state. Unset: never. YARN only (not in Flink).',
})
export const JOB_TASKMANAGER_PROCESS_SIZE = option('job.taskmanager.memory.process.size', memorySize(), {
  description:
    'The job runs in TaskManagers of this size, which it shares with no job of another; unset: in the usual ones (taskmanager.memory.process.size). For one job of a session, or one statement of a script. YARN only (not in Flink).',
})
export const MANAGED_MEMORY_FRACTION = option('taskmanager.memory.managed.fraction', double(0, 0.9), {
  default: '0.4',
  description: 'Share of the memory beyond the runtime’s own that is for operators’ state, split evenly among the slots.',
})
export const MANAGED_MEMORY_SIZE = option('taskmanager.memory.managed.size', memorySize(), {
  description: 'The same as an absolute size.',
})
