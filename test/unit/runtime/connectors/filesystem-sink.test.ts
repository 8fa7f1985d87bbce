import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { FileSystems } from '#core/fs/file-systems.js'
import type { FileSystem } from '#core/fs/file-system.js'
import { localFileSystem } from '#core/fs/local-file-system.js'
import type { OperatorId } from '#core/ids/ids.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { INT, notNull, STRING } from '#core/types/logical-type.js'
import { RowKind } from '#core/types/row-kind.js'
import { schema } from '#core/types/schema.js'
import { BatchBuilder } from '#runtime/columnar/batch-builder.js'
import { FileCommitter } from '#runtime/connectors/filesystem/committer.js'
import { loadCommitter } from '#runtime/connectors/load-coordinator.js'
import { loadSink } from '#runtime/connectors/load-sink.js'
import { batchOf, failure } from '../formats/decode-support.js'
import { coordinatorContext, inDirectory, operatorContext, runSink, sinkSpec } from './operator-support.js'

const AB = schema(['a', INT], ['b', STRING])
const OPTIONS = { connector: 'filesystem', path: 'out', format: 'csv' }

async function files(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(join(directory, 'out'))).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, 'out', name), 'utf8')] as const)),
  )
}

describe('filesystem sink', () => {
  it('shows the files of all subtasks when the job has ended, and none before', () =>
    inDirectory(async (directory) => {
      const spec = sinkSpec(AB, OPTIONS)
      const committer = await loadCommitter(spec, coordinatorContext({ directory, parallelism: 3 }))
      await committer?.start()
      const committables: unknown[] = []
      for (const subtask of [0, 1, 2]) {
        const batches = subtask === 1 ? [] : [batchOf(AB, [[subtask, 'x']]), batchOf(AB, [[subtask, 'y']])]
        committables.push(...(await runSink(await loadSink(spec), operatorContext({ directory, subtask, parallelism: 3 }), batches)))
      }
      expect((await readdir(join(directory, 'out'))).filter((name) => !name.startsWith('.'))).to.deep.equal([])
      // The list travels as JSON.
      await committer?.commit(JSON.parse(JSON.stringify(committables)) as unknown[], true)
      const written = await files(directory)
      expect(Object.values(written)).to.deep.equal(['0,x\n0,y\n', '2,x\n2,y\n'])
      expect(Object.keys(written)[0]).to.match(/^part-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-0-0$/)
      await committer?.commit(committables, true)
      expect(await files(directory)).to.deep.equal(written)
    }))

  it('adds to a directory with files, and keeps two sinks of a job apart', () =>
    inDirectory(async (directory) => {
      await mkdir(join(directory, 'out'))
      await writeFile(join(directory, 'out/old.csv'), '0,old\n')
      const spec = sinkSpec(AB, OPTIONS)
      const ids = ['aaaaaaaa000000000000000000000000', 'bbbbbbbb000000000000000000000000'] as OperatorId[]
      const committers = ids.map((operatorId) => new FileCommitter(spec, coordinatorContext({ directory, operatorId })))
      for (const committer of committers) await committer.start()
      const lists = await Promise.all(
        ids.map(async (operatorId, i) =>
          runSink(await loadSink(spec), operatorContext({ directory, operatorId }), [batchOf(AB, [[i, 'new']])]),
        ),
      )
      await committers[0]?.commit(lists[0] ?? [], true)
      await committers[1]?.commit(lists[1] ?? [], true)
      expect(Object.values(await files(directory)).sort()).to.deep.equal(['0,new\n', '0,old\n', '1,new\n'])
    }))

  it('begins a new file when one is large enough', () =>
    inDirectory(async (directory) => {
      const spec = sinkSpec(AB, { ...OPTIONS, 'sink.rolling-policy.file-size': '10b' })
      const committables = await runSink(
        await loadSink(spec),
        operatorContext({ directory }),
        [1, 2, 3].map((n) => batchOf(AB, [[n, 'abcdefgh']])),
      )
      expect(committables).to.have.length(3)
      const committer = new FileCommitter(spec, coordinatorContext({ directory }))
      await committer.commit(committables, true)
      expect(Object.values(await files(directory))).to.deep.equal(['1,abcdefgh\n', '2,abcdefgh\n', '3,abcdefgh\n'])
    }))

  it('begins a new file when one is old enough', () =>
    inDirectory(async (directory) => {
      const environment = virtualEnvironment()
      const spec = sinkSpec(AB, { ...OPTIONS, 'sink.rolling-policy.rollover-interval': '1 min' })
      const sink = await loadSink(spec)
      await sink.open?.(operatorContext({ directory, environment }), { collect: () => undefined, emitWatermark: () => undefined })
      for (const n of [1, 2, 3, 4]) {
        await sink.processBatch(batchOf(AB, [[n, 'x']]), 0)
        environment.advance(40_000)
      }
      await sink.endInput(0)
      await new FileCommitter(spec, coordinatorContext({ directory })).commit((await sink.prepareCommit?.()) ?? [], true)
      expect(Object.values(await files(directory))).to.deep.equal(['1,x\n2,x\n3,x\n', '4,x\n'])
    }))

  it('writes in order and holds back its task when the file system is slow', () =>
    inDirectory(async (directory) => {
      let release = (): void => undefined
      const gate = new Promise<void>((resolve) => (release = resolve))
      const slow: FileSystem = {
        ...localFileSystem,
        async create(path, options) {
          const writer = await localFileSystem.create(path, options)
          return { ...writer, write: async (bytes) => (await gate, writer.write(bytes)) }
        },
      }
      const fileSystems = new FileSystems(directory)
      fileSystems.register('file', slow, `file://${directory}`)
      const spec = sinkSpec(AB, OPTIONS)
      const sink = await loadSink(spec)
      sink.open?.(operatorContext({ fileSystems }), { collect: () => undefined, emitWatermark: () => undefined })
      const line = 'x'.repeat(1000)
      let batches = 0
      let held: void | Promise<void> = undefined
      for (; held === undefined && batches < 100; batches++) {
        held = sink.processBatch(
          batchOf(
            AB,
            Array.from({ length: 500 }, (_, i) => [batches * 500 + i, line]),
          ),
          0,
        )
      }
      expect(held).to.be.instanceOf(Promise)
      expect(batches).to.be.within(5, 20)
      release()
      await held
      await sink.endInput(0)
      const committables = await sink.prepareCommit?.()
      await new FileCommitter(spec, coordinatorContext({ directory })).commit(committables ?? [], true)
      const text = Object.values(await files(directory)).join('')
      expect(
        text
          .trimEnd()
          .split('\n')
          .map((row) => Number(row.split(',')[0])),
      ).to.deep.equal(Array.from({ length: batches * 500 }, (_, i) => i))
    }))

  it('tells of a write that failed at the next call', () =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, 'out'), 'a file')
      const spec = sinkSpec(AB, OPTIONS)
      const error = await failure(async () => runSink(await loadSink(spec), operatorContext({ directory }), [batchOf(AB, [[1, 'x']])]))
      expect(error).to.have.property('code').that.matches(/^FS_/)
      const start = await failure(() => new FileCommitter(spec, coordinatorContext({ directory })).start())
      expect(start).to.include({ code: 'SINK_PATH_UNUSABLE' })
    }))

  it('takes inserts only', () =>
    inDirectory(async (directory) => {
      const builder = new BatchBuilder(AB)
      builder.appendRow([1, 'x'], RowKind.DELETE)
      const error = await failure(async () =>
        runSink(await loadSink(sinkSpec(AB, OPTIONS)), operatorContext({ directory }), [builder.finish()]),
      )
      expect(error).to.include({ code: 'SINK_TAKES_INSERTS_ONLY' })
    }))
})

describe('filesystem committer', () => {
  const spec = sinkSpec(AB, OPTIONS)

  async function staged(directory: string, attempt = 0) {
    return runSink(await loadSink(spec), operatorContext({ directory, attempt }), [batchOf(AB, [[attempt, 'x']])])
  }

  it('leaves nothing behind when the job failed: neither staging, nor shown files, nor the directory it made', () =>
    inDirectory(async (directory) => {
      const committer = new FileCommitter(spec, coordinatorContext({ directory }))
      await committer.start()
      const committables = await staged(directory)
      await committer.commit(committables, true)
      expect(await readdir(join(directory, 'out'))).to.have.length(1)
      await committer.abort()
      await committer.abort()
      expect(await readdir(directory)).to.deep.equal([])
    }))

  it('keeps the directory and others’ files when it aborts', () =>
    inDirectory(async (directory) => {
      await mkdir(join(directory, 'out'))
      await writeFile(join(directory, 'out/old.csv'), '')
      const committer = new FileCommitter(spec, coordinatorContext({ directory }))
      await committer.start()
      await staged(directory)
      await committer.abort()
      expect(await readdir(join(directory, 'out'))).to.deep.equal(['old.csv'])
    }))

  it('finishes a commit that broke off half way', () =>
    inDirectory(async (directory) => {
      const small = sinkSpec(AB, { ...OPTIONS, 'sink.rolling-policy.file-size': '1b' })
      const committables = await runSink(
        await loadSink(small),
        operatorContext({ directory }),
        [1, 2].map((n) => batchOf(AB, [[n, 'x']])),
      )
      let renames = 0
      const fileSystems = new FileSystems(directory)
      const breaking: FileSystem = {
        ...localFileSystem,
        rename: (from, to) => (renames++ === 1 ? Promise.reject(new Error('down')) : localFileSystem.rename(from, to)),
      }
      fileSystems.register('file', breaking, `file://${directory}`)
      const committer = new FileCommitter(spec, coordinatorContext({ fileSystems }))
      expect((await failure(() => committer.commit(committables, true))).message).to.equal('down')
      await committer.commit(committables, true)
      expect(Object.values(await files(directory))).to.deep.equal(['1,x\n', '2,x\n'])
    }))

  it('shows rows once when a later master runs a job again whose commit broke off', () =>
    inDirectory(async (directory) => {
      const small = sinkSpec(AB, { ...OPTIONS, 'sink.rolling-policy.file-size': '1b' })
      const run = async () =>
        runSink(
          await loadSink(small),
          operatorContext({ directory }),
          [1, 2].map((n) => batchOf(AB, [[n, 'x']])),
        )
      let renames = 0
      const fileSystems = new FileSystems(directory)
      const breaking: FileSystem = {
        ...localFileSystem,
        rename: (from, to) => (renames++ === 1 ? Promise.reject(new Error('killed')) : localFileSystem.rename(from, to)),
      }
      fileSystems.register('file', breaking, `file://${directory}`)
      const first = new FileCommitter(spec, coordinatorContext({ fileSystems }))
      await first.start()
      await failure(async () => first.commit(await run(), true))
      expect(
        (await readdir(join(directory, 'out'))).filter((name) => name.startsWith('part-')),
        'shown by the first',
      ).to.have.length(1)
      // What it staged is not known to the next master: the job runs again, under the same id.
      const second = new FileCommitter(spec, coordinatorContext({ directory }))
      await second.start()
      const committables = await run()
      await second.commit(committables, true)
      await second.commit(committables, true)
      expect(Object.values(await files(directory))).to.deep.equal(['1,x\n', '2,x\n'])
    }))

  it('does not touch the files of another run of the same attempt', () =>
    inDirectory(async (directory) => {
      const committer = new FileCommitter(spec, coordinatorContext({ directory }))
      await committer.start()
      const [orphaned, mine] = [await staged(directory), await staged(directory)] as { staged: string; name: string }[][]
      expect(orphaned?.[0]?.name).to.equal(mine?.[0]?.name)
      expect(orphaned?.[0]?.staged).not.to.equal(mine?.[0]?.staged)
      await committer.commit(mine ?? [], true)
      expect(Object.values(await files(directory))).to.deep.equal(['0,x\n'])
    }))

  it('ignores what an abandoned attempt wrote, and removes it', () =>
    inDirectory(async (directory) => {
      const committer = new FileCommitter(spec, coordinatorContext({ directory }))
      await committer.start()
      await staged(directory, 0)
      const second = await staged(directory, 1)
      await committer.commit(second, true)
      expect(Object.values(await files(directory))).to.deep.equal(['1,x\n'])
    }))

  it('refuses to replace another file, and tells when a staged file is gone or cut', () =>
    inDirectory(async (directory) => {
      const committer = new FileCommitter(spec, coordinatorContext({ directory }))
      await committer.start()
      const [part] = (await staged(directory)) as { staged: string; name: string; length: number }[]
      if (part === undefined) throw new Error('no file')
      const other = await failure(async () => {
        await writeFile(join(directory, 'out', part.name), 'something else')
        await committer.commit([part], true)
      })
      expect(other).to.include({ code: 'SINK_COMMIT_FAILED' })
      await committer.start()
      const gone = await failure(() => committer.commit([part], true))
      expect(gone.message).to.contain('neither it nor')
      const [again] = (await staged(directory)) as { staged: string; name: string; length: number }[]
      const cut = await failure(() => committer.commit([{ ...again, length: 1 }], true))
      expect(cut.message).to.contain('instead of the 1 bytes')
      expect(await failure(() => committer.commit([{ ...again, name: '../../etc/x' }], true))).to.be.instanceOf(Error)
    }))
})

describe('not-null enforcer', () => {
  const of = schema(['a', notNull(INT)], ['b', STRING])
  it('fails the job, or drops the row', () =>
    inDirectory(async (directory) => {
      const batch = batchOf(of, [
        [1, null],
        [null, 'x'],
        [3, 'y'],
      ])
      const error = await failure(async () => runSink(await loadSink(sinkSpec(of, OPTIONS)), operatorContext({ directory }), [batch]))
      expect(error).to.include({ code: 'SINK_NOT_NULL' })
      expect(error.message).to.contain("Column 'a' is NOT NULL, however, a null value is being written into it")
      const dropping = sinkSpec(of, OPTIONS, 'DROP')
      const committables = await runSink(await loadSink(dropping), operatorContext({ directory, attempt: 1 }), [batch])
      await new FileCommitter(dropping, coordinatorContext({ directory })).commit(committables, true)
      expect(Object.values(await files(directory))).to.deep.equal(['1,\n3,y\n'])
    }))
})
