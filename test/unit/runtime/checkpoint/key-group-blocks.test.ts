import { expect } from 'chai'
import fc from 'fast-check'
import type { StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { KeyGroupBlocks } from '#runtime/checkpoint/key-group-blocks.js'
import { openKeyedState } from '#runtime/checkpoint/keyed-restore.js'
import { SegmentWriter } from '#runtime/checkpoint/segment-writer.js'
import type { KeyedRows } from '#runtime/state/snapshot.js'
import { memoryFiles } from './memory-files.js'

const TABLES: readonly StateTableDescriptor[] = [
  { name: 'a', schema: schema(['id', INT], ['text', STRING]), version: 1 },
  { name: 'b', schema: schema(['id', INT], ['text', STRING]), version: 1 },
]

function rowsOf(table: number, rows: readonly (readonly [id: number, group: number])[], text: string): KeyedRows {
  const { name, schema: of } = TABLES[table] as StateTableDescriptor
  const builder = new BatchBuilder(of)
  for (const [id] of rows) builder.appendRow([id, text])
  return {
    table: name,
    batch: builder.finish(),
    ids: Int32Array.from(rows, ([id]) => id),
    keyGroups: Uint16Array.from(rows, ([, group]) => group),
    removed: new Int32Array(0),
  }
}

describe('blocks by key groups', () => {
  it('have every row once, of one table after the other, each of a range of key groups', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1), fc.array(fc.nat(31), { maxLength: 60 })), { maxLength: 20 }),
        fc.constantFrom('', 'x'.repeat(40_000)),
        (pieces, text) => {
          const sorting = new KeyGroupBlocks({ first: 32, last: 63 })
          const out: KeyedRows[] = []
          const given: string[] = []
          let id = 0
          for (const [table, groups] of [...pieces].sort(([x], [y]) => x - y)) {
            const rows = groups.map((group): [number, number] => [id++, 32 + group])
            given.push(...rows.map(([row, group]) => `${TABLES[table]?.name} ${row} ${group}`))
            out.push(...sorting.add(rowsOf(table, rows, text)))
          }
          out.push(...sorting.flush())
          const seen = out.flatMap(({ table, ids, keyGroups, batch }) => {
            expect(batch.length).to.equal(ids.length)
            return [...ids].map((row, i) => `${table} ${row} ${keyGroups[i]}`)
          })
          expect([...seen].sort()).to.deep.equal([...given].sort())
          const tables = out.map(({ table }) => table)
          expect(tables, 'tables in one run each').to.deep.equal([...tables].sort())
          if (text !== '' && given.length > 200)
            for (const { keyGroups } of out) expect(Math.max(...keyGroups) - Math.min(...keyGroups), 'a range of two').to.be.at.most(1)
        },
      ),
      { numRuns: 60 },
    ))

  it('are all that a subtask reads which gets a quarter of the key groups', async () => {
    const sorting = new KeyGroupBlocks({ first: 0, last: 127 })
    const writer = new SegmentWriter(TABLES)
    const pieces = [writer.begin()]
    const write = (blocks: readonly KeyedRows[]) => blocks.forEach((rows) => pieces.push(writer.block(rows)))
    for (let piece = 0; piece < 60; piece++) {
      const rows = Array.from({ length: 128 }, (_, i): [number, number] => [128 * piece + i, (i * 37) % 128])
      write(sorting.add(rowsOf(0, rows, 'y'.repeat(2_000))))
    }
    write(sorting.flush())
    pieces.push(writer.end())
    const { length, checksum } = writer
    const files = memoryFiles(new Map([['mem://f', new Uint8Array(Buffer.concat(pieces))]]))
    let read = 0
    const counting = {
      of: (path: string) => ({
        ...files.of(path),
        read: (at: string, offset?: number, bytes?: number) => {
          read += bytes ?? 0
          return files.of(path).read(at, offset, bytes)
        },
      }),
    } as unknown as FileSystems
    const handle = {
      firstKeyGroup: 0,
      lastKeyGroup: 127,
      tables: [...TABLES],
      segments: [{ kind: 'file' as const, path: 'mem://f', offset: 0, length, checksum }],
    }
    let rows = 0
    const keyGroups = { first: 32, last: 63 }
    for await (const { keyGroups: of } of await openKeyedState(counting, { operator: 'op', tables: TABLES, handles: [handle], keyGroups }))
      rows += of.length
    expect(rows).to.equal((60 * 128) / 4)
    expect(read / length).to.be.below(0.3)
  })
})
