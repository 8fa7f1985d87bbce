import { expect } from 'chai'
import { PathNotFound } from '#core/fs/errors.js'
import type { AllocationId, JobId, ResourceId } from '#core/ids/ids.js'
import { rootCause } from '#core/errors/wire-error.js'
import { Fenced } from '#core/rpc/rpc-connection.js'
import { InvalidJobGraph, StaleAttempt, UnknownCoordinator } from '#am/jobmaster/errors.js'
import { UnknownWorker } from '#am/resourcemanager/resource-manager.js'
import { edge, SINK_OPERATOR, SOURCE_OPERATOR, sourceToCollect, sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'
import { ScriptedWorker } from '../scripted-worker.js'

const code = (expected: { is(error: unknown): boolean }) => (error: unknown) => expect(error).to.satisfy(expected.is)

describe('a job under a scripted TaskExecutor', () => {
  it('runs from submission to the commit and gives its worker back', async () => {
    const master = new MiniMaster()
    const job = master.dispatcher.submit(sourceToSink())
    await master.settle() // nothing of an earlier attempt is to be awaited
    expect(master.driver.wanted).to.deep.equal([{ slots: 1, count: 1 }])
    const worker = await master.worker('w1')
    expect(worker.tasks.map((task) => task.vertexName)).to.deep.equal(['Source', 'Sink'])
    const [source, sink] = worker.tasks
    if (source === undefined || sink === undefined) throw new Error('no tasks')
    const ask = () =>
      worker
        .jobMaster()
        .operatorRequest({ executionAttemptId: source.executionAttemptId, operatorId: SOURCE_OPERATOR, event: { type: 'requestSplit' } })
    expect([await ask(), await ask(), await ask()]).to.deep.equal(['split-1', 'split-2', null].map((split) => ({ answer: { split } })))
    await worker.finish(source)
    await worker.finish(sink, [{ operatorId: SINK_OPERATOR, committable: 'part-0' }])
    expect((await job.result).state).to.equal('FINISHED')
    expect(master.connectors.log).to.include.members(['start source', 'start sink', 'commit part-0', 'close source'])
    expect(master.connectors.log).not.to.include('abort sink')
    await master.settle(31_000)
    expect(worker.freed).to.have.length(1)
    expect(worker.shutdownReason).to.equal('it was idle')
    await master.settle(1_000)
    expect(master.driver.released).to.deep.equal(['w1'])
  })

  it('answers a repeated submission with the same job', () => {
    const master = new MiniMaster()
    expect(master.dispatcher.submit(sourceToSink())).to.equal(master.dispatcher.submit(sourceToSink()))
    expect(master.dispatcher.jobs()).to.have.length(1)
  })

  it('fails with the root cause when an input is missing, before any task runs', async () => {
    const master = new MiniMaster()
    master.connectors.failing.set('start source', new PathNotFound({ path: 'file:///nowhere' }))
    const { state, failure } = await master.dispatcher.submit(sourceToSink()).result
    expect(state).to.equal('FAILED')
    expect((rootCause(failure?.error) as Error).message).to.equal('No such file or directory: file:///nowhere')
    expect(failure?.error.message).to.contain("Table 'bids' cannot be read")
    expect(master.driver.wanted).to.deep.equal([])
  })

  it('cancels the other tasks of a failed one and aborts its sinks', async () => {
    const master = new MiniMaster()
    const job = master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    const [source, sink] = worker.tasks
    if (source === undefined || sink === undefined) throw new Error('no tasks')
    await worker.report(source, 'FAILED', new Error('boom'))
    await master.settle()
    expect(worker.cancelled).to.deep.equal([sink.executionAttemptId])
    await worker.report(sink, 'CANCELED')
    const { state, failure } = await job.result
    expect([state, failure?.error.message, failure?.taskName, failure?.endpoint]).to.deep.equal([
      'FAILED',
      'boom',
      'Source (1/1)',
      'host-of-w1',
    ])
    expect(master.connectors.log.slice(-3)).to.deep.equal(['start sink', 'abort sink', 'close source'])
  })

  it('removes what unreachable tasks may have written since, a minute after a job that did not end well, or when the application ends', async () => {
    for (const end of ['a minute', 'the application'] as const) {
      const master = new MiniMaster()
      const job = master.dispatcher.submit(sourceToSink())
      const worker = await master.worker('w1')
      job.cancel()
      for (const task of worker.tasks) await worker.report(task, 'CANCELED')
      expect((await job.result).state).to.equal('CANCELED')
      const aborts = () => master.connectors.log.filter((line) => line === 'abort sink').length
      await master.settle()
      expect(aborts()).to.equal(1)
      if (end === 'the application') await master.dispatcher.removeLeftovers()
      else master.environment.advance(60_000)
      await master.settle()
      expect(aborts(), end).to.equal(2)
      master.environment.advance(600_000)
      await master.dispatcher.removeLeftovers()
      expect(aborts(), 'once is enough').to.equal(2)
    }
  })

  it('restarts on a new worker when one is lost, refusing what the old attempt says', async () => {
    const master = new MiniMaster({ 'restart-strategy.type': 'fixed-delay', 'restart-strategy.fixed-delay.delay': '1 s' })
    const job = master.dispatcher.submit(sourceToSink())
    const first = await master.worker('w1')
    const old = first.tasks[0]
    first.break()
    await master.settle()
    expect(job.state).to.equal('RESTARTING')
    master.driver.listener.terminated('w1' as ResourceId, 'exit status 137', 'failed')
    await master.settle(1_000)
    expect(job.state).to.equal('RESTARTING')
    const second = await master.worker('w2')
    expect(job.state).to.equal('RUNNING')
    expect(second.tasks.map((task) => task.attemptNumber)).to.deep.equal([1, 1])
    const stale = second.jobMaster().operatorRequest({
      executionAttemptId: old?.executionAttemptId ?? second.tasks[0]!.executionAttemptId,
      operatorId: SOURCE_OPERATOR,
      event: { type: 'requestSplit' },
    })
    await stale.then(() => expect.fail('was answered'), code(StaleAttempt))
    for (const task of second.tasks) await second.finish(task)
    expect((await job.result).state).to.equal('FINISHED')
  })

  it('names the exit status of a worker that died', async () => {
    const master = new MiniMaster()
    const job = master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    worker.break()
    await master.settle(500)
    expect(job.state).to.equal('FAILING')
    master.driver.listener.terminated('w1' as ResourceId, 'exit status 137 (SIGKILL)', 'failed')
    expect((await job.result).failure?.error.message).to.equal('TaskManager w1 on host-of-w1 is lost: exit status 137 (SIGKILL)')
  })

  it('holds a silent worker lost', async () => {
    const master = new MiniMaster({ 'heartbeat.timeout': '20 s' })
    const job = master.dispatcher.submit(sourceToSink())
    await master.worker('w1')
    await master.settle(21_000)
    await master.settle(10_000)
    expect((await job.result).failure?.error.message).to.equal('TaskManager w1 on host-of-w1 is lost: no heartbeat for 20 s')
    expect(master.driver.released).to.deep.equal(['w1'])
  })

  it('fails when the slots do not come, saying what was waited for', async () => {
    const master = new MiniMaster({ 'slot.request.timeout': '20 s' })
    const job = master.dispatcher.submit(sourceToSink(2, 1))
    await master.worker('w1')
    await master.settle(20_000)
    expect((await job.result).failure?.error.message).to.equal(
      'The job got 1 of 2 slots within 20 s: 1 slots are missing; the queue is full',
    )
  })

  it('fails soon when no worker comes up, with the reason of the last one', async () => {
    const master = new MiniMaster()
    const job = master.dispatcher.submit(sourceToSink())
    await master.settle()
    for (let start = 1; start <= 8; start++) {
      expect(job.state).to.equal('CREATED')
      master.driver.listener.started(`w${start}` as ResourceId, 'node-1', 1)
      master.driver.listener.terminated(`w${start}` as ResourceId, 'exit status 127: its command was not found', 'failed')
    }
    await master.settle()
    expect((await job.result).failure?.error.message).to.equal(
      'No TaskManager comes up: 8 starts failed in a row (resourcemanager.start-worker.max-failures-in-a-row). The last one: exit status 127: its command was not found',
    )
  })

  it('can be cancelled while it waits and while it runs', async () => {
    const master = new MiniMaster()
    const job = master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    job.cancel()
    await master.settle()
    for (const task of worker.tasks) await worker.report(task, 'CANCELED')
    expect((await job.result).state).to.equal('CANCELED')
    expect(master.connectors.log).to.include('abort sink')

    const waiting = new MiniMaster().dispatcher.submit(sourceToSink())
    waiting.cancel()
    expect((await waiting.result).state).to.equal('CANCELED')
  })

  it('keeps the rows of a SELECT for the client', async () => {
    const master = new MiniMaster()
    const job = master.dispatcher.submit(sourceToCollect())
    const worker = await master.worker('w1')
    const [source, sink] = worker.tasks
    if (source === undefined || sink === undefined) throw new Error('no tasks')
    const rows = [{ kind: 0, cells: ['1'] }]
    await worker
      .jobMaster()
      .operatorRequest({ executionAttemptId: sink.executionAttemptId, operatorId: SINK_OPERATOR, event: { type: 'rows', rows } })
    expect(job.collect?.fetch(0)).to.deep.equal({ rows, next: 1, end: false })
    await worker.finish(source)
    await worker.finish(sink)
    await job.result
    expect(job.collect?.fetch(1)).to.deep.equal({ rows: [], next: 1, end: true })
  })

  it('ends a SELECT whose client is gone', async () => {
    const master = new MiniMaster({ 'client.heartbeat.timeout': '60 s', 'heartbeat.timeout': '1 h' })
    const job = master.dispatcher.submit(sourceToCollect())
    const worker = await master.worker('w1')
    await master.settle(60_000)
    for (const task of worker.tasks) await worker.report(task, 'CANCELED')
    expect((await job.result).failure?.error.message).to.contain('its client is gone')
  })

  it('refuses calls meant for another master, and requests that no coordinator serves', async () => {
    const master = new MiniMaster()
    master.dispatcher.submit(sourceToSink())
    const worker = await master.worker('w1')
    const task = worker.tasks[0]
    if (task === undefined) throw new Error('no tasks')
    const update = { executionAttemptId: task.executionAttemptId, state: 'RUNNING' } as const
    await worker
      .jobMaster(6)
      .updateTaskExecutionState(update)
      .then(() => expect.fail('was accepted'), code(Fenced))
    const odd = worker
      .jobMaster()
      .operatorRequest({ executionAttemptId: task.executionAttemptId, operatorId: SOURCE_OPERATOR, event: { type: 'dance' } })
    await odd.then(() => expect.fail('was answered'), code(UnknownCoordinator))
  })

  it('refuses a worker that nobody started', async () => {
    const master = new MiniMaster()
    await master.settle()
    const stranger = new ScriptedWorker('stranger', 1, master.endpoints, master.environment)
    await stranger.register().then(() => expect.fail('was admitted'), code(UnknownWorker))
  })

  it('takes workers of an earlier attempt over and empties their slots first', async () => {
    const master = new MiniMaster()
    const job = master.dispatcher.submit(sourceToSink())
    master.driver.listener.recovered('w1' as ResourceId, 'host-of-w1', 1)
    const worker = new ScriptedWorker('w1', 1, master.endpoints, master.environment)
    await worker.register([{ slotIndex: 0, allocationId: 'old' as AllocationId, jobId: 'other' as JobId }])
    await master.settle(1)
    expect(worker.freed).to.deep.equal(['old'])
    expect(job.state).to.equal('RUNNING')
    expect(worker.epoch).to.equal(7)
  })

  it('refuses a job graph that cannot run', () => {
    const { dispatcher } = new MiniMaster()
    const refused = (graph: unknown, problem: RegExp) =>
      expect(() => dispatcher.submit(graph))
        .to.throw(problem)
        .that.satisfies(InvalidJobGraph.is)
    refused({ version: 1 }, /jobId/)
    const graph = sourceToSink(2, 3)
    refused({ ...graph, edges: [edge(1, 2, { kind: 'FORWARD' })] }, /parallelism 2.*parallelism 3/)
    refused({ ...graph, edges: [edge(1, 3, { kind: 'HASH', keys: [0] })] }, /no vertex/)
    refused({ ...graph, edges: [edge(1, 2, { kind: 'GLOBAL' }), edge(2, 1, { kind: 'GLOBAL' })] }, /circle/)
    refused({ ...graph, vertices: [graph.vertices[0], graph.vertices[0]], edges: [] }, /same id/)
  })
})
