import { duration, integer, oneOf, option } from '../option.js'

export const LATENCY_INTERVAL = option('metrics.latency.interval', duration(), {
  default: '0 ms',
  description: 'Sources send a latency marker into each of their outputs this often; 0: never. It costs throughput when short.',
})
export const LATENCY_GRANULARITY = option('metrics.latency.granularity', oneOf('single', 'operator', 'subtask'), {
  default: 'operator',
  description:
    'What latencies are told apart by. single: neither source nor subtask of it; operator: sources; subtask: subtasks of sources.',
})
export const LATENCY_HISTORY_SIZE = option('metrics.latency.history-size', integer(1, 100_000), {
  default: '128',
  description: 'Latencies that an operator keeps of each source: its histogram is over the newest of so many.',
})
