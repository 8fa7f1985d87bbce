import { expect } from 'chai'
import { FileSystems } from '#core/fs/file-systems.js'
import { writeLeader } from '#core/ha/leader-file.js'
import { locateMaster } from '#container/master-locator.js'
import { MemoryFileSystem } from '../runtime/connectors/memory-file-system.js'

const FILE = 'mem://a/leader.json'
const starter = (epoch: number) => ({ kind: 'address' as const, host: 'starter', port: 1, epoch, leaderFile: FILE })

describe('where a worker looks for its master', () => {
  let files: MemoryFileSystem
  let fileSystems: FileSystems
  beforeEach(() => {
    files = new MemoryFileSystem()
    fileSystems = new FileSystems('/', 'file')
    fileSystems.register('mem', files, 'mem://a')
  })
  const written = (epoch: number) => writeLeader(files, FILE, { epoch, host: `master ${epoch}`, port: 2 })
  const found = async (epoch: number, lost: number | undefined) => {
    const address = await locateMaster(starter(epoch), lost, fileSystems)
    return typeof address === 'object' ? address.host : address
  }

  it('is with the one that started it, until a newer one has written its address', async () => {
    expect(await found(2, undefined)).to.equal('starter')
    await written(3)
    expect(await found(2, undefined)).to.equal('master 3')
  })

  it('is not with an older one whose address still stands in the file', async () => {
    await written(1)
    expect(await found(2, undefined)).to.equal('starter')
    expect(await found(2, 2)).to.equal('starter')
  })

  it('is nowhere for now when the file knows none that is as new as the one it lost', async () => {
    await written(1)
    expect(await found(1, 2)).to.equal(undefined)
    files.read = () => {
      throw new Error('out of reach')
    }
    expect(await found(1, 1)).to.equal(undefined)
    expect(await found(1, undefined), 'at its start it goes to the one that started it').to.equal('starter')
  })

  it('is nowhere for good when none may follow', async () => {
    expect(await locateMaster({ kind: 'address', host: 'starter', port: 1, epoch: 1 }, 1, fileSystems)).to.equal('none')
  })
})
