import { expect } from 'chai'
import type { WorkerDescriptor } from '#core/cluster/worker-descriptor.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { AllocationId, ExecutionAttemptId, JobId, OperatorId, ResourceId, VertexId } from '#core/ids/ids.js'
import type { SubmittedTask } from '#core/rpc/gateways/blob.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import type { SlotToTaskExecutor } from '#container/taskexecutor/slot-messages.js'
import { TaskSlots } from '#container/taskexecutor/task-slots.js'

const job = 'job' as JobId
const allocation = (slot: number) => `allocation-${slot}` as AllocationId
const descriptor: WorkerDescriptor = {
  version: 1,
  resourceId: 'w' as ResourceId,
  slots: 2,
  processMemory: 0,
  master: { kind: 'thread' },
  user: 'u',
  configuration: { 'task.cancellation.timeout': '60 s', 'taskmanager.data.port': '50100-50101' },
}

function task(name: string, slotIndex: number): TaskDeploymentDescriptor {
  return {
    jobId: job,
    jobName: 'job',
    vertexId: 'v' as VertexId,
    vertexName: name,
    executionAttemptId: name as ExecutionAttemptId,
    attemptNumber: 0,
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    allocationId: allocation(slotIndex),
    slotIndex,
    operators: [{ id: 'o' as OperatorId, name: 'o', spec: { op: 'union' }, from: null, outputSchema: { fields: [] } }],
    inputs: [],
    outputs: [],
    configuration: {},
  }
}

function withHexIds(descriptor: TaskDeploymentDescriptor): TaskDeploymentDescriptor {
  return {
    ...descriptor,
    operators: descriptor.operators.map((operator, i) => ({ ...operator, id: String(i).padStart(32, '0') as OperatorId })),
  }
}

/** TaskSlots with threads of our own making, and what happens as a story. */
function make(options: Readonly<Record<string, string>> = {}) {
  const story: string[] = []
  const environment = virtualEnvironment()
  const threads: { emit(message: SlotToTaskExecutor): void; die(reason: string): void }[] = []
  const blobs: { resolve(bytes: Uint8Array): void; reject(error: Error): void }[] = []
  let writing: (() => void)[] | undefined
  const slots = new TaskSlots(
    { ...descriptor, configuration: { ...descriptor.configuration, ...options } },
    undefined,
    environment,
    {
      onTaskState: (_job, { executionAttemptId, state, error }) =>
        story.push(`${executionAttemptId} ${state}${error === undefined ? '' : `: ${error.message}`}`),
      programFile: async () => '/program.mjs',
      onCheckpointReport: (_job, { type, executionAttemptId, checkpointId }) => story.push(`${executionAttemptId} ${type} ${checkpointId}`),
      requestCoordinator: async (_job, name, _operator, event) => `answer to ${JSON.stringify(event)} of ${name}`,
      fetchBlob: (_job, { blobKey }) =>
        new Promise<Uint8Array>((resolve, reject) => (story.push(`fetch ${blobKey}`), blobs.push({ resolve, reject }))),
      onJobGone: (gone) => story.push(`${gone} gone`),
      write: async (text) => {
        if (writing !== undefined) await new Promise<void>((resolve) => writing?.push(resolve))
        story.push(`written: ${text.trim()}`)
      },
      onFatal: (error) => story.push(`fatal: ${error.message}`),
    },
    ({ slotIndex, dataPorts }, _heap, user) => {
      story.push(`start slot ${slotIndex} on ${dataPorts.join(', ')}`)
      threads[slotIndex] = { emit: (message) => user.onMessage(message), die: (reason) => user.onDied(new Error(reason)) }
      return {
        send: (message) =>
          story.push(`to slot ${slotIndex}: ${message.type}${message.type === 'answer' ? ` ${String(message.answer)}` : ''}`),
        stop: async () => void story.push(`stop slot ${slotIndex}`),
      }
    },
  )
  const started = slots.start()
  threads[0]?.emit({ type: 'started', dataPort: 50100 })
  threads[1]?.emit({ type: 'started', dataPort: 50101 })
  const settle = async () => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }
  return {
    slots,
    started,
    environment,
    settle,
    blobs,
    thread: (i: number) => threads[i]!,
    hold: () => (writing = []),
    release: () => writing?.splice(0).forEach((each) => each()),
    story: () => story.splice(0),
  }
}

const metrics = {
  recordsIn: 0,
  recordsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  busyMs: 0,
  idleMs: 0,
  backPressuredMs: 0,
  watermark: null,
  lateRecordsDropped: 0,
}
const state = (name: string, to: 'RUNNING' | 'FINISHED' | 'CANCELED'): SlotToTaskExecutor => ({
  type: 'state',
  executionAttemptId: name as ExecutionAttemptId,
  state: to,
  metrics,
})

describe('TaskSlots', () => {
  it('is ready when every slot is, and tells where they listen', async () => {
    const it_ = make()
    expect(await it_.started).to.deep.equal([
      { slotIndex: 0, dataPort: 50100 },
      { slotIndex: 1, dataPort: 50101 },
    ])
    expect(it_.story()).to.deep.equal(['start slot 0 on 50100, 50101', 'start slot 1 on 50100, 50101'])
  })

  it('does not start when a slot does not', async () => {
    const environment = virtualEnvironment()
    const user = {
      onTaskState: () => undefined,
      programFile: async () => '/program.mjs',
      onCheckpointReport: () => undefined,
      requestCoordinator: async () => undefined,
      fetchBlob: async () => Buffer.alloc(0),
      onJobGone: () => undefined,
      write: async () => undefined,
      onFatal: () => undefined,
    }
    const slots = new TaskSlots(descriptor, undefined, environment, user, ({ slotIndex }, _heap, { onDied }) => {
      if (slotIndex === 1) queueMicrotask(() => onDied(new Error('no free port')))
      return { send: () => undefined, stop: async () => undefined }
    })
    expect(await slots.start().catch((error: Error) => error.message)).to.equal('no free port')
  })

  it('fails the tasks of a thread that died, at its old port starts another, and leaves other slots alone', async () => {
    const it_ = make()
    for (const slot of [0, 1]) {
      it_.slots.allocate(slot, allocation(slot), job)
      it_.slots.submit(task(`t${slot}`, slot))
    }
    it_.slots.cancel('t1' as ExecutionAttemptId)
    it_.story()
    it_.thread(0).die('boom')
    expect(it_.story()).to.deep.equal(['t0 FAILED: boom', 'start slot 0 on 50100'])
    it_.thread(1).die('boom too') // its task was being cancelled: nothing failed
    expect(it_.story()).to.deep.equal(['t1 CANCELED', 'start slot 1 on 50101'])
    expect(it_.slots.report().map(({ allocationId }) => allocationId)).to.deep.equal([allocation(0), allocation(1)])
  })

  it('gives up when a thread cannot be replaced', async () => {
    const it_ = make()
    it_.story()
    for (let i = 0; i < 5; i++) {
      it_.thread(0).die('port in use')
      it_.environment.advance(1_000)
    }
    expect(it_.story().filter((line) => line.startsWith('start')).length).to.equal(5)
    it_.thread(0).die('port in use')
    expect(it_.story()).to.deep.equal(['fatal: port in use'])
  })

  it('restarts a slot whose task ignores its cancellation', async () => {
    const it_ = make()
    it_.slots.allocate(0, allocation(0), job)
    it_.slots.submit(task('deaf', 0))
    const freed = it_.slots.free(allocation(0), 'test')
    it_.story()
    it_.environment.advance(59_999)
    expect(it_.story()).to.deep.equal([])
    it_.environment.advance(1)
    expect(it_.story()).to.deep.equal(['stop slot 0', 'to slot 0: freed', 'job gone', 'deaf CANCELED', 'start slot 0 on 50100'])
    await freed
    expect(it_.slots.report()[0]?.allocationId).to.equal(null)
  })

  it('tells a task’s end when its lines are written, not before', async () => {
    const it_ = make()
    it_.slots.allocate(0, allocation(0), job)
    it_.slots.submit(task('t', 0))
    it_.story()
    it_.hold()
    it_.thread(0).emit({ type: 'print', text: '+I[1]\n', stderr: false })
    it_.thread(0).emit(state('t', 'FINISHED'))
    await it_.settle()
    expect(it_.story()).to.deep.equal([])
    it_.release()
    await it_.settle()
    expect(it_.story()).to.deep.equal(['written: +I[1]', 'to slot 0: printed', 't FINISHED'])
    expect(it_.slots.runningTasks).to.equal(0)
  })

  it('brings operators’ questions to their coordinators, and the answers back', async () => {
    const it_ = make()
    it_.slots.allocate(1, allocation(1), job)
    it_.slots.submit(task('t', 1))
    it_.story()
    it_.thread(1).emit({
      type: 'request',
      request: 1,
      executionAttemptId: 't' as ExecutionAttemptId,
      operatorId: 'o' as OperatorId,
      event: { type: 'requestSplit' },
    })
    await it_.settle()
    expect(it_.story()).to.deep.equal(['to slot 1: answer answer to {"type":"requestSplit"} of t'])
  })

  describe('a task whose operators lie in a blob', () => {
    const chain = JSON.stringify(withHexIds(task('t', 0)).operators)
    const submitted = (name: string, slotIndex: number): SubmittedTask => ({
      ...task(name, slotIndex),
      operators: { blobKey: 'f'.repeat(64), size: chain.length },
    })
    const begin = () => {
      const it_ = make()
      it_.slots.allocate(0, allocation(0), job)
      it_.slots.submit(submitted('t', 0))
      return it_
    }

    it('is handed over when they are there', async () => {
      const it_ = begin()
      expect(it_.story().at(-1)).to.equal(`fetch ${'f'.repeat(64)}`)
      it_.blobs[0]?.resolve(Buffer.from(chain))
      await it_.settle()
      expect(it_.story()).to.deep.equal(['to slot 0: submit'])
      expect(it_.slots.runningTasks).to.equal(1)
    })

    it('fails when they cannot be had, with the cause', async () => {
      const it_ = begin()
      it_.story()
      it_.blobs[0]?.reject(new Error('the connection is lost'))
      await it_.settle()
      expect(it_.story()).to.deep.equal([
        't FAILED: TaskManager w could not get the plan or the program of task t (1/1) from the JobManager',
      ])
      expect(it_.slots.runningTasks).to.equal(0)
    })

    it('fails when they are no operators', async () => {
      for (const wrong of ['{', '[]', '[{"id":1}]']) {
        const it_ = begin()
        it_.story()
        it_.blobs[0]?.resolve(Buffer.from(wrong))
        await it_.settle()
        expect(it_.story()[0]).to.match(/^t FAILED/)
      }
    })

    it('ends at once when it is cancelled, whatever comes of the fetch', async () => {
      for (const end of ['resolve', 'reject'] as const) {
        const it_ = begin()
        it_.story()
        await it_.slots.free(allocation(0), 'test')
        expect(it_.story()).to.deep.equal(['to slot 0: freed', 'job gone', 't CANCELED'])
        if (end === 'resolve') it_.blobs[0]?.resolve(Buffer.from(chain))
        else it_.blobs[0]?.reject(new Error('late'))
        await it_.settle()
        expect(it_.story()).to.deep.equal([])
      }
    })
  })

  it('tells when the last slot of a job is free', async () => {
    const it_ = make()
    for (const slot of [0, 1]) it_.slots.allocate(slot, allocation(slot), job)
    it_.story()
    await it_.slots.free(allocation(0), 'test')
    expect(it_.story()).to.deep.equal(['to slot 0: freed'])
    await it_.slots.free(allocation(1), 'test')
    expect(it_.story()).to.deep.equal(['to slot 1: freed', 'job gone'])
  })

  describe('that isolate jobs', () => {
    const isolated = { 'taskmanager.slot.isolate-jobs': 'true' }
    const other = 'other' as JobId

    it('give a slot that a job is done with a new thread, where the old one listened', async () => {
      const it_ = make(isolated)
      await it_.started
      it_.slots.allocate(0, allocation(0), job)
      it_.slots.submit(task('a', 0))
      it_.thread(0).emit(state('a', 'FINISHED'))
      await it_.settle()
      it_.story()
      await it_.slots.free(allocation(0), 'done')
      await it_.settle()
      expect(it_.story()).to.deep.equal(['to slot 0: freed', 'stop slot 0', 'job gone', 'start slot 0 on 50100'])
    })

    it('hand the next job’s tasks to the new thread, also those that come before it is there', async () => {
      const it_ = make(isolated)
      await it_.started
      it_.slots.allocate(0, allocation(0), job)
      it_.slots.submit(task('a', 0))
      it_.thread(0).emit(state('a', 'FINISHED'))
      await it_.settle()
      it_.story()
      void it_.slots.free(allocation(0), 'done')
      it_.slots.allocate(0, 'next' as AllocationId, other)
      it_.slots.submit({ ...task('b', 0), jobId: other, allocationId: 'next' as AllocationId })
      expect(it_.story()).to.deep.equal(['to slot 0: freed', 'stop slot 0', 'job gone'])
      await it_.settle()
      expect(it_.story()).to.deep.equal(['start slot 0 on 50100', 'to slot 0: submit'])
    })

    it('keep the thread of a slot in which nothing has run, and of one that still belongs to its job', async () => {
      const it_ = make(isolated)
      await it_.started
      it_.slots.allocate(0, allocation(0), job)
      await it_.slots.free(allocation(0), 'not needed')
      it_.slots.allocate(0, allocation(0), job)
      it_.slots.submit(task('a', 0))
      it_.thread(0).emit(state('a', 'FINISHED'))
      await it_.settle()
      it_.slots.submit(task('a again', 0))
      await it_.settle()
      expect(it_.story().filter((line) => /^(stop|start) slot 0/.test(line))).to.deep.equal(['start slot 0 on 50100, 50101'])
    })

    it('start one thread only for a slot whose thread died while it was being given back', async () => {
      const it_ = make(isolated)
      await it_.started
      it_.slots.allocate(0, allocation(0), job)
      it_.slots.submit(task('a', 0))
      void it_.slots.free(allocation(0), 'done')
      it_.story()
      it_.thread(0).die('boom')
      await it_.settle()
      it_.environment.advance(10_000)
      await it_.settle()
      expect(it_.story().filter((line) => /^(stop|start) slot 0/.test(line))).to.deep.equal(['start slot 0 on 50100'])
    })
  })

  it('share the threads among the jobs of an application', async () => {
    const it_ = make()
    await it_.started
    it_.slots.allocate(0, allocation(0), job)
    it_.slots.submit(task('a', 0))
    it_.thread(0).emit(state('a', 'FINISHED'))
    await it_.settle()
    it_.story()
    await it_.slots.free(allocation(0), 'done')
    await it_.settle()
    expect(it_.story()).to.deep.equal(['to slot 0: freed', 'job gone'])
  })
})
