import { expect } from 'chai'
import {
  actingFor,
  delegationAuthenticator,
  lazyAuthenticator,
  negotiateAuthenticator,
  simpleAuthenticator,
} from '#hadoop/rest/http-authenticator.js'
import { KerberosNoTicket } from '#hadoop/security/errors.js'
import { decodeToken } from '#hadoop/security/tokens.js'

const url = new URL('http://rm.example:8088/ws/v1/cluster/info')

describe('authentication over HTTP', () => {
  it('without Kerberos names the user in the query', async () => {
    expect(await simpleAuthenticator('alice').credentialsFor(url)).to.deep.equal({ query: { 'user.name': 'alice' }, headers: {} })
  })

  it('with Kerberos sends a token for the host, then the cookie, verbatim', async () => {
    const services: string[] = []
    const authenticator = negotiateAuthenticator(async (service) => `token${services.push(service)}`)
    expect((await authenticator.credentialsFor(url)).headers).to.deep.equal({ Authorization: 'Negotiate token1' })
    expect(services).to.deep.equal(['HTTP@rm.example'])
    authenticator.accepted(url, ['other=1', 'hadoop.auth="u=alice&t=kerberos&s=x="; Path=/; HttpOnly'])
    expect((await authenticator.credentialsFor(url)).headers).to.deep.equal({ Cookie: 'hadoop.auth="u=alice&t=kerberos&s=x="' })
  })

  it('on behalf of another names him with each request, also beside a cookie, which names the other', async () => {
    expect((await actingFor('bob', simpleAuthenticator('alice')).credentialsFor(url)).query).to.deep.equal({
      'user.name': 'alice',
      doAs: 'bob',
    })
    const authenticator = actingFor(
      'bob',
      negotiateAuthenticator(async () => 'token'),
    )
    expect((await authenticator.credentialsFor(url)).query).to.deep.equal({ doAs: 'bob' })
    authenticator.accepted(url, ['hadoop.auth=a'])
    expect(await authenticator.credentialsFor(url)).to.deep.equal({ query: { doAs: 'bob' }, headers: { Cookie: 'hadoop.auth=a' } })
    expect(await authenticator.rejected(url)).to.equal(true)
  })

  it('keeps a server’s cookie from every other server', async () => {
    const authenticator = negotiateAuthenticator(async () => 'token')
    authenticator.accepted(url, ['hadoop.auth=a'])
    expect((await authenticator.credentialsFor(new URL('http://rm.example:9999/'))).headers).to.deep.equal({
      Authorization: 'Negotiate token',
    })
  })

  it('makes one new handshake when a cookie has run out, none when the handshake was refused', async () => {
    const authenticator = negotiateAuthenticator(async () => 'token')
    expect(await authenticator.rejected(url)).to.equal(false)
    authenticator.accepted(url, ['hadoop.auth=a'])
    expect(await authenticator.rejected(url)).to.equal(true)
    expect((await authenticator.credentialsFor(url)).headers).to.deep.equal({ Authorization: 'Negotiate token' })
    expect(await authenticator.rejected(url)).to.equal(false)
    authenticator.accepted(url, ['hadoop.auth=b'])
    expect(await authenticator.rejected(url)).to.equal(true)
  })

  it('drops a cookie that the server empties', async () => {
    const authenticator = negotiateAuthenticator(async () => 'token')
    authenticator.accepted(url, ['hadoop.auth=a'])
    authenticator.accepted(url, ['hadoop.auth=; Max-Age=0'])
    expect((await authenticator.credentialsFor(url)).headers).to.have.property('Authorization')
  })

  it('with a delegation token sends that: to HDFS in the query, to the ResourceManager in its header, the newest each time', async () => {
    let number = 0
    const token = () =>
      Promise.resolve({ identifier: Buffer.from([++number]), password: Buffer.from('p'), kind: 'HDFS_DELEGATION_TOKEN', service: 's:1' })
    const hdfs = delegationAuthenticator('hdfs', token)
    const first = (await hdfs.credentialsFor(url)).query['delegation'] ?? ''
    expect([
      decodeToken(first).identifier[0],
      decodeToken((await hdfs.credentialsFor(url)).query['delegation'] ?? '').identifier[0],
    ]).to.deep.equal([1, 2])
    const manager = await delegationAuthenticator('resourcemanager', token).credentialsFor(url)
    expect(manager.query).to.deep.equal({})
    expect(decodeToken(manager.headers['X-Hadoop-Delegation-Token'] ?? '').identifier[0]).to.equal(3)
    expect(await hdfs.rejected(url)).to.equal(false)
  })

  it('logs in only when the first request is made, and says then what is wrong', async () => {
    const failing = lazyAuthenticator(() => {
      throw new KerberosNoTicket({ who: 'the default ticket cache', detail: 'No credentials cache found' })
    })
    failing.accepted(url, [])
    expect(await failing.rejected(url)).to.equal(false)
    const error = await failing.credentialsFor(url).catch((failure: unknown) => failure)
    expect(KerberosNoTicket.is(error)).to.equal(true)
    let made = 0
    const lazy = lazyAuthenticator(() => (made++, simpleAuthenticator('alice')))
    expect(made).to.equal(0)
    await lazy.credentialsFor(url)
    await lazy.credentialsFor(url)
    expect(made).to.equal(1)
  })
})
