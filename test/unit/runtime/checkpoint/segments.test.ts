import { tmpdir } from 'node:os'
import { expect } from 'chai'
import fc from 'fast-check'
import type { KeyedStateHandle, StateBytes, StateTableDescriptor } from '#core/checkpoint/state-handles.js'
import { CheckpointFileCorrupt } from '#core/checkpoint/errors.js'
import { verifyStateBytes } from '#core/checkpoint/state-bytes.js'
import { BIGINT, INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { copyKeyedState, openKeyedState } from '#runtime/checkpoint/keyed-restore.js'
import { SegmentCopies } from '#runtime/checkpoint/segment-copies.js'
import { SegmentReader } from '#runtime/checkpoint/segment-reader.js'
import { SegmentWriter } from '#runtime/checkpoint/segment-writer.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { readValue } from '#runtime/columnar/value.js'
import { stateMemory } from '#runtime/state/state-memory.js'
import { memoryFiles } from './memory-files.js'

const groups = schema(['name', STRING], ['count', BIGINT])
const links = schema(['group', INT], ['text', STRING])
const TABLES: readonly StateTableDescriptor[] = [
  { name: 'groups', schema: groups, version: 1 },
  { name: 'links', schema: links, version: 2 },
]

/** What changed in one table: rows by id (a text that fits both schemas' columns), and ids that are gone. */
interface Change {
  readonly rows: readonly (readonly [id: number, value: string | null, keyGroup: number])[]
  readonly removed: readonly number[]
}
type Changes = readonly [groups: Change, links: Change]

function segment(changes: Changes, blockRows: number): { bytes: Uint8Array; length: number; checksum: number } {
  const writer = new SegmentWriter(TABLES)
  const pieces = [writer.begin()]
  for (const [t, { rows, removed }] of changes.entries()) {
    const table = TABLES[t] as StateTableDescriptor
    const blocks = Math.max(removed.length > 0 ? 1 : 0, Math.ceil(rows.length / blockRows))
    for (let b = 0; b < blocks; b++) {
      const some = rows.slice(b * blockRows, (b + 1) * blockRows)
      const builder = new BatchBuilder(table.schema)
      for (const [id, value] of some) builder.appendRow(t === 0 ? [value, BigInt(id) * 7n] : [id * 7, value])
      pieces.push(
        writer.block({
          table: table.name,
          batch: builder.finish(),
          ids: Int32Array.from(some, ([id]) => id),
          keyGroups: Uint16Array.from(some, ([, , group]) => group),
          removed: Int32Array.from(b === blocks - 1 ? removed : []),
        }),
      )
    }
  }
  pieces.push(writer.end())
  return { bytes: Buffer.concat(pieces), length: writer.length, checksum: writer.checksum }
}

/** All segments in one file, some bytes of others before; every other one inline. */
function store(all: readonly { bytes: Uint8Array; length: number; checksum: number }[]) {
  const files = new Map<string, Uint8Array>()
  let file: Uint8Array = new Uint8Array(13)
  const handles = all.map(({ bytes, length, checksum }, i): StateBytes => {
    if (i % 2 === 1) return { kind: 'inline', base64: Buffer.from(bytes).toString('base64'), length, checksum }
    const handle: StateBytes = { kind: 'file', path: 'mem://c/file', offset: file.length, length, checksum }
    file = Buffer.concat([file, bytes])
    return handle
  })
  files.set('mem://c/file', file)
  return { files, handles }
}

async function read(
  files: Map<string, Uint8Array>,
  handles: readonly KeyedStateHandle[],
  first = 0,
  last = 127,
  tables = TABLES,
  copies?: SegmentCopies,
) {
  const seen: string[] = []
  const rows = await openKeyedState(memoryFiles(files), { operator: 'op', tables, handles, keyGroups: { first, last }, copies })
  for await (const { handle, table, batch, ids, keyGroups } of rows) {
    const [idColumn, valueColumn] = table === 'groups' ? [1, 0] : [0, 1]
    for (let r = 0; r < batch.length; r++) {
      const value = readValue(batch.columns[valueColumn]!, batch.position(r))
      expect(Number(readValue(batch.columns[idColumn]!, batch.position(r)))).to.equal(ids[r]! * 7)
      seen.push(`${handle} ${table} ${ids[r]} ${String(value)} ${keyGroups[r]}`)
    }
  }
  return seen
}

const handleOf = (segments: readonly StateBytes[], firstKeyGroup = 0, lastKeyGroup = 127): KeyedStateHandle => ({
  firstKeyGroup,
  lastKeyGroup,
  tables: [...TABLES],
  segments: [...segments],
})

const anyChange = fc
  .record({
    rows: fc.uniqueArray(fc.tuple(fc.nat(80), fc.option(fc.string({ maxLength: 9 })), fc.nat(127)), {
      selector: ([id]) => id,
      maxLength: 40,
    }),
    removed: fc.uniqueArray(fc.nat(80), { maxLength: 20 }),
  })
  .map(({ rows, removed }): Change => ({ rows, removed: removed.filter((id) => !rows.some(([row]) => row === id)) }))
const anyChanges = fc.tuple(anyChange, anyChange)

describe('segments of keyed state', () => {
  it('give back the newest version of every row, of the asked key groups, tables in their order', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyChanges, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 10 }),
        fc.tuple(fc.nat(127), fc.nat(127)),
        async (chain, blockRows, [a, b]) => {
          const [first, last] = [Math.min(a, b), Math.max(a, b)]
          const { files, handles } = store(chain.map((changes) => segment(changes, blockRows)))
          const expected: string[] = []
          for (const [t, { name }] of TABLES.entries()) {
            const live = new Map<number, string>()
            for (const changes of chain) {
              for (const [id, value, group] of changes[t]!.rows)
                live.set(id, group >= first && group <= last ? `0 ${name} ${id} ${value} ${group}` : '')
              for (const id of changes[t]!.removed) live.delete(id)
            }
            expected.push(...[...live.values()].filter((row) => row !== ''))
          }
          const seen = await read(files, [handleOf(handles)], first, last)
          expect([...seen].sort()).to.deep.equal([...expected].sort())
          const order = seen.map((row) => row.split(' ')[1])
          expect(order).to.deep.equal([...order].sort())
        },
      ),
      { numRuns: 60 },
    ))

  it('come from copies, whatever became of the files, and from the files where copies are missing or not as they were', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyChanges, { minLength: 1, maxLength: 5 }),
        fc.array(anyChanges, { minLength: 1, maxLength: 2 }),
        fc.tuple(fc.nat(127), fc.nat(127)),
        fc.constantFrom('all', 'some', 'damaged'),
        async (chain, later, [a, b], which) => {
          const [first, last] = [Math.min(a, b), Math.max(a, b)]
          const { files, handles } = store([...chain, ...later].map((changes) => segment(changes, 3)))
          const copies = new SegmentCopies(tmpdir(), which === 'some' ? 300 : Infinity)
          try {
            const early = handleOf(handles.slice(0, chain.length))
            await copyKeyedState(memoryFiles(files), { handles: [early], keyGroups: { first, last } }, copies)
            const expected = await read(files, [early], first, last)
            const all = await read(files, [handleOf(handles)], first, last)
            if (which === 'damaged') copies.get = (_bytes, _offset, length) => new Uint8Array(length).fill(7)
            expect(await read(files, [handleOf(handles)], first, last, TABLES, copies)).to.deep.equal(all)
            if (which !== 'all') return
            files.clear()
            expect(await read(files, [early], first, last, TABLES, copies)).to.deep.equal(expected)
          } finally {
            copies.close()
          }
        },
      ),
      { numRuns: 60 },
    ))

  it('are not copied when they are damaged', async () => {
    const changes: Changes = [
      { rows: [[1, 'a', 3]], removed: [] },
      { rows: [], removed: [] },
    ]
    const { files, handles } = store([segment(changes, 5)])
    const [bytes] = files.values()
    ;(bytes as Uint8Array)[13 + 40]! ^= 1
    const copies = new SegmentCopies(tmpdir(), Infinity)
    const copied = copyKeyedState(memoryFiles(files), { handles: [handleOf(handles)], keyGroups: { first: 0, last: 127 } }, copies)
    await copied.then(
      () => expect.fail('was copied'),
      (error: unknown) => expect(CheckpointFileCorrupt.is(error)).to.equal(true),
    )
    expect(copies.bytes).to.equal(0)
    copies.close()
  })

  it('keeps handles of several subtasks apart', async () => {
    const one: Changes = [
      { rows: [[1, 'a', 3]], removed: [] },
      { rows: [], removed: [] },
    ]
    const two: Changes = [
      { rows: [[1, 'b', 70]], removed: [] },
      { rows: [], removed: [] },
    ]
    const { files, handles } = store([segment(one, 5), segment(two, 5)])
    expect(await read(files, [handleOf([handles[0]!], 0, 63), handleOf([handles[1]!], 64, 127)])).to.deep.equal([
      '0 groups 1 a 3',
      '1 groups 1 b 70',
    ])
  })

  it('finds any changed or missing byte before the first row', () =>
    fc.assert(
      fc.asyncProperty(anyChanges, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (changes, position, flip, truncate) => {
        const made = segment(changes, 7)
        const { files, handles } = store([made])
        const file = files.get('mem://c/file')!
        const at = 13 + (position % made.length)
        if (truncate) files.set('mem://c/file', file.slice(0, at))
        else file[at] = file[at]! ^ flip
        for (const attempt of [
          () => verifyStateBytes(memoryFiles(files), 'mem://c', handles[0]!),
          () =>
            openKeyedState(memoryFiles(files), {
              operator: 'op',
              tables: TABLES,
              handles: [handleOf(handles)],
              keyGroups: { first: 0, last: 127 },
            }),
        ]) {
          const error = await Promise.resolve(attempt()).then(
            () => undefined,
            (e: unknown) => e,
          )
          expect(error).to.have.property('code', 'CHECKPOINT_FILE_CORRUPT')
          expect(error).to.have.nested.property('details.file', 'mem://c/file')
        }
      }),
      { numRuns: 150 },
    ))

  it('does not trust bytes whose checksum was made to fit', () =>
    fc.assert(
      fc.asyncProperty(anyChanges, fc.nat(), fc.integer({ min: 1, max: 255 }), async (changes, position, flip) => {
        const { crc32 } = await import('node:zlib')
        const made = segment(changes, 7)
        const bytes = new Uint8Array(made.bytes)
        bytes[position % bytes.length] = bytes[position % bytes.length]! ^ flip
        const handle: StateBytes = { kind: 'file', path: 'mem://f', offset: 0, length: bytes.length, checksum: crc32(bytes) }
        const attempt = async () => {
          const reader = await SegmentReader.open(memoryFiles(new Map([['mem://f', bytes]])), handle, { keepBytes: 0 })
          for (const { name, schema: of } of TABLES) for await (const _ of reader.blocks(name, of));
        }
        const error = await attempt().then(
          () => undefined,
          (e: unknown) => e,
        )
        // Blocks, index, header and trailer each have their own check: a second line of defence.
        expect(error).to.have.property('code', 'CHECKPOINT_FILE_CORRUPT')
      }),
      { numRuns: 150 },
    ))

  it('says which file is missing', async () => {
    const { handles } = store([
      segment(
        [
          { rows: [[1, 'a', 3]], removed: [] },
          { rows: [], removed: [] },
        ],
        5,
      ),
    ])
    const error = await read(new Map(), [handleOf(handles)]).catch((e: unknown) => e)
    expect(error).to.have.property('code', 'CHECKPOINT_FILE_MISSING')
    expect(error).to.have.property('message').that.contains('mem://c/file')
  })

  it('reads large segments in pieces, and names of files relative to the metadata', async () => {
    const rows = Array.from({ length: 3000 }, (_, id) => [id, `text ${id}`, id % 128] as const)
    const made = segment(
      [
        { rows, removed: [] },
        { rows: [], removed: [5000] },
      ],
      500,
    )
    const file = new Map([['mem://savepoint/file', made.bytes]])
    const relative: StateBytes = { kind: 'file', path: 'file', offset: 0, length: made.length, checksum: made.checksum }
    await verifyStateBytes(memoryFiles(file), 'mem://savepoint/', relative)
    const reader = await SegmentReader.open(memoryFiles(file), { ...relative, path: 'mem://savepoint/file' }, { keepBytes: 100 })
    let count = 0
    for await (const block of reader.blocks('groups', groups)) count += block.ids.length
    expect(count).to.equal(3000)
  })

  it('reads what memory has room for once, whatever tables it has', async () => {
    const rows = Array.from({ length: 300 }, (_, id) => [id, `text ${id}`, id % 128] as const)
    const { files, handles } = store([
      segment(
        [
          { rows, removed: [] },
          { rows, removed: [] },
        ],
        50,
      ),
    ])
    const restored = await openKeyedState(memoryFiles(files), {
      operator: 'op',
      tables: TABLES,
      handles: [handleOf(handles)],
      keyGroups: { first: 0, last: 127 },
    })
    files.clear()
    let count = 0
    for await (const { ids } of restored) count += ids.length
    expect(count).to.equal(600)
  })

  it('keeps of what was checked no more than the memory for state has room for', async () => {
    const change: Changes = [
      { rows: [[1, 'a', 3]], removed: [] },
      { rows: [], removed: [] },
    ]
    const readWithoutFile = async (budget: number) => {
      const { files, handles } = store([segment(change, 5)])
      stateMemory.limit(budget, tmpdir())
      try {
        const rows = await openKeyedState(memoryFiles(files), {
          operator: 'op',
          tables: TABLES,
          handles: [handleOf(handles)],
          keyGroups: { first: 0, last: 127 },
        })
        files.clear()
        let count = 0
        for await (const { ids } of rows) count += ids.length
        return count
      } catch (error) {
        return (error as { code?: string }).code
      } finally {
        stateMemory.limit(Infinity, tmpdir())
      }
    }
    expect(await readWithoutFile(64 * 1024)).to.equal(1)
    expect(await readWithoutFile(1024)).to.equal('CHECKPOINT_FILE_MISSING')
  })

  const incompatible: [string, readonly StateTableDescriptor[], RegExp][] = [
    ['a table is gone', [TABLES[0]!], /'links' of operator 'op'.*no such state/],
    ['a version differs', [TABLES[0]!, { ...TABLES[1]!, version: 3 }], /'links'.*version 2.*version 3/],
    [
      'a column differs',
      [{ ...TABLES[0]!, schema: schema(['name', STRING], ['count', INT]) }, TABLES[1]!],
      /'groups'.*count BIGINT.*count INT/,
    ],
  ]
  for (const [what, tables, message] of incompatible) {
    it(`refuses state when ${what}`, async () => {
      const { files, handles } = store([
        segment(
          [
            { rows: [], removed: [] },
            { rows: [], removed: [] },
          ],
          5,
        ),
      ])
      const error = await read(files, [handleOf(handles)], 0, 127, tables).catch((e: unknown) => e)
      expect(error).to.have.property('code', 'STATE_INCOMPATIBLE')
      expect(error).to.have.property('message').that.matches(message)
    })
  }

  it('begins a table empty that the state does not know', async () => {
    const { files, handles } = store([
      segment(
        [
          { rows: [[1, 'a', 3]], removed: [] },
          { rows: [], removed: [] },
        ],
        5,
      ),
    ])
    const more = [...TABLES, { name: 'new', schema: links, version: 1 }]
    expect(await read(files, [handleOf(handles)], 0, 127, more)).to.deep.equal(['0 groups 1 a 3'])
  })

  it('refuses rows of a table out of its turn', () => {
    const writer = new SegmentWriter(TABLES)
    const rows = (table: string, of: typeof groups) => ({
      table,
      batch: new BatchBuilder(of).finish(),
      ids: new Int32Array(0),
      keyGroups: new Uint16Array(0),
      removed: Int32Array.of(1),
    })
    writer.block(rows('links', links))
    expect(() => writer.block(rows('groups', groups))).to.throw('groups')
  })
})
