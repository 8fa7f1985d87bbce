import { expect } from 'chai'
import { after, before, describe, it } from 'mocha'
import { GatewayServer } from '#client/gateway/server.js'
import { SessionManager } from '#client/gateway/session-manager.js'
import type { SessionConnection } from '#client/session/session-connection.js'
import { Configuration } from '#core/config/configuration.js'
import { systemEnvironment } from '#core/time/environment.js'

const JOB = { jid: 'ab'.repeat(16), name: 'a job', state: 'RUNNING', 'start-time': Date.UTC(2024, 0, 2, 3, 4, 5) }
/** A cluster that lists one job and takes none. */
const connection = {
  name: 'the test',
  switches: '',
  master: { jobs: () => Promise.resolve({ jobs: [JOB] }), cancelJob: () => Promise.resolve() },
  details: {},
  files: {},
  gone: () => Promise.resolve(undefined),
} as unknown as SessionConnection

describe('the SQL gateway’s REST endpoint', () => {
  const configuration = Configuration.of({ 'table.local-time-zone': 'UTC', 'sql-gateway.session.max-num': '3' })
  const sessions = new SessionManager({ connection, environment: systemEnvironment }, configuration)
  let server: GatewayServer
  before(async () => {
    server = await GatewayServer.listen(sessions, configuration, '127.0.0.1', [0])
  })
  after(async () => {
    await server.close()
    await sessions.closeAll()
  })

  async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const open = async (properties = {}) =>
    String((await ask('POST', '/v4/sessions', { sessionName: 'x', properties })).body['sessionHandle'])
  const submit = async (session: string, statement: string, more = {}) =>
    String((await ask('POST', `/v4/sessions/${session}/statements`, { statement, ...more })).body['operationHandle'])

  /** The answer to a statement as its client reads it: columns, rows; or the error's last cause. */
  async function run(session: string, statement: string, format = 'PLAIN_TEXT', more = {}): Promise<string[]> {
    const operation = await submit(session, statement, more)
    let path: string | undefined = `/v4/sessions/${session}/operations/${operation}/result/0?rowFormat=${format}`
    const lines: string[] = []
    while (path !== undefined) {
      const { status, body }: { status: number; body: Record<string, unknown> } = await ask('GET', path)
      if (status !== 200)
        return [
          String((body['errors'] as string[])[1])
            .split('Caused by: ')
            .at(-1)
            ?.split('\n\tat ')[0] ?? '',
        ]
      path = body['nextResultUri'] as string | undefined
      const results = body['results'] as { columns: { name: string }[]; data: { fields: unknown[] }[] } | undefined
      if (lines.length === 0 && results !== undefined) lines.push(results.columns.map(({ name }) => name).join('|'))
      for (const { fields } of results?.data ?? []) lines.push(JSON.stringify(fields))
    }
    return lines
  }

  it('tells versions, and knows no path of a later one', async () => {
    expect((await ask('GET', '/v1/api_versions')).body).to.deep.equal({ versions: ['V1', 'V2', 'V3', 'V4'] })
    expect((await ask('GET', '/info')).body).to.deep.equal({ productName: 'Apache Flink', version: '2.3.0' })
    const session = await open()
    const missing = await ask('POST', `/v1/sessions/${session}/configure-session`, { statement: 'USE CATALOG default_catalog' })
    expect(missing).to.deep.equal({ status: 404, body: { errors: [`Not found: /v1/sessions/${session}/configure-session`] } })
    expect((await ask('GET', '/v5/info')).status).to.equal(404)
    expect((await ask('DELETE', `/v4/sessions/${session}`)).body).to.deep.equal({ status: 'CLOSED' })
  })

  it('keeps a session’s catalog and settings, apart from those of others', async () => {
    const [a, b] = [await open({ 'execution.runtime-mode': 'BATCH', 'client.own': 'x' }), await open()]
    expect(await run(a, "CREATE TABLE t (a INT) WITH ('connector' = 'print');")).to.deep.equal(['result', '["OK"]'])
    expect(await run(a, 'SHOW TABLES')).to.deep.equal(['table name', '["t"]'])
    expect(await run(b, 'SHOW TABLES')).to.deep.equal(['table name'])
    await run(a, "SET 'parallelism.default' = '3'")
    const { properties } = (await ask('GET', `/v4/sessions/${a}`)).body as { properties: Record<string, string> }
    expect(properties).to.include({ 'execution.runtime-mode': 'BATCH', 'parallelism.default': '3', 'client.own': 'x' })
    expect((await ask('POST', '/v4/sessions', { properties: { 'parallelism.default': 'many' } })).status).to.equal(500)
    for (const session of [a, b]) await ask('DELETE', `/v4/sessions/${session}`)
    expect((await ask('GET', `/v4/sessions/${a}`)).status).to.equal(500)
  })

  it('has so many sessions and no more', async () => {
    const three = [await open(), await open(), await open()]
    const { status, body } = await ask('POST', '/v4/sessions')
    expect(status).to.equal(500)
    expect(String((body['errors'] as string[])[1])).to.match(/exceeds the max count: 3/)
    for (const session of three) await ask('DELETE', `/v4/sessions/${session}`)
  })

  it('gives a page again, or the next, and no other', async () => {
    const session = await open()
    const operation = await submit(session, 'SHOW CATALOGS')
    const page = async (token: number) => ask('GET', `/v4/sessions/${session}/operations/${operation}/result/${token}?rowFormat=JSON`)
    const first = await page(0)
    expect(first.body).to.include({ resultType: 'PAYLOAD', resultKind: 'SUCCESS_WITH_CONTENT', isQueryResult: false })
    expect(first.body['nextResultUri']).to.equal(`/v4/sessions/${session}/operations/${operation}/result/1?rowFormat=JSON`)
    expect(await page(0)).to.deep.equal(first)
    expect((await page(2)).status).to.equal(500)
    const last = await page(1)
    expect(last.body).to.include({ resultType: 'EOS' })
    expect(last.body).not.to.have.property('nextResultUri')
    expect(await page(1)).to.deep.equal(last)
    expect((await page(0)).status).to.equal(500)
    expect((await page(-1)).status).to.equal(500)
    const status = `/v4/sessions/${session}/operations/${operation}`
    expect((await ask('GET', `${status}/status`)).body).to.deep.equal({ status: 'FINISHED' })
    expect((await ask('POST', `${status}/cancel`)).status).to.equal(500)
    expect((await ask('DELETE', `${status}/close`)).body).to.deep.equal({ status: 'CLOSED' })
    expect((await ask('GET', `${status}/status`)).status).to.equal(500)
    await ask('DELETE', `/v4/sessions/${session}`)
  })

  it('answers by the types of the columns, in both formats; the first version knows one', async () => {
    const session = await open()
    await run(session, "CREATE TABLE t (a INT NOT NULL, PRIMARY KEY (a) NOT ENFORCED) WITH ('connector' = 'print')")
    expect(await run(session, 'DESCRIBE t')).to.deep.equal([
      'name|type|null|key|extras|watermark',
      '["a","INT","FALSE","PRI(a)",null,null]',
    ])
    expect((await run(session, 'DESCRIBE t', 'JSON'))[1]).to.equal('["a","INT",false,"PRI(a)",null,null]')
    expect((await run(session, 'SHOW JOBS', 'JSON'))[1]).to.equal(`["${JOB.jid}","a job","RUNNING","2024-01-02T03:04:05.000Z"]`)
    expect((await run(session, `STOP JOB '${JOB.jid}'`))[1]).to.equal('["OK"]')
    const operation = await submit(session, 'SHOW CATALOGS')
    const path = `/sessions/${session}/operations/${operation}/result/0`
    expect((await ask('GET', `/v1${path}`)).body['nextResultUri']).to.equal(`/v1${path.replace(/0$/, '1')}`)
    expect((await ask('GET', `/v4${path}?rowFormat=XML`)).status).to.equal(400)
    await ask('DELETE', `/v4/sessions/${session}`)
  })

  it('says what is wrong as Flink’s clients expect it, with the place and what was probably meant', async () => {
    const session = await open()
    const wrong = async (statement: string) => (await run(session, statement)).join('\n')
    expect(await wrong('USE CATALOG nope')).to.match(
      /^org\.apache\.flink\.table\.catalog\.exceptions\.CatalogException: A catalog with name \[nope\] does not exist\. at line 1, column 13\.\n {4}USE CATALOG nope\n/,
    )
    expect(await wrong('SHOW TABELS')).to.match(
      /^org\.apache\.flink\.sql\.parser\.impl\.ParseException: Encountered "TABELS" at line 1, column 6\.\n[^]*Did you mean TABLES\?$/,
    )
    expect(await wrong('SELECT x')).to.match(/^org\.apache\.flink\.table\.api\.ValidationException: Column 'x' not found/)
    expect(await wrong("ADD JAR '/x'")).to.match(/^org\.apache\.flink\.table\.api\.TableException: Not supported: the statement ADD JAR/)
    expect(await wrong('SHOW TABLES; SHOW TABLES')).to.match(/^java\.lang\.IllegalArgumentException: only single statement supported/)
    expect(await wrong('')).to.match(/^java\.lang\.IllegalArgumentException: only single statement supported/)
    expect(await wrong("SET 'parallelism.defualt' = '1'")).to.match(/^java\.lang\.IllegalArgumentException: .*parallelism\.default/)
    await ask('DELETE', `/v4/sessions/${session}`)
  })

  it('refuses what is no request', async () => {
    const session = await open()
    expect((await ask('POST', `/v4/sessions/${session}/statements`, 'no json')).status).to.equal(400)
    expect((await ask('POST', `/v4/sessions/${session}/statements`, { statement: 5 })).status).to.equal(400)
    expect((await ask('GET', '/v4/sessions/not-an-id')).status).to.equal(400)
    expect((await ask('GET', `/v4/sessions/${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`)).status).to.equal(500)
    await ask('DELETE', `/v4/sessions/${session}`)
  })

  it('configures a session by statements that start no job', async () => {
    const session = await open()
    const configure = (statement: string) => ask('POST', `/v4/sessions/${session}/configure-session`, { statement, executionTimeout: 0 })
    expect(await configure("SET 'parallelism.default' = '2';")).to.deep.equal({ status: 200, body: {} })
    expect(await configure('CREATE DATABASE d')).to.deep.equal({ status: 200, body: {} })
    expect(await configure('USE d')).to.deep.equal({ status: 200, body: {} })
    expect((await configure('SELECT 1')).status).to.equal(500)
    expect((await configure('USE nope')).status).to.equal(500)
    expect(await run(session, 'SHOW CURRENT DATABASE')).to.deep.equal(['current database name', '["d"]'])
    await ask('DELETE', `/v4/sessions/${session}`)
  })

  it('sets options for one statement alone', async () => {
    const session = await open()
    expect(await run(session, 'SHOW TABLES', 'JSON', { executionConfig: { 'parallelism.default': '7' } })).to.deep.equal(['table name'])
    const { properties } = (await ask('GET', `/v4/sessions/${session}`)).body as { properties: Record<string, string> }
    expect(properties['parallelism.default']).not.to.equal('7')
    await ask('DELETE', `/v4/sessions/${session}`)
  })
})
