import { expect } from 'chai'
import { DelegationTokenManager, pauseAfterFailure, pauseBeforeRenewal } from '#am/security/delegation-token-manager.js'
import { virtualEnvironment, type VirtualEnvironment } from '#core/time/virtual-environment.js'
import type { Credentials } from '#hadoop/security/credentials.js'

const tokensOf = (number: number): Credentials => ({
  tokens: new Map([
    ['nn:1', { identifier: Buffer.from([number]), password: Buffer.from('p'), kind: 'HDFS_DELEGATION_TOKEN', service: 'nn:1' }],
  ]),
  secrets: new Map(),
})

/** Time goes on second by second, and what a timer began has happened before the next. */
async function pass(environment: VirtualEnvironment, milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 1_000) {
    environment.advance(Math.min(left, 1_000))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('the DelegationTokenManager', () => {
  it('obtains tokens at once, and new ones when three quarters of their validity have passed', async () => {
    const environment = virtualEnvironment(1)
    const asked: number[] = []
    const given: number[] = []
    const manager = new DelegationTokenManager({
      environment,
      ratio: 0.75,
      retryBackoff: 3_600_000,
      obtain: () => {
        asked.push(environment.clock.now())
        return Promise.resolve({ credentials: tokensOf(asked.length), validUntil: environment.clock.now() + 60_000 })
      },
      onTokens: (credentials) => Promise.resolve(void given.push(credentials.tokens.get('nn:1')?.identifier[0] ?? 0)),
    })
    const begin = environment.clock.now()
    await manager.start()
    expect([manager.version, given]).to.deep.equal([1, [1]])
    await pass(environment, 44_000)
    expect(asked.length).to.equal(1)
    await pass(environment, 50_000)
    expect(asked.map((at) => at - begin)).to.deep.equal([0, 45_000, 90_000])
    expect([manager.version, manager.newest]).to.deep.equal([3, tokensOf(3)])
    manager.stop()
    await pass(environment, 600_000)
    expect(asked.length).to.equal(3)
  })

  it('goes on with what it has while no KDC answers, and asks more often the nearer the end is', async () => {
    const environment = virtualEnvironment(1)
    const asked: number[] = []
    let kdc = true
    const manager = new DelegationTokenManager({
      environment,
      ratio: 0.75,
      retryBackoff: 3_600_000,
      obtain: () => {
        asked.push(environment.clock.now())
        return kdc
          ? Promise.resolve({ credentials: tokensOf(asked.length), validUntil: environment.clock.now() + 400_000 })
          : Promise.reject(new Error('no KDC'))
      },
      onTokens: () => Promise.resolve(),
    })
    const begin = environment.clock.now()
    await manager.start()
    kdc = false
    await pass(environment, 360_000)
    // 100 s were left: a quarter of what is left, each time.
    expect(asked.slice(0, 3).map((at) => Math.round((at - begin) / 100))).to.deep.equal([0, 3000, 3250])
    expect(manager.version).to.equal(1)
    kdc = true
    await pass(environment, 40_000)
    expect(manager.version).to.equal(2)
    manager.stop()
  })

  it('says of the first failure that the tokens of the submission go on, and tries again after the pause', async () => {
    const environment = virtualEnvironment(1)
    let asked = 0
    const manager = new DelegationTokenManager({
      environment,
      ratio: 0.75,
      retryBackoff: 10_000,
      obtain: () => (asked++, Promise.reject(new Error('no KDC'))),
      onTokens: () => Promise.resolve(),
    })
    await manager.start()
    expect([asked, manager.newest, manager.version]).to.deep.equal([1, undefined, 0])
    await pass(environment, 10_000)
    expect(asked).to.equal(2)
    manager.stop()
  })

  it('never asks more than once a second, nor sets a timer further than Node can', () => {
    expect([
      pauseBeforeRenewal(10, 0.75),
      pauseBeforeRenewal(-5, 0.75),
      pauseAfterFailure(-5, 10),
      pauseAfterFailure(undefined, 10),
    ]).to.deep.equal(Array(4).fill(1_000))
    expect(pauseBeforeRenewal(Infinity, 0.75)).to.equal(24 * 3600_000)
  })
})
