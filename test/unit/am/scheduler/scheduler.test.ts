import { expect } from 'chai'
import { defineError } from '#core/errors/define-error.js'
import type { ResourceId } from '#core/ids/ids.js'
import { WorkerLost } from '#am/slots/worker-lost.js'
import { TRANSITIONS } from '#am/jobmaster/scheduler/transitions.js'
import { sourceToSink } from '../job-graphs.js'
import { SchedulerTranscript, slot, story } from './transcript.js'

const MalformedRow = defineError('TEST_MALFORMED_ROW', { recovery: 'none', message: () => 'row 3 is malformed' })
const PeerLost = defineError('TEST_PEER_LOST', { recovery: 'retry-elsewhere', message: () => 'connection to the producer broke' })
const restartOnce = { kind: 'fixed-delay', attempts: 1, delay: 1000 } as const

const lostWorker = (number: number, reason: string) =>
  new WorkerLost({ worker: `worker-${number}`, host: `host-of-worker-${number}`, reason })

describe('scheduler', () => {
  it('deploys when slots and coordinators are there, and finishes after the commit', () => {
    const job = new SchedulerTranscript(sourceToSink(2, 1))
    job
      .on({ type: 'start' })
      .on({ type: 'slotOffered', slot: slot(0) })
      .on({ type: 'slotOffered', slot: slot(1) })
      .started()
    expect(job.take()).to.equal(
      story(`> start
             CREATED
             startCoordinators 1: all
             declareSlots 2
             startTimer resource-wait 300000
             = WaitingForResources
             > slotOffered allocation-0
             = WaitingForResources
             > slotOffered allocation-1
             = WaitingForResources
             > coordinatorsStarted
             cancelTimer resource-wait
             RUNNING
             deploy 1/0#0 in allocation-0
             deploy 1/1#0 in allocation-1
             deploy 2/0#0 in allocation-0
             = Executing`),
    )
    job.task(job.attempt(0), 'FINISHED').task(job.attempt(1), 'FINISHED')
    job.task(job.attempt(2), 'FINISHED')
    job.on({ type: 'committed' })
    expect(job.take()).to.equal(
      story(`> 1/0#0 FINISHED
             = Executing
             > 1/1#0 FINISHED
             = Executing
             > 2/0#0 FINISHED
             commit
             = Executing
             > committed
             declareSlots 0
             FINISHED
             = Finished`),
    )
  })

  it('does not deploy before the last slot is there', () => {
    const job = new SchedulerTranscript(sourceToSink(3, 1))
    job
      .on({ type: 'start' })
      .started()
      .on({ type: 'slotOffered', slot: slot(0) })
      .on({ type: 'slotOffered', slot: slot(0) })
    expect(job.state.name).to.equal('WaitingForResources')
    job.on({ type: 'slotOffered', slot: slot(1) }).on({ type: 'slotOffered', slot: slot(2) })
    expect(job.state.name).to.equal('Executing')
  })

  it('cancels all other tasks of a failed one, gives up what sinks prepared, and fails with the first failure', () => {
    const job = new SchedulerTranscript(sourceToSink(1, 1)).deployed(1)
    job.all('RUNNING').take()
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED').on({ type: 'aborted' })
    expect(job.take()).to.equal(
      story(`> 1/0#0 FAILED
             suspendCheckpoints all
             cancelTimer resource-wait
             cancelTimer restart
             declareSlots 1
             FAILING: boom
             cancelTask 2/0#0
             = Failing canceling
             > 2/0#0 CANCELED
             abortCoordinators
             = Failing aborting
             > aborted
             declareSlots 0
             FAILED: boom
             = Finished`),
    )
    expect(job.state.job.failures.map((failure) => failure.taskName)).to.deep.equal(['Source (1/1)'])
  })

  it('restarts after the pause with new attempts, in the slots it kept', () => {
    const job = new SchedulerTranscript(sourceToSink(1, 1), restartOnce).deployed(1)
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED').started().on({ type: 'timer', timer: 'restart' })
    expect(job.take()).to.equal(
      story(`> 1/0#0 FAILED
             suspendCheckpoints all
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
             deploy 1/0#1 in allocation-0
             deploy 2/0#1 in allocation-0
             = Executing`),
    )
    job.task(job.attempt(0), 'FAILED', new Error('boom again'))
    expect(job.state.name).to.equal('Failing')
    expect(job.state.name === 'Failing' && job.state.failure.notRestarted).to.equal(
      'the job was restarted once (restart-strategy.fixed-delay.attempts)',
    )
  })

  it('does not restart for an error that would come again', () => {
    const job = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1)
    job.task(job.attempt(0), 'FAILED', new Error('task failed', { cause: new MalformedRow({}) }))
    expect(job.state.name).to.equal('Failing')
    expect(job.state.name === 'Failing' && job.state.failure.notRestarted).to.equal(undefined)
  })

  it('ignores what tasks of an earlier attempt say', () => {
    const job = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1)
    const [first, second] = [job.attempt(0), job.attempt(1)]
    job.task(first, 'FAILED', new Error('boom')).task(second, 'CANCELED').started().on({ type: 'timer', timer: 'restart' })
    job.task(second, 'FAILED', new Error('late')).task(first, 'FINISHED')
    expect(job.state.name).to.equal('Executing')
  })

  it('takes repeated reports and steps back without effect', () => {
    const job = new SchedulerTranscript(sourceToSink()).deployed(1)
    job
      .all('RUNNING')
      .task(job.attempt(0), 'INITIALIZING')
      .task(job.attempt(0), 'FINISHED')
      .task(job.attempt(0), 'FINISHED')
      .task(job.attempt(0), 'RUNNING')
    expect(job.state.job.graph.vertices[0]?.executions[0]?.state).to.equal('FINISHED')
    expect(job.effects.filter((effect) => effect.type === 'commit')).to.have.length(0)
  })

  it('fails without tasks when the slots do not come, naming the reason', () => {
    const job = new SchedulerTranscript(sourceToSink()).on({ type: 'start' })
    job.on({ type: 'timer', timer: 'resource-wait', error: new Error('queue is full') }).on({ type: 'aborted' })
    expect(job.take())
      .to.contain('FAILING: queue is full')
      .and.to.match(/FAILED: queue is full\n= Finished$/)
  })

  it('does not restart a job whose slots did not come', () => {
    const job = new SchedulerTranscript(sourceToSink(), restartOnce).on({ type: 'start' })
    job.on({ type: 'timer', timer: 'resource-wait', error: new Error('queue is full') })
    expect(job.state.name).to.equal('Failing')
  })

  it('fails when a coordinator cannot start, such as for a missing input', () => {
    const job = new SchedulerTranscript(sourceToSink()).on({ type: 'start' })
    job.notStarted(new MalformedRow({})).on({ type: 'aborted' })
    expect(job.state.name).to.equal('Finished')
    expect(job.state.job.jobState).to.equal('FAILED')
  })

  it('fails the job when the commit fails, after giving up what was prepared', () => {
    const job = new SchedulerTranscript(sourceToSink()).deployed(1).all('FINISHED')
    job.take()
    job.on({ type: 'globalFailure', error: new Error('rename failed') }).on({ type: 'aborted' })
    expect(job.take()).to.equal(
      story(`> globalFailure
             suspendCheckpoints all
             cancelTimer resource-wait
             cancelTimer restart
             declareSlots 1
             FAILING: rename failed
             abortCoordinators
             = Failing aborting
             > aborted
             declareSlots 0
             FAILED: rename failed
             = Finished`),
    )
  })

  it('cancels in every state before the commit', () => {
    const waiting = new SchedulerTranscript(sourceToSink()).on({ type: 'start' }).on({ type: 'cancel' }).on({ type: 'aborted' })
    expect(waiting.state.job.jobState).to.equal('CANCELED')

    const running = new SchedulerTranscript(sourceToSink()).deployed(1).all('RUNNING').on({ type: 'cancel' })
    expect(running.state.job.jobState).to.equal('CANCELLING')
    running.all('CANCELED').on({ type: 'aborted' })
    expect(running.state.job.jobState).to.equal('CANCELED')

    const pausing = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1)
    pausing.task(pausing.attempt(0), 'FAILED', new Error('boom')).task(pausing.attempt(1), 'CANCELED').on({ type: 'cancel' })
    expect(pausing.state.job.jobState).to.equal('CANCELLING')
    pausing.started().on({ type: 'timer', timer: 'restart' }).on({ type: 'aborted' })
    expect(pausing.state.job.jobState).to.equal('CANCELED')

    const committing = new SchedulerTranscript(sourceToSink()).deployed(1).all('FINISHED').on({ type: 'cancel' }).on({ type: 'committed' })
    expect(committing.state.job.jobState).to.equal('FINISHED')
  })

  it('counts the tasks of a lost worker as failed and waits for the reason before it ends', () => {
    const job = new SchedulerTranscript(sourceToSink(2, 1)).deployed(2).all('RUNNING')
    job.take()
    job.on({
      type: 'workerLost',
      resourceId: 'worker-1' as ResourceId,
      host: 'host-of-worker-1',
      error: lostWorker(1, 'its connection broke'),
      explained: false,
    })
    job.task(job.attempt(0), 'CANCELED').task(job.attempt(2), 'CANCELED')
    job
      .on({ type: 'workerExplained', resourceId: 'worker-1' as ResourceId, error: lostWorker(1, 'exit status 137') })
      .on({ type: 'aborted' })
    expect(job.take()).to.equal(
      story(`> workerLost worker-1
             suspendCheckpoints all
             cancelTimer resource-wait
             cancelTimer restart
             declareSlots 1
             FAILING: TaskManager worker-1 on host-of-worker-1 is lost: its connection broke
             cancelTask 1/0#0
             cancelTask 2/0#0
             = Failing canceling
             > 1/0#0 CANCELED
             = Failing canceling
             > 2/0#0 CANCELED
             startTimer explanation 6000
             = Failing explaining
             > workerExplained worker-1
             cancelTimer explanation
             abortCoordinators
             = Failing aborting
             > aborted
             declareSlots 0
             FAILED: TaskManager worker-1 on host-of-worker-1 is lost: exit status 137
             = Finished`),
    )
  })

  it('ends without the explanation when it does not come in time', () => {
    const job = new SchedulerTranscript(sourceToSink()).deployed(1).all('RUNNING')
    job.on({ type: 'workerLost', resourceId: 'worker-0' as ResourceId, host: 'h', error: lostWorker(0, 'gone'), explained: false })
    job.on({ type: 'timer', timer: 'explanation' }).on({ type: 'aborted' })
    expect(job.state.job.jobState).to.equal('FAILED')
  })

  it('names the lost worker as the cause, though its peers complained first', () => {
    const job = new SchedulerTranscript(sourceToSink(2, 1)).deployed(2).all('RUNNING')
    job.task(job.attempt(2), 'FAILED', new PeerLost({}))
    job.on({
      type: 'workerLost',
      resourceId: 'worker-1' as ResourceId,
      host: 'host-of-worker-1',
      error: lostWorker(1, 'exit status 137'),
      explained: true,
    })
    job.task(job.attempt(0), 'CANCELED').on({ type: 'aborted' })
    expect(job.state.name === 'Finished' && job.state.failure?.error.message).to.equal(
      'TaskManager worker-1 on host-of-worker-1 is lost: exit status 137',
    )
  })

  it('keeps the first failure when a later one does not explain it', () => {
    const job = new SchedulerTranscript(sourceToSink(2, 1)).deployed(2).all('RUNNING')
    job
      .task(job.attempt(0), 'FAILED', new Error('first'))
      .task(job.attempt(1), 'FAILED', new Error('second'))
      .task(job.attempt(2), 'CANCELED')
      .on({ type: 'aborted' })
    expect(job.state.name === 'Finished' && job.state.failure?.error.message).to.equal('first')
    expect(job.state.job.failures.map((failure) => failure.error.message)).to.deep.equal(['second', 'first'])
  })

  it('asks for a new slot in place of a lost one when it restarts', () => {
    const job = new SchedulerTranscript(sourceToSink(2, 1), restartOnce).deployed(2).all('RUNNING')
    job.on({ type: 'workerLost', resourceId: 'worker-1' as ResourceId, host: 'h', error: lostWorker(1, 'gone'), explained: true })
    job.all('CANCELED').started().on({ type: 'timer', timer: 'restart' })
    expect(job.state.name).to.equal('Restarting')
    job.on({ type: 'slotOffered', slot: slot(7) })
    expect(job.state.name).to.equal('Executing')
  })

  it('has a way out of every state but the last', () => {
    for (const [state, next] of Object.entries(TRANSITIONS)) expect(next.length > 0, state).to.equal(state !== 'Finished')
  })
})
