import { double, duration, integer, memorySize, option } from '../option.js'

export const NUMBER_OF_SLOTS_MIN = option('slotmanager.number-of-slots.min', integer(0), {
  default: '0',
  description: 'So many slots are kept although nobody uses them, in whole TaskManagers: a job that comes finds them warm.',
})
export const NUMBER_OF_SLOTS_MAX = option('slotmanager.number-of-slots.max', integer(1), {
  default: '2147483647',
  description: 'More slots are never asked for, whatever jobs need. A job that lacks slots for that reason says so when it gives up.',
})
export const REDUNDANT_TASKMANAGERS = option('slotmanager.redundant-taskmanager-num', integer(0), {
  default: '0',
  description: 'TaskManagers kept empty while a job runs, so that one that is lost is replaced at once.',
})
export const MIN_TOTAL_MEMORY = option('slotmanager.min-total-resource.memory', memorySize(), {
  description: 'The same lower bound as slotmanager.number-of-slots.min, by taskmanager.memory.process.size; the larger one counts.',
})
export const MIN_TOTAL_CPU = option('slotmanager.min-total-resource.cpu', double(0), {
  description: 'The same lower bound by virtual cores of TaskManagers.',
})
export const MAX_TOTAL_MEMORY = option('slotmanager.max-total-resource.memory', memorySize(), {
  description: 'The same upper bound as slotmanager.number-of-slots.max, by taskmanager.memory.process.size; the smaller one counts.',
})
export const MAX_TOTAL_CPU = option('slotmanager.max-total-resource.cpu', double(0), {
  description: 'The same upper bound by virtual cores of TaskManagers.',
})
export const NODE_MAX_START_FAILURES = option('resourcemanager.start-worker.node-max-failures', integer(0), {
  default: '2',
  description:
    'A node on which so many TaskManagers fail to start within the block time, none succeeding between, gets no more for that time; 0: nodes are never blocked (not in Flink).',
})
export const NODE_BLOCK_DURATION = option('resourcemanager.start-worker.node-block-duration', duration(), {
  default: '5 min',
  description: 'How long a node stays blocked. Never more than half of the cluster’s nodes are (not in Flink).',
})
