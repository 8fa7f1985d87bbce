import { expect } from 'chai'
import type { OperatorId } from '#core/ids/ids.js'
import type { Operator, Output } from '#runtime/operators/operator.js'
import { barrierOf, hexOf, OneSlot } from '../checkpoint/one-slot.js'
import { CountingSource, NUMBERS, PreparingSink } from '../checkpoint/stateful-operators.js'

const EVERY_MS = { 'metrics.latency.interval': '1 ms' }

function forward(): Operator {
  let output: Output | undefined
  return {
    open: (_context, out) => void (output = out),
    processBatch: (batch) => output?.collect(batch),
    processWatermark: (watermark) => output?.emitWatermark(watermark),
    endInput: () => undefined,
  }
}

/** Operators of the task that markers have reached, by name. */
const reached = (slot: OneSlot, task: string, names: readonly string[]) => {
  const ids = (slot.tasks.get(task)?.metrics().latencies ?? []).map(({ operatorId }) => operatorId)
  return names.filter((name) => ids.includes(hexOf(name) as OperatorId))
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('latency markers', () => {
  for (const remote of [false, true]) {
    describe(remote ? 'between two slots' : 'within a slot', () => {
      function job(configuration: Record<string, string>, source = new CountingSource(1_000_000, { allowed: 1 })) {
        const sink = new PreparingSink()
        const slot = new OneSlot(NUMBERS, (name) => ({ source, first: forward(), second: forward(), sink })[name] as never, remote)
        slot.start({ name: 'b', chain: ['second', 'sink'], inputs: ['a'], configuration })
        slot.start({ name: 'a', chain: ['source', 'first'], outputs: ['b'], configuration })
        return { slot, source, sink }
      }

      it('reach every operator behind the source, through chains and exchanges, also while the source has no rows', async () => {
        const { slot, sink } = job(EVERY_MS)
        await slot.running()
        await slot.until(() => reached(slot, 'b', ['second', 'sink']).length === 2, 'markers at the sink')
        await slot.until(() => reached(slot, 'a', ['first']).length === 1, 'markers behind the source')
        expect(reached(slot, 'a', ['source', 'first']), 'not of the source itself').to.deep.equal(['first'])
        const [latency] = slot.tasks.get('b')?.metrics().latencies ?? []
        expect(latency?.sourceId).to.equal(hexOf('source'))
        expect(latency?.statistics.every((value) => value >= 0)).to.equal(true)
        expect(sink.received, 'they are no rows').to.equal(1)
        await slot.stop()
      })

      it('are not sent unless asked for', async () => {
        const { slot, sink, source } = job({})
        await slot.running()
        source.allow(500)
        await slot.until(() => sink.received === 501)
        await pause(20)
        expect(slot.tasks.get('b')?.metrics()).not.to.have.property('latencies')
        await slot.stop()
      })

      it('stand in the last report of a task that has come to its end', async () => {
        const { slot } = job(EVERY_MS, new CountingSource(100, { perPoll: 10 }))
        await slot.until(() => slot.states('b').includes('FINISHED'))
        expect(slot.report('b')?.metrics.latencies).to.have.length(2)
        await slot.stop()
      })

      it('follow no barrier of a stop-with-savepoint', async () => {
        const { slot } = job(EVERY_MS)
        await slot.running()
        await slot.until(() => reached(slot, 'b', ['sink']).length === 1)
        await slot.tasks.get('a')?.triggerCheckpoint(barrierOf(1, { stop: 'suspend', kind: 'savepoint', full: true }))
        await slot.allAcknowledged(1)
        await pause(20)
        slot.conclude(1, true)
        await slot.until(() => slot.states('b').includes('FINISHED') && slot.states('a').includes('FINISHED'))
        await slot.stop()
      })

      it('wait among rows that an unaligned barrier overtakes, and are no part of the checkpoint', async () => {
        let open: (() => void) | undefined
        let slow = true
        const source = new CountingSource(100, { allowed: 1 })
        const sink = new PreparingSink(undefined, () => (slow ? new Promise((resolve) => (open = resolve)) : undefined))
        const slot = new OneSlot(NUMBERS, (name) => ({ source, second: forward(), sink })[name] as never, remote)
        slot.start({ name: 'sink', chain: ['sink'], inputs: ['b'], configuration: EVERY_MS })
        slot.start({ name: 'b', chain: ['second'], inputs: ['source'], outputs: ['sink'], configuration: EVERY_MS })
        slot.start({ name: 'source', chain: ['source'], outputs: ['b'], configuration: EVERY_MS })
        await slot.running()
        await slot.until(() => sink.received === 1)
        // The sink stands still: rows and markers gather before it.
        for (let i = 0; i < 4; i++) {
          source.allow(1)
          await pause(5)
        }
        await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1, { alignment: 'unaligned' }))
        await slot.until(() => slot.ack('b', 1) !== undefined)
        open?.()
        slow = false
        await slot.until(() => slot.ack('sink', 1) !== undefined)
        const restore = slot.restoreOf('sink', 1)
        const before = slot.restoreOf('b', 1)
        source.allow(1_000)
        await slot.until(() => slot.states('sink').includes('FINISHED'))
        expect(sink.received).to.equal(100)
        expect(slot.report('sink')?.metrics.latencies, 'those behind the barrier came').to.have.length(1)
        await slot.stop()

        const again = new CountingSource(100)
        const later = new OneSlot(NUMBERS, (name) => ({ source: again, second: forward(), sink: rest })[name] as never, remote)
        const rest = new PreparingSink()
        for (const [path, bytes] of slot.files.files) later.files.files.set(path, bytes)
        later.start({ name: 'sink', chain: ['sink'], inputs: ['b'], restore })
        later.start({ name: 'b', chain: ['second'], inputs: ['source'], outputs: ['sink'], restore: before })
        later.start({ name: 'source', chain: ['source'], outputs: ['b'], restore: slot.restoreOf('source', 1) })
        await later.until(() => later.states('sink').includes('FINISHED'))
        expect(rest.received, 'every row but the first').to.equal(99)
        await later.stop()
      })
    })
  }

  it('wait while the outputs of the source have no room', async () => {
    let open: (() => void) | undefined
    const source = new CountingSource(1_000_000)
    const sink = new PreparingSink(undefined, () => new Promise((resolve) => (open = resolve)))
    const slot = new OneSlot(NUMBERS, (name) => ({ source, sink })[name] as never)
    slot.start({ name: 'sink', chain: ['sink'], inputs: ['source'], configuration: EVERY_MS })
    const task = slot.start({ name: 'source', chain: ['source'], outputs: ['sink'], configuration: EVERY_MS })
    await slot.running()
    await slot.until(() => sink.received === 1)
    await pause(30)
    const { next } = source
    await pause(30)
    expect(source.next, 'held back').to.equal(next)
    expect(task.state).to.equal('RUNNING')
    open?.()
    await slot.stop()
  })
})
