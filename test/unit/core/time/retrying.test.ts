import { expect } from 'chai'
import { FileSystemFailed, PermissionDenied } from '#core/fs/errors.js'
import { retrying, type RetryPolicy } from '#core/time/retrying.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'

const POLICY: RetryPolicy = { tries: 4, first: 100, most: 1_000 }

/** What comes of an action that fails so often before it works, and how often it was tried. */
async function outcome(failures: number, error: Error): Promise<[unknown, number]> {
  const environment = virtualEnvironment()
  let tried = 0
  const result = retrying(environment, POLICY, () => (tried++ < failures ? Promise.reject(error) : Promise.resolve('done'))).catch(
    (reason: unknown) => reason,
  )
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    environment.advance(1_000)
  }
  return [await result, tried]
}

describe('trying again', () => {
  const failed = new FileSystemFailed({ path: '/a', operation: 'delete', reason: 'for now' })
  it('ends with the first success', async () => {
    expect(await outcome(3, failed)).to.deep.equal(['done', 4])
  })
  it('ends with the error of the last try', async () => {
    expect(await outcome(9, failed)).to.deep.equal([failed, 4])
  })
  it('is not done for what will not pass', async () => {
    const denied = new PermissionDenied({ path: '/a', reason: 'not yours' })
    expect(await outcome(9, denied)).to.deep.equal([denied, 1])
  })
})
