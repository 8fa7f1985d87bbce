import { expect } from 'chai'
import type { ResourceId } from '#core/ids/ids.js'
import { WorkerLost, WorkerTakenBack } from '#am/slots/worker-lost.js'
import { sourceToSink, twoPipelines } from '../job-graphs.js'
import { SchedulerTranscript, slot, story } from './transcript.js'

const restartOnce = { kind: 'fixed-delay', attempts: 1, delay: 1000 } as const
const details = { worker: 'worker-0', host: 'node-1', reason: 'its node goes' }
const leave = (number: number) => ({
  type: 'vacate' as const,
  resourceIds: new Set([`worker-${number}` as ResourceId]),
  error: new WorkerTakenBack(details),
})

describe('leaving workers', () => {
  it('gives their slots back by name and starts what runs there again elsewhere, without a pause', () => {
    const job = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1).all('RUNNING')
    job.on({ type: 'slotOffered', slot: slot(7) })
    job.take()
    job.on(leave(0))
    job.task(job.attempt(0), 'CANCELED').task(job.attempt(1), 'CANCELED').started()
    expect(job.take()).to.equal(
      story(`> vacate
             declareSlots 1 giving back allocation-0
             suspendCheckpoints all
             cancelTimer resource-wait
             RESTARTING: TaskManager worker-0 on node-1 was taken back: its node goes
             cancelTask 1/0#0
             cancelTask 2/0#0
             = Restarting 0 coordinators idle
             > 1/0#0 CANCELED
             = Restarting 0 coordinators idle
             > 2/0#0 CANCELED
             startCoordinators 2: 1/0 2/0
             = Restarting 0 coordinators starting
             > coordinatorsStarted
             cancelTimer resource-wait
             RUNNING
             deploy 1/0#1 in allocation-7
             deploy 2/0#1 in allocation-7
             = Executing`),
    )
    expect(job.state.job.restarts.failures).to.deep.equal([])
  })

  it('does not count, however often it happens', () => {
    const job = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1).all('RUNNING')
    for (let round = 1; round <= 5; round++) {
      job.on({ type: 'slotOffered', slot: slot(round) }).on(leave(round - 1))
      job.task(job.attempt(0), 'CANCELED').task(job.attempt(1), 'CANCELED').started().all('RUNNING')
      expect(job.state.name).to.equal('Executing')
    }
  })

  it('waits for other slots as long as it takes: the cluster has none now', () => {
    const job = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1).all('RUNNING')
    job.on(leave(0)).task(job.attempt(0), 'CANCELED').task(job.attempt(1), 'CANCELED')
    job.take()
    expect(job.started().take(), 'no time limit').to.equal('> coordinatorsStarted\n= Restarting 0')
    job.on({ type: 'slotOffered', slot: slot(9) })
    expect(job.state.name).to.equal('Executing')
  })

  it('leaves what runs elsewhere alone', () => {
    const job = new SchedulerTranscript(twoPipelines(), restartOnce).deployed(1).all('RUNNING')
    job.take()
    job.on({ type: 'slotOffered', slot: slot(3) }).on(leave(3))
    expect(job.take()).to.equal(
      story(`> slotOffered allocation-3
             = Executing
             > vacate
             declareSlots 1 giving back allocation-3
             = Executing`),
    )
  })

  it('joins a restart that is under way, and waits for other slots there', () => {
    const job = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1).all('RUNNING')
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED').started()
    job.on(leave(0)).on({ type: 'timer', timer: 'restart' })
    expect(job.state.name).to.equal('Restarting')
    job.on({ type: 'slotOffered', slot: slot(9) })
    expect(job.state.name).to.equal('Executing')
  })

  it('stays where a job may not restart, or is about to be finished', () => {
    const never = new SchedulerTranscript(sourceToSink()).deployed(1).all('RUNNING')
    never.take()
    expect(never.on(leave(0)).take()).to.equal('> vacate\n= Executing')
    const committing = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1).all('FINISHED')
    committing.take()
    expect(committing.on(leave(0)).take()).to.equal('> vacate\n= Executing')
  })

  it('does not count a loss that turns out to be the cluster’s wish, at once or when it is explained', () => {
    const job = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1).all('RUNNING')
    const where = { resourceId: 'worker-0' as ResourceId, host: 'node-1' }
    job.on({ type: 'workerLost', ...where, error: new WorkerLost({ ...details, reason: 'reset' }), explained: false })
    expect(job.state.job.restarts.failures).to.have.length(1)
    job.on({ type: 'workerExplained', resourceId: where.resourceId, error: new WorkerTakenBack({ ...details, reason: 'preempted' }) })
    expect(job.state.job.restarts.failures).to.deep.equal([])
    expect(job.state.job.failures[0]?.error.message).to.contain('preempted')
    const known = new SchedulerTranscript(sourceToSink(), restartOnce).deployed(1).all('RUNNING')
    known.on({ type: 'workerLost', ...where, error: new WorkerTakenBack(details), explained: true })
    expect(known.state.name).to.equal('Restarting')
    expect(known.state.job.restarts.failures).to.deep.equal([])
  })
})
