/** The demo job on a real Kerberized Hadoop, at each level of RPC protection. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { systemEnvironment } from '#core/time/environment.js'
import { nameNodeRpcAddresses, resourceManagerAddresses } from '#hadoop/conf/addresses.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { RpcClient } from '#hadoop/ipc/rpc-client.js'
import { call, protocol } from '#hadoop/ipc/protocol.js'
import { message, optional, string, int32 } from '#hadoop/proto/message.js'
import { defaultHdfsAuthority } from '#hadoop/hdfs/hdfs-file-system.js'
import { kerberosMethod, ServerPrincipal } from '#hadoop/security/gssapi/sasl-gssapi.js'
import { obtainHdfsToken, obtainResourceManagerToken } from '#hadoop/security/delegation-tokens.js'
import { parseRpcProtection, type SaslMechanism, type SaslMethod } from '#hadoop/security/sasl-mechanism.js'
import { writeCredentials } from '#hadoop/security/credentials.js'
import { delegationTokenInfo } from '#hadoop/security/tokens.js'
import { applicationClient } from '#hadoop/yarn/client-rm/application-client.js'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expectedWeeklyDelays, normalizeWeeklyDelay } from '../support/flight-delays.js'
import { SCRIPT, SecureCluster, type SecureUser } from './secure-cluster.js'

/** On one of them everything that hardened clusters switch off and on besides. */
const HARDENED = {
  'yarn.webapp.enable-rest-app-submissions': 'false',
  'yarn.resourcemanager.webapp.rest-csrf.enabled': 'true',
  'yarn.nodemanager.webapp.rest-csrf.enabled': 'true',
  'dfs.webhdfs.rest-csrf.enabled': 'true',
}
const LEVELS = [
  { level: 'authentication', layer: undefined, hardened: false },
  { level: 'integrity', layer: 'auth-int', hardened: true },
  { level: 'privacy', layer: 'auth-conf', hardened: false },
] as const

const GetFileInfoRequest = message('hadoop.hdfs.GetFileInfoRequestProto', { src: optional(1, string) })
const GetFileInfoResponse = message('hadoop.hdfs.GetFileInfoResponseProto', {
  fs: optional(1, message('hadoop.hdfs.HdfsFileStatusProto', { fileType: optional(1, int32), owner: optional(5, string) })),
})
const ClientProtocol = protocol('org.apache.hadoop.hdfs.protocol.ClientProtocol', 1, {
  getFileInfo: call(GetFileInfoRequest, GetFileInfoResponse, { retry: 'idempotent' }),
})

/** The same, telling which protection was agreed on. */
function watched(method: SaslMethod, agreed: (string | undefined)[]): SaslMethod {
  return {
    ...method,
    get contextUser() {
      return method.contextUser
    },
    async start(server): Promise<SaslMechanism> {
      const mechanism = await method.start(server)
      return {
        respond: (challenge) => mechanism.respond(challenge),
        async finish(token) {
          const layer = await mechanism.finish(token)
          agreed.push(layer?.protection)
          return layer
        },
      }
    },
  }
}

for (const { level, layer, hardened } of LEVELS) {
  describe(`a Kerberized cluster with hadoop.rpc.protection=${level}${hardened ? ', no submission by REST, CSRF filters' : ''}`, () => {
    let cluster: SecureCluster
    let alice: SecureUser
    let mallory: SecureUser
    let folder: string

    before(async function () {
      this.timeout(600_000)
      folder = mkdtempSync(join(tmpdir(), 'weft-kerberos-'))
      cluster = await SecureCluster.start({ kerberos: level, ...(hardened ? { properties: HARDENED } : {}) })
      alice = await cluster.user('alice')
      mallory = await cluster.user('mallory')
      await alice.uploadExampleData()
    })
    after(async function () {
      this.timeout(60_000)
      rmSync(folder, { recursive: true, force: true })
      await cluster?.stop()
    })

    it('is spoken to by RPC as Kerberos’ user, protected as agreed: NameNode and ResourceManager', async () => {
      const agreed: (string | undefined)[] = []
      const protection = parseRpcProtection(cluster.conf.get('hadoop.rpc.protection'))
      const nameNode = new RpcClient({
        protocol: ClientProtocol,
        addresses: nameNodeRpcAddresses(cluster.conf, defaultHdfsAuthority(cluster.conf)),
        environment: systemEnvironment,
        authentication: () => ({
          methods: [
            watched(
              kerberosMethod({ login: alice.login.kerberos!, protection, serverPrincipal: ServerPrincipal.nameNode(cluster.conf) }),
              agreed,
            ),
          ],
        }),
      })
      try {
        expect((await nameNode.calls.getFileInfo({ src: '/user/alice' })).fs?.owner).to.equal('alice')
        // Several at once over one connection, some larger than a packet.
        const paths = Array.from({ length: 20 }, (_, index) => `/user/alice/${'x'.repeat(200)}${index}`)
        const answers = await Promise.all(paths.map((src) => nameNode.calls.getFileInfo({ src })))
        expect(answers.every(({ fs }) => fs === undefined)).to.equal(true)
      } finally {
        nameNode.close()
      }
      expect(agreed).to.deep.equal([layer])
      const client = applicationClient(cluster.conf, alice.login, systemEnvironment)
      try {
        expect((await client.newApplication()).applicationId).to.match(/^application_\d+_\d+$/)
      } finally {
        client.close()
      }
      expect(resourceManagerAddresses(cluster.conf)).to.have.length(1)
    })

    it('refuses whoever wants other protection, and is refused when it is not the server that is configured', async () => {
      const wrong = (property: string, value: string) => {
        const conf = HadoopConfiguration.of({ ...cluster.conf.toShippedRecord(), [property]: value })
        const client = applicationClient(conf, alice.login, systemEnvironment)
        return client
          .newApplication()
          .then(
            () => 'taken',
            (error: unknown) => (error as Error).message,
          )
          .finally(() => client.close())
      }
      expect(await wrong('hadoop.rpc.protection', level === 'authentication' ? 'privacy' : 'authentication')).to.match(
        /offers the protection/,
      )
      expect(await wrong('yarn.resourcemanager.principal', `rm/elsewhere@${cluster.realm}`)).to.match(/says that it is yarn\/localhost/)
    })

    it('hands out delegation tokens that the ResourceManager may renew, and takes them instead of tickets', async () => {
      const { conf } = cluster
      const hdfs = await obtainHdfsToken(conf, alice.hdfs, defaultHdfsAuthority(conf))
      const manager = await obtainResourceManagerToken(conf, alice.resourceManager)
      if (hdfs === undefined) throw new Error('no token of HDFS')
      expect(delegationTokenInfo(hdfs)).to.include({ owner: 'alice', renewer: 'yarn' })
      expect(hdfs.service).to.match(/^127\.0\.0\.1:\d+$/)
      expect(manager.service).to.match(/^127\.0\.0\.1:\d+$/)
      const file = join(folder, 'tokens')
      writeFileSync(
        file,
        writeCredentials({ tokens: new Map([hdfs, manager].map((token) => [token.service, token])), secrets: new Map() }),
        {
          mode: 0o600,
        },
      )
      const listed = await alice.weft(['list'], { environment: { KRB5CCNAME: join(folder, 'none'), HADOOP_TOKEN_FILE_LOCATION: file } })
      expect([listed.status, listed.stderr]).to.deep.equal([0, ''])
      if (!hardened) return
      // By RPC too, where all that is there are tokens.
      const client = applicationClient(conf, cluster.loginWith({ tokenFile: file }), systemEnvironment)
      expect((await client.newApplication()).applicationId).to.match(/^application_/)
      client.close()
    })

    it('is found in order by weft doctor, and what is wrong is named first', async () => {
      const doctor = await alice.weft(['doctor'])
      expect(doctor.status, doctor.stdout).to.equal(0)
      expect(doctor.stdout).to.match(/^ok +login +alice@\S+, as alice, ticket for \d+ h/m)
      expect(doctor.stdout).to.match(hardened ? /^ok +submission +by RPC/m : /^ok +submission +by REST/m)
      expect(doctor.stdout).to.match(new RegExp(`^ok +RPC +answers, protection ${level}`, 'm'))
      expect(doctor.stdout).to.match(/^ok +delegation tokens .*renewed by yarn/m)
      expect(doctor.stdout).not.to.match(/^(FAIL|-) /m)
      const byKeytab = await alice.weft(
        ['doctor', `-Dsecurity.kerberos.login.keytab=${cluster.keytab('alice')}`, '-Dsecurity.kerberos.login.principal=alice'],
        { environment: { KRB5CCNAME: join(folder, 'none') } },
      )
      expect(byKeytab.status, byKeytab.stdout).to.equal(0)
      const without = await alice.weft(['doctor', '-Dyarn.application.queue=nowhere'], {
        environment: { KRB5CCNAME: join(folder, 'none') },
      })
      expect(without.status).to.equal(1)
      expect(without.stdout).to.match(/^FAIL login +There is no Kerberos ticket.*kinit/m)
      expect(without.stdout).to.match(/^- +queue +not looked at/m)
      expect(without.stdout).to.match(/To be put right first: login\.\n$/)
    })

    it('runs the demo job by the ticket that kinit left: its result is right, nothing of it is left', async () => {
      const result = await alice.weft(['run', '-t', 'yarn-application', SCRIPT])
      expect(result.status, result.stderr).to.equal(0)
      expect(result.stderr).to.match(/Application application_\d+_\d+: FINISHED \/ SUCCEEDED/)
      const lines: string[] = []
      for (const name of await alice.list('examples/data/weekly-delays'))
        lines.push(...(await alice.read(`examples/data/weekly-delays/${name}`)).trimEnd().split('\n'))
      expect(lines.map(normalizeWeeklyDelay).sort()).to.deep.equal(expectedWeeklyDelays())
      expect(await alice.list('.weft/applications')).to.deep.equal([])
      await alice.hdfs.delete(alice.home('examples/data/weekly-delays'))
    })

    it('runs it by keytab, without any ticket', async () => {
      const result = await alice.weft(
        [
          'run',
          '-t',
          'yarn-application',
          `-Dsecurity.kerberos.login.keytab=${cluster.keytab('alice')}`,
          `-Dsecurity.kerberos.login.principal=alice@${cluster.realm}`,
          SCRIPT,
        ],
        { environment: { KRB5CCNAME: join(folder, 'none') } },
      )
      expect(result.status, result.stderr).to.equal(0)
      expect(result.stderr).to.match(/Application application_\d+_\d+: FINISHED \/ SUCCEEDED/)
    })

    it('runs it from the SQL client, by the ticket', async () => {
      await alice.hdfs.delete(alice.home('examples/data/weekly-delays'))
      const result = await alice.weft(['sql-client', '-t', 'yarn-application', '-Dexecution.attached=true', '-f', SCRIPT])
      expect(result.status, result.stderr).to.equal(0)
      const names = await alice.list('examples/data/weekly-delays')
      const parts = await Promise.all(names.map((name) => alice.read(`examples/data/weekly-delays/${name}`)))
      const lines = parts.flatMap((part) => part.trimEnd().split('\n'))
      expect(lines.map(normalizeWeeklyDelay).sort()).to.deep.equal(expectedWeeklyDelays())
    })

    it('has sessions, which take jobs of their owner and of nobody else', async () => {
      const started = await alice.weft(['yarn-session', '-d'])
      expect(started.status, started.stderr).to.equal(0)
      const id = /application_\d+_\d+/.exec(started.stdout)?.[0] ?? ''
      try {
        await alice.hdfs.delete(alice.home('examples/data/weekly-delays'))
        const result = await alice.weft(['run', '-t', 'yarn-session', `-Dyarn.application.id=${id}`, SCRIPT])
        expect(result.status, result.stderr).to.equal(0)
        const refused = await mallory.weft(['run', '-t', 'yarn-session', `-Dyarn.application.id=${id}`, SCRIPT])
        expect(refused.status, refused.stderr).to.equal(1)
      } finally {
        const stopped = await alice.weft(['yarn-session', '-id', id, '--stop'])
        expect(stopped.status, stopped.stderr).to.equal(0)
      }
    })

    it('is read and written by a job in the client’s own process, too, by the ticket', async () => {
      const script = join(folder, 'local.sql')
      writeFileSync(
        script,
        `SET 'execution.runtime-mode' = 'batch';
         CREATE TABLE airports (iata STRING, name STRING, city STRING, state STRING, country STRING, latitude DOUBLE, longitude DOUBLE) WITH ('connector' = 'filesystem', 'path' = '${alice.home('examples/data/airports')}', 'format' = 'csv');
         SELECT COUNT(*) AS airports FROM airports;`,
      )
      const result = await alice.weft(['run', script])
      expect(result.status, result.stderr).to.equal(0)
      const without = await alice.weft(['run', script], { environment: { KRB5CCNAME: join(folder, 'none') } })
      expect(without.status).to.equal(1)
      expect(without.stderr).to.match(/There is no Kerberos ticket/)
    })

    it('keeps a running job to its owner: neither through the proxy, nor at the master’s port, nor in HDFS can mallory do anything', async () => {
      const script = join(folder, 'endless.sql')
      writeFileSync(
        script,
        `CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10');
         CREATE TABLE s (n BIGINT) WITH ('connector' = 'blackhole');
         INSERT INTO s SELECT n FROM g;`,
      )
      const submitted = await alice.weft(['run', '-t', 'yarn-application', '-d', script])
      expect(submitted.status, submitted.stderr).to.equal(0)
      const [applicationId = '', jobId = ''] = submitted.stdout.trim().split('\n')
      try {
        const folderOfIt = alice.home(`.weft/applications/${applicationId}`)
        expect((await alice.hdfs.status(folderOfIt))?.permission).to.equal('700')
        for await (const file of alice.hdfs.list(folderOfIt))
          expect(file.permission, file.pathSuffix).to.equal(file.type === 'DIRECTORY' ? '700' : '600')
        const shown = await alice.weft(['status', applicationId])
        expect([shown.status, shown.stdout.includes(jobId)]).to.deep.equal([0, true])

        const { trackingUrl = '' } = (await alice.resourceManager.application(applicationId)) ?? {}
        expect(trackingUrl).to.contain('/proxy/')
        const proxy = `${cluster.hadoop.resourceManager}/proxy/${applicationId}`
        for (const [method, path] of [
          ['GET', 'jobs'],
          ['GET', `jobs/${jobId}`],
          ['GET', 'jobs?proxyapproved=true'],
          ['PUT', `jobs/${jobId}/cancel`],
          ['PUT', `applications/${jobId}/cancel?proxyapproved=true`],
        ] as const) {
          const url = new URL(`${proxy}/${path}`)
          const { headers } = await mallory.login.resourceManager.credentialsFor(url)
          const asMallory = await fetch(url, { method, headers, redirect: 'manual' })
          const text = await asMallory.text()
          // Either the proxy's warning, which shows nothing, or the master's refusal.
          expect(text, `${method} ${path}`).not.to.contain(jobId.slice(0, 16) + '"')
          if (path.includes('proxyapproved')) expect([asMallory.status, /User mallory may not/.test(text)], text).to.deep.equal([403, true])
          const forged = await fetch(url, { method, headers: { cookie: 'proxy-user=alice' }, redirect: 'manual' })
          expect(forged.status, `${method} ${path} without a ticket`).to.equal(401)
        }
        const killed = await mallory.weft(['cancel', applicationId])
        expect(killed.status).to.equal(1)
        const denied = await mallory.hdfs.status(folderOfIt).catch((error: unknown) => (error as { code?: string }).code)
        expect(denied).to.equal('FS_PERMISSION_DENIED')
        await pause(500)
        expect((await alice.resourceManager.application(applicationId))?.state).to.equal('RUNNING')
      } finally {
        const ended = await alice.weft(['cancel', applicationId])
        expect(ended.status, ended.stderr).to.equal(0)
      }
    })
  })
}
