import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { build } from 'esbuild'
import { parseHostPort } from '#hadoop/conf/addresses.js'
import { simpleAuthenticator } from '#hadoop/rest/http-authenticator.js'
import { ResourceManagerClient } from '#hadoop/rest/resource-manager-client.js'
import { readCredentials } from '#hadoop/security/credentials.js'
import { environmentValue, launchCommand } from '#hadoop/yarn/shell-text.js'
import type { AmPlan } from '../../support/am-program.js'
import { sharedHadoop, startHadoop, type HadoopCluster } from '../../support/hadoop-cluster.js'

/** Everything that the launch script could stumble over. */
const TEXT = 'a "b" \'c\' $HOME `id` \\ \\" {{PWD}} {"x":{"y":1}} <LOG_DIR> <CPS> !! * ~ ä€😀\nnext line\ttab $(id) }}'

interface Entry extends Record<string, unknown> {
  type: string
}

async function submitMaster(cluster: HadoopCluster, options: { plan: Partial<AmPlan>; keepContainers?: boolean; bundle: string }) {
  const directory = mkdtempSync(join(tmpdir(), 'weft-am-'))
  const plan: AmPlan = {
    directory,
    addresses: [parseHostPort(cluster.environment['HADOOP_PSEUDO_RM_SCHEDULER']!, 8030)!],
    protection: '',
    containers: 2,
    text: TEXT,
    scenario: 'once',
    ...options.plan,
  }
  const planFile = join(directory, 'plan.json')
  writeFileSync(planFile, JSON.stringify(plan))
  const resourceManager = new ResourceManagerClient({ urls: [cluster.resourceManager], authenticator: simpleAuthenticator('alice') })
  const { applicationId } = await resourceManager.newApplication()
  await resourceManager.submit({
    applicationId,
    name: 'am-protocol test',
    type: 'test',
    queue: 'default',
    priority: undefined,
    tags: [],
    maxAttempts: options.keepContainers === true ? 2 : 1,
    attemptFailuresValidityInterval: undefined,
    lifetime: undefined,
    keepContainers: options.keepContainers ?? false,
    nodeLabel: undefined,
    resource: { memoryMb: 256, vcores: 1 },
    localResources: [],
    environment: { WEFT_TEST_TEXT: environmentValue('WEFT_TEST_TEXT', TEXT) },
    command: launchCommand({ argv: [process.execPath, options.bundle, planFile] }),
    secrets: { 'test.alias': Buffer.from('secret') },
    tokens: {},
    acls: {},
    rolledLogs: {},
  })
  const entries = (): Entry[] => {
    const file = join(directory, 'am.jsonl')
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Entry)
  }
  const crash = (): string => entries().find((entry) => entry.type === 'crashed')?.['error'] as string
  return {
    directory,
    applicationId,
    entries,
    of: (type: string) => entries().filter((entry) => entry.type === type),
    async until(what: string, look: () => boolean): Promise<void> {
      for (let waited = 0; waited < 120_000; waited += 100) {
        if (look()) return
        if (crash() !== undefined) throw new Error(crash())
        await pause(100)
      }
      throw new Error(`waited in vain for ${what}; seen: ${JSON.stringify(entries())}`)
    },
    async end() {
      for (let waited = 0; waited < 120_000; waited += 200) {
        const report = await resourceManager.application(applicationId)
        if (report !== undefined && ['FINISHED', 'FAILED', 'KILLED'].includes(report.state)) {
          // YARN says FINISHED as soon as it has stored the result, before it tells the master.
          if (report.finalStatus === 'SUCCEEDED')
            await this.until('the master to know', () => entries().some((entry) => entry.type === 'finished'))
          return report
        }
        await pause(200)
      }
      throw new Error(`application ${applicationId} does not end; seen: ${JSON.stringify(entries())}`)
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

async function bundleMaster(): Promise<{ file: string; remove: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-am-bundle-'))
  mkdirSync(folder, { recursive: true })
  const entry = [new URL('../../support/am-program.js', import.meta.url), new URL('../../support/am-program.ts', import.meta.url)]
    .map((url) => fileURLToPath(url))
    .find((path) => existsSync(path))!
  const file = join(folder, 'am.mjs')
  await build({ entryPoints: [entry], outfile: file, bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'error' })
  return { file, remove: () => rm(folder, { recursive: true, force: true }) }
}

describe('an application master on a real cluster', function () {
  this.timeout(240_000)
  let bundle: Awaited<ReturnType<typeof bundleMaster>>
  before(async () => {
    bundle = await bundleMaster()
  })
  after(() => bundle.remove())

  describe('one ResourceManager', () => {
    let cluster: HadoopCluster
    before(async function () {
      this.timeout(600_000)
      cluster = await sharedHadoop()
    })

    it('registers, starts and stops containers and finishes SUCCEEDED, every text arriving as it was', async () => {
      const application = await submitMaster(cluster, { plan: {}, bundle: bundle.file })
      const report = await application.end()
      expect(`${report.state} ${report.finalStatus}`, JSON.stringify(application.entries())).to.equal('FINISHED SUCCEEDED')
      expect(report.diagnostics).to.contain('all done')

      const [begun] = application.of('begun')
      expect(begun).to.include({ text: TEXT })
      expect(begun!['secrets']).to.deep.equal(['test.alias'])
      expect(begun!['attemptId']).to.match(new RegExp(`^${application.applicationId.replace('application', 'appattempt')}_000001$`))

      const written = readdirSync(application.directory).filter((name) => name.endsWith('.txt'))
      expect(written).to.have.length(2)
      for (const name of written) {
        const [argument, variable, folder] = readFileSync(join(application.directory, name), 'utf8').split('\n--\n')
        expect(argument).to.equal(TEXT)
        expect(variable).to.equal(TEXT)
        expect(folder).to.match(/\/container_/)
        // A worker gets the secrets, and not the token that would make it a master.
        const credentials = readCredentials(readFileSync(join(application.directory, name.replace('.txt', '.tokens'))))
        expect([...credentials.secrets.keys()].sort()).to.deep.equal(['test.alias', 'test.secret'])
        expect([...credentials.tokens.values()].map((token) => token.kind)).to.not.include('YARN_AM_RM_TOKEN')
      }

      const [finished] = application.of('finished')
      expect(finished!['counters']).to.include({ asked: 2, granted: 2, completed: 2, released: 1, resyncs: 0 })
      const exits = application
        .of('completed')
        .flatMap((entry) => (entry['containers'] as { exit: { name: string } }[]).map(({ exit }) => exit.name))
      expect(exits.sort()).to.deep.equal(['ABORTED', 'KILLED_BY_APPMASTER'])
      await application.remove()
    })

    it('is told which ask the ResourceManager refuses, and gets the other', async () => {
      const application = await submitMaster(cluster, { plan: { scenario: 'reject', containers: 1 }, bundle: bundle.file })
      const report = await application.end()
      expect(report.finalStatus, JSON.stringify(application.entries())).to.equal('SUCCEEDED')
      const refused = application.of('asksRejected')
      expect(refused).to.have.length(1)
      expect(refused[0]).to.include({ className: 'org.apache.hadoop.yarn.exceptions.InvalidResourceRequestException' })
      expect((refused[0]!['asks'] as { priority: number }[]).map(({ priority }) => priority)).to.deep.equal([2])
      expect(application.of('finished')[0]!['counters']).to.include({ asked: 1, granted: 1 })
      await application.remove()
    })

    it('finds its containers again in a second attempt', async () => {
      const application = await submitMaster(cluster, {
        plan: { scenario: 'end-early', containers: 1 },
        keepContainers: true,
        bundle: bundle.file,
      })
      const report = await application.end()
      expect(report.finalStatus, JSON.stringify(application.entries())).to.equal('SUCCEEDED')
      const [running] = application.of('running')
      const [survivor] = application.of('survivor')
      expect(survivor!['id']).to.equal(running!['id'])
      expect(survivor!['report']).to.include({ state: 'RUNNING' })
      expect(application.of('finished')[0]!['counters']).to.include({ asked: 0, granted: 0, completed: 1 })
      await application.remove()
    })
  })

  describe('a ResourceManager that is killed and restarted, messages encrypted', () => {
    let cluster: HadoopCluster
    before(async function () {
      this.timeout(600_000)
      cluster = await startHadoop({
        name: 'am-protocol',
        nodes: 1,
        withoutHdfs: true,
        heartbeatMs: 100,
        properties: { 'hadoop.rpc.protection': 'authentication,integrity,privacy' },
      })
    })
    after(async function () {
      this.timeout(120_000)
      await cluster?.stop()
    })

    it('is registered with again, and the application goes on with its containers', async () => {
      const application = await submitMaster(cluster, { plan: { scenario: 'wait-for-resync', protection: 'privacy' }, bundle: bundle.file })
      await application.until('the containers to run', () => application.of('ready-for-restart').length > 0)
      await cluster.kill('rm')
      await application.until('the loss to be noticed', () => application.of('rmUnreachable').length > 0)
      await cluster.launch('rm')
      const report = await application.end()
      expect(`${report.state} ${report.finalStatus}`, JSON.stringify(application.entries())).to.equal('FINISHED SUCCEEDED')
      expect(application.of('registered').map((entry) => entry['resynchronized'])).to.deep.equal([false, true])
      // The ids of the restarted RM's containers carry its epoch.
      expect(application.of('running').map((entry) => /^container_e\d\d_/.test(entry['id'] as string))).to.deep.equal([false, false, true])
      expect(application.of('finished')[0]!['counters']).to.include({ asked: 3, granted: 3, completed: 3, resyncs: 1 })
      await application.remove()
    })

    for (const protection of ['authentication', 'integrity'] as const) {
      it(`serves with hadoop.rpc.protection ${protection}, too`, async () => {
        const application = await submitMaster(cluster, { plan: { protection, containers: 1 }, bundle: bundle.file })
        expect((await application.end()).finalStatus, JSON.stringify(application.entries())).to.equal('SUCCEEDED')
        await application.remove()
      })
    }
  })
})
