import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import type { FileSystem } from '#core/fs/file-system.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import { INT, STRING } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { FileSplitEnumerator, listFiles } from '#runtime/connectors/filesystem/enumerator.js'
import { readSplit, splitFile, type Split } from '#runtime/connectors/filesystem/split.js'
import { loadEnumerator } from '#runtime/connectors/load-coordinator.js'
import { loadSource } from '#runtime/connectors/load-source.js'
import { failure, rowsOf } from '../formats/decode-support.js'
import { coordinatorContext, drain, inDirectory, operatorContext, sourceSpec } from './operator-support.js'

const AB = schema(['a', INT], ['b', STRING])

/** A file system of one file, read in chunks of `chunk` bytes. */
function oneFile(bytes: Uint8Array, chunk: number): FileSystem {
  return {
    ...localFileSystem,
    async *read(_path, offset = 0, length = bytes.length - offset) {
      for (let at = offset; at < offset + length; at += chunk) yield bytes.subarray(at, Math.min(at + chunk, offset + length, bytes.length))
    },
  }
}

async function linesOf(fileSystem: FileSystem, split: Split): Promise<string[]> {
  const parts: Uint8Array[] = []
  for await (const chunk of readSplit(fileSystem, split)) parts.push(chunk.slice())
  const text = Buffer.concat(parts).toString('latin1')
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

describe('splits of a file', () => {
  it('hold every line exactly once, for any lines, split sizes and chunks', async () => {
    const lines = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\r'), maxLength: 12 }), { minLength: 1, maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(
        lines,
        fc.boolean(),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20 }),
        async (written, closed, maxBytes, chunk) => {
          const bytes = Buffer.from(written.join('\n') + (closed ? '\n' : ''), 'latin1')
          const splits = splitFile({ path: 'file:///f', directory: false, length: bytes.length, modificationTime: 0 }, true, maxBytes)
          expect(splits.every((split) => split.end - split.start <= maxBytes)).to.equal(true)
          const read: string[] = []
          for (const split of splits) read.push(...(await linesOf(oneFile(bytes, chunk), split)))
          const expected = bytes.length === 0 ? [] : bytes.toString('latin1').replace(/\n$/, '').split('\n')
          expect(read).to.deep.equal(expected)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('are one where the format cannot be cut, and none of an empty file', () => {
    const file = (length: number) => ({ path: 'file:///f', directory: false, length, modificationTime: 0 })
    expect(splitFile(file(1000), false, 10)).to.have.length(1)
    expect(splitFile(file(0), false)).to.deep.equal([])
    expect(splitFile(file(0), true)).to.deep.equal([])
  })
})

describe('filesystem source', () => {
  async function read(directory: string, options: Record<string, string>, readers = 1): Promise<unknown[][]> {
    const spec = sourceSpec(AB, { connector: 'filesystem', ...options })
    const enumerator = await loadEnumerator(spec, coordinatorContext({ directory }))
    await enumerator?.start()
    const batches = await Promise.all(
      Array.from({ length: readers }, async (_, subtask) =>
        drain(
          await loadSource(spec),
          operatorContext({
            directory,
            subtask,
            parallelism: readers,
            coordinator: async () => ({ split: await enumerator?.nextSplit(subtask) }),
          }),
        ),
      ),
    )
    await enumerator?.close()
    return batches.flat().flatMap(rowsOf)
  }

  it('reads a directory and what is below it, hidden files left out, by several subtasks', () =>
    inDirectory(async (directory) => {
      await mkdir(join(directory, 'in/sub'), { recursive: true })
      await mkdir(join(directory, 'in/_temporary'))
      await mkdir(join(directory, 'in/.staging-x'))
      await writeFile(join(directory, 'in/1.csv'), '1,a\n2,b')
      await writeFile(join(directory, 'in/sub/2 é#%.csv'), '3,c\n')
      await writeFile(join(directory, 'in/empty'), '')
      await writeFile(join(directory, 'in/_SUCCESS'), 'x')
      await writeFile(join(directory, 'in/_temporary/3.csv'), 'x')
      await writeFile(join(directory, 'in/.staging-x/3.csv'), 'x')
      const rows = await read(directory, { path: 'in', format: 'csv' }, 3)
      expect(rows.sort()).to.deep.equal([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ])
      expect(await read(directory, { path: `file://${directory}/in/1.csv`, format: 'csv' })).to.deep.equal([
        [1, 'a'],
        [2, 'b'],
      ])
      expect(await read(directory, { path: 'in', format: 'csv', 'source.path.regex-pattern': '.*/sub/.*' })).to.deep.equal([[3, 'c']])
    }))

  it('has no rows for an empty directory, and names path and table of a missing one', () =>
    inDirectory(async (directory) => {
      await mkdir(join(directory, 'in'))
      expect(await read(directory, { path: 'in', format: 'json' })).to.deep.equal([])
      const error = await failure(() => read(directory, { path: 'nowhere', format: 'json' }))
      expect(error).to.include({ code: 'SOURCE_PATH_NOT_FOUND' })
      expect(error.message).to.contain(`${directory}/nowhere`).and.contain("'default_catalog.default_database.t'")
    }))

  it('emits batches of at most 1024 rows and all rows of a large file', () =>
    inDirectory(async (directory) => {
      const count = 60_000
      await writeFile(join(directory, 'f.json'), Array.from({ length: count }, (_, i) => `{"a":${i},"b":"row ${i}"}\n`).join(''))
      const spec = sourceSpec(AB, { connector: 'filesystem', path: 'f.json', format: 'json' })
      const enumerator = new FileSplitEnumerator(spec, coordinatorContext({ directory }))
      await enumerator.start()
      const batches = await drain(
        await loadSource(spec),
        operatorContext({ directory, coordinator: async () => ({ split: await enumerator.nextSplit() }) }),
      )
      expect(Math.max(...batches.map((batch) => batch.length))).to.equal(1024)
      expect(batches.flatMap(rowsOf).map((row) => row[0])).to.deep.equal(Array.from({ length: count }, (_, i) => i))
    }))

  it('names file, line and column of a malformed row, in a later part of the file, too', () =>
    inDirectory(async (directory) => {
      const lines = Array.from({ length: 50 }, (_, i) => (i === 36 ? '{"a":"no","b":""}' : `{"a":${i},"b":"x"}`))
      await writeFile(join(directory, 'f.json'), lines.join('\n'))
      const spec = sourceSpec(AB, { connector: 'filesystem', path: 'f.json', format: 'json' })
      for (const start of [0, 100, 300]) {
        const splits = [{ path: `file://${directory}/f.json`, start, end: 100_000, fileLength: 100_000 }]
        const error = await failure(async () =>
          drain(
            await loadSource(spec),
            operatorContext({ directory, coordinator: () => Promise.resolve({ split: splits.pop() ?? null }) }),
          ),
        )
        expect(error).to.include({ code: 'FORMAT_MALFORMED_ROW' })
        expect(error.message)
          .to.contain("'no' is no INT")
          .and.contain(`file://${directory}/f.json, line 37, column 7 (field 'a')`)
          .and.contain("'json.ignore-parse-errors' = 'true'")
      }
    }))

  it('hands out everything again when it starts again', () =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, '1.csv'), '1,a\n')
      await writeFile(join(directory, '2.csv'), '2,b\n')
      const enumerator = new FileSplitEnumerator(
        sourceSpec(AB, { connector: 'filesystem', path: directory, format: 'csv' }),
        coordinatorContext({ directory }),
      )
      await enumerator.start()
      const first = [await enumerator.nextSplit(), await enumerator.nextSplit(), await enumerator.nextSplit()]
      expect(first.map((split) => split?.path.slice(-5) ?? null)).to.deep.equal(['1.csv', '2.csv', null])
      await enumerator.start()
      expect([await enumerator.nextSplit(), await enumerator.nextSplit(), await enumerator.nextSplit()]).to.deep.equal(first)
    }))

  it('fails on a directory that holds itself, rather than listing for ever', () =>
    inDirectory(async (directory) => {
      await symlink(directory, join(directory, 'loop'))
      const looping = new FileSplitEnumerator(
        sourceSpec(AB, { connector: 'filesystem', path: directory, format: 'csv' }),
        coordinatorContext({ directory }),
      )
      expect(await failure(() => looping.start())).to.include({ code: 'FS_FAILED' })

      const endless: FileSystem = {
        ...localFileSystem,
        list: (path) => Promise.resolve([{ path: `${path}/d`, directory: true, length: 0, modificationTime: 0 }]),
      }
      const error = await failure(() => listFiles(endless, { path: 'hdfs://h/x', directory: true, length: 0, modificationTime: 0 }))
      expect(error.message).to.contain('nested deeper than 100')
    }))

  it('reports a file that went away, and can be closed in the middle', () =>
    inDirectory(async (directory) => {
      const spec = sourceSpec(AB, { connector: 'filesystem', path: directory, format: 'json' })
      const gone = { path: `file://${directory}/gone.json`, start: 0, end: 10, fileLength: 10 }
      const error = await failure(async () =>
        drain(await loadSource(spec), operatorContext({ directory, coordinator: () => Promise.resolve({ split: gone }) })),
      )
      expect(error).to.include({ code: 'FS_NOT_FOUND' })

      await writeFile(join(directory, 'f.json'), '{"a":1,"b":"x"}\n'.repeat(100_000))
      const source = await loadSource(spec)
      source.open?.(
        operatorContext({
          directory,
          coordinator: () =>
            Promise.resolve({ split: { path: `file://${directory}/f.json`, start: 0, end: 1_600_000, fileLength: 1_600_000 } }),
        }),
        { collect: () => undefined, emitWatermark: () => undefined },
      )
      await source.poll()
      await source.poll()
      await source.close?.(true)
    }))
})
