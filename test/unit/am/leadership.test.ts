import { expect } from 'chai'
import { FileSystemFailed } from '#core/fs/errors.js'
import { writeLeader } from '#core/ha/leader-file.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { leadershipCheck } from '#am/leadership.js'
import { MemoryFileSystem } from '../runtime/connectors/memory-file-system.js'

const FILE = 'mem://a/leader.json'

describe('a master that asks whether it still leads', () => {
  const check = (files: MemoryFileSystem, epoch: number) => {
    const environment = virtualEnvironment()
    const lost: Error[] = []
    let confirmed: unknown = false
    const asked = leadershipCheck(files, FILE, epoch, environment, (error) => lost.push(error))().then(
      () => (confirmed = true),
      (error: unknown) => (confirmed = error),
    )
    return { environment, lost, asked, confirmed: () => confirmed }
  }
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  it('goes on while nobody, an earlier one, or itself stands there', async () => {
    const files = new MemoryFileSystem()
    for (const written of [undefined, 1, 2]) {
      if (written !== undefined) await writeLeader(files, FILE, { epoch: written, host: 'one', port: 1 })
      const { asked, lost, confirmed } = check(files, 2)
      await asked
      expect(confirmed()).to.equal(true)
      expect(lost).to.deep.equal([])
    }
  })

  it('is over once a later one stands there, and is never confirmed', async () => {
    const files = new MemoryFileSystem()
    await writeLeader(files, FILE, { epoch: 3, host: 'two', port: 1 })
    const { lost, confirmed } = check(files, 2)
    await settle()
    expect(lost.map((error) => error.message)).to.deep.equal([
      'Attempt 3 of this application, on two, has taken over from attempt 2, which ends without touching anything',
    ])
    expect(confirmed()).to.equal(false)
  })

  it('waits for a NameNode that restarts, and fails with its error when that takes too long', async () => {
    const files = new MemoryFileSystem()
    const read = files.read.bind(files)
    let broken = true
    files.read = (path, from, to) => {
      if (broken) throw new FileSystemFailed({ path, operation: 'open', reason: 'safe mode' })
      return read(path, from, to)
    }
    const patient = check(files, 2)
    await settle()
    expect(patient.confirmed()).to.equal(false)
    broken = false
    patient.environment.advance(1_000)
    await patient.asked
    expect(patient.confirmed()).to.equal(true)
    broken = true
    const hopeless = check(files, 2)
    for (let i = 0; i < 10; i++) {
      await settle()
      hopeless.environment.advance(5_000)
    }
    await hopeless.asked
    expect(FileSystemFailed.is(hopeless.confirmed())).to.equal(true)
  })
})
