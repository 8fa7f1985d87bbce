/** Checkpoints as a master takes them: by calls to TaskExecutors, across slots that are threads, into files. */
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { SubtaskState, TaskRestore } from '#core/checkpoint/state-handles.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import type { ExecutionAttemptId } from '#core/ids/ids.js'
import { BIGINT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { attemptOf, descriptors, type TestVertex } from '../deploy.js'
import { allocateAll, allocationOf, ScriptedMaster, type Registered, type TestWorker } from '../scripted-master.js'
import { barrierOf } from './one-slot.js'

const numbers = schema(['n', BIGINT])
const counted = schema(['n', BIGINT], ['c', BIGINT])
const SOURCE: OperatorSpec = {
  op: 'source',
  connector: 'datagen',
  tableName: 't',
  options: { 'rows-per-second': '2000', 'fields.n.kind': 'sequence', 'fields.n.start': '1', 'fields.n.end': '1000000' },
  schema: numbers,
  projection: [0],
  bounded: true,
}
const COUNT: OperatorSpec = {
  op: 'group-aggregate',
  keys: [0],
  calls: [{ function: 'COUNT', args: [], distinct: false, type: BIGINT }],
  retractInput: false,
  output: 'changelog',
}
const SINK: OperatorSpec = { op: 'sink', connector: 'blackhole', tableName: 'o', options: {}, schema: counted, notNullEnforcer: 'ERROR' }

describe('checkpoints through TaskExecutors', function () {
  this.timeout(30_000)
  const master = new ScriptedMaster()
  let directory: string
  let thread: TestWorker
  let worker: Registered
  let tasks: ExecutionAttemptId[] = []
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weft-checkpoints-'))
    thread = master.startEmbedded(2)
    worker = await thread.registered
  })
  after(async () => {
    await worker.gateway.shutdown({ reason: 'test' })
    expect(await thread.ended).to.equal(0)
    await master.close()
    await rm(directory, { recursive: true })
  })
  const start = async (
    attempt: number,
    restore: readonly (TaskRestore | undefined)[] = [],
    between?: (tasks: readonly TaskDeploymentDescriptor[]) => Promise<void>,
  ) => {
    await allocateAll(worker)
    const vertices: TestVertex[] = [
      { operators: [{ spec: SOURCE, output: numbers }], slots: [{ worker, slotIndex: 0 }] },
      {
        operators: [
          { spec: COUNT, output: counted },
          { spec: SINK, output: counted },
        ],
        slots: [{ worker, slotIndex: 1 }],
      },
    ]
    const configuration = { 'execution.checkpointing.data-inline-threshold': '0 b' }
    const edges = [{ from: 0, to: 1, partitioner: { kind: 'HASH' as const, keys: [0] } }]
    const submitted = descriptors(vertices, edges, configuration, attempt).map(({ task }) => {
      const state = restore[task.executionAttemptId === attemptOf(0, 0, attempt) ? 0 : 1]
      return { ...task, ...(state === undefined ? {} : { restore: state }) }
    })
    await between?.(submitted)
    for (const task of submitted) await worker.gateway.submitTask(task)
    tasks = [attemptOf(0, 0, attempt), attemptOf(1, 0, attempt)]
    await master.until(() => tasks.every((task) => master.last(task)?.state === 'RUNNING'), 'RUNNING')
  }
  const end = async () => {
    for (const { slotIndex } of worker.slots)
      await worker.gateway.freeSlot({ allocationId: allocationOf(worker.resourceId, slotIndex), reason: 'test' })
  }
  const trigger = (checkpointId: number, more: Partial<CheckpointBarrier> = {}) => {
    const barrier = barrierOf(checkpointId, {
      directory: `file://${directory}/chk-${checkpointId}`,
      sharedDirectory: `file://${directory}/shared`,
      ...more,
    })
    return worker.gateway.triggerCheckpoint({ executionAttemptId: tasks[0] as ExecutionAttemptId, barrier })
  }
  const acknowledged = (checkpointId: number) =>
    tasks.map((task) => master.acknowledged.find((each) => each.executionAttemptId === task && each.checkpointId === checkpointId))
  const checkpoint = async (checkpointId: number, more: Partial<CheckpointBarrier> = {}) => {
    await trigger(checkpointId, more)
    await master.until(() => acknowledged(checkpointId).every(Boolean), `acknowledgements of ${checkpointId}`)
    await worker.gateway.concludeCheckpoint({ executionAttemptIds: tasks, checkpointId, complete: true })
    return acknowledged(checkpointId).map((each) => each?.state)
  }
  const rowsReceived = () => master.metrics.get(tasks[1] as ExecutionAttemptId)?.recordsIn ?? 0
  const moreRows = async () => {
    const before = rowsReceived()
    await master.until(() => rowsReceived() > before + 200, 'more rows')
  }

  const restoreOf =
    (checkpointId: number) =>
    (state: SubtaskState | undefined): TaskRestore => ({
      checkpointId,
      finished: false,
      operators: (state?.operators ?? []).map(({ operatorId, keyed, lists }) => ({
        operatorId,
        keyed: keyed === undefined ? [] : [keyed],
        lists: Object.fromEntries(Object.entries(lists).map(([name, { items }]) => [name, items])),
      })),
    })

  it('are acknowledged, grow by what changed, and are what the next attempt begins with', async () => {
    master.heartbeatIntervalMs = 100
    await start(0)
    await moreRows()
    const [source, counts] = await checkpoint(1)
    expect(source?.operators[0]?.lists).to.not.deep.equal({})
    const segments = (of: typeof counts) => of?.operators[0]?.keyed?.segments ?? []
    expect(segments(counts)).to.have.length(1)
    await moreRows()
    const second = await checkpoint(2)
    expect(segments(second[1])).to.have.length(2)
    expect(segments(second[1])[0]).to.deep.equal(segments(counts)[0])
    expect(await readdir(join(directory, 'shared'))).to.have.length(2)
    await end()

    await start(1, second.map(restoreOf(2)))
    expect(master.states(tasks[1] as ExecutionAttemptId)).to.deep.equal(['INITIALIZING', 'RUNNING'])
    const [, third] = await checkpoint(3)
    const metrics = acknowledged(3)[1]?.metrics
    expect(segments(third)).to.have.length(1)
    const before = segments(second[1]).reduce((sum, { length }) => sum + length, 0)
    expect(metrics?.stateSize, 'all that was there is there again').to.be.greaterThan(before * 0.8)
    await checkpoint(4, { alignment: 'unaligned' })
    await end()
  })

  it('are read before the task comes, when it is announced', async () => {
    await start(5)
    await moreRows()
    const restore = (await checkpoint(50)).map(restoreOf(50))
    await end()
    const shared = join(directory, 'shared')
    let announced: readonly TaskDeploymentDescriptor[] = []
    await start(6, restore, async (submitted) => {
      announced = submitted
      for (const task of submitted) await worker.gateway.prepareTask(task)
      await rename(shared, `${shared}-away`)
    })
    await rename(`${shared}-away`, shared)
    expect(master.states(tasks[1] as ExecutionAttemptId)).to.deep.equal(['INITIALIZING', 'RUNNING'])
    await end()
    await worker.gateway.prepareTask(announced[0] as TaskDeploymentDescriptor).then(
      () => expect.fail('was prepared'),
      (error: unknown) => expect(error).to.have.property('code', 'TASK_SLOT_NOT_FOUND'),
    )
  })

  it('are declined with the cause when the files cannot be written, or the master cannot take the acknowledgement', async () => {
    await start(2)
    await trigger(10, { sharedDirectory: 'file:///dev/null/nowhere' })
    await master.until(() => master.declined.length > 0, 'a decline')
    expect(master.declined[0]).to.deep.include({ executionAttemptId: tasks[1], checkpointId: 10 })
    expect(master.declined[0]?.error.code).to.match(/^FS_/)
    master.onAcknowledge = () => {
      throw new Error('it is too large')
    }
    master.declined.length = 0
    await trigger(11)
    await master.until(() => master.declined.length === 2, 'declines')
    expect(master.declined[0]?.error.message).to.contain('it is too large')
    master.onAcknowledge = () => ({})
    await checkpoint(12)
    await end()
  })

  it('are refused by tasks that are not there, and by those whose barriers come to them', async () => {
    await start(3)
    const refused = async (executionAttemptId: ExecutionAttemptId) =>
      worker.gateway.triggerCheckpoint({ executionAttemptId, barrier: barrierOf(20) }).then(
        () => undefined,
        (error: unknown) => error,
      )
    expect(await refused(attemptOf(0, 0, 99))).to.have.property('code', 'CHECKPOINT_TASK_NOT_READY')
    expect(await refused(tasks[1] as ExecutionAttemptId))
      .to.have.property('message')
      .that.contains('from its inputs')
    await end()
  })
})
