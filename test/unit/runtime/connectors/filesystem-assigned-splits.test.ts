/** An enumerator that follows another: what readers have of its splits is not handed out again, and nothing is forgotten. */
import { expect } from 'chai'
import fc from 'fast-check'
import { FileSystems } from '#core/fs/file-systems.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { INT } from '#core/types/logical-type.js'
import { schema } from '#core/types/schema.js'
import { FileSplitEnumerator } from '#runtime/connectors/filesystem/enumerator.js'
import type { Split } from '#runtime/connectors/filesystem/split.js'
import { coordinatorContext, sourceSpec } from './operator-support.js'
import { MemoryFileSystem } from './memory-file-system.js'

const A = schema(['a', INT])
const IN = 'file:///data/in'
const MONITORED = { 'source.monitor-interval': '1 s' }

class Files {
  readonly files = new MemoryFileSystem()
  readonly fileSystems = new FileSystems('/')
  readonly environment = virtualEnvironment()

  constructor() {
    this.fileSystems.register('file', this.files, 'file:///')
    this.files.directories.add(IN)
  }

  enumerator(options: Record<string, string> = {}): FileSplitEnumerator {
    const spec = sourceSpec(A, { connector: 'filesystem', path: IN, format: 'json', ...options })
    return new FileSplitEnumerator(spec, coordinatorContext({ fileSystems: this.fileSystems, environment: this.environment }))
  }

  put(name: number): void {
    this.files.files.set(`${IN}/${name}`, Buffer.from('1\n'.repeat(name + 1)))
  }

  async look(): Promise<void> {
    this.environment.advance(1_000)
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
}

const pathsOf = (splits: readonly (Split | null)[]) => splits.map((split) => split?.path.slice(IN.length + 1))

describe('splits that readers have', () => {
  it('are not handed out again, the other parts of a new file are', async () => {
    const files = new Files()
    files.put(1)
    const next = files.enumerator(MONITORED)
    await next.start({ splits: [], processedPaths: [`${IN}/0`] })
    const part = (start: number, end: number): Split => ({ path: `${IN}/big`, start, end, fileLength: 100 * 1024 * 1024 })
    next.assigned([part(0, 50 * 1024 * 1024)])
    expect(next.snapshotState()).to.deep.equal({
      splits: [part(50 * 1024 * 1024, 100 * 1024 * 1024)],
      processedPaths: [`${IN}/0`, `${IN}/big`],
    })
    await next.close()
  })

  it('are refused where they are no parts of their file: something would be read twice, or never', async () => {
    const next = new Files().enumerator(MONITORED)
    await next.start({ splits: [], processedPaths: [] })
    expect(() => next.assigned([{ path: `${IN}/1`, start: 1, end: 3, fileLength: 4 }])).to.throw(/data\/in\/1/)
  })

  it('are known as they were when the file has grown since and no checkpoint has it', async () => {
    const files = new Files()
    files.put(3)
    const next = files.enumerator()
    await next.start()
    next.assigned([{ path: `${IN}/3`, start: 0, end: 4, fileLength: 4 }])
    expect(await next.nextSplit()).to.equal(null)
  })

  it('and those that are handed out are every file once, wherever the snapshot and the loss lie', async () => {
    const step = fc.constantFrom<'put' | 'take' | 'snapshot' | 'look' | 'lose'>('put', 'take', 'snapshot', 'look', 'lose')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const files = new Files()
        let enumerator = files.enumerator(MONITORED)
        await enumerator.start()
        let put = 0
        let snapshot: unknown
        let since: Split[] = []
        const read: Split[] = []
        for (const each of [...steps, 'look', ...Array<'take'>(steps.length).fill('take')]) {
          if (each === 'put') files.put(put++)
          else if (each === 'look') await files.look()
          else if (each === 'snapshot') {
            snapshot = structuredClone(enumerator.snapshotState())
            since = []
          } else if (each === 'lose') {
            await enumerator.close()
            enumerator = files.enumerator(MONITORED)
            await enumerator.start(structuredClone(snapshot))
            enumerator.assigned(since)
          } else {
            // What waits is answered when there is a file, or by the next call.
            void enumerator.nextSplit(0).then((split) => {
              if (split === null) return
              read.push(split)
              since.push(split)
            })
            await new Promise((resolve) => setImmediate(resolve))
          }
        }
        await enumerator.close()
        expect(pathsOf(read)).to.have.members(Array.from({ length: put }, (_, i) => String(i)))
      }),
      { numRuns: 60 },
    )
  })
})
