import { expect } from 'chai'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { TaskExecutorGateway } from '#core/rpc/gateways/task-executor.js'
import { countingJob, HASH_EDGE, input, ROWS, runCountingJob, values } from './counting-job.js'
import { attemptOf, deploy } from './deploy.js'
import { allocateAll, allocationOf, ScriptedMaster } from './scripted-master.js'

const BLACKHOLE: OperatorSpec = { op: 'sink', connector: 'blackhole', tableName: 'out', options: {}, schema: input, notNullEnforcer: 'ERROR' }

describe('TaskExecutor', function () {
  this.timeout(30_000)
  let master: ScriptedMaster
  beforeEach(() => {
    master = new ScriptedMaster()
  })
  afterEach(() => master.close())

  it('runs two vertices in one slot', async () => {
    const { registered, ended } = master.startThread(1)
    const worker = await registered
    await allocateAll(worker)
    await runCountingJob(master, [{ worker, slotIndex: 0 }], [{ worker, slotIndex: 0 }])
    await worker.gateway.shutdown({ reason: 'test' })
    expect(await ended).to.equal(0)
  })

  it('runs two vertices across the slots of one process', async () => {
    const { registered, ended } = master.startThread(2)
    const worker = await registered
    await allocateAll(worker)
    const [a, b] = [{ worker, slotIndex: 0 }, { worker, slotIndex: 1 }]
    await runCountingJob(master, [a, b], [a, b])
    await worker.gateway.shutdown({ reason: 'test' })
    expect(await ended).to.equal(0)
  })

  it('runs two vertices across processes, over TLS', async () => {
    const workers = [await master.startRemote(1), await master.startRemote(2)]
    const registered = await Promise.all(workers.map((each) => each.registered))
    for (const worker of registered) await allocateAll(worker)
    const places = registered.flatMap((worker) => worker.slots.map(({ slotIndex }) => ({ worker, slotIndex })))
    for (const { dataPort } of registered.flatMap((worker) => worker.slots)) expect(dataPort).to.be.greaterThan(0)
    await runCountingJob(master, places, places)
    for (const worker of registered) await worker.gateway.shutdown({ reason: 'test' })
    for (const { ended } of workers) expect(await ended).to.equal(0)
  })

  it('prints whole lines, and all of them before a task is FINISHED', async () => {
    const { registered, output } = master.startThread(1)
    const worker = await registered
    await allocateAll(worker)
    const print: OperatorSpec = { op: 'sink', connector: 'print', tableName: 'out', options: {}, schema: input, notNullEnforcer: 'ERROR' }
    let linesAtEnd = -1
    const [task] = await deploy([{ operators: [{ spec: values, output: input }, { spec: print, output: input }], slots: [{ worker, slotIndex: 0 }] }], [])
    master.onUpdate = ({ state }) => {
      if (state === 'FINISHED') linesAtEnd = output.join('').split('\n').length - 1
    }
    await master.until(() => task !== undefined && master.last(task)?.state === 'FINISHED', 'FINISHED')
    expect(linesAtEnd).to.equal(ROWS)
    expect(output.join('').split('\n')[1]).to.equal('+I[bell, 1]')
    expect(task !== undefined && master.last(task)?.metrics).to.include({ recordsIn: ROWS, recordsOut: ROWS })
  })

  it('holds the producer back when the consumer is slow, with bounded memory', async () => {
    const workers = [await master.startRemote(1), await master.startRemote(1)]
    const [source, sink] = await Promise.all(workers.map((each) => each.registered))
    if (source === undefined || sink === undefined) throw new Error('no workers')
    await allocateAll(source)
    await allocateAll(sink)
    const open: (() => void)[] = []
    let rows = 0
    let closed = true
    master.onOperatorRequest = async (event) => {
      rows += event.rows?.length ?? 0
      if (closed) await new Promise<void>((resolve) => open.push(resolve))
      return {}
    }
    const wide = schema(['text', STRING])
    const total = 40_000
    const many: OperatorSpec = { op: 'values', schema: wide, rows: Array.from({ length: total }, (_, i) => [`${i}`.padEnd(200, '.')]) }
    const tasks = await deploy(
      [
        { operators: [{ spec: many, output: wide }], slots: [{ worker: source, slotIndex: 0 }] },
        { operators: [{ spec: { op: 'collect', schema: wide }, output: wide }], slots: [{ worker: sink, slotIndex: 0 }] },
      ],
      [{ from: 0, to: 1, partitioner: { kind: 'REBALANCE' } }],
    )
    const [, producer] = tasks
    if (producer === undefined) throw new Error('no producer')
    await master.until(() => (master.metrics.get(producer)?.backPressuredMs ?? 0) > 0, 'back-pressure of the producer')
    const stalled = master.metrics.get(producer)?.recordsOut ?? 0
    // 8 batches queued at the producer, 10 credits under way, what the sink holds; a batch here is at most 256 KiB or 2048 rows.
    expect(stalled).to.be.greaterThan(0).and.lessThan(total * 0.75)
    closed = false
    for (const each of open) each()
    await master.until(() => tasks.every((task) => master.last(task)?.state === 'FINISHED'), 'FINISHED')
    expect(rows).to.equal(total)
  })

  it('cancels a task whatever it is waiting for, and frees the slot', async () => {
    const { registered } = master.startThread(1)
    const worker = await registered
    await allocateAll(worker)
    master.onOperatorRequest = () => new Promise(() => undefined) // a coordinator that never answers
    const endless: OperatorSpec = { op: 'source', connector: 'datagen', tableName: 't', options: { 'rows-per-second': '1000' }, schema: input, bounded: false }
    const tasks = await deploy(
      [
        { operators: [{ spec: endless, output: input }], slots: [{ worker, slotIndex: 0 }] },
        { operators: [{ spec: { op: 'collect', schema: input }, output: input }], slots: [{ worker, slotIndex: 0 }] },
      ],
      HASH_EDGE,
    )
    await master.until(() => tasks.every((task) => master.last(task)?.state === 'RUNNING'), 'RUNNING')
    await worker.gateway.freeSlot({ allocationId: allocationOf(worker.resourceId, 0), reason: 'test' })
    for (const task of tasks) expect(master.states(task)).to.deep.equal(['INITIALIZING', 'RUNNING', 'CANCELED'])
    await allocateAll(worker) // it is free again
  })

  it('tells the first cause of a failure, with its code', async () => {
    const { registered } = master.startThread(1)
    const worker = await registered
    await allocateAll(worker)
    master.onOperatorRequest = async () => {
      throw new Error('the client is gone')
    }
    const tasks = await deploy(countingJob([{ worker, slotIndex: 0 }], [{ worker, slotIndex: 0 }]), HASH_EDGE)
    const counter = tasks[0]
    await master.until(() => counter !== undefined && master.last(counter)?.state === 'FAILED', 'FAILED')
    expect(counter !== undefined && master.last(counter)?.error?.message).to.contain('the client is gone')
  })

  it('refuses a task for a slot that is not allocated, and one of another epoch', async () => {
    const { registered } = master.startThread(1)
    const worker = await registered
    const job = countingJob([{ worker, slotIndex: 0 }], [{ worker, slotIndex: 0 }])
    const unallocated = await deploy(job, HASH_EDGE).catch((error: Error) => error)
    expect(unallocated).to.be.instanceOf(Error).with.property('code', 'TASK_SLOT_NOT_FOUND')
    const stale = worker.connection.gateway(TaskExecutorGateway, 'taskexecutor', master.epoch - 1)
    const fenced = await stale.cancelTask({ executionAttemptId: attemptOf(0, 0) }).catch((error: Error) => error)
    expect(fenced).to.have.property('code', 'RPC_FENCED')
  })

  it('starts a task once, however often it is submitted', async () => {
    const { registered } = master.startThread(1)
    const worker = await registered
    await allocateAll(worker)
    await allocateAll(worker)
    const here = [{ worker, slotIndex: 0 }]
    await runCountingJob(master, here, here)
    const before = master.updates.length
    await deploy(countingJob(here, here), HASH_EDGE)
    await runCountingJob(master, here, here, 1)
    expect(master.updates.length).to.equal(before * 2)
  })

  it('fails the tasks of a slot whose thread runs out of memory, replaces the thread and goes on', async () => {
    const { registered } = master.startThread(1, {}, 200 * 1024 * 1024)
    const worker = await registered
    await allocateAll(worker)
    // More literal rows than a heap of about 36 MB can hold.
    const huge: OperatorSpec = { op: 'values', schema: input, rows: Array.from({ length: 120_000 }, (_, i) => [`${i}`.padEnd(600, '.'), i]) }
    const [task] = await deploy([{ operators: [{ spec: huge, output: input }, { spec: BLACKHOLE, output: input }], slots: [{ worker, slotIndex: 0 }] }], [])
    await master.until(() => task !== undefined && master.last(task)?.state === 'FAILED', 'FAILED')
    expect(task !== undefined && master.last(task)?.error).to.deep.include({ code: 'SLOT_OUT_OF_MEMORY' })
    await runCountingJob(master, [{ worker, slotIndex: 0 }], [{ worker, slotIndex: 0 }], 1)
  })

  it('cancels its tasks and ends when the master is lost and none follows', async () => {
    const { registered, ended } = master.startThread(1)
    const worker = await registered
    await allocateAll(worker)
    master.dropConnections()
    expect(await ended).to.equal(0)
  })

  it('fails the producer when its consumer’s TaskManager disappears', async () => {
    const workers = [await master.startRemote(1), await master.startRemote(1)]
    const [source, sink] = await Promise.all(workers.map((each) => each.registered))
    if (source === undefined || sink === undefined) throw new Error('no workers')
    await allocateAll(source)
    await allocateAll(sink)
    const endless: OperatorSpec = { op: 'source', connector: 'datagen', tableName: 't', options: { 'rows-per-second': '1000' }, schema: input, bounded: false }
    const [, producer] = await deploy(
      [
        { operators: [{ spec: endless, output: input }], slots: [{ worker: source, slotIndex: 0 }] },
        { operators: [{ spec: { op: 'collect', schema: input }, output: input }], slots: [{ worker: sink, slotIndex: 0 }] },
      ],
      HASH_EDGE,
    )
    await master.until(() => master.rows.length > 0, 'rows')
    workers[1]?.kill()
    await master.until(() => producer !== undefined && master.last(producer)?.state === 'FAILED', 'FAILED')
    const error = producer === undefined ? undefined : master.last(producer)?.error
    expect(error).to.deep.include({ code: 'NETWORK_CONNECTION_LOST' })
    expect(error?.message).to.contain('worker-2')
  })

  it('fails the consumer when its producer’s TaskManager disappears, naming its address', async () => {
    const workers = [await master.startRemote(1), await master.startRemote(1)]
    const [source, sink] = await Promise.all(workers.map((each) => each.registered))
    if (source === undefined || sink === undefined) throw new Error('no workers')
    await allocateAll(source)
    await allocateAll(sink)
    const endless: OperatorSpec = { op: 'source', connector: 'datagen', tableName: 't', options: { 'rows-per-second': '1000' }, schema: input, bounded: false }
    const [consumer] = await deploy(
      [
        { operators: [{ spec: endless, output: input }], slots: [{ worker: source, slotIndex: 0 }] },
        { operators: [{ spec: { op: 'collect', schema: input }, output: input }], slots: [{ worker: sink, slotIndex: 0 }] },
      ],
      HASH_EDGE,
    )
    await master.until(() => master.rows.length > 0, 'rows')
    workers[0]?.kill()
    await master.until(() => consumer !== undefined && master.last(consumer)?.state === 'FAILED', 'FAILED')
    const error = consumer === undefined ? undefined : master.last(consumer)?.error
    expect(error).to.deep.include({ code: 'NETWORK_CONNECTION_LOST' })
    expect(error?.message).to.contain(`127.0.0.1:${source.slots[0]?.dataPort}`).and.to.contain('worker-1')
  })
})
