import { expect } from 'chai'
import type { RestoredJob } from '#am/jobmaster/checkpoint/checkpoint-host.js'
import type { ResourceRequirements } from '#am/jobmaster/scheduler/rescale.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { ResourceId } from '#core/ids/ids.js'
import { sourceToSink, streaming, twoPipelines } from '../job-graphs.js'
import { SchedulerTranscript, slot, story } from './transcript.js'

const FROM_7 = { checkpointId: 7, tasks: new Map(), path: 'chk-7' } as unknown as RestoredJob
const RESTARTING = { kind: 'fixed-delay', attempts: 3, delay: 100 } as const

function requirements(graph: JobGraph, ...bounds: (readonly [lower: number, upper: number])[]): ResourceRequirements {
  return new Map(graph.vertices.map(({ id }, index) => [id, { lower: bounds[index]?.[0] ?? 1, upper: bounds[index]?.[1] ?? 1 }]))
}

/** A running job of two slots per worker: `slots` of them. */
function running(graph: JobGraph, slots: number): SchedulerTranscript {
  const job = new SchedulerTranscript(graph, RESTARTING)
  job.on({ type: 'start' }).started()
  for (let i = 0; i < slots; i++) job.on({ type: 'slotOffered', slot: slot(i, `worker-${Math.floor(i / 2)}`, 9) })
  job.all('RUNNING').take()
  return job
}

function rescale(job: SchedulerTranscript, graph: JobGraph, ...bounds: (readonly [number, number])[]): SchedulerTranscript {
  return job.on({ type: 'rescale', request: { uuid: 'u1', requirements: requirements(graph, ...bounds), reason: 'a test wants it' } })
}

const ended = (job: SchedulerTranscript) => job.state.job.rescales.ended.map(({ end }) => [end?.state, end?.reason, end?.message])

describe('rescaling', () => {
  it('is not forgotten by the next master when its coordinators cannot start at once', () => {
    const graph = streaming(sourceToSink(1, 2))
    const job = new SchedulerTranscript(graph, RESTARTING)
    job.on({ type: 'start' })
    for (let i = 0; i < 3; i++) job.on({ type: 'slotOffered', slot: slot(i) })
    job.notStarted(new Error('the file system is away')).on({ type: 'timer', timer: 'restart' })
    const parallelism = new Map(graph.vertices.map(({ id }, index) => [id, index === 0 ? 1 : 3]))
    job.take()
    job.started({ ...FROM_7, parallelism })
    expect(job.state.job.graph.jobGraph.vertices.map((vertex) => vertex.parallelism)).to.deep.equal([1, 3])
    const lines = job.take().split('\n')
    expect(lines).to.include('declareSlots 3')
    expect(lines.filter((line) => line.startsWith('deploy '))).to.deep.equal([
      'deploy 1/0#0 in allocation-0',
      'deploy 2/0#0 in allocation-0',
      'deploy 2/1#0 in allocation-1',
      'deploy 2/2#0 in allocation-2',
    ])
  })

  it('gets the slots, then a checkpoint, then switches; surplus slots go back', () => {
    const graph = streaming(sourceToSink(1, 2))
    const job = running(graph, 2)
    rescale(job, graph, [1, 1], [1, 3])
    expect(job.take()).to.equal(
      story(`
        > rescale
        declareSlots 3
        startTimer rescale-slots 300000
        = Executing
      `),
    )
    job.on({ type: 'slotOffered', slot: slot(2, 'worker-1', 9) })
    job.on({ type: 'rescalePrepared', round: 1 })
    expect(job.take()).to.equal(
      story(`
        > slotOffered allocation-2
        cancelTimer rescale-slots
        prepareRescale 1: 1 3
        prepare 1/0#1 in allocation-0
        prepare 2/0#1 in allocation-0
        prepare 2/1#1 in allocation-1
        prepare 2/2#1 in allocation-2
        = Executing
        > rescalePrepared
        suspendCheckpoints all and again
        RESTARTING
        cancelTask 1/0#0
        cancelTask 2/0#0
        cancelTask 2/1#0
        = Restarting 0 coordinators idle
      `),
    )
    job.all('CANCELED').started(FROM_7)
    expect(job.take()).to.equal(
      story(`
        > 1/0#0 CANCELED
        = Restarting 0 coordinators idle
        > 2/0#0 CANCELED
        = Restarting 0 coordinators idle
        > 2/1#0 CANCELED
        startCoordinators 2: 1/0 2/0 2/1 2/2
        = Restarting 0 coordinators starting
        > coordinatorsStarted
        cancelTimer resource-wait
        RUNNING
        deploy 1/0#1 in allocation-0
        deploy 2/0#1 in allocation-0
        deploy 2/1#1 in allocation-1
        deploy 2/2#1 in allocation-2
        = Executing
      `),
    )
    expect(ended(job)).to.deep.equal([])
    job.all('RUNNING')
    expect(ended(job)).to.deep.equal([['COMPLETED', 'SUCCEEDED', undefined]])
    job.take()
    // Back to one: the worker with more slots keeps the job, the other falls free whole.
    rescale(job, graph, [1, 1], [1, 1]).on({ type: 'rescalePrepared', round: 1 }).all('CANCELED').started(FROM_7)
    const lines = job.take().split('\n')
    expect(lines.filter((line) => line.startsWith('deploy'))).to.deep.equal([
      'deploy 1/0#2 in allocation-0',
      'deploy 2/0#2 in allocation-0',
    ])
    expect(lines).to.include('declareSlots 1 giving back allocation-1 allocation-2')
    job.all('RUNNING')
    expect(job.state.job.rescales.counts).to.deep.equal({ COMPLETED: 2, FAILED: 0, IGNORED: 0 })
    // No attempt of a subtask that comes back has the number of an earlier one.
    rescale(job, graph, [1, 1], [1, 2]).on({ type: 'slotOffered', slot: slot(3, 'worker-0', 9) })
    job.on({ type: 'rescalePrepared', round: 1 }).all('CANCELED').started(FROM_7)
    expect(
      job
        .take()
        .split('\n')
        .filter((line) => line.startsWith('deploy 2/1')),
    ).to.deep.equal(['deploy 2/1#3 in allocation-3'])
  })

  it('leaves what is not connected with the change as it is', () => {
    const graph = streaming(twoPipelines())
    const job = running(graph, 1)
    rescale(job, graph, [1, 1], [1, 1], [1, 1], [1, 2]).on({ type: 'slotOffered', slot: slot(1, 'worker-0', 9) })
    job.take()
    job.on({ type: 'rescalePrepared', round: 1 })
    expect(
      job
        .take()
        .split('\n')
        .filter((line) => line.startsWith('cancelTask')),
    ).to.deep.equal(['cancelTask 3/0#0', 'cancelTask 4/0#0'])
    job.task(job.attempt(2), 'CANCELED').task(job.attempt(3), 'CANCELED').started(FROM_7)
    expect(job.states()).to.deep.equal(['RUNNING', 'RUNNING', 'DEPLOYING', 'DEPLOYING', 'DEPLOYING'])
  })

  it('stays as it is, and says why, when the slots cannot be had', () => {
    const graph = streaming(sourceToSink(1, 1))
    const job = running(graph, 1)
    rescale(job, graph, [1, 1], [4, 4]).take()
    job.on({ type: 'slotOffered', slot: slot(1, 'worker-1', 9) })
    job.on({ type: 'timer', timer: 'rescale-slots', error: new Error('the queue is full') })
    expect(job.take()).to.equal(
      story(`
        > slotOffered allocation-1
        = Executing
        > timer rescale-slots
        cancelTimer rescale-slots
        declareSlots 1 giving back allocation-1
        = Executing
      `),
    )
    expect(ended(job)).to.deep.equal([['FAILED', 'EXCEPTION_OCCURRED', 'the queue is full']])
    expect(job.state.job.graph.jobGraph).to.equal(graph)
  })

  it('makes do with fewer slots than wanted when the lower bounds allow it', () => {
    const graph = streaming(sourceToSink(1, 1))
    const job = running(graph, 1)
    rescale(job, graph, [1, 1], [1, 4]).on({ type: 'slotOffered', slot: slot(1, 'worker-0', 9) })
    job.take()
    job.on({ type: 'timer', timer: 'rescale-slots', error: new Error('the queue is full') })
    expect(job.take()).to.contain('prepareRescale 1: 1 2')
    job.on({ type: 'rescalePrepared', round: 1 }).all('CANCELED').started(FROM_7).all('RUNNING')
    expect(ended(job)).to.deep.equal([['COMPLETED', 'SUCCEEDED', 'the queue is full']])
    expect(job.state.job.graph.vertices.map(({ executions }) => executions.length)).to.deep.equal([1, 2])
  })

  it('goes on undisturbed when the checkpoint cannot be taken', () => {
    const graph = streaming(sourceToSink(2, 2))
    const job = running(graph, 2)
    rescale(job, graph, [1, 1], [1, 1]).take()
    job.on({ type: 'rescalePrepared', round: 1, problem: new Error('the disk is full', { cause: new Error('no inodes') }) })
    expect(job.take()).to.not.contain('cancelTask')
    expect(ended(job)).to.deep.equal([['FAILED', 'EXCEPTION_OCCURRED', 'the disk is full: no inodes']])
    expect(job.states()).to.deep.equal(['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING'])
  })

  it('waits for a failover, and hears nothing of what it asked for before', () => {
    const graph = streaming(sourceToSink(1, 1))
    const job = running(graph, 1)
    rescale(job, graph, [1, 1], [1, 2]).on({ type: 'slotOffered', slot: slot(1, 'worker-0', 9) })
    job.task(job.attempt(0), 'FAILED', new Error('boom'))
    expect(job.state.job.rescale?.phase).to.equal('waiting')
    job.on({ type: 'rescalePrepared', round: 1, problem: new Error('given up') })
    job.task(job.attempt(1), 'CANCELED').on({ type: 'timer', timer: 'restart' }).take()
    job.started()
    expect(job.take()).to.contain('prepareRescale 2: 1 2')
    job.all('RUNNING').on({ type: 'rescalePrepared', round: 1, problem: new Error('given up') })
    expect(job.state.job.rescale?.phase).to.equal('checkpoint')
    job.on({ type: 'rescalePrepared', round: 2 }).all('CANCELED').started(FROM_7).all('RUNNING')
    expect(ended(job)).to.deep.equal([['COMPLETED', 'SUCCEEDED', undefined]])
  })

  it('ends at the new parallelism when tasks or workers fail during the switch', () => {
    const graph = streaming(sourceToSink(1, 1))
    const job = running(graph, 1)
    rescale(job, graph, [1, 1], [1, 2]).on({ type: 'slotOffered', slot: slot(1, 'worker-0', 9) })
    job.on({ type: 'rescalePrepared', round: 1 })
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED')
    const lost = { resourceId: 'worker-0' as ResourceId, host: 'h', error: new Error('gone'), explained: true }
    job.on({ type: 'workerLost', ...lost }).started(FROM_7)
    expect(job.state.name).to.equal('Restarting')
    for (const number of [2, 3]) job.on({ type: 'slotOffered', slot: slot(number, 'worker-1', 9) })
    expect(job.states()).to.deep.equal(['DEPLOYING', 'DEPLOYING', 'DEPLOYING'])
    // One fails before all run: an ordinary failover, at what the job has now.
    job.task(job.attempt(0), 'FAILED', new Error('boom')).task(job.attempt(1), 'CANCELED').task(job.attempt(2), 'CANCELED')
    job.on({ type: 'timer', timer: 'restart' }).started(FROM_7).all('RUNNING')
    expect(ended(job)).to.deep.equal([['COMPLETED', 'SUCCEEDED', undefined]])
  })

  it('gives way to a newer one, and is not asked twice for what the job has', () => {
    const graph = streaming(sourceToSink(1, 1))
    const job = running(graph, 1)
    rescale(job, graph, [1, 1], [1, 4])
    rescale(job, graph, [1, 1], [1, 1]).take()
    expect(ended(job)).to.deep.equal([
      ['IGNORED', 'NO_RESOURCES_OR_PARALLELISMS_CHANGE', 'the job runs at that parallelism'],
      ['IGNORED', 'RESOURCE_REQUIREMENTS_UPDATED', undefined],
    ])
    job.on({ type: 'timer', timer: 'rescale-slots', error: new Error('late') })
    expect(job.state.job.rescales.attempts).to.equal(2)
    expect(job.state.job.rescale).to.equal(undefined)
  })

  it('says what became of it when the job ends meanwhile', () => {
    const graph = streaming(sourceToSink(1, 1))
    const job = running(graph, 1)
    rescale(job, graph, [1, 1], [1, 4]).on({ type: 'cancel' }).all('CANCELED').on({ type: 'aborted' })
    expect(ended(job)).to.deep.equal([['IGNORED', 'JOB_CANCELED', undefined]])
  })

  it('where slots reach each other only within a process, waits for one that holds all of them, and moves all tasks there', () => {
    const graph = streaming(twoPipelines())
    const job = new SchedulerTranscript(graph, RESTARTING).deployed(1).all('RUNNING')
    rescale(job, graph, [1, 1], [1, 1], [1, 1], [1, 2])
    job.on({ type: 'slotOffered', slot: slot(1, 'worker-9') })
    expect(job.state.job.rescale?.phase).to.equal('slots')
    job
      .on({ type: 'slotOffered', slot: slot(2, 'worker-9') })
      .on({ type: 'rescalePrepared', round: 1 })
      .all('CANCELED')
      .take()
    job.started(FROM_7)
    expect(
      job
        .take()
        .split('\n')
        .filter((line) => line.startsWith('deploy') || line.startsWith('declare')),
    ).to.deep.equal([
      'deploy 1/0#1 in allocation-1',
      'deploy 2/0#1 in allocation-1',
      'deploy 3/0#1 in allocation-1',
      'deploy 4/0#1 in allocation-1',
      'deploy 4/1#1 in allocation-2',
      'declareSlots 2 giving back allocation-0',
    ])
  })
})
