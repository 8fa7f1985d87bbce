import { expect } from 'chai'
import { INT, notNull, STRING } from '#core/types/logical-type.js'
import type { Schema } from '#core/types/schema.js'
import { RowKind } from '#core/types/row-kind.js'
import type { Batch } from '#runtime/columnar/batch.js'
import { hashRows, keyGroupOf } from '#runtime/columnar/hash.js'
import { ObjectReader } from '#runtime/columnar/object-codec.js'
import type { Int32Vector, Utf8Vector } from '#runtime/columnar/vector.js'
import type { Operator, Output } from '#runtime/operators/operator.js'
import { createFunctionOperator } from '#runtime/operators/process/create-operator.js'
import type { FunctionDefinition, FunctionKind } from '#runtime/operators/process/definition.js'
import { ElementOutput } from '#runtime/operators/process/element-output.js'
import type * as F from '#runtime/operators/process/functions.js'
import { keyColumn, streamSchema } from '#runtime/operators/process/stream-layout.js'
import type { TypeInformation } from '#runtime/operators/process/type-information.js'
import { rowsOf } from '../../../operators/rows.js'
import { BATCHINGS, batchOf as rowBatch, runOperator } from '../../../operators/run.js'
import { failure, GENERIC } from './function-test.js'
import { batchOf, Task } from './task.js'

/** The batches that an operator makes of one. */
async function through(kind: FunctionKind, batch: Batch, input: TypeInformation = GENERIC, output = input): Promise<Batch[]> {
  const batches: Batch[] = []
  const definition: FunctionDefinition = { ...kind, inputs: [{ type: input }], output, sideOutputs: [] }
  const operator = createFunctionOperator(definition) as Operator
  const out: Output = { collect: (made) => void batches.push(made), emitWatermark: () => undefined }
  await operator.open?.({ ...new Task(kind).context, outputSchema: streamSchema(output) }, out)
  await operator.processBatch(batch, 0)
  return batches
}

const ROW: TypeInformation = {
  kind: 'row',
  schema: {
    fields: [
      { name: 'a', type: notNull(INT) },
      { name: 'b', type: STRING },
    ],
  },
}

describe('keyBy', () => {
  it('adds the key, equal for equal keys, and keeps selections', async () => {
    const values = [{ k: { x: 1, y: 'é' } }, { k: 'drop' }, { k: { y: 'é', x: 1 } }, { k: 7 }]
    const batch = batchOf(GENERIC, values, [1, 2, 3, 4]).select(Int32Array.of(0, 2, 3))
    const [keyed] = (await through({ kind: 'key-by', select: (value: { k: unknown }) => value.k, keyType: GENERIC }, batch)) as [Batch]
    expect([keyed.length, keyed.columns[0]]).to.deep.equal([3, batch.columns[0]])
    const column = keyColumn(GENERIC)
    const hashes = hashRows(keyed, [column])
    expect(hashes[0]).to.equal(hashes[1])
    const { bytes, offsets, lengths } = keyed.columns[column] as Utf8Vector
    const key = (p: number): unknown => new ObjectReader().read(bytes, offsets[p], (offsets[p] as number) + (lengths[p] as number))
    expect([key(0), key(3)]).to.deep.equal([{ x: 1, y: 'é' }, 7])
  })

  it('spreads keys over the key groups', async () => {
    const values = Array.from({ length: 1024 }, (_, i) => i)
    const [keyed] = (await through(
      { kind: 'key-by', select: (value: number) => `user ${value}`, keyType: GENERIC },
      batchOf(GENERIC, values, values),
    )) as [Batch]
    const groups = new Set(Array.from(hashRows(keyed, [keyColumn(GENERIC)]), (hash) => keyGroupOf(hash, 128)))
    expect(groups.size).to.be.greaterThan(120)
  })

  it('refuses what is no key', async () => {
    const message = async (select: (value: unknown) => unknown): Promise<string> =>
      (await failure(through({ kind: 'key-by', select, keyType: GENERIC }, batchOf(GENERIC, ['v'], [0])))).message
    expect(await message(() => undefined)).to.match(/gave undefined; an element's key must be a value/)
    expect(await message(() => Promise.resolve(1))).to.match(/gave a promise/)
    expect(await message(() => new Map())).to.match(/the key is a Map, which a key cannot hold/)
    expect(await message((value) => (value as { missing: { id: number } }).missing.id)).to.match(
      /TypeError: Cannot read properties of undefined/,
    )
  })
})

describe('operators that leave elements as they are', () => {
  it('partitionCustom adds the partition, and refuses one that is none', async () => {
    const kind = (partition: (key: number, n: number) => number): FunctionKind => ({
      kind: 'partition-by',
      select: (n: number) => n,
      partition,
      numPartitions: 3,
    })
    const [batch] = (await through(
      kind((key, n) => key % n),
      batchOf(GENERIC, [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
    )) as [Batch]
    expect(Array.from((batch.columns.at(-1) as Int32Vector).values)).to.deep.equal([0, 1, 2, 0, 1])
    expect(
      (
        await failure(
          through(
            kind(() => 3),
            batchOf(GENERIC, [0], [0]),
          ),
        )
      ).message,
    ).to.match(/it chose the number 3; there are partitions 0 to 2/)
  })

  it('select-output takes the columns of one output', async () => {
    const tag: F.OutputTag<unknown> = { id: 'side', type: ROW }
    const tagged: Batch[] = []
    const out = new ElementOutput({ output: GENERIC, sideOutputs: [tag] }, 'test', {
      collect: (batch) => void tagged.push(batch),
      emitWatermark: () => undefined,
    })
    out.timestamp = 5
    out.collect('main')
    out.side(tag, { a: 1, b: 'x' })
    out.flush()
    const select = async (index: number, type: TypeInformation): Promise<unknown[]> => {
      const rows: unknown[] = []
      for (const batch of tagged)
        for (const made of await through({ kind: 'select-output', outputs: [GENERIC, ROW], index }, batch, GENERIC, type))
          rows.push(...rowsOf(made))
      return rows.map((row) => (row as { values: unknown[] }).values)
    }
    expect(await select(0, GENERIC)).to.deep.equal([['main', 5]])
    expect(await select(1, ROW)).to.deep.equal([[1, 'x', 5]])
  })

  it('tables become streams and streams tables', async () => {
    const { schema } = ROW as { schema: Schema }
    const table = rowBatch(schema, [{ kind: RowKind.INSERT, values: [1, 'x'] }], 'selected')
    const [stream] = (await through({ kind: 'from-table' }, table, ROW)) as [Batch]
    expect(rowsOf(stream).map((row) => row.values)).to.deep.equal([[1, 'x', NaN]])
    const [back] = (await through({ kind: 'to-table' }, stream, ROW)) as [Batch]
    expect(back.columns).to.deep.equal(table.columns)
  })
})

describe('keys that are fields of rows', () => {
  it('are those of keyed state, and the key that functions see', async () => {
    const key: TypeInformation = { kind: 'row', schema: { fields: [...(ROW as { schema: Schema }).schema.fields].reverse() } }
    const create = (): Operator => {
      let count: F.ValueState<number>
      const definition: FunctionDefinition = {
        kind: 'keyed-process',
        inputs: [{ type: ROW, key: { columns: [1, 0], type: key } }],
        output: GENERIC,
        sideOutputs: [],
        function: {
          open: (context) => void (count = context.getState<number>({ name: 'n', defaultValue: 0 })),
          processElement(value: { a: number; b: string | null }, context, out) {
            count.update((count.value() ?? 0) + 1)
            out.collect({ key: context.getCurrentKey(), a: value.a, n: count.value() })
          },
        },
      }
      return createFunctionOperator(definition) as Operator
    }
    const rows: [number, string | null][] = [
      [1, 'x'],
      [1, null],
      [1, 'x'],
      [2, 'x'],
      [1, null],
    ]
    const subject = { spec: { op: 'union' } as const, inputs: [streamSchema(ROW)], output: streamSchema(GENERIC), create, keys: [[1, 0]] }
    for (const batching of BATCHINGS) {
      for (const interruption of ['none', 'rescale', 'chains'] as const) {
        const steps = rows.map(([a, b]) => ({ type: 'row', input: 0, row: { kind: RowKind.INSERT, values: [a, b, NaN] } }) as const)
        const { rows: made } = await runOperator(subject, steps, batching, interruption)
        expect(made.map((row) => JSON.stringify(row.values[0])).sort()).to.deep.equal(
          [
            { key: { b: 'x', a: 1 }, a: 1, n: 1 },
            { key: { b: 'x', a: 1 }, a: 1, n: 2 },
            { key: { b: 'x', a: 2 }, a: 2, n: 1 },
            { key: { b: null, a: 1 }, a: 1, n: 1 },
            { key: { b: null, a: 1 }, a: 1, n: 2 },
          ]
            .map((row) => JSON.stringify(row))
            .sort(),
        )
      }
    }
  })
})
