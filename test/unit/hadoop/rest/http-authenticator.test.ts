import { expect } from 'chai'
import { KerberosPackageMissing } from '#hadoop/rest/errors.js'
import { negotiateAuthenticator, simpleAuthenticator } from '#hadoop/rest/http-authenticator.js'

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

  it('names the system packages when the optional package is missing', async function () {
    const installed = await import('kerberos' as string).then(
      () => true,
      () => false,
    )
    const message = new KerberosPackageMissing({ url: 'http://rm', reason: 'x' }).message
    expect(message).to.include('libkrb5-dev').and.to.include('npm install kerberos').and.to.include('http://rm demands Kerberos')
    if (installed) return
    const error = await negotiateAuthenticator()
      .credentialsFor(url)
      .catch((failure: unknown) => failure)
    expect(KerberosPackageMissing.is(error)).to.equal(true)
  })
})
