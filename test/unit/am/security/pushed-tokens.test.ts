import { expect } from 'chai'
import { pushedTokens, PushedTokensRefused } from '#am/security/pushed-tokens.js'
import { TokenSupply } from '#am/security/token-supply.js'
import { TOKEN_PUSH_PURPOSE } from '#core/rest/token-responses.js'
import { sealFor } from '#core/security/sealed-box.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { NO_CREDENTIALS, readCredentials, writeCredentials, type Credentials } from '#hadoop/security/credentials.js'
import type { Token } from '#hadoop/security/tokens.js'
import { vlongBytes, writableText } from '#hadoop/security/writable.js'

/** Handlers of this gateway ask nothing of whoever calls. */
const CALLER = undefined as never
const NOW = virtualEnvironment(1).clock.now()

function token(owner: string, issued: number, service = 'nn:1', maxDate = NOW + 1e6): Token {
  const identifier = Buffer.concat([
    Buffer.from([0]),
    writableText(owner),
    writableText('yarn'),
    writableText(''),
    vlongBytes(issued),
    vlongBytes(maxDate),
    vlongBytes(1),
    vlongBytes(1),
  ])
  return { identifier, password: Buffer.from('the password'), kind: 'HDFS_DELEGATION_TOKEN', service }
}
const of = (...tokens: Token[]): Credentials => ({ tokens: new Map(tokens.map((one) => [one.service, one])), secrets: new Map() })

describe('tokens that a client pushes', () => {
  function master(first = of(token('alice', NOW - 1000))) {
    const stored: Credentials[] = []
    const supply = new TokenSupply((tokens) => Promise.resolve(void stored.push(tokens)))
    const pushed = pushedTokens({
      hadoop: HadoopConfiguration.of({}),
      owner: 'alice',
      clock: virtualEnvironment(1).clock,
      held: () => supply.newest ?? first,
      take: (tokens) => supply.put(tokens),
    })
    const push = (credentials: Credentials, key = pushed.held().key) =>
      pushed.push(sealFor(Buffer.from(key, 'base64url'), TOKEN_PUSH_PURPOSE, writeCredentials(credentials)))
    return { stored, supply, pushed, push }
  }
  const refused = (push: Promise<unknown>): Promise<string> =>
    push.then(
      () => 'taken',
      (error: unknown) => (PushedTokensRefused.is(error) ? error.details.reason : String(error)),
    )

  it('take the place of those of the same service, and workers get them', async () => {
    const { stored, supply, push } = master()
    const held = await push(of(token('alice', NOW)))
    expect(held.tokens.map((one) => one['issue-date'])).to.deep.equal([NOW])
    await push(of(token('alice', NOW + 1, 'other:1')))
    expect([...stored.at(-1)!.tokens.keys()]).to.deep.equal(['nn:1', 'other:1'])
    const answer = await supply.handlers.newest({ version: 0 }, CALLER)
    expect(answer.version).to.equal(2)
    expect([...readCredentials(Buffer.from(answer.credentials ?? '', 'base64')).tokens.keys()]).to.deep.equal(['nn:1', 'other:1'])
    expect(await supply.handlers.newest({ version: 2 }, CALLER)).not.to.have.property('credentials')
  })

  it('are refused with a reason, and change nothing', async () => {
    const { stored, push, pushed } = master()
    expect(await refused(push(of(token('mallory', NOW))))).to.match(/^one is mallory's/)
    expect(await refused(push(of(token('alice', NOW - 2000))))).to.match(/older than the one/)
    expect(await refused(push(of(token('alice', NOW, 'nn:1', NOW - 1))))).to.match(/has ended/)
    expect(await refused(push(of({ ...token('alice', NOW), kind: 'YARN_AM_RM_TOKEN' })))).to.match(/YARN_AM_RM_TOKEN/)
    expect(await refused(push(of({ ...token('alice', NOW), identifier: Buffer.from([9]) })))).to.match(/only those of HDFS/)
    expect(await refused(push(NO_CREDENTIALS))).to.equal('there are none')
    expect(await refused(push({ ...of(token('alice', NOW)), secrets: new Map([['x', Buffer.from('y')]]) }))).to.match(/other secrets/)
    expect(await refused(push(of(token('alice', NOW)), master().pushed.held().key))).to.match(/not sealed for this JobManager/)
    expect(await refused(pushed.push(Buffer.from('garbage')))).to.match(/not sealed/)
    expect(stored).to.deep.equal([])
  })

  it('tell nothing secret of themselves', () => {
    expect(JSON.stringify(master().pushed.held())).not.to.match(/password|dGhlIHBh/)
  })

  it('are not served when they could not be stored', async () => {
    const supply = new TokenSupply(() => Promise.reject(new Error('disk full')))
    await supply.put(of(token('alice', NOW))).then(
      () => expect.fail('stored'),
      (error: unknown) => expect((error as Error).message).to.equal('disk full'),
    )
    expect(supply.newest).to.equal(undefined)
    expect((await supply.handlers.newest({ version: 0 }, CALLER)).version).to.equal(0)
  })
})
