import { expect } from 'chai'
import fc from 'fast-check'
import type { ResourceId } from '#core/ids/ids.js'
import type { SubmittedTask } from '#core/rpc/gateways/blob.js'
import type { Job } from '#am/jobmaster/job-master.js'
import { RescaleRefused } from '#am/jobmaster/requirements.js'
import { forwardPipelines, SINK_OPERATOR, streaming } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'
import type { ScriptedWorker } from '../scripted-worker.js'
import { MemoryFileSystem } from '../../runtime/connectors/memory-file-system.js'

const OPTIONS = {
  'execution.checkpointing.interval': '1 s',
  'execution.checkpointing.timeout': '5 s',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '1000',
  'restart-strategy.fixed-delay.delay': '100 ms',
  'heartbeat.timeout': '1000 h',
}
/** Streams of numbers; each is read by one of the job's pipelines. */
const STREAMS = 2
const MOST_PIPELINES = 3
/** Later than every checkpoint. */
const END = 1_000_000

interface Running {
  readonly task: SubmittedTask
  readonly worker: ScriptedWorker
  ended: boolean
}

interface Position {
  readonly stream: number
  readonly next: number
}

/** A source that counts and a sink that prepares what came since the last barrier, as their tasks would do it. */
class Pipeline {
  source: Running | undefined
  sink: Running | undefined
  /** By stream: what comes next. */
  positions: Position[] = []
  /** Came since the last barrier, and prepared for checkpoints that are not known to be complete. */
  rows: string[] = []
  prepared: { readonly checkpointId: number; readonly committable: string }[] = []
  /** What the tasks have to tell, in order; tasks that are gone tell nothing. */
  messages: (() => Promise<void>)[] = []
  barriers = 0
}

/** A job of two regions under one master after the other, and what its sinks have shown. */
class World {
  readonly files = new MemoryFileSystem()
  readonly pipelines = Array.from({ length: MOST_PIPELINES }, () => new Pipeline())
  readonly committed = new Set<string>()
  master!: MiniMaster
  job!: Job
  workers: ScriptedWorker[] = []
  #epoch = 0
  #names = 0
  #cancelled = 0
  readonly #attempts = new Map<string, Running>()

  async startMaster(): Promise<void> {
    for (const worker of this.workers) this.#end(worker)
    this.workers = []
    this.master = new MiniMaster(OPTIONS, undefined, { epoch: ++this.#epoch, files: this.files })
    this.master.connectors.onCommit = (committables, last) => this.#onCommit(committables, last)
    this.job = this.master.dispatcher.submit(streaming(forwardPipelines(STREAMS)))
    await this.settle()
  }

  /** What is visible must be part of a checkpoint that is complete, unless the job ends. */
  #onCommit(committables: readonly unknown[], last: boolean): void {
    const complete = [...this.files.files].filter(([path]) => path.endsWith('/_metadata')).map(([, bytes]) => bytes.toString('latin1'))
    for (const committable of committables) {
      if (!last) expect(complete.some((metadata) => metadata.includes(String(committable)))).to.equal(true)
      this.committed.add(String(committable))
    }
  }

  /** Everything that does not wait for a task happens; lost workers are replaced. */
  async settle(ms = 0): Promise<void> {
    await this.master.settle(ms)
    // Those that were given back have ended.
    this.workers = this.workers.filter(({ resourceId }) => !this.master.driver.released.includes(resourceId))
    const wanted = this.master.driver.wanted.reduce((sum, each) => sum + each.count, 0)
    while (this.workers.length < wanted && this.job.state !== 'FINISHED') {
      const worker = this.master.worker(`w${++this.#names}`)
      this.workers.push(await this.#watch(worker))
      await this.master.settle(1)
    }
  }

  async #watch(starting: Promise<ScriptedWorker>): Promise<ScriptedWorker> {
    const worker = await starting
    for (const task of worker.tasks) this.#onTask(worker, task)
    worker.onTask = (task) => this.#onTask(worker, task)
    return worker
  }

  #onTask(worker: ScriptedWorker, task: SubmittedTask): void {
    const key = `${task.vertexId}_${task.subtaskIndex}`
    const before = this.#attempts.get(key)
    expect(before === undefined || before.ended, `${task.executionAttemptId} beside an earlier attempt`).to.equal(true)
    const running: Running = { task, worker, ended: false }
    this.#attempts.set(key, running)
    const pipeline = this.pipelines[task.subtaskIndex] as Pipeline
    pipeline.barriers = worker.barriers.length
    if (task.vertexName === 'Source') {
      pipeline.source = running
      const restored = task.restore?.operators[0]?.lists['position'] as Position[] | undefined
      pipeline.positions = restored ?? [{ stream: task.subtaskIndex, next: 0 }]
    } else {
      pipeline.sink = running
      pipeline.rows = []
      pipeline.prepared = []
    }
    pipeline.messages.push(async () => this.#tell(running, () => worker.report(task, 'RUNNING')))
  }

  async #tell(running: Running | undefined, message: () => Promise<void>): Promise<void> {
    if (running === undefined || running.ended) return
    await message().catch(() => undefined) // its worker or its job may be gone
  }

  #end(worker: ScriptedWorker): void {
    for (const running of this.#attempts.values()) if (running.worker === worker) running.ended = true
  }

  runs(pipeline: Pipeline): boolean {
    const { source, sink } = pipeline
    return source?.ended === false && sink?.ended === false
  }

  emit(pipeline: Pipeline): void {
    if (!this.runs(pipeline)) return
    pipeline.rows.push(...pipeline.positions.map(({ stream, next }) => `${stream}:${next}`))
    pipeline.positions = pipeline.positions.map(({ stream, next }) => ({ stream, next: next + 1 }))
  }

  /** The tasks take the barriers that came; their acknowledgements are on the way. */
  takeBarriers(pipeline: Pipeline): void {
    const { source, sink } = pipeline
    if (!this.runs(pipeline) || source === undefined || sink === undefined) return
    const barriers = source.worker.barriers.slice(pipeline.barriers)
    pipeline.barriers = source.worker.barriers.length
    for (const { executionAttemptId, barrier } of barriers) {
      if (executionAttemptId !== source.task.executionAttemptId) continue
      const id = barrier.checkpointId
      const prepared = this.#prepare(pipeline, sink, id)
      const { positions } = pipeline
      pipeline.messages.push(
        () =>
          this.#tell(source, () => source.worker.acknowledge(source.task, id, [], { position: { mode: 'SPLIT', items: [...positions] } })),
        () => this.#tell(sink, () => sink.worker.acknowledge(sink.task, id, prepared)),
      )
    }
  }

  /** What came since the last barrier, and before what the sink has not heard of that it is complete. */
  #prepare(pipeline: Pipeline, { worker, task }: Running, checkpointId: number): string[] {
    const complete = worker.concluded.map((line) => Number(/^complete (\d+)/.exec(line)?.[1] ?? 0))
    pipeline.prepared = pipeline.prepared.filter((each) => each.checkpointId > Math.max(0, ...complete))
    const committable = `${task.executionAttemptId}/${checkpointId}=${pipeline.rows.join('+')};`
    if (pipeline.rows.length > 0) pipeline.prepared.push({ checkpointId, committable })
    pipeline.rows = []
    return pipeline.prepared.map((each) => each.committable)
  }

  async deliver(pipeline: Pipeline): Promise<void> {
    await pipeline.messages.shift()?.()
    await this.settle()
  }

  /** For a moment all goes well: what restarts runs again, and what was sent arrives. */
  async calm(): Promise<void> {
    await this.endCancelled()
    await this.settle(100)
    for (const pipeline of this.pipelines) while (pipeline.messages.length > 0) await this.deliver(pipeline)
  }

  /** A checkpoint's barriers arrive everywhere. */
  async checkpoint(): Promise<void> {
    await this.settle(1_000)
    for (const pipeline of this.pipelines) {
      this.emit(pipeline)
      this.takeBarriers(pipeline)
    }
  }

  /** The job is to run with so many pipelines, as far as it may now. */
  async rescale(parallelism: number): Promise<void> {
    const { vertices } = this.job.jobGraph
    const requirements = new Map(vertices.map(({ id }) => [id, { lower: parallelism, upper: parallelism }]))
    try {
      this.job.rescale(requirements, 'a test wants it')
    } catch (error) {
      expect(RescaleRefused.is(error), String(error)).to.equal(true)
    }
    await this.settle()
  }

  get running(): Pipeline[] {
    return this.pipelines.slice(0, this.job.jobGraph.vertices[0]?.parallelism)
  }

  async decline(pipeline: Pipeline): Promise<void> {
    const { sink } = pipeline
    const id = sink?.worker.barriers.at(-1)?.barrier.checkpointId ?? 0
    await this.#tell(sink, () => sink?.worker.decline(sink.task, id, new Error('disk full')) as Promise<void>)
    await this.settle()
  }

  async fail(pipeline: Pipeline): Promise<void> {
    const { source } = pipeline
    await this.#tell(source, async () => {
      await source?.worker.report(source.task, 'FAILED', new Error('boom'))
      if (source !== undefined) source.ended = true
    })
    await this.settle()
  }

  async loseWorker(pipeline: Pipeline): Promise<void> {
    const worker = pipeline.source?.worker
    if (worker === undefined || !this.workers.includes(worker)) return
    this.#end(worker)
    this.workers = this.workers.filter((each) => each !== worker)
    worker.break()
    this.master.driver.listener.terminated(worker.resourceId as ResourceId, 'exit status 137', 'failed')
    await this.settle()
  }

  /** Tasks that were told to end have. */
  async endCancelled(): Promise<void> {
    for (const running of this.#attempts.values()) {
      if (running.ended || !running.worker.cancelled.includes(running.task.executionAttemptId)) continue
      const pipeline = this.pipelines[running.task.subtaskIndex] as Pipeline
      // A task may have been at its end when it was told.
      const finished = ++this.#cancelled % 3 !== 0
      const prepared = finished && running === pipeline.sink ? this.#prepare(pipeline, running, END) : []
      await this.#tell(running, () => (finished ? this.#finish(running, prepared) : running.worker.report(running.task, 'CANCELED')))
      running.ended = true
    }
    await this.settle()
  }

  #finish({ task, worker }: Running, prepared: readonly string[]): Promise<void> {
    return worker.finish(
      task,
      prepared.map((committable) => ({ operatorId: SINK_OPERATOR, committable })),
    )
  }

  /** Nothing fails any more: the sources come to their end. */
  async finish(rows: number): Promise<void> {
    const ready = () =>
      this.job.state === 'RUNNING' &&
      this.job.run.rescale === undefined &&
      this.running.every((pipeline) => this.runs(pipeline) && pipeline.messages.length === 0)
    for (let round = 0; round < 80 && !ready(); round++) {
      await this.calm()
      for (const pipeline of this.pipelines) this.takeBarriers(pipeline)
    }
    expect(ready(), `${this.job.state}, rescale ${this.job.run.rescale?.phase ?? 'none'}`).to.equal(true)
    for (const pipeline of this.running) {
      const before = pipeline.positions
      for (const { stream, next } of before) pipeline.rows.push(...range(next, rows).map((row) => `${stream}:${row}`))
      pipeline.positions = before.map(({ stream }) => ({ stream, next: rows }))
      const { source, sink } = pipeline
      if (source === undefined || sink === undefined) throw new Error('the pipeline does not run')
      const prepared = this.#prepare(pipeline, sink, END)
      await source.worker.finish(source.task)
      await this.#finish(sink, prepared)
      source.ended = sink.ended = true
      await this.settle()
    }
    await this.settle()
  }

  /** Rows that are visible, by stream. */
  shown(): number[][] {
    const shown: number[][] = Array.from({ length: STREAMS }, () => [])
    for (const committable of this.committed) {
      const [, rows = ''] = /=(.*);$/.exec(committable) ?? []
      for (const row of rows.split('+')) {
        const [stream, number] = row.split(':')
        shown[Number(stream)]?.push(Number(number))
      }
    }
    return shown.map((rows) => rows.sort((a, b) => a - b))
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)

type Step = {
  readonly do:
    'emit' | 'barriers' | 'deliver' | 'decline' | 'fail' | 'lose' | 'cancelled' | 'tick' | 'master' | 'calm' | 'checkpoint' | 'rescale'
  readonly on: number
}

const step = (action: Step['do']) => fc.record({ do: fc.constant(action), on: fc.nat(MOST_PIPELINES - 1) })
const steps = fc.array(
  fc.oneof(
    { arbitrary: step('emit'), weight: 4 },
    { arbitrary: step('barriers'), weight: 5 },
    { arbitrary: step('deliver'), weight: 8 },
    { arbitrary: step('calm'), weight: 6 },
    { arbitrary: step('checkpoint'), weight: 6 },
    { arbitrary: step('tick'), weight: 4 },
    { arbitrary: step('cancelled'), weight: 3 },
    { arbitrary: step('fail'), weight: 1 },
    { arbitrary: step('decline'), weight: 1 },
    { arbitrary: step('lose'), weight: 1 },
    { arbitrary: step('master'), weight: 1 },
    { arbitrary: step('rescale'), weight: 2 },
  ),
  { minLength: 30, maxLength: 100 },
)

describe('a job of up to three regions, whatever fails and however it is rescaled', () => {
  it('shows every row once, only of complete checkpoints, and never runs two attempts of a subtask', async function () {
    this.timeout(60_000)
    await fc.assert(
      fc.asyncProperty(steps, async (drawn) => {
        const world = new World()
        await world.startMaster()
        for (const { do: action, on } of drawn) {
          const pipeline = world.pipelines[on] as Pipeline
          if (action === 'emit') world.emit(pipeline)
          if (action === 'barriers') world.takeBarriers(pipeline)
          if (action === 'deliver') await world.deliver(pipeline)
          if (action === 'decline') await world.decline(pipeline)
          if (action === 'fail') await world.fail(pipeline)
          if (action === 'lose') await world.loseWorker(pipeline)
          if (action === 'cancelled') await world.endCancelled()
          if (action === 'tick') await world.settle(1_000)
          if (action === 'calm') await world.calm()
          if (action === 'checkpoint') await world.checkpoint()
          if (action === 'master') await world.startMaster()
          if (action === 'rescale') await world.rescale(on + 1)
        }
        const rows = Math.max(0, ...world.pipelines.flatMap(({ positions }) => positions.map(({ next }) => next))) + 2
        await world.finish(rows)
        expect(world.job.state).to.equal('FINISHED')
        expect(world.shown()).to.deep.equal(Array.from({ length: STREAMS }, () => range(0, rows)))
      }),
      { numRuns: 20 },
    )
  })
})
