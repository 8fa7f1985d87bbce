/**
 * The life of a task. Pure: what happened goes in, what to do comes out.
 *
 *   CREATED ─▶ DEPLOYING ─▶ INITIALIZING ─▶ RUNNING ─▶ FINISHED
 *      │           └──────────────┴────────────┤
 *      │                                        ├─ cancel ─▶ CANCELING ─ closed ─▶ CANCELED
 *      └─ cancel ─▶ CANCELED                    └─ fail ───▶ FAILED ── closed ─▶ (reported)
 *
 * The first reason to end wins: what fails while a task is being cancelled, or after it failed, is a consequence. FAILED and
 * CANCELED are reported when the operators are closed, so that a new attempt never meets the old one's leftovers.
 */
export type TaskLife =
  | { readonly state: 'CREATED' | 'DEPLOYING' | 'INITIALIZING' | 'RUNNING' | 'CANCELING' | 'CANCELED' | 'FINISHED' }
  | { readonly state: 'FAILED'; readonly error: unknown; readonly closed: boolean }

export type TaskState = TaskLife['state']

export type TaskEvent =
  { readonly type: 'deploy' | 'initialize' | 'run' | 'finish' | 'cancel' | 'closed' } | { readonly type: 'fail'; readonly error: unknown }

export type TaskEffect =
  /** Tell the master. */
  | { readonly type: 'report' }
  /** Give up inputs and outputs, close the operators as failed; `closed` follows. */
  | { readonly type: 'close' }

export interface TaskStep {
  readonly life: TaskLife
  readonly effects: readonly TaskEffect[]
}

const REPORT: readonly TaskEffect[] = [{ type: 'report' }]
const CLOSE: readonly TaskEffect[] = [{ type: 'close' }]
const NOTHING: readonly TaskEffect[] = []

/** The next state on the way up, by event. */
const FORWARD = {
  CREATED: { deploy: 'DEPLOYING' },
  DEPLOYING: { initialize: 'INITIALIZING' },
  INITIALIZING: { run: 'RUNNING' },
  RUNNING: { finish: 'FINISHED' },
} as const

export function onTaskEvent(life: TaskLife, event: TaskEvent): TaskStep {
  const stay: TaskStep = { life, effects: NOTHING }
  switch (life.state) {
    case 'CREATED':
    case 'DEPLOYING':
    case 'INITIALIZING':
    case 'RUNNING': {
      if (event.type === 'fail') return { life: { state: 'FAILED', error: event.error, closed: false }, effects: CLOSE }
      if (event.type === 'cancel')
        return life.state === 'CREATED'
          ? { life: { state: 'CANCELED' }, effects: REPORT }
          : { life: { state: 'CANCELING' }, effects: CLOSE }
      const forward: Partial<Record<TaskEvent['type'], TaskState>> = FORWARD[life.state]
      const next = forward[event.type] as Exclude<TaskState, 'FAILED'> | undefined
      if (next === undefined) return stay
      return { life: { state: next }, effects: next === 'DEPLOYING' ? NOTHING : REPORT }
    }
    case 'CANCELING':
      return event.type === 'closed' ? { life: { state: 'CANCELED' }, effects: REPORT } : stay
    case 'FAILED':
      return event.type === 'closed' && !life.closed ? { life: { ...life, closed: true }, effects: REPORT } : stay
    case 'CANCELED':
    case 'FINISHED':
      return stay
  }
}

/** Nothing of the task runs any more and its end has been reported. */
export function isOver(life: TaskLife): boolean {
  return life.state === 'FINISHED' || life.state === 'CANCELED' || (life.state === 'FAILED' && life.closed)
}
