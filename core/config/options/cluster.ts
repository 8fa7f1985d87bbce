import { double, duration, integer, memorySize, oneOf, option, string } from '../option.js'

export const TASK_SLOTS = option('taskmanager.numberOfTaskSlots', integer(1, 1024), {
  default: '1',
  description: 'Slots (worker threads) of a TaskManager. On YARN the slots a job needs, divided by this, are the containers asked for.',
})
export const TASKMANAGER_HOST = option('taskmanager.host', string(), {
  description: 'Host name that a TaskManager tells others to reach it by. On YARN: the node’s own name.',
})
export const TASKMANAGER_BIND_HOST = option('taskmanager.bind-host', string(), {
  description: 'Interface that a TaskManager listens on.',
})
export const TASKMANAGER_DATA_PORT = option('taskmanager.data.port', string(), {
  default: '0',
  description: 'Port, list or range of ports (50100-50200) for the exchange between TaskManagers; 0: any free port.',
})
export const TASKMANAGER_REGISTRATION_TIMEOUT = option('taskmanager.registration.timeout', duration(), {
  default: '5 min',
  description: 'A TaskManager that cannot register with a JobManager for so long ends itself.',
})
export const HEARTBEAT_INTERVAL = option('heartbeat.interval', duration(), {
  default: '10 s',
  description: 'Time between two heartbeats of JobManager and TaskManager. Metrics travel more often where somebody looks.',
})
export const HEARTBEAT_TIMEOUT = option('heartbeat.timeout', duration(), {
  default: '50 s',
  description: 'Silence after which a peer is held lost. A broken connection or a finished container is noticed at once.',
})
export const SLOT_REQUEST_TIMEOUT = option('slot.request.timeout', duration(), {
  default: '5 min',
  description: 'A job that does not get its slots for so long fails, naming what it waited for.',
})
export const TASKMANAGER_IDLE_TIMEOUT = option('resourcemanager.taskmanager-timeout', duration(), {
  default: '30 s',
  description: 'An idle TaskManager is given back after this time.',
})
export const WORKER_REGISTRATION_TIMEOUT = option('resourcemanager.taskmanager-registration.timeout', duration(), {
  default: '5 min',
  description: 'A started TaskManager must register within this time, else it is given back and another is asked for.',
})
export const START_WORKER_MAX_FAILURE_RATE = option('resourcemanager.start-worker.max-failure-rate', double(0), {
  default: '10.0',
  description: 'Failed starts of TaskManagers per minute before the ResourceManager pauses.',
})
export const START_WORKER_MAX_FAILURES = option('resourcemanager.start-worker.max-failures-in-a-row', integer(0), {
  default: '8',
  description:
    'When so many starts of TaskManagers in a row fail before the first one has come up, the job ends with the cause of the last; 0: it waits for its slots in any case (not in Flink).',
})
export const START_WORKER_RETRY_INTERVAL = option('resourcemanager.start-worker.retry-interval', duration(), {
  default: '3 s',
  description: 'That pause.',
})
export const PREVIOUS_WORKER_RECOVERY_TIMEOUT = option('resourcemanager.previous-worker.recovery.timeout', duration(), {
  default: '5 s',
  description: 'How long a new JobManager attempt waits for the TaskManagers of the attempt before it (Flink: 0).',
})
export const RESOURCE_WAIT_TIMEOUT = option('jobmanager.adaptive-scheduler.submission.resource-wait-timeout', duration(), {
  default: '5 min',
  description: 'How long a job waits for the slots it asked for before it starts with those there are, or fails.',
  deprecatedKeys: ['jobmanager.adaptive-scheduler.resource-wait-timeout'],
})
export const TASK_CANCELLATION_TIMEOUT = option('task.cancellation.timeout', duration(), {
  default: '3 min',
  description: 'A TaskManager whose task ignores its cancellation for so long ends itself.',
})
export const BLOB_OFFLOAD_MIN_SIZE = option('blob.offload.minsize', memorySize(), {
  default: '1 mb',
  description:
    'What all subtasks of a vertex share is sent to TaskManagers with each task up to this size; a larger one is fetched once by each TaskManager.',
})
export const LOCAL_ISOLATION = option('local.isolation', oneOf('THREADS', 'PROCESSES'), {
  default: 'THREADS',
  description:
    'Target local. THREADS: JobManager and TaskManagers are threads of the command: quickest to start. PROCESSES: each is a process of its own, with taskmanager.numberOfTaskSlots slots; one that dies is replaced, and jobs go on from their newest checkpoint.',
})
export const LOCAL_MASTER_ATTEMPTS = option('local.master-attempts', integer(1), {
  default: '10',
  description: 'Target local with PROCESSES: how often in all the JobManager is started before the application is given up.',
})
export const TMP_DIRS = option('io.tmp.dirs', string(), {
  description:
    'Local directory for state that exceeds the memory of its slot. Unset: the first of a YARN container’s own local directories, elsewhere the system’s temporary directory.',
})
