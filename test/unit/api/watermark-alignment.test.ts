import { expect } from 'chai'
import { WatermarkStrategy } from '#api/weft.js'
import { WatermarkAlignment } from '#am/jobmaster/coordinators/watermark-alignment.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { MAX_WATERMARK, type OperatorContext, type Output } from '#runtime/operators/operator.js'
import { WatermarkAlignmentOperator } from '#runtime/operators/process/watermark-alignment.js'
import { graphOf } from './test-host.js'

/** Subtasks of one group beside one coordinator; time goes by hand. */
class Group {
  readonly coordinator = new WatermarkAlignment()
  now = 0
  #timers: { readonly at: number; readonly action: () => void }[] = []

  subtask(member: string): WatermarkAlignmentOperator {
    const operator = new WatermarkAlignmentOperator({ group: 'all', maxDrift: 100, updateInterval: 10, idleTimeout: 50 })
    const context = {
      environment: { clock: { monotonic: () => this.now } },
      schedule: (delay: number, action: () => void) => {
        const timer = { at: this.now + delay, action }
        this.#timers.push(timer)
        return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) }
      },
      requestCoordinator: async (event: { group: string; watermark: number | null }) => ({
        least: this.coordinator.report(event.group, member, event.watermark),
      }),
    }
    const output: Output = { collect: () => undefined, emitWatermark: () => undefined }
    operator.open(context as unknown as OperatorContext, output)
    return operator
  }

  /** One update interval of every subtask. */
  async tick(): Promise<void> {
    this.now += 10
    const due = this.#timers.filter(({ at }) => at <= this.now)
    this.#timers = this.#timers.filter(({ at }) => at > this.now)
    for (const { action } of due) action()
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  }
}

const batch = () => {
  const builder = new BatchBuilder({ fields: [] })
  builder.endRow()
  return builder.finish()
}

async function waits(operator: WatermarkAlignmentOperator): Promise<boolean> {
  let done = false
  void Promise.resolve(operator.processBatch(batch())).then(() => (done = true))
  await Promise.resolve()
  await Promise.resolve()
  return !done
}

describe('watermark alignment', () => {
  it('makes the fast wait for the slow, and lets a batch pass in each interval', async () => {
    const group = new Group()
    const [fast, slow] = [group.subtask('fast'), group.subtask('slow')]
    slow.processWatermark(1000)
    fast.processWatermark(1101)
    expect(await waits(fast)).to.equal(false)
    await group.tick()
    await group.tick()
    expect(await waits(fast)).to.equal(true)
    expect(await waits(slow)).to.equal(false)
    slow.processWatermark(1001)
    await group.tick()
    await group.tick()
    expect(await waits(fast)).to.equal(false)
  })

  it('waits for nobody who is idle, has ended, or has no watermark yet', async () => {
    const group = new Group()
    const [fast, slow] = [group.subtask('fast'), group.subtask('slow')]
    fast.processWatermark(5000)
    for (let i = 0; i < 2; i++) await group.tick()
    expect(await waits(fast)).to.equal(false)
    slow.processWatermark(1)
    slow.processBatch(batch())
    for (let i = 0; i < 2; i++) await group.tick()
    expect(await waits(fast)).to.equal(true)
    for (let i = 0; i < 7; i++) await group.tick()
    expect(await waits(fast)).to.equal(false)
    slow.processBatch(batch())
    for (let i = 0; i < 2; i++) await group.tick()
    expect(await waits(fast)).to.equal(true)
    slow.processWatermark(MAX_WATERMARK)
    slow.endInput()
    for (let i = 0; i < 2; i++) await group.tick()
    expect(await waits(fast)).to.equal(false)
  })

  it('stands behind the watermarks of a strategy that asks for it', async () => {
    const strategy = WatermarkStrategy.forMonotonousTimestamps<number>().withWatermarkAlignment('all', '1 min')
    const { jobGraph } = await graphOf((env) => env.fromSequence(1, 2).assignTimestampsAndWatermarks(strategy).print())
    expect(jobGraph.vertices[0]?.operators.map(({ name }) => name)).to.deep.equal([
      'Source: Sequence Source',
      'Timestamps/Watermarks',
      'Watermark Alignment',
      'Sink: Print to Std. Out',
    ])
  })
})
