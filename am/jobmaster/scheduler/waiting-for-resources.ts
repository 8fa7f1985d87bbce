/** WaitingForResources: slots and coordinators are on their way, in parallel. Flink's state of the same name. */
import { inState, mapExecutions, slotsNeeded } from '../executiongraph/execution-graph.js'
import { deploymentDescriptor } from '../deployment/deployment-descriptor.js'
import { go, then, type Step } from '#core/machine/step.js'
import { removeSlot } from '../slotpool/slot-pool.js'
import { cancel, explainFailures, fail, loseWorker } from './closing.js'
import { enterJobState, jobFailure } from './job-run.js'
import type { Moment, SchedulerEffect, SchedulerEvent, SchedulerSettings, SchedulerState, StateOf } from './state.js'

type SchedulerStep = Step<SchedulerState, SchedulerEffect>

export function onWaitingForResources(
  state: StateOf<'WaitingForResources'>,
  event: SchedulerEvent,
  moment: Moment,
  settings: SchedulerSettings,
): SchedulerStep {
  switch (event.type) {
    case 'slotOffered':
      return executeIfReady(state, moment)
    case 'coordinatorsStarted':
      return executeIfReady({ ...state, coordinators: 'started' }, moment)
    case 'slotLost':
      return go({ ...state, job: { ...state.job, slots: removeSlot(state.job.slots, event.allocationId) } })
    case 'workerLost':
      return go({ ...state, job: loseWorker(state.job, event, moment).job })
    case 'workerExplained':
      return go({ ...state, job: explainFailures(state.job, event) })
    case 'coordinatorFailed':
      return fail(state.job, jobFailure(event.error, moment.now), moment, settings)
    case 'fatal':
      return fail(state.job, jobFailure(event.error, moment.now), moment, settings, true)
    case 'timer':
      if (event.timer !== 'resource-wait') return go(state)
      return fail(state.job, jobFailure(event.error ?? new Error('the slots did not come in time'), moment.now), moment, settings, true)
    case 'cancel':
      return cancel(state.job, moment, settings)
    default:
      return go(state)
  }
}

function executeIfReady(state: StateOf<'WaitingForResources'>, moment: Moment): SchedulerStep {
  const { job } = state
  if (state.coordinators !== 'started' || job.slots.length < slotsNeeded(job.graph.jobGraph)) return go(state)
  const graph = mapExecutions(job.graph, (execution) => ({
    ...inState(inState(execution, 'SCHEDULED', moment.now), 'DEPLOYING', moment.now),
    slot: job.slots[execution.subtaskIndex],
  }))
  const deploys = graph.vertices.flatMap(({ vertex, executions }) =>
    executions.flatMap((execution): SchedulerEffect[] =>
      execution.slot === undefined
        ? []
        : [{ type: 'deploy', slot: execution.slot, descriptor: deploymentDescriptor(graph, vertex, execution) }],
    ),
  )
  const running = enterJobState({ ...job, graph }, 'RUNNING', moment.now)
  return then(go(running.state, { type: 'cancelTimer', timer: 'resource-wait' } as SchedulerEffect, ...running.effects), (next) =>
    go<SchedulerState, SchedulerEffect>({ name: 'Executing', job: next, committing: false }, ...deploys),
  )
}
