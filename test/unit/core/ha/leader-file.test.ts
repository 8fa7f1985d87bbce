import { expect } from 'chai'
import { FileSystemFailed } from '#core/fs/errors.js'
import { announceLeader, readLeader, writeLeader } from '#core/ha/leader-file.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { MemoryFileSystem } from '../../runtime/connectors/memory-file-system.js'

const FILE = 'mem://a/leader.json'
const FIRST = { epoch: 1, host: 'one', port: 1 }
const SECOND = { epoch: 2, host: 'two', port: 2 }

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('the leader file', () => {
  it('is written as soon as it can be', async () => {
    const files = new MemoryFileSystem()
    const environment = virtualEnvironment()
    const failures: unknown[] = []
    let broken = true
    const create = files.create.bind(files)
    files.create = (path, options) =>
      broken ? Promise.reject(new FileSystemFailed({ path, operation: 'create', reason: 'safe mode' })) : create(path, options)
    const leader = announceLeader(files, FILE, SECOND, environment, (error) => failures.push(error))
    await leader.tried
    for (let i = 0; i < 3; i++) {
      environment.advance(10_000)
      await settle()
    }
    expect(await readLeader(files, FILE)).to.equal(undefined)
    broken = false
    environment.advance(10_000)
    await settle()
    expect(await readLeader(files, FILE)).to.deep.equal(SECOND)
    expect(failures).to.have.length(1)
    await leader.stop()
  })

  it('is written again when what an earlier master had sent off arrives late', async () => {
    const files = new MemoryFileSystem()
    const environment = virtualEnvironment()
    await announceLeader(files, FILE, SECOND, environment, () => undefined).tried
    await writeLeader(files, FILE, FIRST)
    environment.advance(10_000)
    await settle()
    expect(await readLeader(files, FILE)).to.deep.equal(SECOND)
    expect(environment.nextTimer(), 'it has been confirmed and is left alone').to.not.equal(undefined)
    environment.advance(10_000)
    await settle()
    expect(environment.nextTimer()).to.equal(undefined)
  })

  it('is a later master’s when there is one', async () => {
    const files = new MemoryFileSystem()
    const environment = virtualEnvironment()
    await writeLeader(files, FILE, SECOND)
    await announceLeader(files, FILE, FIRST, environment, () => undefined).tried
    expect(await readLeader(files, FILE)).to.deep.equal(SECOND)
    expect(environment.nextTimer()).to.equal(undefined)
  })
})
