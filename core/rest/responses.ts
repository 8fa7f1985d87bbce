/** Bodies of the master's REST API: Flink 2.3's shapes (names with dashes are Flink's). Times: epoch ms, -1 for "not yet". */
import type { ExecutionState, JobState } from '../graph/states.js'
import type { CollectedRow } from '../rpc/operator-events.js'

export interface ErrorBody {
  errors: string[]
}

/** GET /config */
export interface DashboardConfiguration {
  'refresh-interval': number
  'timezone-name': string
  'timezone-offset': number
  'flink-version': string
  'flink-revision': string
  features: { 'web-submit': boolean; 'web-cancel': boolean; 'web-rescale': boolean; 'web-history': boolean }
}

/** GET /overview */
export interface ClusterOverview {
  taskmanagers: number
  'slots-total': number
  'slots-available': number
  'jobs-running': number
  'jobs-finished': number
  'jobs-cancelled': number
  'jobs-failed': number
  'flink-version': string
  'flink-commit': string
}

export type TaskCounts = Record<Lowercase<ExecutionState>, number> & { total: number }

export interface JobSummary {
  jid: string
  name: string
  jobType: 'STREAMING' | 'BATCH'
  schedulerType: 'Adaptive' | null
  'start-time': number
  'end-time': number
  duration: number
  state: JobState
  'last-modification': number
  tasks: TaskCounts
  'pending-operators': number
}

/** GET /jobs/overview */
export interface JobsOverview {
  jobs: JobSummary[]
}

export interface IoMetrics {
  'read-bytes': number
  'read-bytes-complete': boolean
  'write-bytes': number
  'write-bytes-complete': boolean
  'read-records': number
  'read-records-complete': boolean
  'write-records': number
  'write-records-complete': boolean
  'accumulated-backpressured-time': number
  'accumulated-idle-time': number
  'accumulated-busy-time': number
}

export interface VertexSummary {
  id: string
  slotSharingGroupId: string
  name: string
  maxParallelism: number
  parallelism: number
  status: ExecutionState
  'start-time': number
  'end-time': number
  duration: number
  tasks: Record<ExecutionState, number>
  metrics: IoMetrics
}

export interface PlanNode {
  id: string
  operator: string
  parallelism: number
  operator_strategy: string
  description: string
  optimizer_properties: Record<string, never>
  inputs?: { id: string; num: number; exchange: string; ship_strategy: string }[]
}

/** GET /jobs/:jobid */
export interface JobDetails {
  jid: string
  'application-id': string
  name: string
  isStoppable: boolean
  state: JobState
  'job-type': 'STREAMING' | 'BATCH'
  schedulerType: 'Adaptive'
  'start-time': number
  'end-time': number
  duration: number
  maxParallelism: number
  now: number
  timestamps: Record<JobState, number>
  vertices: VertexSummary[]
  'status-counts': Record<ExecutionState, number>
  plan: { jid: string; name: string; type: 'STREAMING' | 'BATCH'; nodes: PlanNode[] }
  'pending-operators': number
}

/** GET /jobs/:jobid/exceptions */
export interface JobExceptions {
  exceptionHistory: {
    entries: {
      exceptionName: string
      stacktrace: string
      timestamp: number
      failureLabels: Record<string, string>
      taskName?: string
      endpoint?: string
      taskManagerId?: string
      concurrentExceptions: never[]
    }[]
    truncated: boolean
  }
}

export interface ResourceProfile {
  cpuCores: number
  taskHeapMemory: number
  taskOffHeapMemory: number
  managedMemory: number
  networkMemory: number
  extendedResources: Record<string, number>
}

export interface TaskManagerSummary {
  id: string
  path: string
  dataPort: number
  jmxPort: number
  timeSinceLastHeartbeat: number
  slotsNumber: number
  freeSlots: number
  assignedTasks: number
  totalResource: ResourceProfile
  freeResource: ResourceProfile
  hardware: { cpuCores: number; physicalMemory: number; freeMemory: number; managedMemory: number }
  memoryConfiguration: Record<string, number>
}

/** GET /taskmanagers */
export interface TaskManagers {
  taskmanagers: TaskManagerSummary[]
}

/** A key of the order that a SELECT gives its result. */
export interface ResultSortKey {
  /** Of the rows' cells, from 0. One behind the result's columns is there for sorting only. */
  column: number
  ascending: boolean
  nullsFirst: boolean
  /** How the texts of two cells compare: as exact numbers, as doubles (NaN is the largest), or by code points. */
  compare: 'number' | 'double' | 'text'
}

/** A statement of a script, or one execute() of a program. */
export interface StatementSummary {
  index: number
  text: string
  kind: string
  jobid: string | null
  /** True: its job ended under an earlier attempt of the master and does not run again. */
  recovered?: true
  /** Of a SELECT, or of `rows`. */
  columns: string[] | null
  /** Of a SELECT whose rows come as changes: the order of what they add up to. Absent: none is given, or the rows come in order. */
  order?: ResultSortKey[]
  /** What a statement without a job answers: the lines of EXPLAIN, SHOW, DESCRIBE; null where there is nothing to show. */
  rows: (string | null)[][] | null
}

/** GET /applications/:id (Flink 2.3), with what our own client reads besides. */
export interface ApplicationDetails {
  id: string
  name: string
  status: 'CREATED' | 'RUNNING' | 'FAILING' | 'FAILED' | 'CANCELING' | 'CANCELED' | 'FINISHED'
  'start-time': number
  'end-time': number
  duration: number
  jobs: JobSummary[]
  /** Each statement or execute() that ran or runs, in order. */
  statements: StatementSummary[]
  /** Why the application failed: lines for people, cause first. */
  failure: string | null
}

/**
 * GET /jobs/:jobid/collect?token=N — rows of a SELECT from number `token` on. `next` is the token to ask with next; rows before
 * `token` may be forgotten. `end`: no more will come.
 */
export interface CollectedRows {
  rows: CollectedRow[]
  next: number
  end: boolean
}
