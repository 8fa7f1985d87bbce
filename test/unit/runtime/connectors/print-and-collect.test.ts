import { expect } from 'chai'
import { BIGINT, BOOLEAN, DATE, decimal, DOUBLE, INT, STRING, timestamp, timestampLtz } from '#core/types/logical-type.js'
import { CollectRequestSchema, type CollectedRow } from '#core/rpc/operator-events.js'
import { RowKind } from '#core/types/row-kind.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { loadCommitter, loadEnumerator } from '#runtime/connectors/load-coordinator.js'
import { loadSink } from '#runtime/connectors/load-sink.js'
import { printPrefix } from '#runtime/connectors/print/sink.js'
import { validateTable } from '#runtime/connectors/registry.js'
import { batchOf, failure } from '../formats/decode-support.js'
import { coordinatorContext, operatorContext, runSink, sinkSpec, sourceSpec } from './operator-support.js'

const AB = schema(['a', INT], ['b', STRING])

describe('print sink', () => {
  it('prints rows as Flink does: row kind, Java’s texts, null', async () => {
    const of = schema(
      ['l', BIGINT],
      ['s', STRING],
      ['d', DOUBLE],
      ['m', decimal(6, 2)],
      ['o', BOOLEAN],
      ['y', DATE],
      ['t', timestamp(3)],
      ['z', timestampLtz(3)],
    )
    const builder = new BatchBuilder(of)
    const ms = BigInt(Date.UTC(2024, 0, 2, 3, 4))
    builder.appendRow([1n, 'a', 1e8, 150n, true, 19724, ms, ms])
    builder.appendRow([null, null, null, null, null, null, ms + 1000n, ms + 50n], RowKind.UPDATE_BEFORE)
    const context = operatorContext()
    await runSink(await loadSink(sinkSpec(of, { connector: 'print' })), context, [builder.finish()])
    expect(context.lines).to.deep.equal([
      { line: '+I[1, a, 1.0E8, 1.50, true, 2024-01-02, 2024-01-02T03:04, 2024-01-02T03:04:00Z]', stderr: false },
      { line: '-U[null, null, null, null, null, null, 2024-01-02T03:04:01, 2024-01-02T03:04:00.050Z]', stderr: false },
    ])
  })

  it('puts identifier and subtask before the line', async () => {
    expect([printPrefix('', 0, 1), printPrefix('x', 0, 1), printPrefix('', 1, 3), printPrefix('x', 1, 3)]).to.deep.equal([
      '',
      'x> ',
      '2> ',
      'x:2> ',
    ])
    const context = operatorContext({ subtask: 1, parallelism: 2 })
    const options = { connector: 'print', 'print-identifier': 'out', 'standard-error': 'true' }
    await runSink(await loadSink(sinkSpec(AB, options)), context, [
      batchOf(AB, [
        [1, 'x'],
        [2, 'y'],
      ]).select(Int32Array.of(1)),
    ])
    expect(context.lines).to.deep.equal([{ line: 'out:2> +I[2, y]', stderr: true }])
  })
})

describe('blackhole sink', () => {
  it('takes all rows and needs no coordinator', async () => {
    expect(
      await runSink(await loadSink(sinkSpec(AB, { connector: 'blackhole' })), operatorContext(), [batchOf(AB, [[1, 'x']])]),
    ).to.deep.equal([])
    expect(await loadCommitter(sinkSpec(AB, { connector: 'blackhole' }), coordinatorContext())).to.equal(undefined)
    expect(await loadEnumerator(sourceSpec(AB, { connector: 'datagen' }), coordinatorContext())).to.equal(undefined)
  })
})

describe('collect operator', () => {
  function coordinator() {
    const rows: CollectedRow[] = []
    const answers: (() => void)[] = []
    let open = 0
    return {
      rows,
      answers,
      most: 0,
      request(this: { most: number }, event: unknown): Promise<unknown> {
        rows.push(...CollectRequestSchema.parse(event).rows)
        this.most = Math.max(this.most, ++open)
        return new Promise((resolve) => answers.push(() => (open--, resolve({}))))
      },
    }
  }
  const settle = () => new Promise((resolve) => setImmediate(resolve))

  it('sends rows as text, at once, one request at a time, and ends when all are taken', async () => {
    const of = schema(['a', INT], ['t', timestamp(3)], ['o', BOOLEAN])
    const there = coordinator()
    const sink = await loadSink({ op: 'collect', schema: of })
    await sink.open?.(operatorContext({ coordinator: (event) => there.request(event) }), {
      collect: () => undefined,
      emitWatermark: () => undefined,
    })
    const builder = new BatchBuilder(of)
    builder.appendRow([1, 0n, true], RowKind.UPDATE_AFTER)
    void sink.processBatch(builder.finish(), 0)
    expect(there.rows).to.deep.equal([{ kind: RowKind.UPDATE_AFTER, cells: ['1', '1970-01-01 00:00:00.000', 'TRUE'] }])
    void sink.processBatch(batchOf(of, [[2, null, null]]), 0)
    void sink.processBatch(batchOf(of, [[3, null, null]]), 0)
    let ended = false
    const end = Promise.resolve(sink.endInput(0)).then(() => (ended = true))
    await settle()
    expect(there.rows.length).to.equal(1)
    there.answers.shift()?.()
    await settle()
    expect(there.rows.map((row) => row.cells)).to.deep.equal([
      ['1', '1970-01-01 00:00:00.000', 'TRUE'],
      ['2', null, null],
      ['3', null, null],
    ])
    expect(ended).to.equal(false)
    there.answers.shift()?.()
    await end
    expect(there.most).to.equal(1)
    void sink.processBatch(batchOf(of, [[4, null, null]]), 0)
    expect(there.rows.length).to.equal(4)
  })

  it('holds back its task when the coordinator does not answer', async () => {
    const there = coordinator()
    const sink = await loadSink({ op: 'collect', schema: AB })
    await sink.open?.(operatorContext({ coordinator: (event) => there.request(event) }), {
      collect: () => undefined,
      emitWatermark: () => undefined,
    })
    const batch = batchOf(
      AB,
      Array.from({ length: 1000 }, (_, i) => [i, 'x']),
    )
    let held: void | Promise<void> = undefined
    let batches = 0
    for (; held === undefined && batches < 50; batches++) held = sink.processBatch(batch, 0)
    expect(batches).to.be.within(3, 8)
    let free = false
    const freed = Promise.resolve(held).then(() => (free = true))
    while (!free) {
      there.answers.shift()?.()
      await settle()
    }
    await freed
    expect(there.rows.map((row) => row.cells[0])).to.deep.equal(
      Array.from({ length: batches }, () => Array.from({ length: 1000 }, (_, i) => String(i))).flat(),
    )
  })

  it('sends what waits at a barrier without leave, and says how many rows came before it', async () => {
    const there = coordinator()
    const sink = await loadSink({ op: 'collect', schema: AB })
    await sink.open?.(operatorContext({ coordinator: (event) => there.request(event) }), {
      collect: () => undefined,
      emitWatermark: () => undefined,
    })
    const batch = batchOf(
      AB,
      Array.from({ length: 1000 }, (_, i) => [i, 'x']),
    )
    expect(await sink.prepareCommit?.()).to.deep.equal([])
    for (let i = 0; i < 3; i++) void sink.processBatch(batch, 0)
    expect(there.rows.length).to.equal(1000)
    expect(await sink.prepareCommit?.()).to.deep.equal([{ rows: 3000 }])
    expect(there.rows.length).to.equal(3000)
    // Not for ever: the client is far behind by now.
    let prepared: Promise<readonly unknown[]> | undefined
    let ready = true
    for (let checkpoint = 0; ready && checkpoint < 20; checkpoint++) {
      for (let i = 0; i < 4; i++) void sink.processBatch(batch, 0)
      ready = false
      prepared = sink.prepareCommit?.()
      void prepared?.then(() => (ready = true))
      await settle()
    }
    expect(ready).to.equal(false)
    const sent = there.rows.length
    expect(sent).to.be.within(20_000, 30_000)
    while (!ready) {
      there.answers.splice(0).forEach((answer) => answer())
      await settle()
    }
    expect(await prepared).to.deep.equal([{ rows: there.rows.length }])
    expect(there.rows.length).to.equal(sent + 4000)
  })

  it('keeps requests small when cells are long', async () => {
    const sizes: number[] = []
    const sink = await loadSink({ op: 'collect', schema: AB })
    const context = operatorContext({
      coordinator: (event) => {
        sizes.push(CollectRequestSchema.parse(event).rows.length)
        return Promise.resolve({})
      },
    })
    await runSink(sink, context, [
      batchOf(
        AB,
        Array.from({ length: 10 }, (_, i) => [i, 'x'.repeat(400_000)]),
      ),
    ])
    expect(sizes).to.deep.equal([2, 2, 2, 2, 2])
  })

  it('fails with the coordinator', async () => {
    const sink = await loadSink({ op: 'collect', schema: AB })
    const error = await failure(() =>
      runSink(sink, operatorContext({ coordinator: () => Promise.reject(new Error('the job is gone')) }), [batchOf(AB, [[1, 'x']])]),
    )
    expect(error.message).to.equal('the job is gone')
  })
})

describe('tables and their connectors', () => {
  const table =
    (options: Record<string, string>, use: 'source' | 'sink' = 'source') =>
    () =>
      validateTable(options, AB, use)
  it('are checked with a message that says what to write', () => {
    expect(table({})).to.throw("Table options do not contain an option key 'connector' for discovering a connector.")
    expect(table({ connector: 'filesytem' })).to.throw("There is no connector 'filesytem'. Did you mean 'filesystem'?")
    expect(table({ connector: 'print' })).to.throw('can only be used as a sink')
    expect(table({ connector: 'filesystem', format: 'csv' })).to.throw("required options are missing for connector 'filesystem': 'path'")
    expect(table({ connector: 'filesystem', path: '/x' })).to.throw("'format' (one of 'csv', 'json'")
    expect(table({ connector: 'filesystem', path: '/x', format: 'jsn' })).to.throw("Did you mean 'json'?")
    expect(table({ connector: 'filesystem', path: '/x', format: 'csv', 'sink.rolling-policy.file-size': 'big' }, 'sink')).to.throw(
      "must be a size such as '128 mb', not 'big'",
    )
    expect(table({ connector: 'filesystem', path: '/x', format: 'csv', 'source.path.regex-pattern': '(' })).to.throw(
      'is no regular expression',
    )
    expect(table({ connector: 'print', 'print-identifer': 'x' }, 'sink')).to.throw(
      "Unsupported options found for connector 'print': 'print-identifer'. Did you mean 'print-identifier'?",
    )
  })
})
