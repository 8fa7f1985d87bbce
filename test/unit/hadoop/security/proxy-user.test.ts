import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { proxyUser } from '#hadoop/conf/user.js'
import { toFileSystemError } from '#hadoop/hdfs/hdfs-errors.js'
import { errorOfAnswer } from '#hadoop/rest/remote-exception.js'
import { clusterLogin } from '#hadoop/security/cluster-login.js'
import { writeCredentials } from '#hadoop/security/credentials.js'
import { systemEnvironment } from '#core/time/environment.js'
import { resourceManagerAuthentication } from '#hadoop/yarn/client-rm/application-client.js'
import { vlongBytes, writableText } from '#hadoop/security/writable.js'

const simple = HadoopConfiguration.of({})
const secure = HadoopConfiguration.of({ 'hadoop.security.authentication': 'kerberos' })
const codeOf = (action: () => unknown): string => {
  try {
    action()
    return 'none'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

describe('acting for another user', () => {
  it('is said by HADOOP_PROXY_USER, and a name that could be something else is refused', () => {
    expect([proxyUser({}), proxyUser({ HADOOP_PROXY_USER: ' ' }), proxyUser({ HADOOP_PROXY_USER: 'bob' })]).to.deep.equal([
      undefined,
      undefined,
      'bob',
    ])
    for (const name of ['a b', 'a&user.name=root', '../x', 'a\nb', 'x'.repeat(300), '-rf', 'a/b'])
      expect(
        codeOf(() => proxyUser({ HADOOP_PROXY_USER: name })),
        name,
      ).to.equal('HADOOP_PROXY_USER_INVALID')
  })

  it('is told to servers of both kinds, with who it is', () => {
    const login = clusterLogin(simple, 'oozie', { proxyUser: 'bob' })
    expect([login.user, login.realUser]).to.deep.equal(['bob', 'oozie'])
    expect(resourceManagerAuthentication(simple, login, systemEnvironment)).to.deep.equal({ user: 'bob', realUser: 'oozie', methods: [] })
    const own = clusterLogin(simple, 'oozie', {})
    expect([own.user, own.realUser]).to.deep.equal(['oozie', undefined])
  })

  it('cannot be done by tokens, which say themselves whom they are for', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-proxy-'))
    try {
      const tokenFile = join(folder, 'tokens')
      const identifier = Buffer.concat([
        Buffer.from([0]),
        ...['alice', 'yarn', ''].map(writableText),
        ...[1, 2, 3, 4].map((number) => vlongBytes(number)),
      ])
      const token = { identifier, password: Buffer.from('p'), kind: 'HDFS_DELEGATION_TOKEN', service: 'nn:1' }
      writeFileSync(tokenFile, writeCredentials({ tokens: new Map([['nn:1', token]]), secrets: new Map() }))
      expect(clusterLogin(secure, 'nobody', { tokenFile }).user).to.equal('alice')
      expect(codeOf(() => clusterLogin(secure, 'nobody', { tokenFile, proxyUser: 'bob' }))).to.equal('HADOOP_PROXY_USER_NEEDS_LOGIN')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('that a cluster does not allow is an error that names the properties, from YARN and from HDFS', () => {
    const answer = (message: string) =>
      errorOfAnswer({
        method: 'GET',
        url: 'http://nn:9870/webhdfs/v1/?doAs=bob',
        status: 403,
        body: JSON.stringify({ RemoteException: { exception: 'AuthorizationException', message } }),
        call: 'GET /',
      })
    const refused = answer('User: oozie/gw.example@REALM is not allowed to impersonate bob')
    expect(refused.code).to.equal('HADOOP_IMPERSONATION_REFUSED')
    expect(refused.message).to.match(/hadoop\.proxyuser\.oozie\.hosts/)
    expect(answer('Unauthorized connection for super-user: oozie from IP 10.0.0.1').message).to.match(/hadoop\.proxyuser\.oozie\.hosts/)
    expect(toFileSystemError(refused, '/x', 'status')).to.equal(refused)
    expect(answer('Permission denied: user=bob').code).not.to.equal('HADOOP_IMPERSONATION_REFUSED')
  })
})
