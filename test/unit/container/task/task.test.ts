import { expect } from 'chai'
import { FileSystems } from '#core/fs/file-systems.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { Partitioner } from '#core/graph/job-graph.js'
import type { AllocationId, EdgeId, ExecutionAttemptId, JobId, OperatorId, ResourceId, VertexId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { INT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { PartitionRegistry } from '#container/network/partition-registry.js'
import { LinePrinter } from '#container/task/line-printer.js'
import type { AnyOperator } from '#container/task/operator-factory.js'
import { SlotMailbox } from '#container/task/slot-mailbox.js'
import { Task, type TaskReport, type TaskServices } from '#container/task/task.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { readValue } from '#runtime/columnar/value.js'
import { MAX_WATERMARK, type Operator, type OperatorContext, type Output, type SourceOperator } from '#runtime/operators/operator.js'

const numbers = schema(['n', INT])
const HERE = { resourceId: 'w' as ResourceId, slotIndex: 0, host: 'localhost', dataPort: 0 }

function batch(...values: number[]) {
  const builder = new BatchBuilder(numbers)
  for (const value of values) builder.appendRow([value])
  return builder.finish()
}

/** One slot in this thread, with operators that a test makes. */
function slot(operators: Readonly<Record<string, () => AnyOperator>>) {
  const reports: [task: string, report: TaskReport][] = []
  const waiting: (() => void)[] = []
  const registry = new PartitionRegistry(systemEnvironment, 'here')
  const services: TaskServices = {
    environment: systemEnvironment,
    fileSystems: new FileSystems('/'),
    mailbox: new SlotMailbox(systemEnvironment.clock),
    network: { registry, isHere: () => true, connectionTo: () => Promise.reject(new Error('elsewhere')) },
    printer: new LinePrinter((text) => services.printer.written(text.length)),
    partitionBytes: 1024 * 1024,
    settleGraceMs: 20,
    localStateDirectory: undefined,
    takePrepared: () => undefined,
    instantiate: async (node) => (operators[node.name] as () => AnyOperator)(),
    requestCoordinator: () => new Promise(() => undefined),
    acknowledgeCheckpoint: () => undefined,
    declineCheckpoint: () => undefined,
    report(task, report) {
      reports.push([task.descriptor.vertexName, report])
      for (const wake of waiting.splice(0)) wake()
    },
  }
  return {
    start(
      name: string,
      chain: readonly string[],
      ends: { inputs?: readonly string[]; outputs?: readonly string[]; partitioner?: Partitioner } = {},
    ): Task {
      const descriptor: TaskDeploymentDescriptor = {
        jobId: 'j' as JobId,
        jobName: 'job',
        vertexId: name as VertexId,
        vertexName: name,
        executionAttemptId: name as ExecutionAttemptId,
        attemptNumber: 0,
        subtaskIndex: 0,
        parallelism: 1,
        maxParallelism: 128,
        allocationId: 'a' as AllocationId,
        slotIndex: 0,
        operators: chain.map((operator, i) => ({
          id: `${operator}-id` as OperatorId,
          name: operator,
          spec: { op: 'union' },
          from: i === 0 ? null : i - 1,
          outputSchema: numbers,
        })),
        inputs: (ends.inputs ?? []).map((producer, targetInput) => ({
          edgeId: `${producer}-${name}` as EdgeId,
          targetInput,
          schema: numbers,
          channels: [{ producer: producer as ExecutionAttemptId, subpartition: 0, location: HERE }],
        })),
        outputs: (ends.outputs ?? []).map((consumer) => ({
          edgeId: `${name}-${consumer}` as EdgeId,
          sourceOperator: chain.length - 1,
          partitioner: { kind: 'FORWARD' },
          numSubpartitions: 1,
          maxParallelism: 128,
          schema: numbers,
        })),
        configuration: { 'execution.buffer-timeout.interval': '0 ms' },
      }
      const task = new Task(descriptor, services)
      task.start()
      return task
    },
    states: (name: string) => reports.filter(([task]) => task === name).map(([, { state }]) => state),
    report: (name: string) => reports.findLast(([task]) => task === name)?.[1],
    async until(condition: () => boolean) {
      while (!condition()) await new Promise<void>((resolve) => waiting.push(resolve))
    },
  }
}

/** Emits batches, one a poll. */
function source(...values: number[]): SourceOperator {
  let output: Output | undefined
  let next = 0
  return {
    open: (_context, out) => void (output = out),
    poll() {
      if (next === values.length) return 'end'
      output?.collect(batch(values[next++] as number))
      return 'more'
    },
  }
}

/** Notes what it is called with. */
function recorder(notes: string[], extra: Partial<Operator> = {}): Operator {
  let output: Output | undefined
  return {
    open: (_context: OperatorContext, out: Output) => void (output = out),
    processBatch(rows, input) {
      for (let row = 0; row < rows.length; row++) notes.push(`${input}: ${String(readValue(rows.columns[0]!, rows.position(row)))}`)
      output?.collect(rows)
    },
    processWatermark(watermark) {
      notes.push(watermark === MAX_WATERMARK ? 'watermark max' : `watermark ${watermark}`)
      output?.emitWatermark(watermark)
    },
    endInput: (input) => void notes.push(`end ${input}`),
    close: (failed) => void notes.push(failed ? 'closed as failed' : 'closed'),
    ...extra,
  }
}

const never = () => new Promise<never>(() => undefined)

describe('Task', () => {
  it('runs a chain: rows, then the last watermark, the end, what is to be committed, close', async () => {
    const notes: string[] = []
    const sink = recorder(notes, { prepareCommit: async () => ['file-1', 'file-2'] })
    const it_ = slot({ source: () => source(1, 2), sink: () => sink })
    it_.start('t', ['source', 'sink'])
    await it_.until(() => it_.states('t').includes('FINISHED'))
    expect(notes).to.deep.equal(['0: 1', '0: 2', 'watermark max', 'end 0', 'closed'])
    expect(it_.states('t')).to.deep.equal(['INITIALIZING', 'RUNNING', 'FINISHED'])
    expect(it_.report('t')?.committables).to.deep.equal([
      { operatorId: 'sink-id', committable: 'file-1' },
      { operatorId: 'sink-id', committable: 'file-2' },
    ])
  })

  it('ends each input on its own, and sends the last watermark before the last end', async () => {
    const notes: string[] = []
    const it_ = slot({ left: () => source(1), right: () => source(2), join: () => recorder(notes) })
    it_.start('join', ['join'], { inputs: ['left', 'right'] })
    it_.start('left', ['left'], { outputs: ['join'] })
    await it_.until(() => it_.states('left').includes('FINISHED'))
    // It has finished when its end is taken, which is a step before the operator hears of it.
    while (notes.length < 2) await new Promise((resolve) => setImmediate(resolve))
    expect(notes).to.deep.equal(['0: 1', 'end 0'])
    it_.start('right', ['right'], { outputs: ['join'] })
    await it_.until(() => it_.states('join').includes('FINISHED'))
    expect(notes.slice(2)).to.deep.equal(['1: 2', 'watermark max', 'end 1', 'closed'])
  })

  it('takes no input while an operator is still at work', async () => {
    const notes: string[] = []
    let go: () => void = () => undefined
    const slow = recorder(notes, {
      processBatch(rows) {
        notes.push(`got ${String(readValue(rows.columns[0]!, 0))}`)
        return new Promise<void>((resolve) => (go = resolve))
      },
    })
    const it_ = slot({ source: () => source(1, 2), slow: () => slow })
    it_.start('t', ['source', 'slow'])
    await it_.until(() => it_.states('t').includes('RUNNING'))
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
    expect(notes).to.deep.equal(['got 1'])
    go()
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
    expect(notes).to.deep.equal(['got 1', 'got 2'])
    go()
    await it_.until(() => it_.states('t').includes('FINISHED'))
  })

  it('an operator that emits in turns goes on when the sink has taken what it emitted', async () => {
    const notes: string[] = []
    let go: () => void = () => undefined
    const slow = recorder(notes, {
      processBatch(rows) {
        notes.push(`got ${String(readValue(rows.columns[0]!, 0))}`)
        return new Promise<void>((resolve) => (go = resolve))
      },
    })
    let context: OperatorContext | undefined
    let output: Output | undefined
    const burst = recorder([], {
      open(given: OperatorContext, out: Output) {
        context = given
        output = out
      },
      processBatch: () => undefined,
      async processWatermark(watermark) {
        for (const value of [7, 8, 9]) {
          output?.collect(batch(value))
          await context?.nextTurn()
        }
        output?.emitWatermark(watermark)
      },
    })
    const it_ = slot({ source: () => source(1), burst: () => burst, slow: () => slow })
    it_.start('t', ['source', 'burst', 'slow'])
    await it_.until(() => it_.states('t').includes('RUNNING'))
    for (const value of [7, 8, 9]) {
      for (let i = 0; i < 9; i++) await new Promise((resolve) => setImmediate(resolve))
      expect(notes.at(-1)).to.equal(`got ${value}`)
      go()
    }
    await it_.until(() => it_.states('t').includes('FINISHED'))
    expect(notes).to.deep.equal(['got 7', 'got 8', 'got 9', 'watermark max', 'end 0', 'closed'])
  })

  const ending: [string, Record<string, () => AnyOperator>, string[]][] = []
  const add = (what: string, make: (notes: string[]) => Record<string, () => AnyOperator>) => {
    const notes: string[] = []
    ending.push([what, make(notes), notes])
  }
  add('open() is pending', (notes) => ({
    source: () => ({ ...source(), close: () => void notes.push('closed') }),
    sink: () => recorder([], { open: never, close: () => void notes.push('closed') }),
  }))
  add('poll() is pending', (notes) => ({
    source: () => ({ poll: never, close: () => void notes.push('closed') }),
    sink: () => recorder([]),
  }))
  add('processBatch() is pending', (notes) => ({
    source: () => source(1),
    sink: () => recorder([], { processBatch: never, close: () => void notes.push('closed') }),
  }))
  add('endInput() is pending', (notes) => ({
    source: () => source(),
    sink: () => recorder([], { endInput: never, close: () => void notes.push('closed') }),
  }))
  add('prepareCommit() is pending', (notes) => ({
    source: () => source(),
    sink: () => recorder([], { prepareCommit: never, close: () => void notes.push('closed') }),
  }))
  add('an operator waits for its next turn', (notes) => {
    let context: OperatorContext | undefined
    const open = (given: OperatorContext) => void (context = given)
    const waiting = async (): Promise<void> => {
      for (;;) await context?.nextTurn()
    }
    return {
      source: () => source(1),
      sink: () => recorder([], { open, processBatch: waiting, close: () => void notes.push('closed') }),
    }
  })
  add('it asks its coordinator', (notes) => ({
    source: () => {
      let context: OperatorContext | undefined
      return {
        open: (given: OperatorContext) => void (context = given),
        poll: async () => {
          await context?.requestCoordinator({})
          return 'more' as const
        },
        close: () => void notes.push('closed'),
      }
    },
    sink: () => recorder([]),
  }))
  for (const [what, operators, notes] of ending) {
    it(`is cancelled while ${what}`, async () => {
      const it_ = slot(operators)
      const task = it_.start('t', ['source', 'sink'])
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
      task.cancel()
      await it_.until(() => it_.states('t').includes('CANCELED'))
      expect(notes).to.deep.equal(['closed'])
    })
  }

  it('closes its operators as failed before it reports the failure', async () => {
    const notes: string[] = []
    const broken = recorder(notes, {
      processBatch() {
        throw new Error('no such column')
      },
    })
    const it_ = slot({ source: () => source(1), broken: () => broken })
    it_.start('t', ['source', 'broken'])
    await it_.until(() => it_.states('t').includes('FAILED'))
    expect(notes).to.deep.equal(['closed as failed'])
    expect(it_.report('t')?.error).to.have.property('message', 'no such column')
  })

  it('fails when an action that an operator scheduled throws, and runs none after its end', async () => {
    let late = false
    const it_ = slot({
      source: () => ({
        open(context: OperatorContext) {
          context.schedule(1, () => {
            throw new Error('timer')
          })
          context.schedule(30, () => (late = true))
        },
        poll: never,
      }),
    })
    it_.start('t', ['source'])
    await it_.until(() => it_.states('t').includes('FAILED'))
    expect(it_.report('t')?.error).to.have.property('message', 'timer')
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(late).to.equal(false)
  })

  it('says what is wrong with a descriptor', async () => {
    const it_ = slot({ union: () => recorder([]) })
    it_.start('t', ['union'])
    await it_.until(() => it_.states('t').includes('FAILED'))
    expect(it_.report('t')?.error).to.have.property('code', 'TASK_INVALID_DEPLOYMENT')
  })
})
