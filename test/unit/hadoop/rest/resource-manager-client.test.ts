import { expect } from 'chai'
import { HadoopAnswerUnreadable, HadoopAuthenticationFailed, HadoopHttpFailed, ResourceManagerUnreachable } from '#hadoop/rest/errors.js'
import { negotiateAuthenticator, simpleAuthenticator } from '#hadoop/rest/http-authenticator.js'
import { ResourceManagerClient } from '#hadoop/rest/resource-manager-client.js'
import { endOfLifetime } from '#hadoop/rest/resource-manager-records.js'
import { systemEnvironment, type Environment } from '#core/time/environment.js'
import { rejection } from '../../../support/file-system-contract.js'
import { deadUrl, remoteExceptionBody, scriptedServer, type ScriptedAnswer, type ScriptedServer } from '../../../support/scripted-http.js'

/** Waits end at once. */
const hurried: Environment = { ...systemEnvironment, timers: { after: (_delay, action) => systemEnvironment.timers.after(0, action) } }
const info = (haState: string): ScriptedAnswer => ({ body: { clusterInfo: { id: 1, startedOn: 1, state: 'STARTED', haState } } })
const app = (id: string, more: object = {}) => ({ id, state: 'RUNNING', finalStatus: 'UNDEFINED', ...more })
const notFound: ScriptedAnswer = {
  status: 404,
  body: remoteExceptionBody('org.apache.hadoop.yarn.webapp.NotFoundException', 'java.lang.Exception: app not found'),
}

describe('ResourceManagerClient', () => {
  const servers: ScriptedServer[] = []
  const server = async (...args: Parameters<typeof scriptedServer>) => {
    const made = await scriptedServer(...args)
    servers.push(made)
    return made
  }
  after(() => Promise.all(servers.map((made) => made.close())))
  const client = (...urls: string[]) =>
    new ResourceManagerClient({ urls, authenticator: simpleAuthenticator('alice'), environment: hurried, rounds: 3 })

  it('names the user, asks for JSON, and sends the CSRF header and content type with each change', async () => {
    const rm = await server(() => ({
      body: { 'application-id': 'application_1_0001', 'maximum-resource-capability': { memory: 4096, vCores: 8 } },
    }))
    expect(await client(rm.url).newApplication()).to.deep.equal({
      applicationId: 'application_1_0001',
      maximum: { memory: 4096, vCores: 8 },
    })
    const [request] = rm.requests
    expect(request?.method).to.equal('POST')
    expect(request?.url.pathname).to.equal('/ws/v1/cluster/apps/new-application')
    expect(request?.url.searchParams.get('user.name')).to.equal('alice')
    expect(request?.headers).to.include({ accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'weft' })
    expect(request?.headers).to.have.property('x-xsrf-header')
  })

  it('reads one element, many, none and null alike', async () => {
    const rm = await server()
    const rms = client(rm.url)
    for (const [body, ids] of [
      [{ apps: { app: app('a') } }, ['a']],
      [{ apps: { app: [app('a'), app('b')] } }, ['a', 'b']],
      [{ apps: null }, []],
      [{ apps: {} }, []],
      [{}, []],
    ] as [object, string[]][]) {
      rm.answer(() => ({ body }))
      expect(
        (await rms.applications({ types: ['Weft'], states: ['RUNNING', 'ACCEPTED'], user: 'alice' })).map(({ id }) => id),
      ).to.deep.equal(ids)
    }
    expect(rm.requests[0]?.url.searchParams.get('states')).to.equal('RUNNING,ACCEPTED')
    rm.answer(() => ({ body: { appAttempts: { appAttempt: { id: 1, containerId: 'c' } } } }))
    expect((await rms.attempts('application_1_1'))[0]?.containerId).to.equal('c')
    rm.answer(() => ({ body: {} }))
    expect(await rms.containers('application_1_1', 'appattempt_1_1_000001')).to.deep.equal([])
  })

  it('finds the active one of several by its haState and stays with it', async () => {
    const standby = await server(() => info('STANDBY'))
    const active = await server(({ url }) => (url.pathname.endsWith('/info') ? info('ACTIVE') : { body: { apps: null } }))
    const rms = client(await deadUrl(), standby.url, active.url)
    await rms.applications({})
    await rms.applications({})
    expect(rms.activeUrl).to.equal(active.url)
    expect(standby.requests).to.have.length(1)
    expect(active.requests).to.have.length(3)
  })

  it('goes to the new active one when the old one redirects, or says in plain text that there is none', async () => {
    let first = 'ACTIVE'
    const one = await server(({ url }) =>
      url.pathname.endsWith('/info')
        ? info(first)
        : first === 'ACTIVE'
          ? { body: { apps: null } }
          : { status: 307, headers: { Location: `${two.url}${url.pathname}` }, body: 'This is standby RM. The redirect url is: …' },
    )
    const two: ScriptedServer = await server(({ url }) =>
      url.pathname.endsWith('/info') ? info(first === 'ACTIVE' ? 'STANDBY' : 'ACTIVE') : { body: { apps: { app: app('moved') } } },
    )
    const rms = client(one.url, two.url)
    await rms.applications({})
    first = 'STANDBY'
    expect((await rms.applications({}))[0]?.id).to.equal('moved')
    expect(rms.activeUrl).to.equal(two.url)
    const none = await server(() => ({ status: 200, headers: { 'Content-Type': 'text/plain' }, body: 'There is no active RM right now.' }))
    const error = await rejection(() => client(none.url).applications({}))
    expect(ResourceManagerUnreachable.is(error) && error.message).to.include(`${none.url}: There is no active RM right now.`)
  })

  it('follows a standby to an active one that the configuration does not name', async () => {
    const active = await server(({ url }) => (url.pathname.endsWith('/info') ? info('ACTIVE') : { body: { apps: null } }))
    const standby = await server(({ url }) =>
      url.pathname.endsWith('/info') ? info('STANDBY') : { status: 307, headers: { Location: `${active.url}/ws/v1/cluster/apps` } },
    )
    const rms = client(standby.url)
    expect(await rms.applications({})).to.deep.equal([])
    expect(rms.activeUrl).to.equal(active.url)
  })

  it('says which addresses were tried with which outcome', async () => {
    const dead = await deadUrl()
    const standby = await server(() => info('STANDBY'))
    const error = await rejection(() => client(dead, standby.url).clusterMetrics())
    expect(ResourceManagerUnreachable.is(error)).to.equal(true)
    expect(error.message)
      .to.include(`${dead}: connection refused (nothing listens there); ${standby.url}: standby.`)
      .and.to.include('HADOOP_CONF_DIR')
  })

  it('limits the life of an application, and reads when it ends', async () => {
    const lifetime = { type: 'LIFETIME', expiryTime: '2030-01-01T01:00:00.000+0100', remainingTimeInSeconds: 5 }
    const app = (timeout: unknown) => ({ body: { app: { id: 'application_1_0007', state: 'RUNNING', timeouts: { timeout } } } })
    const answers = [{ body: { timeout: lifetime } }, app(lifetime), app([{ ...lifetime, expiryTime: 'UNLIMITED' }])]
    const rm = await server((_request, index) => answers[index] ?? { status: 500 })
    const rms = client(rm.url)
    await rms.setLifetime('application_1_0007', Date.UTC(2030, 0, 1))
    expect([rm.requests[0]?.method, rm.requests[0]?.url.pathname]).to.deep.equal(['PUT', '/ws/v1/cluster/apps/application_1_0007/timeout'])
    expect(JSON.parse(rm.requests[0]?.body.toString() ?? '')).to.deep.equal({
      timeout: { type: 'LIFETIME', expiryTime: '2030-01-01T00:00:00.000+0000' },
    })
    const [limited, unlimited] = [await rms.application('application_1_0007'), await rms.application('application_1_0007')]
    expect(limited && endOfLifetime(limited)).to.equal(Date.UTC(2030, 0, 1))
    expect(unlimited && endOfLifetime(unlimited)).to.equal(undefined)
  })

  it('sends a submission again, the same one, when its answer is lost', async () => {
    const rm = await server((_request, index) => (index === 0 ? { fault: 'reset' } : { status: 202 }))
    await client(rm.url).submit({
      applicationId: 'application_1_0007',
      name: 'n',
      type: 'Weft',
      queue: 'q',
      priority: 3,
      tags: ['a', 'b'],
      maxAttempts: 2,
      attemptFailuresValidityInterval: 600_000,
      lifetime: 60_000,
      keepContainers: true,
      nodeLabel: 'gpu',
      resource: { memoryMb: 256, vcores: 1 },
      localResources: [{ link: 'a b', uri: 'hdfs://nn:8020/dir/a b%.txt', size: 3, timestamp: 4, type: 'FILE', visibility: 'APPLICATION' }],
      environment: { K: 'v' },
      command: 'exec x',
      secrets: { s: Buffer.from([251, 255]) },
      tokens: {},
      acls: { view: '*' },
      rolledLogs: { include: '.*' },
    })
    expect(rm.requests).to.have.length(2)
    expect(rm.requests[0]?.body.toString()).to.equal(rm.requests[1]?.body.toString())
    expect(JSON.parse(rm.requests[1]?.body.toString() ?? '')).to.deep.equal({
      'application-id': 'application_1_0007',
      'application-name': 'n',
      'application-type': 'Weft',
      queue: 'q',
      priority: 3,
      'unmanaged-AM': false,
      'max-app-attempts': 2,
      'keep-containers-across-application-attempts': true,
      'attempt-failures-validity-interval': 600_000,
      'app-node-label-expression': 'gpu',
      'am-container-node-label-expression': 'gpu',
      resource: { memory: 256, vCores: 1 },
      'application-tags': { tag: ['a', 'b'] },
      'log-aggregation-context': { 'rolled-log-include-pattern': '.*' },
      'am-container-spec': {
        'local-resources': {
          entry: [
            {
              key: 'a b',
              value: { resource: 'hdfs://nn:8020/dir/a%20b%25.txt', type: 'FILE', visibility: 'APPLICATION', size: 3, timestamp: 4 },
            },
          ],
        },
        environment: { entry: [{ key: 'K', value: 'v' }] },
        commands: { command: 'exec x' },
        credentials: { tokens: { entry: [] }, secrets: { entry: [{ key: 's', value: '-_8' }] } },
        'application-acls': { entry: [{ key: 'VIEW_APP', value: '*' }] },
      },
    })
  })

  it('believes that an application is unknown only from a ResourceManager that is active', async () => {
    let asked = 0
    const rm = await server(({ url }) => {
      if (url.pathname.endsWith('/info')) return info(asked < 2 ? 'INITIALIZING' : 'ACTIVE')
      return ++asked < 3 ? notFound : { body: { app: app('application_1_0001') } }
    })
    expect((await client(rm.url).application('application_1_0001'))?.id).to.equal('application_1_0001')
    rm.answer(({ url }) => (url.pathname.endsWith('/info') ? info('ACTIVE') : notFound))
    expect(await client(rm.url).application('application_1_0001')).to.equal(undefined)
    rm.answer(({ url }) => (url.pathname.endsWith('/info') ? info('INITIALIZING') : notFound))
    expect(ResourceManagerUnreachable.is(await rejection(() => client(rm.url).application('application_1_0001')))).to.equal(true)
  })

  it('tells a pending kill from a finished one', async () => {
    const rm = await server((_request, index) =>
      index === 0 ? { status: 202, body: { state: 'KILLING' } } : { status: 200, body: { state: 'KILLED' } },
    )
    expect(await client(rm.url).kill('application_1_0001', 'why')).to.equal('pending')
    expect(await client(rm.url).kill('application_1_0001', 'why')).to.equal('killed')
    expect(JSON.parse(rm.requests[0]?.body.toString() ?? '')).to.deep.equal({ state: 'KILLED', diagnostics: 'why' })
  })

  it('gives plain-text refusals, other shapes and broken answers their own errors', async () => {
    const rm = await server(() => ({
      status: 403,
      headers: { 'Content-Type': 'application/json' },
      body: 'App submission via REST is disabled.',
    }))
    const refused = await rejection(() => client(rm.url).newApplication())
    expect(HadoopHttpFailed.is(refused) && refused.message).to.include('HTTP 403: App submission via REST is disabled.')
    rm.answer(() => ({ body: { 'application-id': 'nonsense', 'maximum-resource-capability': { memory: 1, vCores: 1 } } }))
    expect(HadoopAnswerUnreadable.is(await rejection(() => client(rm.url).newApplication()))).to.equal(true)
    rm.answer(() => ({ status: 200, headers: { 'Content-Type': 'text/html' }, body: '<html>another server</html>' }))
    expect((await rejection(() => client(rm.url).clusterMetrics())).message).to.include('it is not JSON: another server')
    rm.answer((_request, index) => (index % 2 === 1 ? { body: { apps: null } } : { body: { apps: null }, fault: 'half' }))
    expect(await client(rm.url).applications({})).to.deep.equal([])
  })

  it('answers a 401 with one new handshake, and says what it wants when there is none', async () => {
    const rm = await server(({ headers }) =>
      headers.authorization === 'Negotiate 2'
        ? { body: { apps: null }, headers: { 'Set-Cookie': 'hadoop.auth=c2; Path=/' } }
        : { status: 401, body: '<h1>Authentication required</h1>' },
    )
    let made = 0
    const authenticator = negotiateAuthenticator(async () => String(++made))
    authenticator.accepted(new URL(rm.url), ['hadoop.auth=stale'])
    made = 1
    expect(await new ResourceManagerClient({ urls: [rm.url], authenticator, environment: hurried }).applications({})).to.deep.equal([])
    expect(rm.requests[0]?.headers.cookie).to.equal('hadoop.auth=stale')
    const error = await rejection(() => client(rm.url).applications({}))
    expect(HadoopAuthenticationFailed.is(error) && error.message).to.include('Authentication required')
  })
})
