/** A master that follows another: what of its job still runs goes on, everything else starts again from the newest checkpoint. */
import { expect } from 'chai'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { ResourceId } from '#core/ids/ids.js'
import type { ReportedTask, SlotReport } from '#core/rpc/gateways/task-executor.js'
import { forwardPipelines, SINK_OPERATOR, SOURCE_OPERATOR, sourceToCollect, sourceToSink, streaming } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'
import { OPTIONS, RunningJob } from '../running-job.js'
import { ScriptedWorker } from '../scripted-worker.js'

type Change = (task: ReportedTask, name: string) => Partial<ReportedTask>

/** What the workers of `running` tell after its master was lost; every source was told of checkpoints up to `triggered`. */
function reports(
  running: RunningJob,
  triggered: number,
  change: Change = () => ({}),
): Map<string, { slots: SlotReport; tasks: ReportedTask[] }> {
  return new Map(
    running.workers.map((worker) => {
      const newest = worker.tasks.filter((task) => running.find(task.vertexName, task.subtaskIndex).task === task)
      const tasks = newest.map((task): ReportedTask => {
        const { executionAttemptId, jobId, vertexId, subtaskIndex, parallelism, attemptNumber, allocationId, graphDigest } = task
        const identity = { executionAttemptId, jobId, vertexId, subtaskIndex, parallelism, attemptNumber, allocationId }
        const told: ReportedTask = {
          ...identity,
          ...(graphDigest === undefined ? {} : { graphDigest }),
          state: 'RUNNING',
          first: task.vertexName === 'Source' ? 1 : -1,
          triggered: task.vertexName === 'Source' ? triggered : -1,
          completed: -1,
          stopping: false,
          splits: [],
        }
        return { ...told, ...change(told, task.vertexName) }
      })
      const [first] = newest
      const slots: SlotReport = [{ slotIndex: 0, allocationId: first?.allocationId ?? null, jobId: first?.jobId ?? null }]
      return [worker.resourceId, { slots, tasks }]
    }),
  )
}

/** The next master with these workers left; those in `back` register. */
async function follow(
  running: RunningJob,
  graph: JobGraph,
  told: ReturnType<typeof reports>,
  back = [...told.keys()],
  prepare: (master: MiniMaster) => void = () => undefined,
) {
  const master = new MiniMaster(OPTIONS, undefined, { epoch: 2, files: running.master.files })
  prepare(master)
  const job = master.dispatcher.submit(streaming(graph))
  for (const name of told.keys()) master.driver.listener.recovered(name as ResourceId, `host-of-${name}`, 1)
  const workers = new Map<string, ScriptedWorker>()
  for (const name of back) {
    const worker = new ScriptedWorker(name, 1, master.endpoints, master.environment)
    workers.set(name, worker)
    await worker.register(told.get(name)?.slots, told.get(name)?.tasks)
    await master.settle(1)
  }
  await master.settle(1)
  const states = () =>
    job.run.graph.vertices.flatMap(({ vertex, executions }) => executions.map(({ attempt, state }) => `${vertex.name} ${attempt} ${state}`))
  return { master, job, workers, states }
}

describe('a master that follows another', () => {
  it('goes on with tasks that run: none ends, none is deployed, the next checkpoint is a later one', async () => {
    const running = await RunningJob.of()
    await running.checkpoint(1, ['part-1'])
    const { master, job, workers, states } = await follow(running, sourceToSink(), reports(running, 4))
    const worker = workers.get('w1')
    expect(states()).to.deep.equal(['Source 0 RUNNING', 'Sink 0 RUNNING'])
    expect(job.state).to.equal('RUNNING')
    expect([worker?.tasks, worker?.cancelled, worker?.freed]).to.deep.equal([[], [], []])
    const attempts = ['Source', 'Sink'].map((name) => running.find(name).task.executionAttemptId)
    expect(worker?.adopted).to.deep.equal([{ jobId: job.jobId, executionAttemptIds: attempts, checkpointId: 1, upTo: 4 }])
    expect(master.connectors.log, 'what is prepared stays').to.include('start sink of  from 1: part-1')
    await master.settle(1_000)
    expect(worker?.barriers.map(({ barrier }) => barrier.checkpointId)).to.deep.equal([5])
    const split = { executionAttemptId: attempts[0] as never, operatorId: SOURCE_OPERATOR, event: { type: 'requestSplit' } }
    expect(await worker?.jobMaster().operatorRequest(split)).to.deep.equal({ answer: { split: 'split-1' } })
  })

  it('does not hand out again what readers were given since the checkpoint, and takes it back when they start again', async () => {
    const running = await RunningJob.of()
    await running.checkpoint(1, ['part-1'])
    const told = reports(running, 2, (_, name) =>
      name !== 'Source'
        ? {}
        : {
            splits: [
              { operatorId: SOURCE_OPERATOR, split: 'old', after: -1 },
              { operatorId: SOURCE_OPERATOR, split: 'split-1', after: 2 },
            ],
          },
    )
    const { master, workers } = await follow(running, sourceToSink(), told)
    expect(master.connectors.log).to.include('assigned split-1')
    expect(master.connectors.splits).to.deep.equal(['split-2'])
    const source = running.find('Source').task
    await workers.get('w1')?.report(source, 'FAILED', new Error('boom'))
    await workers.get('w1')?.report(running.find('Sink').task, 'CANCELED')
    await master.settle(200)
    expect(master.connectors.log).to.include('back from 0: split-1')
    const again = workers.get('w1')?.tasks ?? []
    expect(again.map(({ vertexName, attemptNumber, restore }) => [vertexName, attemptNumber, restore?.checkpointId])).to.deep.equal([
      ['Source', 1, 1],
      ['Sink', 1, 1],
    ])
  })

  it('starts a region again of which a worker does not come back, and goes on with the others', async () => {
    const graph = forwardPipelines(2)
    const running = await RunningJob.of(graph)
    await running.checkpoint(1, ['part-1'])
    const { master, workers, states } = await follow(running, graph, reports(running, 1), ['w1'])
    expect(
      states().every((state) => state.endsWith('CREATED')),
      'the other one is awaited',
    ).to.equal(true)
    for (let i = 0; i < 12; i++) await master.settle(500)
    expect(master.driver.released).to.deep.equal(['w2'])
    expect(states()).to.deep.equal(['Source 0 RUNNING', 'Source 0 CANCELED', 'Sink 0 RUNNING', 'Sink 0 CANCELED'])
    expect(master.connectors.log).to.include.members(['start sink of  from 1: part-1, part-1', 'start sink of 1 from 1: part-1, part-1'])
    const fresh = await master.worker('w3')
    await master.settle(1)
    expect(fresh.tasks.map(({ vertexName, subtaskIndex }) => `${vertexName} ${subtaskIndex}`)).to.deep.equal(['Source 1', 'Sink 1'])
    expect(workers.get('w1')?.tasks).to.deep.equal([])
  })

  const unfit: readonly [string, Change, ((master: MiniMaster) => void)?][] = [
    ['a task has failed since', (_, name) => (name === 'Sink' ? { state: 'FAILED' } : {})],
    ['a task was being cancelled', (_, name) => (name === 'Sink' ? { state: 'CANCELING' } : {})],
    ['it is of another job graph', () => ({ graphDigest: 'another' })],
    ['it runs at another parallelism', () => ({ parallelism: 3 })],
    ['it knows a newer complete checkpoint', () => ({ completed: 2 })],
    ['it stands still for a savepoint', () => ({ stopping: true })],
    ['it was given too many splits to tell', () => ({ splits: null })],
    [
      'its enumerator cannot be told of splits',
      (_, name) => (name === 'Source' ? { splits: [{ operatorId: SOURCE_OPERATOR, split: 'split-1', after: 1 }] } : {}),
      (master) => (master.connectors.takesAssigned = false),
    ],
  ]
  for (const [why, change, prepare] of unfit) {
    it(`starts everything again from the checkpoint when ${why}`, async () => {
      const running = await RunningJob.of()
      await running.checkpoint(1, ['part-1'])
      const told = reports(running, 2, change)
      const { master, workers } = await follow(running, sourceToSink(), told, undefined, prepare)
      const worker = workers.get('w1')
      for (const task of running.workers[0]?.tasks ?? []) await worker?.report(task, 'CANCELED')
      await master.settle(1)
      await master.settle(1)
      expect(master.connectors.log.filter((line) => line.startsWith('start sink'))).to.deep.equal(['start sink from 1: part-1'])
      expect(master.connectors.splits).to.deep.equal(['split-1', 'split-2'])
      expect(worker?.tasks.map(({ vertexName, restore }) => [vertexName, restore?.checkpointId])).to.deep.equal([
        ['Source', 1],
        ['Sink', 1],
      ])
    })
  }

  it('never goes on with a SELECT, whose rows went with their master', async () => {
    const graph = sourceToCollect()
    const running = await RunningJob.of(graph)
    const { workers, states } = await follow(running, graph, reports(running, -1))
    expect(workers.get('w1')?.cancelled).to.have.length(2)
    expect(states().every((state) => state.endsWith('CANCELING'))).to.equal(true)
  })

  it('hears of tasks that finished meanwhile, with what they prepared', async () => {
    const running = await RunningJob.of()
    await running.checkpoint(1, ['part-1'])
    const { master, job, workers } = await follow(
      running,
      sourceToSink(),
      reports(running, 1, () => ({ state: 'FINISHED' })),
      undefined,
      () => undefined,
    )
    const worker = workers.get('w1')
    if (worker === undefined) throw new Error('no worker')
    await worker.finish(running.find('Source').task)
    await worker.finish(running.find('Sink').task, [{ operatorId: SINK_OPERATOR, committable: 'last' }])
    await master.settle(1)
    expect(master.connectors.log).to.include('commit last')
    expect((await job.result).state).to.equal('FINISHED')
  })

  it('goes on with them although the newest checkpoint could not be looked for at once', async () => {
    const running = await RunningJob.of()
    await running.checkpoint(1, ['part-1'])
    const told = reports(running, 1)
    const list = running.master.files.list.bind(running.master.files)
    let failures = 1
    running.master.files.list = (path) => (failures-- > 0 ? Promise.reject(new Error('safe mode')) : list(path))
    const { master, workers, states } = await follow(running, sourceToSink(), told)
    for (let i = 0; i < 4; i++) await master.settle(100)
    expect(states()).to.deep.equal(['Source 0 RUNNING', 'Sink 0 RUNNING'])
    expect(workers.get('w1')?.tasks).to.deep.equal([])
  })

  it('starts a region again when a worker does not run the tasks any more that it told of', async () => {
    const running = await RunningJob.of()
    await running.checkpoint(1, ['part-1'])
    const told = reports(running, 1)
    const master = new MiniMaster(OPTIONS, undefined, { epoch: 2, files: running.master.files })
    const job = master.dispatcher.submit(streaming(sourceToSink()))
    master.driver.listener.recovered('w1' as ResourceId, 'host-of-w1', 1)
    const worker = new ScriptedWorker('w1', 1, master.endpoints, master.environment)
    worker.stillRuns = (attemptId) => attemptId !== running.find('Sink').task.executionAttemptId
    await worker.register(told.get('w1')?.slots, told.get('w1')?.tasks)
    for (let i = 0; i < 4; i++) await master.settle(1)
    expect(job.state).to.equal('RESTARTING')
    expect(job.run.failures[0]?.error).to.have.property('code', 'JOB_TASK_NOT_ADOPTED')
  })
})
