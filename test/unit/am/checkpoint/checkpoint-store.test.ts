import { expect } from 'chai'
import { CheckpointStore } from '#am/jobmaster/checkpoint/checkpoint-store.js'
import { FileSystemFailed, PermissionDenied } from '#core/fs/errors.js'
import { FileSystems } from '#core/fs/file-systems.js'
import { setLogSink } from '#core/log/logger.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { MemoryFileSystem } from '../../runtime/connectors/memory-file-system.js'

/** A store over files whose deletion fails as `failure` says, and what it warned of. */
async function deleting(failure: (path: string, tried: number) => Error | undefined) {
  const files = new MemoryFileSystem()
  const environment = virtualEnvironment()
  const fileSystems = new FileSystems('/', 'file')
  fileSystems.register('mem', files, 'mem://a')
  for (const name of ['x/1', 'x/2', 'y/3']) await files.create(`mem://a/${name}`)
  const tries = new Map<string, number>()
  const remove = files.delete.bind(files)
  files.delete = (path) => {
    const tried = (tries.get(path) ?? 0) + 1
    tries.set(path, tried)
    const error = failure(path, tried)
    return error === undefined ? remove(path) : Promise.reject(error)
  }
  const warnings: string[] = []
  const formerSink = setLogSink(({ level, message }) => void (level === 'warn' && warnings.push(message)))
  try {
    const done = new CheckpointStore(fileSystems, environment).delete(['mem://a/x/1', 'mem://a/x/2'], ['mem://a/y'])
    for (let turn = 0; turn < 100; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      environment.advance(1_000)
    }
    await done
  } finally {
    setLogSink(formerSink)
  }
  return { left: [...files.files.keys()], warnings, tries: Object.fromEntries(tries) }
}

describe('files of checkpoints that nobody needs', () => {
  const failed = (path: string) => new FileSystemFailed({ path, operation: 'delete', reason: 'for now' })

  it('are deleted later when they cannot be at once', async () => {
    const { left, warnings, tries } = await deleting((path, tried) => (path.endsWith('/1') || tried > 3 ? undefined : failed(path)))
    expect(left).to.deep.equal([])
    expect(warnings).to.deep.equal([])
    expect(tries).to.deep.equal({ 'mem://a/x/1': 1, 'mem://a/x/2': 4, 'mem://a/y': 4 })
  })

  it('stay after so many tries, and are named', async () => {
    const { left, warnings, tries } = await deleting((path) => (path.endsWith('/1') ? failed(path) : undefined))
    expect(left).to.deep.equal(['mem://a/x/1'])
    expect(warnings).to.have.length(1)
    expect(warnings[0]).to.contain('mem://a/x/1 is not needed any more').and.to.contain('for now')
    expect(tries).to.deep.equal({ 'mem://a/x/1': 8, 'mem://a/x/2': 1, 'mem://a/y': 1 })
  })

  it('stay at once when they may not be deleted', async () => {
    const { warnings, tries } = await deleting((path) => (path.endsWith('/1') ? new PermissionDenied({ path, reason: 'x' }) : undefined))
    expect(warnings).to.have.length(1)
    expect(tries['mem://a/x/1']).to.equal(1)
  })
})
