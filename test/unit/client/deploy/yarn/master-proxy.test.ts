import { expect } from 'chai'
import { MasterRefused, MasterUnreachable } from '#client/cluster/master-client.js'
import { proxyBaseUrl, proxyTransport } from '#client/deploy/yarn/master-proxy.js'
import type { YarnCluster } from '#client/deploy/yarn/yarn-cluster.js'
import { systemEnvironment } from '#core/time/environment.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { createWebHdfsClient } from '#hadoop/hdfs/hdfs-file-system.js'
import { ResourceManagerClient } from '#hadoop/rest/resource-manager-client.js'
import { clusterLogin } from '#hadoop/security/cluster-login.js'
import { rejection } from '../../../../support/file-system-contract.js'
import { deadUrl, scriptedServer, type ScriptedServer } from '../../../../support/scripted-http.js'

describe('the master through the web proxy', () => {
  let rm: ScriptedServer
  before(async () => (rm = await scriptedServer()))
  after(() => rm.close())
  const clusterAt = (url: string, properties: Record<string, string> = {}): YarnCluster => {
    const hadoop = HadoopConfiguration.of(properties)
    const login = clusterLogin(hadoop, 'alice', {})
    const authenticator = login.resourceManager
    return {
      hadoop,
      user: 'alice',
      login,
      authenticator,
      environment: systemEnvironment,
      clientTimeoutMs: 5_000,
      resourceManager: new ResourceManagerClient({ urls: [url], authenticator }),
      hdfs: createWebHdfsClient(hadoop, 'alice'),
    }
  }
  const request = (method: 'GET' | 'PUT', path: string) => proxyTransport(clusterAt(rm.url), 'application_1_0001').request(method, path)

  it('is asked below /proxy/<application>, as the user', async () => {
    rm.answer(() => ({ body: { jobs: [] } }))
    expect(await request('GET', '/jobs/x/collect?token=3')).to.deep.equal({ jobs: [] })
    const asked = rm.requests.at(-1)
    expect(asked?.url.pathname).to.equal('/proxy/application_1_0001/jobs/x/collect')
    expect(Object.fromEntries(asked?.url.searchParams ?? [])).to.deep.equal({ token: '3', 'user.name': 'alice' })
  })

  it('is behind a proxy of its own where one is configured', () => {
    expect(proxyBaseUrl(clusterAt(rm.url), 'application_1_0001')).to.equal(`${rm.url}/proxy/application_1_0001/`)
    expect(
      proxyBaseUrl(clusterAt(rm.url, { 'yarn.web-proxy.address': 'proxy:8089', 'yarn.http.policy': 'HTTPS_ONLY' }), 'application_1_0001'),
    ).to.equal('https://proxy:8089/proxy/application_1_0001/')
  })

  it('is unreachable while the proxy answers with pages, redirects or errors of its own', async () => {
    for (const answer of [
      { status: 302, headers: { Location: 'http://rm/cluster/app/x' }, body: 'Moved' },
      { status: 500, body: '<html><body>HTTP ERROR 500 Connection refused</body></html>' },
      { status: 200, body: '<html>the application page</html>' },
      { status: 503, body: { errors: ['not ready'] } },
    ]) {
      rm.answer(() => answer)
      expect(MasterUnreachable.is(await rejection(() => request('GET', 'overview'))), JSON.stringify(answer)).to.equal(true)
    }
    const gone = await deadUrl()
    expect(
      MasterUnreachable.is(await rejection(() => proxyTransport(clusterAt(gone), 'application_1_0001').request('GET', 'overview'))),
    ).to.equal(true)
  })

  it('refuses with its own words', async () => {
    rm.answer(() => ({ status: 404, body: { errors: ['Job x is not known'] } }))
    const error = await rejection(() => request('GET', 'jobs/x'))
    expect(MasterRefused.is(error) && error.message).to.include('Job x is not known')
  })
})
