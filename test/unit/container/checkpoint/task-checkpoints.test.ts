import { expect } from 'chai'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import type { Operator, Output } from '#runtime/operators/operator.js'
import { barrierOf, hexOf, OneSlot, type TaskSpec } from './one-slot.js'
import { CountingSource, NUMBERS, PreparingSink, Sums, type Part } from './stateful-operators.js'

const FILES = { 'execution.checkpointing.data-inline-threshold': '0 b' }

/** Rows of all parts that the task's sinks acknowledged with the checkpoint. */
function prepared(slot: OneSlot, task: string, checkpointId: number): string[] {
  return (slot.ack(task, checkpointId)?.state.operators ?? []).flatMap(({ committables }) =>
    committables.flatMap((part) => (part as Part).rows),
  )
}
const turns = async (count = 10) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** source ─▶ sums ─▶ sink, the last two in one task. */
function chain(source: CountingSource, configuration: Record<string, string> = {}, sink = new PreparingSink(), sums = new Sums()) {
  const slot = new OneSlot(NUMBERS, (name) => ({ source, sums, sink })[name] as never)
  const specs: TaskSpec[] = [
    { name: 'sums', chain: ['sums', 'sink'], inputs: ['source'], configuration },
    { name: 'source', chain: ['source'], outputs: ['sums'], configuration },
  ]
  for (const spec of specs) slot.start(spec)
  const checkpoint = async (id: number, more: Partial<CheckpointBarrier> = {}, conclude: boolean | undefined = true) => {
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(id, more))
    await slot.allAcknowledged(id)
    if (conclude === undefined) return
    slot.conclude(id, conclude)
    await slot.until(() => sums.concluded.length > 0 && sums.concluded.at(-1)?.endsWith(` ${id}`) === true, `conclusion of ${id}`)
  }
  const upTo = async (rows: number) => {
    source.allow(rows - source.limit)
    await slot.until(() => sink.received === rows, `${rows} rows`)
  }
  return { slot, source, sums, sink, checkpoint, upTo }
}

/** Two sources ─▶ one sink with two inputs. */
function twoInputs(remote: boolean) {
  const left = new CountingSource(1000, { allowed: 2 })
  const right = new CountingSource(1000, { allowed: 2, first: 5000 })
  const sink = new PreparingSink()
  const slot = new OneSlot(NUMBERS, (name) => ({ left, right, sink })[name] as never, remote)
  slot.start({ name: 'sink', chain: ['sink'], inputs: ['left', 'right'] })
  slot.start({ name: 'left', chain: ['left'], outputs: ['sink'] })
  slot.start({ name: 'right', chain: ['right'], outputs: ['sink'] })
  return {
    slot,
    left,
    right,
    sink,
    trigger: (task: string, barrier: CheckpointBarrier) => slot.tasks.get(task)?.triggerCheckpoint(barrier),
  }
}

describe('checkpoints of tasks', () => {
  it('are taken while rows flow, through a chain, and acknowledged with all its state', async () => {
    const { slot, source, checkpoint, upTo, sums } = chain(new CountingSource(1_000_000, { allowed: 0 }))
    await slot.running()
    await upTo(20)
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
    source.allow(5)
    await slot.allAcknowledged(1)
    const acked = slot.ack('sums', 1)
    expect(acked?.state.operators.map(({ operatorId }) => operatorId)).to.deep.equal([hexOf('sums'), hexOf('sink')])
    expect(acked?.state.operators[0]?.keyed).to.deep.include({ firstKeyGroup: 0, lastKeyGroup: 127, tables: [sums.table] })
    expect(acked?.state.operators[0]?.keyed?.segments.map(({ kind }) => kind)).to.deep.equal(['inline'])
    expect(prepared(slot, 'sums', 1)).to.have.length(20)
    expect(slot.ack('source', 1)?.state.operators[0]?.lists).to.deep.equal({ next: { mode: 'SPLIT', items: [20] } })
    expect(acked?.metrics).to.include({ unaligned: false, persistedBytes: 0 })
    expect(acked?.metrics.checkpointedSize).to.be.greaterThan(100)
    await upTo(25)
    await checkpoint(2)
    expect(prepared(slot, 'sums', 2)).to.have.length(25) // 1 is not known to be complete: what it prepared is not lost with it
    await slot.stop()
  })

  it('write what changed since the last complete one, and a new base when that has become more than the base', async () => {
    const { slot, checkpoint, upTo, sums } = chain(new CountingSource(1_000_000, { allowed: 0, keys: 4 }), FILES)
    await slot.running()
    const segments = (id: number) =>
      slot.ack('sums', id)?.state.operators[0]?.keyed?.segments.map((each) => ('path' in each ? each.path : each.kind)) ?? []
    await upTo(4)
    await checkpoint(1)
    await upTo(6)
    await checkpoint(2)
    await upTo(8)
    await checkpoint(3, {}, false)
    await upTo(9)
    await checkpoint(4)
    await upTo(10)
    await checkpoint(5)
    expect(sums.snapshots).to.deep.equal([
      { full: true, rows: 4 },
      { full: false, rows: 2 },
      { full: false, rows: 2 },
      { full: false, rows: 3 }, // 3 was given up: its rows count as changed
      { full: true, rows: 4 },
    ])
    expect([1, 2, 3, 4, 5].map((id) => segments(id).length)).to.deep.equal([1, 2, 3, 3, 1])
    expect(segments(2).slice(0, 1)).to.deep.equal(segments(1))
    expect(segments(4).slice(0, 2)).to.deep.equal(segments(2))
    const files = [...slot.files.files.keys()]
    expect(
      files.every((file) => file.startsWith('mem://c/shared/') && file.endsWith('.seg')),
      files.join(' '),
    ).to.equal(true)
    expect(files, 'that of 3 is removed')
      .to.include.members([...segments(2), ...segments(4), ...segments(5)])
      .and.to.have.length(4)
    expect(sums.open_, 'snapshots are closed').to.equal(0)
    await slot.stop()
  })

  it('write nothing for an operator without changes', async () => {
    const { slot, checkpoint, upTo } = chain(new CountingSource(1_000_000, { allowed: 0 }), FILES)
    await slot.running()
    await upTo(5)
    await checkpoint(1)
    await checkpoint(2)
    expect(slot.files.files.size).to.equal(1)
    expect(slot.ack('sums', 2)?.state.operators[0]?.keyed).to.deep.equal(slot.ack('sums', 1)?.state.operators[0]?.keyed)
    await slot.stop()
  })

  it('as savepoints hold everything in a directory of their own, and later checkpoints go on as if there were none', async () => {
    const { slot, checkpoint, upTo, sums } = chain(new CountingSource(1_000_000, { allowed: 0 }), FILES)
    await slot.running()
    await upTo(5)
    await checkpoint(1)
    await upTo(7)
    await checkpoint(2, { kind: 'savepoint', full: true, directory: 'mem://c/savepoint' })
    await upTo(8)
    await checkpoint(3)
    expect(sums.snapshots).to.deep.equal([
      { full: true, rows: 5 },
      { full: true, rows: 5 },
      { full: false, rows: 3 },
    ])
    const [segment] = slot.ack('sums', 2)?.state.operators[0]?.keyed?.segments ?? []
    expect(segment)
      .to.have.property('path')
      .that.matches(/^[\w-]+\.seg$/)
    expect(slot.files.files.has(`mem://c/savepoint/${segment !== undefined && 'path' in segment ? segment.path : ''}`)).to.equal(true)
    expect(slot.ack('sums', 3)?.state.operators[0]?.keyed?.segments).to.have.length(2)
    expect(prepared(slot, 'sums', 3), 'a savepoint commits nothing').to.have.length(3)
    await slot.stop()
  })

  it('keep what sinks prepared for one that is given up, for the next', async () => {
    const { slot, checkpoint, upTo } = chain(new CountingSource(4, { allowed: 0 }))
    await slot.running()
    await upTo(2)
    await checkpoint(1, {}, false)
    await upTo(3)
    await checkpoint(2)
    expect(prepared(slot, 'sums', 2)).to.have.length(3)
    await checkpoint(3, {}, false)
    await upTo(4)
    await slot.until(() => slot.states('sums').includes('FINISHED'))
    expect(slot.report('sums')?.committables?.flatMap(({ committable }) => (committable as Part).rows)).to.deep.equal(['+I 3 3'])
    await slot.stop()
  })

  it('do not wait for what sinks prepare, the acknowledgement does; the next one waits for it', async () => {
    const ready: (() => void)[] = []
    const sink = new PreparingSink(() => new Promise((resolve) => ready.push(resolve)))
    const { slot, upTo } = chain(new CountingSource(1_000_000, { allowed: 0 }), {}, sink)
    await slot.running()
    await upTo(3)
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
    await slot.until(() => ready.length === 1)
    await upTo(6)
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(2))
    await turns(20)
    expect(slot.ack('sums', 1)).to.equal(undefined)
    expect(ready, 'asked once').to.have.length(1)
    ready[0]?.()
    await slot.until(() => ready.length === 2)
    ready[1]?.()
    await slot.allAcknowledged(2)
    expect(prepared(slot, 'sums', 1)).to.have.length(3)
    await slot.stop()
  })

  it('fail the task when a sink cannot prepare: its rows would be lost', async () => {
    const sink = new PreparingSink(() => Promise.reject(new Error('disk full')))
    const { slot, upTo } = chain(new CountingSource(1_000_000, { allowed: 0 }), {}, sink)
    await slot.running()
    await upTo(3)
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
    await slot.until(() => slot.states('sums').includes('FAILED'))
    expect(slot.report('sums')?.error).to.have.property('message', 'disk full')
    await slot.stop()
  })

  for (const operation of ['create', 'write', 'close', 'rename'] as const) {
    it(`are declined when the file system fails to ${operation}; the job goes on and nothing stays behind`, async () => {
      const { slot, checkpoint, upTo, sums } = chain(new CountingSource(1_000_000, { allowed: 0 }), FILES)
      await slot.running()
      await upTo(5)
      slot.files.before = (now) => {
        if (now === operation) throw new Error(`cannot ${operation}`)
      }
      await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
      await slot.until(() => slot.declined.length > 0)
      expect(slot.declined.map(({ task, error }) => [task, (error as Error).message])).to.deep.equal([['sums', `cannot ${operation}`]])
      expect(sums.concluded).to.deep.equal(['aborted 1'])
      slot.files.before = () => undefined
      slot.conclude(1, false)
      await upTo(8)
      await checkpoint(2)
      expect(slot.files.files.size).to.equal(1)
      expect(prepared(slot, 'sums', 2)).to.have.length(8)
      expect(sums.concluded, 'told once').to.deep.equal(['aborted 1', 'complete 2'])
      await slot.stop()
    })
  }

  it('are declined when an operator cannot; barriers go on', async () => {
    const { slot, checkpoint, upTo, sums } = chain(new CountingSource(1_000_000, { allowed: 0 }))
    await slot.running()
    await upTo(5)
    sums.failing = true
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
    await slot.until(() => slot.declined.length > 0)
    expect(slot.declined[0]?.error).to.have.property('message', 'no snapshot today')
    sums.failing = false
    await upTo(7)
    await checkpoint(2)
    expect(prepared(slot, 'sums', 2)).to.have.length(7)
    await slot.stop()
  })

  it('may be taken while the one before is still being read', async () => {
    const { slot, upTo, sums } = chain(new CountingSource(1_000_000, { allowed: 0 }))
    await slot.running()
    await upTo(5)
    sums.holdSnapshots = true
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
    await slot.until(() => sums.open_ === 1)
    await upTo(6) // rows flow meanwhile
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(2))
    await slot.until(() => sums.open_ === 2)
    expect(slot.ack('sums', 1)).to.equal(undefined)
    sums.holdSnapshots = false
    await slot.allAcknowledged(1)
    await slot.allAcknowledged(2)
    expect([1, 2].map((id) => prepared(slot, 'sums', id).length)).to.deep.equal([5, 6])
    expect(sums.open_).to.equal(0)
    await slot.stop()
  })

  it('let rows wait while every change would have to be copied into memory that is full', async () => {
    const { slot, source, upTo, sums, sink } = chain(new CountingSource(1_000_000, { allowed: 0 }))
    await slot.running()
    await upTo(5)
    sums.holdSnapshots = true
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
    await slot.until(() => sums.open_ === 1)
    sums.keptBytes = 65 * 1024 * 1024
    source.allow(1)
    await turns(20)
    expect(sink.received).to.equal(5)
    sums.keptBytes = 1024
    await slot.until(() => sink.received === 6)
    sums.keptBytes = 65 * 1024 * 1024
    slot.conclude(1, false)
    await upTo(7) // given up: nothing is kept for it any more
    await slot.stop()
  })

  it('that are given up while they are read are closed, and leave nothing', async () => {
    const { slot, upTo, sums } = chain(new CountingSource(1_000_000, { allowed: 0 }), FILES)
    await slot.running()
    await upTo(5)
    sums.holdSnapshots = true
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
    await slot.until(() => sums.open_ === 1)
    slot.conclude(1, false)
    await slot.until(() => sums.open_ === 0)
    expect(sums.concluded).to.deep.equal(['aborted 1'])
    expect(slot.declined).to.deep.equal([])
    await slot.stop()
    expect(slot.files.files.size).to.equal(0)
  })

  it('that are not acknowledged when the task is cancelled are closed, and leave nothing', async () => {
    const { slot, upTo, sums } = chain(new CountingSource(1_000_000, { allowed: 0 }), FILES)
    await slot.running()
    await upTo(5)
    let go: () => void = () => undefined
    slot.files.before = (operation) => (operation === 'rename' ? new Promise((resolve) => (go = resolve)) : undefined)
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1))
    await slot.until(() => [...slot.files.files.keys()].some((file) => file.endsWith('.tmp')))
    await turns(5)
    await slot.stop()
    go()
    await turns(5)
    expect([...slot.files.files.keys()]).to.deep.equal([])
    expect(sums.open_).to.equal(0)
  })

  for (const remote of [false, true]) {
    describe(`with two inputs${remote ? ' from another slot' : ''}`, () => {
      it('hold back a channel behind its barrier until the other one is there', async () => {
        const { slot, left, sink, trigger } = twoInputs(remote)
        await slot.running()
        await slot.until(() => sink.received === 4)
        await trigger('left', barrierOf(1))
        left.allow(3)
        await turns(30)
        expect(sink.received).to.equal(4)
        await trigger('right', barrierOf(1))
        await slot.until(() => sink.received === 7)
        await slot.allAcknowledged(1)
        expect(prepared(slot, 'sink', 1).sort()).to.deep.equal(['+I 0 0', '+I 1 1', '1:+I 0 5000', '1:+I 1 5001'])
        await slot.stop()
      })

      it('hold back nothing when rows may count twice', async () => {
        const { slot, left, sink, trigger } = twoInputs(remote)
        await slot.running()
        await slot.until(() => sink.received === 4)
        await trigger('left', barrierOf(1, { alignment: 'at-least-once' }))
        left.allow(3)
        await slot.until(() => sink.received === 7)
        await trigger('right', barrierOf(1, { alignment: 'at-least-once' }))
        await slot.allAcknowledged(1)
        expect(prepared(slot, 'sink', 1)).to.have.length(7)
        await slot.stop()
      })

      it('overtake when the time for alignment is up, and keep what was overtaken', async () => {
        const { slot, left, right, sink, trigger } = twoInputs(remote)
        await slot.running()
        await slot.until(() => sink.received === 4)
        const barrier = barrierOf(1, { alignedTimeoutMs: 30 })
        await trigger('left', barrier)
        left.allow(3)
        await slot.until(() => sink.received === 7, 'the rows behind the barrier that overtook')
        right.allow(2)
        await slot.until(() => sink.received === 9)
        await trigger('right', barrier)
        await slot.allAcknowledged(1)
        expect(prepared(slot, 'sink', 1), 'the snapshot is of the moment when the time was up').to.have.length(4)
        const inFlight = slot.ack('sink', 1)?.state.inFlight
        expect(inFlight?.inputs.map(({ edgeId, channel }) => [edgeId, channel])).to.deep.equal([[hexOf('right-sink'), 0]])
        expect(slot.ack('sink', 1)?.metrics.unaligned).to.equal(true)
        await slot.stop()
      })

      it('go on when the checkpoint is given up, and ignore its other barrier', async () => {
        const { slot, left, right, sink, trigger } = twoInputs(remote)
        await slot.running()
        await slot.until(() => sink.received === 4)
        await trigger('left', barrierOf(1))
        left.allow(3)
        await turns(20)
        slot.conclude(1, false)
        await slot.until(() => sink.received === 7)
        await trigger('left', barrierOf(2))
        await trigger('right', barrierOf(2))
        right.allow(1)
        await slot.allAcknowledged(2)
        expect(slot.ack('sink', 1)).to.equal(undefined)
        await slot.stop()
      })

      it('let rows flow while no master is there, and go on with the next one', async () => {
        const { slot, left, right, sink, trigger } = twoInputs(remote)
        await slot.running()
        await slot.until(() => sink.received === 4)
        await trigger('left', barrierOf(1))
        left.allow(3)
        await turns(20)
        expect(sink.received, 'the other barrier is awaited').to.equal(4)
        for (const task of slot.tasks.values()) task.masterLost()
        await slot.until(() => sink.received === 7, 'the rows behind the barrier')
        // One that a source had sent before it knew.
        await trigger('right', barrierOf(2))
        right.allow(2)
        await slot.until(() => sink.received === 9)
        for (const task of slot.tasks.values()) task.adopted(undefined, 2)
        await turns()
        await trigger('left', barrierOf(3))
        await trigger('right', barrierOf(3))
        await slot.allAcknowledged(3)
        expect([slot.ack('sink', 1), slot.ack('sink', 2)]).to.deep.equal([undefined, undefined])
        expect(prepared(slot, 'sink', 3), 'all rows go with the first checkpoint that is taken').to.have.length(9)
        await slot.stop()
      })

      it('count a checkpoint as complete that the next master says is, and give up the others', async () => {
        const { slot, left, sink, trigger } = twoInputs(remote)
        await slot.running()
        await slot.until(() => sink.received === 4)
        for (const id of [1, 2]) {
          await trigger('left', barrierOf(id))
          await trigger('right', barrierOf(id))
          await slot.allAcknowledged(id)
        }
        for (const task of slot.tasks.values()) task.masterLost()
        left.allow(2)
        await slot.until(() => sink.received === 6)
        for (const task of slot.tasks.values()) task.adopted(1, 2)
        await turns()
        await trigger('left', barrierOf(3))
        await trigger('right', barrierOf(3))
        await slot.allAcknowledged(3)
        expect(prepared(slot, 'sink', 3), 'what the first one holds is committed').to.have.length(2)
        await slot.stop()
      })

      it('give up an alignment when a newer barrier comes', async () => {
        const { slot, left, sink, trigger } = twoInputs(remote)
        await slot.running()
        await slot.until(() => sink.received === 4)
        await trigger('left', barrierOf(1))
        left.allow(3)
        await turns(20)
        await trigger('right', barrierOf(2))
        await slot.until(() => slot.declined.length === 1)
        expect(slot.declined[0])
          .to.include({ task: 'sink', checkpointId: 1 })
          .and.to.have.nested.property('error.code', 'CHECKPOINT_SUBSUMED')
        await slot.until(() => sink.received === 7)
        await trigger('left', barrierOf(2))
        await slot.allAcknowledged(2)
        expect(prepared(slot, 'sink', 2)).to.have.length(7)
        await slot.stop()
      })

      it('do not wait for an input that has ended', async () => {
        const { slot, left, right, sink, trigger } = twoInputs(remote)
        await slot.running()
        left.allow(998)
        await slot.until(() => slot.states('left').includes('FINISHED'))
        right.allow(1)
        await slot.until(() => sink.received === 1003)
        await trigger('right', barrierOf(1))
        await slot.until(() => slot.ack('sink', 1) !== undefined)
        expect(() => slot.tasks.get('left')?.triggerCheckpoint(barrierOf(1))).to.throw('FINISHED')
        await slot.stop()
      })
    })

    it(`unaligned: pass all that waits for a slow consumer${remote ? ' in another slot' : ''}, and bring it back`, async () => {
      let open: (() => void) | undefined
      let slow = true
      const source = new CountingSource(400, { allowed: 400, perPoll: 2 })
      const forward = (): Operator => {
        let output: Output | undefined
        return {
          open: (_context, out) => void (output = out),
          processBatch: (batch) => output?.collect(batch),
          processWatermark: (watermark) => output?.emitWatermark(watermark),
          endInput: () => undefined,
        }
      }
      const sink = new PreparingSink(undefined, () => (slow ? new Promise((resolve) => (open = resolve)) : undefined))
      const slot = new OneSlot(NUMBERS, (name) => ({ source, forward: forward(), sink })[name] as never, remote)
      slot.start({ name: 'sink', chain: ['sink'], inputs: ['forward'] })
      slot.start({ name: 'forward', chain: ['forward'], inputs: ['source'], outputs: ['sink'] })
      slot.start({ name: 'source', chain: ['source'], outputs: ['forward'] })
      await slot.running()
      await slot.until(() => sink.received > 0)
      await turns(50)
      const before = sink.received
      expect(source.next, 'it is held back').to.be.lessThan(200)
      await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(1, { alignment: 'unaligned' }))
      await slot.until(() => slot.ack('forward', 1) !== undefined)
      open?.()
      await slot.until(() => slot.ack('sink', 1) !== undefined)
      const states = ['source', 'forward', 'sink'].map((task) => slot.ack(task, 1)?.state.inFlight)
      expect(states.reduce((sum, each) => sum + (each?.inputs.length ?? 0) + (each?.outputs.length ?? 0), 0)).to.be.greaterThan(1)
      expect(prepared(slot, 'sink', 1).length, 'the barrier overtook').to.be.within(before, before + 20)
      const first = prepared(slot, 'sink', 1)
      const restores = Object.fromEntries(['source', 'forward', 'sink'].map((task) => [task, slot.restoreOf(task, 1)]))
      await slot.stop()

      slow = false
      const again = new CountingSource(400, { perPoll: 2 })
      const second = new PreparingSink()
      const later = new OneSlot(NUMBERS, (name) => ({ source: again, forward: forward(), sink: second })[name] as never, remote)
      for (const [path, bytes] of slot.files.files) later.files.files.set(path, bytes)
      later.start({ name: 'sink', chain: ['sink'], inputs: ['forward'], restore: restores['sink']! })
      later.start({ name: 'forward', chain: ['forward'], inputs: ['source'], outputs: ['sink'], restore: restores['forward']! })
      later.start({ name: 'source', chain: ['source'], outputs: ['forward'], restore: restores['source']! })
      await later.until(() => later.states('sink').includes('FINISHED'))
      expect(again.restored).to.equal(true)
      const rows = [...first, ...(later.report('sink')?.committables ?? []).flatMap(({ committable }) => (committable as Part).rows)]
      expect(rows).to.deep.equal(Array.from({ length: 400 }, (_, i) => `+I ${i % 5} ${i}`))
      await later.stop()
    })
  }
})

describe('tasks that begin with state', () => {
  it('go on as if nothing had happened, and write a base first', async () => {
    const it_ = chain(new CountingSource(100, { allowed: 0 }), FILES)
    await it_.slot.running()
    await it_.upTo(33)
    await it_.checkpoint(1)
    await it_.upTo(44)
    await it_.checkpoint(2)
    await it_.upTo(60)
    await it_.slot.stop()
    const first = [...prepared(it_.slot, 'sums', 1), ...prepared(it_.slot, 'sums', 2)]

    const [source, sums, sink] = [new CountingSource(100, { allowed: 0 }), new Sums(), new PreparingSink()]
    const slot = new OneSlot(NUMBERS, (name) => ({ source, sums, sink })[name] as never)
    for (const [path, bytes] of it_.slot.files.files) slot.files.files.set(path, bytes)
    slot.start({ name: 'sums', chain: ['sums', 'sink'], inputs: ['source'], restore: it_.slot.restoreOf('sums', 2), configuration: FILES })
    slot.start({ name: 'source', chain: ['source'], outputs: ['sums'], restore: it_.slot.restoreOf('source', 2), configuration: FILES })
    await slot.running()
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(3))
    await slot.allAcknowledged(3)
    expect(sums.snapshots).to.deep.equal([{ full: true, rows: 5 }])
    expect(slot.ack('sums', 3)?.state.operators[0]?.keyed?.segments).to.have.length(1)
    source.allow(100)
    await slot.until(() => slot.states('sums').includes('FINISHED'))
    const uninterrupted = chain(new CountingSource(100))
    await uninterrupted.slot.until(() => uninterrupted.slot.states('sums').includes('FINISHED'))
    const rowsOf = (of: OneSlot) => (of.report('sums')?.committables ?? []).flatMap(({ committable }) => (committable as Part).rows)
    expect([...first, ...rowsOf(slot)]).to.deep.equal(rowsOf(uninterrupted.slot))
    await slot.stop()
    await uninterrupted.slot.stop()
  })

  it('fail before the first row when a file of their state is damaged', async () => {
    const it_ = chain(new CountingSource(100, { allowed: 0 }), FILES)
    await it_.slot.running()
    await it_.upTo(33)
    await it_.checkpoint(1)
    await it_.slot.stop()
    const sums = new Sums()
    const slot = new OneSlot(NUMBERS, (name) => ({ sums, sink: new PreparingSink() })[name] as never)
    for (const [path, bytes] of it_.slot.files.files) slot.files.files.set(path, bytes.with(50, 1 ^ (bytes[50] ?? 0)))
    slot.start({ name: 'sums', chain: ['sums', 'sink'], inputs: ['source'], restore: it_.slot.restoreOf('sums', 1) })
    await slot.until(() => slot.states('sums').includes('FAILED'))
    expect(slot.report('sums')?.error).to.have.property('code', 'CHECKPOINT_FILE_CORRUPT')
    expect(sums.sums.size).to.equal(0)
    expect(slot.states('sums')).to.deep.equal(['INITIALIZING', 'FAILED'])
    await slot.stop()
  })

  it('fail when their operator cannot take it', async () => {
    const it_ = chain(new CountingSource(100, { allowed: 0 }))
    await it_.slot.running()
    await it_.upTo(3)
    await it_.checkpoint(1)
    await it_.slot.stop()
    for (const operator of [new PreparingSink(), new Sums({ name: 'sums', schema: NUMBERS, version: 2 })]) {
      const slot = new OneSlot(NUMBERS, () => operator)
      slot.start({ name: 'sums', chain: ['sums'], inputs: ['source'], restore: it_.slot.restoreOf('sums', 1) })
      await slot.until(() => slot.states('sums').includes('FAILED'))
      expect(slot.report('sums')?.error).to.have.property('code', 'STATE_INCOMPATIBLE')
      expect(slot.report('sums')?.error).to.have.property('message').that.contains("'sums'")
      await slot.stop()
    }
  })

  it('that had ended say so again, and no operator of theirs runs', async () => {
    const sink = new PreparingSink()
    const slot = new OneSlot(NUMBERS, (name) => {
      if (name !== 'sink') throw new Error(`${name} runs`)
      return sink
    })
    const finished = { checkpointId: 4, finished: true, operators: [] }
    slot.start({ name: 'sink', chain: ['sink'], inputs: ['sums'] })
    slot.start({ name: 'sums', chain: ['sums'], inputs: ['source'], outputs: ['sink'], restore: finished })
    slot.start({ name: 'source', chain: ['source'], outputs: ['sums'], restore: finished })
    await slot.until(() => ['source', 'sums', 'sink'].every((task) => slot.states(task).includes('FINISHED')))
    expect(sink.notes).to.deep.equal(['last watermark', 'end of input'])
    expect(() => slot.tasks.get('source')?.triggerCheckpoint(barrierOf(5))).to.throw('takes no checkpoint 5')
    await slot.stop()
  })
})

describe('stop with savepoint', () => {
  const stop = async (drain: boolean) => {
    const it_ = chain(new CountingSource(1000, { allowed: 0 }))
    await it_.slot.running()
    await it_.upTo(7)
    it_.source.allow(500)
    await it_.slot.tasks
      .get('source')
      ?.triggerCheckpoint(
        barrierOf(1, { kind: 'savepoint', full: true, directory: 'mem://c/savepoint', stop: drain ? 'drain' : 'suspend' }),
      )
    await it_.slot.allAcknowledged(1)
    const { next } = it_.source
    await turns(20)
    expect(it_.source.next, 'nothing follows the barrier').to.equal(next)
    expect(prepared(it_.slot, 'sums', 1)).to.have.length(next)
    return { ...it_, next }
  }

  it('suspend: tasks end without an end of input', async () => {
    const { slot, sink } = await stop(false)
    expect(sink.notes).to.deep.equal([])
    slot.conclude(1, true)
    await slot.until(() => ['source', 'sums'].every((task) => slot.states(task).includes('FINISHED')))
    expect(sink.notes).to.deep.equal([])
    await slot.stop()
  })

  it('drain: the last watermark goes before the barrier, and tasks end as at the end of input', async () => {
    const { slot, sink } = await stop(true)
    expect(sink.notes).to.deep.equal(['last watermark'])
    slot.conclude(1, true)
    await slot.until(() => ['source', 'sums'].every((task) => slot.states(task).includes('FINISHED')))
    expect(sink.notes).to.deep.equal(['last watermark', 'end of input'])
    await slot.stop()
  })

  it('suspend that is given up: sources go on, to their real end', async () => {
    const { slot, sink, source, next } = await stop(false)
    expect(() => slot.tasks.get('source')?.triggerCheckpoint(barrierOf(2))).to.throw('stopped for savepoint 1')
    slot.conclude(1, false)
    await slot.until(() => source.next > next)
    await slot.tasks.get('source')?.triggerCheckpoint(barrierOf(2))
    await slot.allAcknowledged(2)
    source.allow(1000)
    await slot.until(() => slot.states('sums').includes('FINISHED'))
    expect(sink.received).to.equal(1000)
    expect(sink.notes).to.deep.equal(['last watermark', 'end of input'])
    await slot.stop()
  })

  it('drain that is given up: the source fails, for nothing can follow the last watermark', async () => {
    const { slot } = await stop(true)
    slot.conclude(1, false)
    await slot.until(() => slot.states('source').includes('FAILED'))
    expect(slot.report('source')?.error).to.have.property('code', 'STOP_DRAIN_ABANDONED')
    await slot.stop()
  })
})
