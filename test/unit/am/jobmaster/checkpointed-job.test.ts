import { expect } from 'chai'
import type { ResourceId } from '#core/ids/ids.js'
import { SINK_OPERATOR, forwardPipelines, sourceToCollect, sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'
import { OPTIONS, RunningJob } from '../running-job.js'

describe('a job that takes checkpoints', () => {
  it('commits when all have acknowledged, then tells the tasks', async () => {
    const running = await RunningJob.of()
    await running.tick()
    const { worker } = running.find('Source')
    expect(worker.barriers.map(({ barrier }) => barrier.checkpointId)).to.deep.equal([1])
    await running.acknowledge('Source', 1)
    expect(running.log).not.to.include('commit part-1')
    await running.acknowledge('Sink', 1, ['part-1'])
    expect(running.log).to.include('commit part-1')
    expect(worker.concluded).to.deep.equal(['complete 1: 2'])
  })

  it('goes on from the newest checkpoint when a worker is lost during the next one', async () => {
    const running = await RunningJob.of()
    expect(await running.split()).to.equal('split-1')
    await running.checkpoint(1, ['part-1'])
    expect(await running.split()).to.equal('split-2')
    await running.tick()
    await running.acknowledge('Source', 2)
    running.log.length = 0
    running.find('Source').worker.break()
    await running.master.settle()
    expect(running.job.state).to.equal('RESTARTING')
    running.master.driver.listener.terminated('w1' as ResourceId, 'exit status 137', 'failed')
    await running.addWorkers(1)
    await running.master.settle(100)
    expect(running.log).to.include.members(['back from 0: split-2', 'start sink of 0 from 1: part-1'])
    for (const name of ['Source', 'Sink']) {
      const { task } = running.find(name)
      expect([task.attemptNumber, task.restore?.checkpointId], name).to.deep.equal([1, 1])
    }
    await running.allRun()
    expect(await running.split(), 'again').to.equal('split-2')
    await running.checkpoint(3, ['part-3'])
    expect(running.log).to.include('commit part-3')
    expect(running.log).not.to.include('commit part-2')
  })

  it('fails at once when no worker can be had in place of a lost one', async () => {
    const running = await RunningJob.of()
    running.find('Source').worker.break()
    await running.master.settle()
    running.master.driver.listener.unobtainable(new Error('more than the queue allows'))
    expect((await running.job.result).failure?.error.message).to.equal('more than the queue allows')
  })

  it('does not take what an earlier attempt acknowledges', async () => {
    const running = await RunningJob.of()
    await running.checkpoint(1, ['part-1'])
    const old = running.find('Sink')
    await running.report('Source', 'FAILED', new Error('boom'))
    await running.report('Sink', 'CANCELED')
    await running.master.settle(100)
    await running.allRun()
    await running.tick()
    await running.acknowledge('Source', 2)
    await old.worker.acknowledge(old.task, 2, ['stale'])
    await running.master.settle()
    expect(running.log.filter((line) => line.includes('stale'))).to.deep.equal([])
    await running.acknowledge('Sink', 2, ['part-2'])
    expect(running.log).to.include('commit part-2')
  })

  it('fails over when a task declines and none is tolerated, and goes on when one is', async () => {
    const strict = await RunningJob.of()
    await strict.tick()
    await strict.find('Sink').worker.decline(strict.find('Sink').task, 1, new Error('disk full'))
    await strict.master.settle()
    expect(strict.job.state).to.equal('RESTARTING')
    expect(strict.job.run.failures[0]?.error.message).to.contain('failed')

    const tolerant = await RunningJob.of(sourceToSink(), { 'execution.checkpointing.tolerable-failed-checkpoints': '1' })
    await tolerant.tick()
    await tolerant.find('Sink').worker.decline(tolerant.find('Sink').task, 1, new Error('disk full'))
    await tolerant.master.settle()
    expect(tolerant.job.state).to.equal('RUNNING')
    await tolerant.checkpoint(2, ['part-2'])
    expect(tolerant.log).to.include('commit part-2')
  })

  it('gives a checkpoint up that takes too long', async () => {
    const running = await RunningJob.of(sourceToSink(), {
      'execution.checkpointing.timeout': '10 s',
      'execution.checkpointing.tolerable-failed-checkpoints': '5',
      'heartbeat.timeout': '1 h',
    })
    await running.tick()
    await running.acknowledge('Source', 1)
    await running.master.settle(10_000)
    await running.acknowledge('Sink', 1, ['late'])
    expect(running.find('Source').worker.concluded).to.deep.equal(['given up 1: 2'])
    expect(running.log).not.to.include('commit late')
    expect(running.job.state).to.equal('RUNNING')
  })

  it('fails over when a commit fails, and commits again', async () => {
    const running = await RunningJob.of()
    running.master.connectors.failing.set('commit part-1', new Error('no space'))
    await running.checkpoint(1, ['part-1'])
    expect(running.job.state).to.equal('RESTARTING')
    for (const name of ['Source', 'Sink']) await running.report(name, 'CANCELED')
    await running.master.settle(100)
    expect(running.log.slice(-2)).to.have.members(['start source from ["split-1","split-2"]', 'start sink from 1: part-1'])
    expect(running.find('Sink').task.restore?.checkpointId).to.equal(1)
  })

  it('restarts once more from the same checkpoint when a task fails while it restores', async () => {
    const running = await RunningJob.of()
    await running.checkpoint(1, ['part-1'])
    for (const attempt of [1, 2]) {
      await running.report('Source', 'FAILED', new Error('boom'))
      await running.report('Sink', 'CANCELED')
      await running.master.settle(100)
      const { task } = running.find('Source')
      expect([task.attemptNumber, task.restore?.checkpointId]).to.deep.equal([attempt, 1])
    }
    await running.allRun()
    await running.checkpoint(2, ['part-2'])
    expect(running.log).to.include('commit part-2')
  })

  it('fails when the restart strategy is exhausted; what was committed stays', async () => {
    const running = await RunningJob.of(sourceToSink(), { 'restart-strategy.fixed-delay.attempts': '1' })
    await running.checkpoint(1, ['part-1'])
    for (let attempt = 0; attempt < 2; attempt++) {
      await running.report('Source', 'FAILED', new Error('boom'))
      await running.report('Sink', 'CANCELED')
      await running.master.settle(100)
    }
    const { state, failure } = await running.job.result
    expect([state, failure?.notRestarted]).to.deep.equal(['FAILED', 'the job was restarted once (restart-strategy.fixed-delay.attempts)'])
    expect(running.log.at(-2)).to.equal('abort sink')
    expect(running.master.files.files, 'no checkpoint is retained').to.have.property('size', 0)
  })

  it('restarts one of two regions while the other goes on; checkpoints wait for both', async () => {
    const running = await RunningJob.of(forwardPipelines(2))
    await running.checkpoint(1, ['part-1'])
    await running.report('Source', 'FAILED', new Error('boom'), 1)
    await running.report('Sink', 'CANCELED', undefined, 1)
    await running.master.settle(100)
    const attempts = running.job.run.graph.vertices.map(({ executions }) => executions.map(({ attempt, state }) => [attempt, state]))
    expect(attempts).to.deep.equal([
      [
        [0, 'RUNNING'],
        [1, 'DEPLOYING'],
      ],
      [
        [0, 'RUNNING'],
        [1, 'DEPLOYING'],
      ],
    ])
    expect(running.log).to.include('start sink of 1 from 1: part-1, part-1')
    expect(running.find('Sink', 0).worker.cancelled).to.deep.equal([])
    await running.tick()
    expect(running.find('Source', 0).worker.barriers, 'none while a region is away').to.have.length(1)
    await running.allRun()
    await running.checkpoint(2, ['part-2'])
    expect(running.log).to.include('commit part-2, part-2')
  })

  it('does not take tasks for finished that end while their region is cancelled', async () => {
    const running = await RunningJob.of(forwardPipelines(3))
    await running.report('Source', 'FAILED', new Error('boom'), 1)
    const { task, worker } = running.find('Sink', 1)
    await worker.finish(task, [{ operatorId: SINK_OPERATOR, committable: 'lost' }])
    // While that restarts, another region fails whose tasks both end by themselves.
    await running.report('Source', 'FAILED', new Error('bang'), 2)
    await running.find('Sink', 2).worker.finish(running.find('Sink', 2).task)
    await running.tick()
    await running.allRun()
    await running.checkpoint(1, [])
    expect(running.find('Sink', 1).task.attemptNumber).to.equal(1)
    expect(running.log.filter((line) => line.includes('lost'))).to.deep.equal([])
  })

  it('commits what a finished sink prepared with the next checkpoint, and the rest at the end', async () => {
    const running = await RunningJob.of(forwardPipelines(2))
    const finish = async (name: string, subtask: number, committables: readonly string[] = []) => {
      const { task, worker } = running.find(name, subtask)
      await worker.finish(
        task,
        committables.map((committable) => ({ operatorId: SINK_OPERATOR, committable })),
      )
      await running.master.settle()
    }
    await finish('Source', 0)
    await finish('Sink', 0, ['end-0'])
    expect(running.log).not.to.include('commit end-0')
    await running.tick()
    await running.acknowledge('Source', 1, [], 1)
    await running.acknowledge('Sink', 1, ['part-1'], 1)
    expect(running.log.filter((line) => line.startsWith('commit '))).to.deep.equal(['commit end-0, part-1'])
    await finish('Source', 1)
    await finish('Sink', 1, ['end-1'])
    expect((await running.job.result).state).to.equal('FINISHED')
    expect(running.log.filter((line) => line.startsWith('commit '))).to.deep.equal(['commit end-0, part-1', 'commit end-1'])
    expect(running.master.files.files.size).to.equal(0)
  })

  it('ends FINISHED by a stop with savepoint', async () => {
    const running = await RunningJob.of()
    const stopped = running.job.checkpoints?.triggerSavepoint({ directory: 'mem:///savepoints', stop: 'suspend', cancel: false })
    await running.master.settle()
    const { worker } = running.find('Source')
    expect(worker.barriers.at(-1)?.barrier).to.include({ kind: 'savepoint', stop: 'suspend', full: true })
    await running.acknowledge('Source', 1)
    await running.acknowledge('Sink', 1, ['part-1'])
    expect(running.log).to.include('commit part-1')
    expect(worker.concluded).to.deep.equal(['complete 1: 2'])
    for (const name of ['Source', 'Sink']) await worker.finish(running.find(name).task)
    expect((await running.job.result).state).to.equal('FINISHED')
    expect(await stopped).to.match(/^mem:\/\/\/savepoints\/savepoint-000000-/)
    expect([...running.master.files.files.keys()].join()).to.match(/_metadata$/)
  })

  it('is cancelled when its last savepoint is complete', async () => {
    const running = await RunningJob.of()
    const saved = running.job.checkpoints?.triggerSavepoint({ directory: 'mem:///savepoints', stop: null, cancel: true })
    await running.master.settle()
    for (const name of ['Source', 'Sink']) await running.acknowledge(name, 1)
    expect(await saved).to.contain('savepoint-')
    expect(running.job.state).to.equal('CANCELLING')
    for (const name of ['Source', 'Sink']) await running.report(name, 'CANCELED')
    expect((await running.job.result).state).to.equal('CANCELED')
  })

  it('goes on under the next master from the newest checkpoint', async () => {
    const running = await RunningJob.of()
    await running.split()
    await running.checkpoint(1, ['part-1'])
    await running.checkpoint(2, ['part-2'])
    const { files } = running.master
    const next = await RunningJob.of(sourceToSink(), {}, new MiniMaster(OPTIONS, undefined, { epoch: 8, files }))
    expect(next.log).to.include.members(['start source from ["split-2"]', 'start sink from 2: part-2'])
    const { task } = next.find('Sink')
    expect([task.restore?.checkpointId, task.executionAttemptId]).to.deep.equal([2, `${next.job.jobId}_e08_${task.vertexId}_0_0`])
    // What the first master still hears is not its own any more: its checkpoint finds the number taken.
    await next.checkpoint(3, ['new-3'])
    expect(next.log).to.include('commit new-3')
    await running.checkpoint(3, ['old-3'])
    expect(running.log).not.to.include('commit old-3')
    expect(running.job.state).not.to.equal('RUNNING')
  })

  it('begins a SELECT anew under the next master, whose rows went with the last one', async () => {
    const running = await RunningJob.of(sourceToCollect())
    await running.checkpoint(1, [{ rows: 0 }])
    const { files } = running.master
    const next = await RunningJob.of(sourceToCollect(), {}, new MiniMaster(OPTIONS, undefined, { epoch: 8, files }))
    expect(next.find('Sink').task.restore).to.equal(undefined)
    await next.tick()
    expect(next.find('Source').worker.barriers.at(-1)?.barrier.checkpointId, 'numbers go on').to.equal(2)
  })

  it('shows rows of a SELECT when their checkpoint is complete, and none twice after a failure', async () => {
    const running = await RunningJob.of(sourceToCollect())
    const send = async (...cells: string[]) => {
      const { task, worker } = running.find('Sink')
      const rows = cells.map((cell) => ({ kind: 0, cells: [cell] }))
      const asked = { executionAttemptId: task.executionAttemptId, operatorId: SINK_OPERATOR, event: { type: 'rows', rows } }
      await worker.jobMaster().operatorRequest(asked)
    }
    const shown = () => running.job.collect?.fetch(0).rows.map(({ cells }) => cells[0])
    await send('a', 'b')
    expect(shown()).to.deep.equal([])
    await running.checkpoint(1, [{ rows: 2 }])
    await send('c')
    expect(shown()).to.deep.equal(['a', 'b'])
    await running.report('Source', 'FAILED', new Error('boom'))
    await running.report('Sink', 'CANCELED')
    await running.master.settle(100)
    await running.allRun()
    await send('c', 'd')
    await running.checkpoint(2, [{ rows: 2 }])
    expect(shown()).to.deep.equal(['a', 'b', 'c', 'd'])
  })

  it('starts all again when an enumerator fails', async () => {
    const running = await RunningJob.of()
    running.master.connectors.failing.set('split for 0', new Error('listing failed'))
    await running.split().then(
      () => expect.fail('was answered'),
      (error: Error) => expect(error.message).to.contain("Table 'bids' cannot be read at the moment"),
    )
    running.master.connectors.failing.clear()
    expect(running.job.state).to.equal('RESTARTING')
    for (const name of ['Source', 'Sink']) await running.report(name, 'CANCELED')
    await running.master.settle(100)
    expect(running.log.filter((line) => line === 'start source')).to.have.length(2)
  })
})
