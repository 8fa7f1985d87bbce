/**
 * Runs the scheduler and writes down what it says, one line per effect, so that a test reads as a story:
 *
 *   > start                      an event
 *   CREATED                      the job's new state
 *   startCoordinators 1: all     an effect
 *   = WaitingForResources        the scheduler's state after it
 */
import type { RestartedSubtask, RestoredJob } from '#am/jobmaster/checkpoint/checkpoint-host.js'
import type { ExecutionState } from '#core/graph/states.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { AllocationId, ExecutionAttemptId, ResourceId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { executions } from '#am/jobmaster/executiongraph/execution-graph.js'
import { createScheduler, schedule } from '#am/jobmaster/scheduler/scheduler.js'
import type { RestartStrategy } from '#am/jobmaster/scheduler/restart-strategy.js'
import type { SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState } from '#am/jobmaster/scheduler/state.js'
import type { PooledSlot } from '#am/slots/slot-provider.js'

export function slot(number: number, worker = `worker-${number}`, dataPort = 0): PooledSlot {
  return {
    allocationId: `allocation-${number}` as AllocationId,
    location: { resourceId: worker as ResourceId, slotIndex: number, host: `host-of-${worker}`, dataPort },
  }
}

export class SchedulerTranscript {
  state: SchedulerState
  lines: string[] = []
  readonly effects: SchedulerEffect[] = []
  readonly environment = virtualEnvironment()
  readonly #settings: SchedulerSettings

  constructor(jobGraph: JobGraph, restartStrategy: RestartStrategy = { kind: 'none' }) {
    this.#settings = {
      restartStrategy,
      resourceWaitTimeout: 300_000,
      explanationTimeout: 6_000,
      exceptionHistorySize: 16,
      rescaleHistorySize: 5,
    }
    this.state = createScheduler(jobGraph, 1, this.environment.clock.now())
  }

  on(event: SchedulerEvent): this {
    this.lines.push(`> ${describeEvent(event)}`)
    const { clock, random } = this.environment
    const step = schedule(this.state, event, { now: clock.now(), uniform: random.uniform() }, this.#settings)
    this.state = step.state
    this.effects.push(...step.effects)
    for (const effect of step.effects) this.lines.push(describeEffect(effect))
    this.lines.push(`= ${describeState(this.state)}`)
    return this
  }

  /** What was said since the last call. */
  take(): string {
    return this.lines.splice(0).join('\n')
  }

  /** Starts the job and gives it slots on one worker each until its tasks are deployed. */
  deployed(slots: number): this {
    this.on({ type: 'start' }).started()
    for (let i = 0; i < slots; i++) this.on({ type: 'slotOffered', slot: slot(i) })
    this.take()
    return this
  }

  /** The coordinators that were asked to start last have. */
  started(restored?: RestoredJob): this {
    return this.on({ type: 'coordinatorsStarted', start: this.state.job.starts, restored })
  }

  /** They could not. */
  notStarted(error: Error): this {
    return this.on({ type: 'coordinatorFailed', start: this.state.job.starts, error })
  }

  /** Every subtask reports the state. */
  all(state: ExecutionState): this {
    for (const execution of [...executions(this.state.job.graph)]) this.task(execution.attemptId, state)
    return this
  }

  task(attemptId: ExecutionAttemptId, state: ExecutionState, error?: Error): this {
    return this.on({ type: 'taskState', attemptId, state, ...(error === undefined ? {} : { error }) })
  }

  /** Of every subtask, in the order of the graph. */
  states(): ExecutionState[] {
    return [...executions(this.state.job.graph)].map((execution) => execution.state)
  }

  attempt(position: number): ExecutionAttemptId {
    const found = [...executions(this.state.job.graph)][position]
    if (found === undefined) throw new Error(`there is no subtask ${position}`)
    return found.attemptId
  }
}

/** Lines without their indentation. */
export function story(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .join('\n')
}

/** `<vertex number>/<subtask>#<attempt>` */
export function short(attemptId: ExecutionAttemptId): string {
  const [, vertexId = '', subtask, attempt] = attemptId.split('_')
  return `${Number.parseInt(vertexId, 16) / 0x100}/${subtask}#${attempt}`
}

function describeEvent(event: SchedulerEvent): string {
  switch (event.type) {
    case 'taskState':
      return `${short(event.attemptId)} ${event.state}`
    case 'slotOffered':
      return `slotOffered ${event.slot.allocationId}`
    case 'workerLost':
    case 'workerExplained':
      return `${event.type} ${event.resourceId}`
    case 'timer':
      return `timer ${event.timer}`
    default:
      return event.type
  }
}

/** `Restarting 0 1 canceling starting pausing`: the regions and what is still awaited. */
function describeState(state: SchedulerState): string {
  if ('phase' in state) return `${state.name} ${state.phase}`
  if (state.name !== 'Restarting') return state.name
  const { regions, coordinators, pausing, lackingSlots } = state.restart
  const awaited = [
    coordinators.name === 'started' ? '' : ` coordinators ${coordinators.name}`,
    pausing ? ' pausing' : '',
    lackingSlots ? ' lacking slots' : '',
  ]
  return `Restarting ${[...regions].join(' ')}${awaited.join('')}`
}

function describeSubtasks(restarted: readonly RestartedSubtask[] | 'all'): string {
  if (restarted === 'all') return restarted
  return restarted.map(({ vertexId, subtaskIndex }) => `${Number.parseInt(vertexId, 16) / 0x100}/${subtaskIndex}`).join(' ')
}

function describeEffect(effect: SchedulerEffect): string {
  switch (effect.type) {
    case 'declareSlots':
      return `declareSlots ${effect.count}${effect.giveBack === undefined ? '' : ` giving back ${effect.giveBack.join(' ')}`}`
    case 'prepareRescale':
      return [
        `prepareRescale ${effect.round}: ${effect.jobGraph.vertices.map(({ parallelism }) => parallelism).join(' ')}`,
        ...effect.tasks.map(({ slot, descriptor }) => `prepare ${short(descriptor.executionAttemptId)} in ${slot.allocationId}`),
      ].join('\n')
    case 'startCoordinators':
      return `startCoordinators ${effect.start}: ${describeSubtasks(effect.restarted)}`
    case 'suspendCheckpoints':
      return `suspendCheckpoints ${describeSubtasks(effect.restarted)}${effect.again === true ? ' and again' : ''}`
    case 'deploy': {
      const { executionAttemptId, restore } = effect.descriptor
      const from = restore === undefined ? '' : ` from checkpoint ${restore.checkpointId}`
      return `deploy ${short(executionAttemptId)} in ${effect.slot.allocationId}${from}`
    }
    case 'cancelTask':
      return `cancelTask ${short(effect.attemptId)}`
    case 'startTimer':
      return `startTimer ${effect.timer} ${effect.delay}`
    case 'cancelTimer':
      return `cancelTimer ${effect.timer}`
    case 'jobState':
      return effect.state + (effect.failure === undefined ? '' : `: ${effect.failure.error.message}`)
    case 'commit':
    case 'abortCoordinators':
      return effect.type
  }
}
