import { expect } from 'chai'
import { defineError } from '#core/errors/define-error.js'
import type { CheckpointMetadata, TaskRestore } from '#core/checkpoint/state-handles.js'
import type { AllocationId, ResourceId } from '#core/ids/ids.js'
import type { RestoredJob } from '#am/jobmaster/checkpoint/checkpoint-host.js'
import { WorkerLost } from '#am/slots/worker-lost.js'
import { forwardPipelines, sourceToSink, twoPipelines } from '../job-graphs.js'
import { SchedulerTranscript, slot, story } from './transcript.js'

const restartTwice = { kind: 'fixed-delay', attempts: 2, delay: 1000 } as const
const Refused = defineError('TEST_REFUSED', { recovery: 'retry-here', message: () => 'not now' })

function restoredFrom(checkpointId: number, job: SchedulerTranscript): RestoredJob {
  const restore = (): TaskRestore => ({ checkpointId, finished: false, operators: [] })
  return {
    checkpointId,
    path: `file:///chk-${checkpointId}`,
    metadata: {} as CheckpointMetadata,
    tasks: new Map(job.state.job.graph.vertices.map(({ vertex, executions }) => [vertex.id, executions.map(restore)])),
    enumerators: new Map(),
    committables: [],
  }
}

const lost = (number: number, explained = true) => ({
  type: 'workerLost' as const,
  resourceId: `worker-${number}` as ResourceId,
  host: `host-of-worker-${number}`,
  error: new WorkerLost({ worker: `worker-${number}`, host: `host-of-worker-${number}`, reason: 'gone' }),
  explained,
})

describe('failover by region', () => {
  it('restarts the failed region from the checkpoint and leaves the others alone', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartTwice).deployed(1).all('RUNNING')
    job.take()
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED')
    job.started(restoredFrom(5, job)).on({ type: 'timer', timer: 'restart' })
    expect(job.take()).to.equal(
      story(`> 1/0#0 FAILED
             suspendCheckpoints 1/0 2/0
             cancelTimer resource-wait
             startTimer restart 1000
             RESTARTING: boom
             cancelTask 2/0#0
             = Restarting 0 coordinators idle pausing
             > 2/0#0 CANCELED
             startCoordinators 2: 1/0 2/0
             = Restarting 0 coordinators starting pausing
             > coordinatorsStarted
             = Restarting 0 pausing
             > timer restart
             cancelTimer resource-wait
             RUNNING
             deploy 1/0#1 in allocation-0 from checkpoint 5
             deploy 2/0#1 in allocation-0 from checkpoint 5
             = Executing`),
    )
    expect(job.states()).to.deep.equal(['DEPLOYING', 'DEPLOYING', 'RUNNING', 'RUNNING'])
  })

  it('finishes when the last region has, though one restarted meanwhile', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartTwice).deployed(1).all('RUNNING')
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED')
    job.task(job.attempt(2), 'FINISHED').task(job.attempt(3), 'FINISHED')
    expect(job.state.name).to.equal('Restarting')
    job.started().on({ type: 'timer', timer: 'restart' })
    expect(job.states()).to.deep.equal(['DEPLOYING', 'DEPLOYING', 'FINISHED', 'FINISHED'])
    job.take()
    job.task(job.attempt(0), 'FINISHED').task(job.attempt(1), 'FINISHED').on({ type: 'committed' })
    expect(job.take()).to.equal(
      story(`> 1/0#1 FINISHED
             = Executing
             > 2/0#1 FINISHED
             commit
             = Executing
             > committed
             declareSlots 0
             FINISHED
             = Finished`),
    )
  })

  it('takes a region in that fails while another restarts, without a pause of its own', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartTwice).deployed(1).all('RUNNING')
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED').started(restoredFrom(5, job))
    job.take()
    job.task(job.attempt(2), 'FAILED', new Error('bang'))
    job.on({ type: 'timer', timer: 'restart' }).task(job.attempt(3), 'CANCELED')
    job.on({ type: 'coordinatorsStarted', start: 2, restored: restoredFrom(5, job) }) // of the first region alone
    job.started(restoredFrom(6, job))
    expect(job.take()).to.equal(
      story(`> 3/0#0 FAILED
             suspendCheckpoints all
             cancelTimer resource-wait
             cancelTask 4/0#0
             = Restarting 0 1 coordinators idle pausing
             > timer restart
             = Restarting 0 1 coordinators idle
             > 4/0#0 CANCELED
             startCoordinators 3: 1/0 2/0 3/0 4/0
             = Restarting 0 1 coordinators starting
             > coordinatorsStarted
             = Restarting 0 1 coordinators starting
             > coordinatorsStarted
             cancelTimer resource-wait
             RUNNING
             deploy 1/0#1 in allocation-0 from checkpoint 6
             deploy 2/0#1 in allocation-0 from checkpoint 6
             deploy 3/0#1 in allocation-0 from checkpoint 6
             deploy 4/0#1 in allocation-0 from checkpoint 6
             = Executing`),
    )
  })

  it('replaces the slot of a lost worker only, and waits for it with a bound', () => {
    const job = new SchedulerTranscript(forwardPipelines(3), restartTwice).deployed(3).all('RUNNING')
    job.take()
    job.on(lost(1)).started().on({ type: 'timer', timer: 'restart' })
    job.on({ type: 'slotOffered', slot: slot(9) })
    expect(job.take()).to.equal(
      story(`> workerLost worker-1
             suspendCheckpoints 1/1 2/1
             cancelTimer resource-wait
             startTimer restart 1000
             RESTARTING: TaskManager worker-1 on host-of-worker-1 is lost: gone
             startCoordinators 2: 1/1 2/1
             = Restarting 1 coordinators starting pausing
             > coordinatorsStarted
             = Restarting 1 pausing
             > timer restart
             startTimer resource-wait 300000
             = Restarting 1 lacking slots
             > slotOffered allocation-9
             cancelTimer resource-wait
             RUNNING
             deploy 1/1#1 in allocation-9
             deploy 2/1#1 in allocation-9
             = Executing`),
    )
    const slots = job.state.job.graph.vertices[0]?.executions.map((execution) => execution.slot?.allocationId)
    expect(slots).to.deep.equal(['allocation-0', 'allocation-9', 'allocation-2'])
  })

  it('fails when the replacement does not come', () => {
    const job = new SchedulerTranscript(forwardPipelines(2), restartTwice).deployed(2).all('RUNNING')
    job.on(lost(1)).started().on({ type: 'timer', timer: 'restart' })
    job.on({ type: 'timer', timer: 'resource-wait', error: new Error('queue is full') })
    expect(job.state.name === 'Failing' && job.state.failure.error.message).to.equal('queue is full')
  })

  it('restarts what ran in a slot that ended, in the slots that are left and the new one', () => {
    const job = new SchedulerTranscript(sourceToSink(2, 2), restartTwice).deployed(2).all('RUNNING')
    job.on({ type: 'slotLost', allocationId: 'allocation-0' as AllocationId, error: new Error('thread died') })
    expect(job.states()).to.deep.equal(['FAILED', 'CANCELING', 'FAILED', 'CANCELING'])
    job.task(job.attempt(1), 'CANCELED').task(job.attempt(3), 'CANCELED').started().on({ type: 'timer', timer: 'restart' })
    job.on({ type: 'slotOffered', slot: slot(5) })
    const slots = job.state.job.graph.vertices[0]?.executions.map((execution) => execution.slot?.allocationId)
    expect(slots, 'subtask 1 stays where it was').to.deep.equal(['allocation-5', 'allocation-1'])
  })

  it('deploys no task before those of the attempt before have ended', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartTwice).deployed(1).all('RUNNING')
    job.task(job.attempt(0), 'FAILED', new Error('boom')).on({ type: 'timer', timer: 'restart' })
    expect(job.state.name).to.equal('Restarting')
    expect(job.effects.filter((effect) => effect.type === 'startCoordinators')).to.have.length(1)
  })

  it('restarts everything when it is not a region that failed, coordinators too', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartTwice).deployed(1).all('RUNNING')
    job.take()
    job.on({ type: 'globalFailure', error: new Refused({}) }).all('CANCELED')
    expect(job.take()).to.contain('suspendCheckpoints all').and.to.contain('startCoordinators 2: all')
  })

  it('waits for the pause before it asks coordinators again that could not start', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartTwice).deployed(1).all('RUNNING')
    job.on({ type: 'globalFailure', error: new Refused({}) }).all('CANCELED')
    job.take()
    job.notStarted(new Refused({})).on({ type: 'timer', timer: 'restart' }).notStarted(new Refused({}))
    expect(job.take()).to.equal(
      story(`> coordinatorFailed
             suspendCheckpoints all
             cancelTimer resource-wait
             startTimer restart 1000
             = Restarting 0 1 coordinators idle pausing
             > timer restart
             startCoordinators 3: all
             = Restarting 0 1 coordinators starting
             > coordinatorFailed
             suspendCheckpoints all
             cancelTimer resource-wait
             cancelTimer restart
             declareSlots 1
             FAILING: not now
             abortCoordinators
             = Failing aborting`),
    )
  })

  it('says why the strategy restarts no more', () => {
    const job = new SchedulerTranscript(twoPipelines(), { kind: 'fixed-delay', attempts: 1, delay: 0 }).deployed(1).all('RUNNING')
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED').started()
    job.on({ type: 'timer', timer: 'restart' }).task(job.attempt(2), 'FAILED', new Error('bang'))
    expect(job.state.name === 'Failing' && job.state.failure.notRestarted).to.contain('restarted once')
    expect(job.states()).to.deep.equal(['CANCELING', 'CANCELING', 'FAILED', 'CANCELING'])
  })

  it('goes on with Failing when an error would come again, though a region restarts', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartTwice).deployed(1).all('RUNNING')
    const Malformed = defineError('TEST_MALFORMED', { recovery: 'none', message: () => 'malformed' })
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(2), 'FAILED', new Malformed({}))
    expect(job.state.name === 'Failing' && job.state.failure.error.message).to.equal('malformed')
  })

  it('cancels what runs and what restarts', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartTwice).deployed(1).all('RUNNING')
    job.task(job.attempt(0), 'FAILED', new Error('boom')).on({ type: 'cancel' })
    expect(job.states()).to.deep.equal(['FAILED', 'CANCELING', 'CANCELING', 'CANCELING'])
    job.all('CANCELED').on({ type: 'timer', timer: 'restart' }).on({ type: 'aborted' })
    expect(job.state.job.jobState).to.equal('CANCELED')
  })
})
