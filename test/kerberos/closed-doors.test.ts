/**
 * A running job from outside: every route of the master with every credential that should not do, every port of every process, and every place where a
 * secret could have come to light.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { ROUTES } from '#am/rest/routes.js'
import { containersOf } from './containers.js'
import { SecureCluster, type SecureUser } from './secure-cluster.js'

/** Of a cookie of Hadoop's: it has run out soon. */
const COOKIE_SECONDS = 20
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'] as const
const CONFIGURATION_CANARY = 'canary-c0nf1gurat10n'
const SITE_CANARY = 'canary-s1te-f1le'
const MIB = 1024 * 1024

describe('a Kerberized application, from outside', () => {
  let cluster: SecureCluster
  let alice: SecureUser
  let mallory: SecureUser
  let folder: string
  let applicationId = ''
  let jobId = ''
  let restPort = 0
  let output = ''

  before(async function () {
    this.timeout(600_000)
    folder = mkdtempSync(join(tmpdir(), 'weft-kerberos-'))
    cluster = await SecureCluster.start({
      name: 'kerberos-closed-doors',
      kerberos: 'privacy',
      properties: { 'hadoop.http.authentication.token.validity': String(COOKIE_SECONDS), 'fs.s3a.secret.key': SITE_CANARY },
    })
    alice = await cluster.user('alice')
    mallory = await cluster.user('mallory')
    const script = join(folder, 'endless.sql')
    writeFileSync(
      script,
      `SET 'execution.checkpointing.interval' = '1 s';
       CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.n.min' = '1', 'fields.n.max' = '50');
       CREATE TABLE s (n BIGINT, c BIGINT) WITH ('connector' = 'blackhole');
       INSERT INTO s SELECT n, COUNT(*) FROM g GROUP BY n;`,
    )
    const submitted = await alice.weft(
      [
        'run',
        '-t',
        'yarn-application',
        '-d',
        `-Dsecurity.kerberos.login.keytab=${cluster.keytab('alice')}`,
        '-Dsecurity.kerberos.login.principal=alice',
        `-Dmetrics.reporter.canary.apikey=${CONFIGURATION_CANARY}`,
        '-Dyarn.view.acls=bob',
        script,
      ],
      { environment: { KRB5CCNAME: join(folder, 'none') } },
    )
    output = submitted.stdout + submitted.stderr
    expect(submitted.status, submitted.stderr).to.equal(0)
    ;[applicationId = '', jobId = ''] = submitted.stdout.trim().split('\n')
    await untilWorkersRun()
    const master = containersOf(applicationId).find(({ role }) => role === 'am')!
    const log = containerFiles(master.pid, 'log').join('\n')
    restPort = Number(/REST endpoint listens on port (\d+)/.exec(log)?.[1] ?? 0)
    expect(restPort, log.slice(0, 2_000)).to.be.greaterThan(0)
  })
  after(async function () {
    this.timeout(60_000)
    rmSync(folder, { recursive: true, force: true })
    await cluster?.stop()
  })

  async function untilWorkersRun(): Promise<void> {
    const deadline = Date.now() + 60_000
    while (!containersOf(applicationId).some(({ role }) => role === 'container') && Date.now() < deadline) await pause(500)
    await pause(3_000)
  }

  /** What a container wrote, or its working directory's own files (no links to localized ones, but those that were made there). */
  function containerFiles(pid: number, what: 'log' | 'directory'): string[] {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
    const directory =
      what === 'directory' ? readlinkSync(`/proc/${pid}/cwd`) : (/(?:^|\0)LOG_DIRS=([^\0,]+)/.exec(environment)?.[1] ?? '/nowhere')
    return readdirSync(directory).flatMap((name) => {
      const path = join(directory, name)
      // Credentials are where secrets belong, and the keytab that the master was given.
      const own = /container_tokens|krb5\.keytab/.test(name)
      return !own && statSync(path).isFile() && statSync(path).size < MIB ? [readFileSync(path, 'latin1')] : []
    })
  }

  function ask(options: {
    method: string
    path: string
    headers: Readonly<Record<string, string>>
    localAddress?: string
  }): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { host: options.localAddress ?? '127.0.0.1', port: restPort, ...options, agent: false, family: 4 },
        (response) => {
          let text = ''
          response.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')))
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        },
      )
      outgoing.on('error', reject)
      outgoing.end()
    })
  }

  /** Every path that the server has, with the ids of what runs. */
  const paths = (): string[] => [
    ...new Set(
      ['/', '/favicon.ico', ...ROUTES.flatMap(({ path }) => [path, `/v1${path}`])].map((path) =>
        path.replaceAll(/:jobid|:applicationid/g, jobId).replaceAll(/:\w+/g, '1'),
      ),
    ),
  ]

  it('answers 401 or 403 to none, expired, other users’ and replayed credentials, on every route by every method', async function () {
    this.timeout(300_000)
    const proxyUrl = (path: string) => new URL(`${cluster.hadoop.resourceManager}/proxy/${applicationId}${path}`)
    const ticket = async (user: SecureUser) => (await user.login.resourceManager.credentialsFor(proxyUrl('/'))).headers
    const login = await fetch(`${cluster.hadoop.resourceManager}/ws/v1/cluster/info`, { headers: await ticket(alice) })
    const cookie = /hadoop\.auth=[^;]*/.exec(login.headers.get('set-cookie') ?? '')?.[0] ?? ''
    expect(cookie, 'a cookie of alice').not.to.equal('')
    const replayed = { ...(await ticket(alice)), cookie: `${cookie}; proxy-user=alice` }
    await pause((COOKIE_SECONDS + 2) * 1000)
    const seen = new Map<string, number>()
    const expectRefused = (what: string, status: number, text: string) => {
      expect([401, 403], `${what}: ${status} ${text.slice(0, 300)}`).to.include(status)
      // Jetty's pages repeat the address that was asked for.
      expect(text.replaceAll(`jobs/${jobId}`, '').replaceAll(`applications/${jobId}`, ''), what).not.to.contain(jobId)
      seen.set(String(status), (seen.get(String(status)) ?? 0) + 1)
    }
    for (const path of paths()) {
      for (const method of METHODS) {
        // At the master's own port: from the proxy's host, where a name is believed but none of these is the owner's, and from another address.
        for (const [what, headers, from] of [
          ['none', {}, '127.0.0.1'],
          ['expired', { cookie }, '127.0.0.1'],
          ['mallory', { cookie: 'proxy-user=mallory' }, '127.0.0.1'],
          ['two names', { cookie: 'proxy-user=mallory; proxy-user=alice' }, '127.0.0.1'],
          ['none', {}, '127.0.0.2'],
          ['mallory', { cookie: 'proxy-user=mallory' }, '127.0.0.2'],
          ['replayed', replayed, '127.0.0.2'],
        ] as const) {
          const answer = await ask({ method, path, headers, localAddress: from })
          expectRefused(`${method} ${path}, ${what} from ${from}`, answer.status, answer.text)
        }
      }
      // By YARN's proxy, which lets GET and PUT through.
      for (const method of ['GET', 'PUT']) {
        for (const [what, headers] of [
          ['none', {}],
          ['expired', { cookie }],
          ['forged', { cookie: 'proxy-user=alice' }],
        ] as const) {
          const answer = await fetch(proxyUrl(path), { method, headers, redirect: 'manual' })
          expectRefused(`${method} ${path} by the proxy, ${what}`, answer.status, await answer.text())
        }
      }
    }
    for (const path of paths().filter((path) => !path.startsWith('/v1'))) {
      for (const method of ['GET', 'PUT']) {
        const headers = { ...(await ticket(mallory)) }
        const url = proxyUrl(path)
        url.searchParams.set('proxyapproved', 'true')
        const answer = await fetch(url, { method, headers, redirect: 'manual' })
        expectRefused(`${method} ${path} by the proxy, mallory`, answer.status, await answer.text())
      }
    }
    process.stdout.write(`      refused: ${[...seen].map(([status, count]) => `${count} × ${status}`).join(', ')}\n`)
    expect((await alice.resourceManager.application(applicationId))?.state).to.equal('RUNNING')
  })

  it('lets a user in yarn.view.acls see everything, and neither change anything nor take rows', async () => {
    const headers = { cookie: 'proxy-user=bob' }
    for (const { method, path, right } of ROUTES) {
      const filled = path.replaceAll(/:jobid|:applicationid/g, jobId).replaceAll(/:\w+/g, '1')
      const { status, text } = await ask({ method, path: filled, headers, localAddress: '127.0.0.1' })
      const what = `${method} ${path}: ${status} ${text.slice(0, 300)}`
      if (right === 'VIEW') expect([401, 403], what).not.to.include(status)
      else expect(status, what).to.equal(403)
    }
    expect((await alice.resourceManager.application(applicationId))?.state).to.equal('RUNNING')
  })

  it('listens where it says and nowhere else, also when somebody asks for Node’s inspector', async () => {
    const running = containersOf(applicationId)
    const log = running.flatMap(({ pid }) => containerFiles(pid, 'log')).join('\n')
    const url = `${cluster.hadoop.resourceManager}/proxy/${applicationId}/taskmanagers`
    const { headers } = await alice.login.resourceManager.credentialsFor(new URL(url))
    const { taskmanagers } = (await (await fetch(url, { headers })).json()) as { taskmanagers: { dataPort: number }[] }
    const declared = new Set([
      restPort,
      ...taskmanagers.map(({ dataPort }) => dataPort),
      ...[...log.matchAll(/ port (\d+)/g)].map(([, port]) => Number(port)),
    ])
    for (const { pid } of running) process.kill(pid, 'SIGUSR1')
    await pause(1_000)
    expect(
      containersOf(applicationId).map(({ pid }) => pid),
      'all of them run on',
    ).to.include.members(running.map(({ pid }) => pid))
    for (const { pid, role } of running) {
      const ports = listeningPorts(pid)
      for (const port of ports) expect([...declared], `${role} listens on ${port}`).to.include(port)
      expect(ports, role).not.to.include(9229)
    }
  })

  it('shows no secret: not in REST, pages, logs, arguments, environments, files of its containers or in HDFS', async function () {
    this.timeout(300_000)
    const running = containersOf(applicationId)
    const canaries = new Map<string, Buffer>([
      ['configuration', Buffer.from(CONFIGURATION_CANARY)],
      ['site file', Buffer.from(SITE_CANARY)],
      ['keytab', readFileSync(cluster.keytab('alice')).subarray(-24, -8)],
    ])
    const { readCredentials } = await import('#hadoop/security/credentials.js')
    for (const { environment } of running) {
      const file = /(?:^|\0)HADOOP_TOKEN_FILE_LOCATION=([^\0]+)/.exec(environment)?.[1] ?? ''
      const { tokens, secrets } = readCredentials(readFileSync(file))
      for (const [alias, token] of tokens) canaries.set(`token ${alias}`, Buffer.from(token.password))
      for (const [alias, secret] of secrets) canaries.set(`secret ${alias}`, secret)
    }
    expect([...canaries.keys()].join(), 'the master has them').to.match(/weft\.configuration.*|weft\.kerberos\.keytab/)
    const places = new Map<string, string>([['output of the submission', output]])
    for (const { pid, role, environment, command } of running) {
      places.set(`${role} ${pid}: environment`, environment)
      places.set(`${role} ${pid}: arguments`, command)
      containerFiles(pid, 'log').forEach((text, index) => places.set(`${role} ${pid}: log ${index}`, text))
      containerFiles(pid, 'directory').forEach((text, index) => places.set(`${role} ${pid}: file ${index}`, text))
    }
    places.set('ps', (await promisify(execFile)('ps', ['-eo', 'args'], { maxBuffer: 16 * MIB })).stdout)
    for (const { method, path } of ROUTES) {
      if (method !== 'GET') continue
      const filled = path.replaceAll(/:jobid|:applicationid/g, jobId).replaceAll(/:\w+/g, '1')
      const { headers } = await alice.login.resourceManager.credentialsFor(new URL(cluster.hadoop.resourceManager))
      places.set(
        `GET ${path}`,
        await (await fetch(`${cluster.hadoop.resourceManager}/proxy/${applicationId}${filled}`, { headers })).text(),
      )
      // An answer to nonsense, too.
      places.set(
        `GET ${path}?x`,
        await (await fetch(`${cluster.hadoop.resourceManager}/proxy/${applicationId}${filled}%00?token=x`, { headers })).text(),
      )
    }
    const { headers } = await alice.login.resourceManager.credentialsFor(new URL(cluster.hadoop.resourceManager))
    const configuration = await (
      await fetch(`${cluster.hadoop.resourceManager}/proxy/${applicationId}/jobmanager/config`, { headers })
    ).text()
    expect(configuration, 'it got there, masked').to.match(/metrics\.reporter\.canary\.apikey","value":"\*{6}"/)
    for (const name of await alice.list(`.weft/applications/${applicationId}`)) {
      const file = `.weft/applications/${applicationId}/${name}`
      const status = await alice.hdfs.status(alice.home(file))
      if (status?.type === 'FILE' && status.length < MIB) places.set(`HDFS ${name}`, await alice.read(file))
    }
    const wrong = await alice.weft([
      'run',
      '-t',
      'yarn-application',
      `-Dmetrics.reporter.canary.apikey=${CONFIGURATION_CANARY}`,
      '-Dparallelism.default=x',
      'none.sql',
    ])
    places.set('an error of the client', wrong.stdout + wrong.stderr)
    expect([...places.keys()].filter((place) => place.startsWith('HDFS')).length).to.be.greaterThan(0)

    for (const [place, text] of places) {
      const haystack = Buffer.from(text, 'latin1')
      const decoded = [...text.matchAll(/[A-Za-z0-9+/_-]{24,}={0,2}/g)].map(([coded]) => Buffer.from(coded, 'base64'))
      for (const [what, secret] of canaries) {
        if (secret.length < 8) continue
        const forms = [secret, Buffer.from(secret.toString('hex')), Buffer.from(secret.toString('base64url').slice(0, -2))]
        const found = forms.some((form) => haystack.includes(form)) || decoded.some((bytes) => bytes.includes(secret))
        expect(found, `${what} in ${place}`).to.equal(false)
      }
    }
    process.stdout.write(`      ${canaries.size} secrets in ${places.size} places\n`)
    const ended = await alice.weft(['cancel', applicationId])
    expect(ended.status, ended.stderr).to.equal(0)
  })
})

/** TCP ports on which a process listens. */
function listeningPorts(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/)
        return state === '0A' && sockets.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '0', 16)] : []
      }),
  )
}
