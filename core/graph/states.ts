/** Flink's states. Note the spelling: a job is CANCELLING, a task CANCELING. */
export const JOB_STATES = [
  'INITIALIZING',
  'CREATED',
  'RUNNING',
  'FAILING',
  'FAILED',
  'CANCELLING',
  'CANCELED',
  'FINISHED',
  'RESTARTING',
  'SUSPENDED',
  'RECONCILING',
] as const
export type JobState = (typeof JOB_STATES)[number]

export const EXECUTION_STATES = [
  'CREATED',
  'SCHEDULED',
  'DEPLOYING',
  'INITIALIZING',
  'RUNNING',
  'FINISHED',
  'CANCELING',
  'CANCELED',
  'FAILED',
  'RECONCILING',
] as const
export type ExecutionState = (typeof EXECUTION_STATES)[number]

export function isTerminalJobState(state: JobState): boolean {
  return state === 'FINISHED' || state === 'FAILED' || state === 'CANCELED'
}

export function isTerminalExecutionState(state: ExecutionState): boolean {
  return state === 'FINISHED' || state === 'FAILED' || state === 'CANCELED'
}
