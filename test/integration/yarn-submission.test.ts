/** Submission to a real YARN: staging, what the container gets, what is refused when, what is left behind. The master is a shell script. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'chai'
import { connectYarn, type YarnCluster } from '#client/deploy/yarn/yarn-cluster.js'
import { cleanUpStaging, killApplication, listApplications, waitUntilRunning } from '#client/deploy/yarn/applications.js'
import { ApplicationNotOurs, ApplicationRefused, UnknownApplication } from '#client/deploy/yarn/errors.js'
import { explainFailure } from '#client/deploy/yarn/explain-failure.js'
import { submitYarnApplication, type SubmittedApplication } from '#client/deploy/yarn/submit-application.js'
import { ApplicationDescriptorSchema, SECRET_ALIAS } from '#core/cluster/application-descriptor.js'
import { masterHeapOptions } from '#core/cluster/memory-budget.js'
import { Configuration } from '#core/config/configuration.js'
import { JOBMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import { jobId } from '#core/ids/ids.js'
import { submissionBody } from '#hadoop/rest/submission.js'
import { readCredentials } from '#hadoop/security/credentials.js'
import { rejection } from '../support/file-system-contract.js'
import { sharedHadoop, type HadoopCluster } from '../support/hadoop-cluster.js'

const START_TIMEOUT_MS = 600_000
/** Copies what the container holds to where the test can read it after the NodeManager has cleaned up. */
const MASTER_SCRIPT = `#!/bin/bash
printf '%s\\0' "$@" > "$LOG_DIRS/arguments"
env -0 > "$LOG_DIRS/environment"
cp -L weft-application.json "$HADOOP_TOKEN_FILE_LOCATION" "$LOG_DIRS/"
(find -L . -type f | sort) > "$LOG_DIRS/files"
echo "the last words of the master" >&2
sleep "\${WEFT_TEST_NAP:-0}"
exit "\${WEFT_TEST_EXIT:-3}"
`

describe('YARN submission', () => {
  const local = mkdtempSync(join(tmpdir(), 'weft-yarn-'))
  const archive = join(local, `weft-runtime-${process.pid.toString(16).padStart(16, '0')}.tar.gz`)
  let hadoop: HadoopCluster
  let cluster: YarnCluster

  before(async function () {
    this.timeout(START_TIMEOUT_MS)
    hadoop = await sharedHadoop()
    const runtime = join(local, 'runtime')
    mkdirSync(runtime)
    writeFileSync(join(runtime, 'node'), MASTER_SCRIPT)
    chmodSync(join(runtime, 'node'), 0o755)
    writeFileSync(join(runtime, 'am.mjs'), '')
    execFileSync('tar', ['-C', runtime, '-czf', archive, 'node', 'am.mjs'])
    mkdirSync(join(local, 'ship/folder/deep'), { recursive: true })
    writeFileSync(join(local, 'ship/folder/deep/inner.txt'), 'inner')
    writeFileSync(join(local, 'ship/a name.txt'), 'outer')
    writeFileSync(join(local, 'program.mjs'), 'export function main() {}')
    cluster = await connectYarn(configuration({}), { HADOOP_USER_NAME: 'alice' })
  })
  after(async () => {
    rmSync(local, { recursive: true, force: true })
    if (cluster === undefined) return
    const runtimes = `${hadoop.fileSystem}/user/alice/.weft/runtime`
    const ours = basename(archive).replace(/^weft-runtime-(.*)\.tar\.gz$/, '$1')
    for await (const { pathSuffix } of cluster.hdfs.list(runtimes))
      if (pathSuffix.startsWith(ours)) await cluster.hdfs.delete(`${runtimes}/${pathSuffix}`)
  })

  function configuration(options: Record<string, string>): Configuration {
    return Configuration.of({
      'env.hadoop.conf.dir': hadoop.confDir,
      'yarn.application-attempts': '1',
      'yarn.application.type': 'WeftTest',
      ...options,
    })
  }

  async function submit(options: Record<string, string>, user = 'alice', through?: YarnCluster): Promise<SubmittedApplication> {
    const conf = configuration(options)
    return submitYarnApplication(through ?? (await connectYarn(conf, { HADOOP_USER_NAME: user })), {
      configuration: conf,
      runtimeArchive: archive,
      descriptor: {
        version: 1,
        jobId: jobId('0'.repeat(31) + '1'),
        name: 'a job',
        user,
        attached: false,
        configuration: conf.toRecord(),
        program: { kind: 'module', name: 'program', path: join(local, 'program.mjs'), args: ['x'] },
      },
    })
  }

  async function applicationFolders(): Promise<string[]> {
    const names: string[] = []
    for await (const { pathSuffix } of cluster.hdfs.list(`${hadoop.fileSystem}/user/alice/.weft/applications`)) names.push(pathSuffix)
    return names
  }

  /** Reads a file that the master script left in its log folder. */
  function containerFile(applicationId: string, name: string): Buffer {
    for (const node of readdirSync(hadoop.directory).filter((entry) => /^nm\d+$/.test(entry))) {
      const logs = join(hadoop.directory, node, 'containers', applicationId)
      for (const container of existsSync(logs) ? readdirSync(logs) : []) {
        if (existsSync(join(logs, container, name))) return readFileSync(join(logs, container, name))
      }
    }
    throw new Error(`no ${name} in the logs of ${applicationId}`)
  }

  describe('of an application that ends with exit status 3', () => {
    const tricky = 'a"b$HOME`x`\\ {{X}} }}} <LOG_DIR> é \'q\' {"a":{"b":1}}'
    let submitted: SubmittedApplication
    before(async () => {
      submitted = await submit({
        'containerized.master.env.TRICKY': tricky,
        'yarn.application.name': 'named by an option',
        'yarn.application.queue': 'streaming',
        'yarn.tags': 'One,two',
        'yarn.ship-files': `${join(local, 'ship/folder')};${join(local, 'ship/a name.txt')}`,
        'yarn.ship-archives': archive,
      })
    })

    it('arrives with name, type, queue and tags as asked', async () => {
      const report = await cluster.resourceManager.application(submitted.applicationId)
      expect(report).to.include({ name: 'named by an option', applicationType: 'WeftTest', user: 'alice' })
      expect(report?.queue).to.match(/streaming$/)
      expect(report?.applicationTags.split(',').sort()).to.deep.equal(['one', 'two'])
      expect(submitted.warnings).to.deep.equal([])
    })

    it('explains the failure by exit status and the master’s last words', async () => {
      const report = await waitUntilRunning(cluster, submitted.applicationId)
      expect(report.state).to.equal('FAILED')
      const text = await explainFailure(cluster, report)
      expect(text.split('\n')[0]).to.equal('The application master failed: its process ended with exit code 3 (exit status 3).')
      expect(text).to.include('the last words of the master')
      expect(text).to.include(`YARN application ${submitted.applicationId} failed.`)
    })

    it('gives the container its files, links, arguments and literal environment', () => {
      const id = submitted.applicationId
      const files = containerFile(id, 'files').toString().split('\n')
      for (const name of [
        './runtime/node',
        './runtime/am.mjs',
        './weft-application.json',
        './program.mjs',
        './folder/deep/inner.txt',
        './a name.txt',
      ])
        expect(files).to.include(name)
      expect(files.filter((name) => name.startsWith('./weft-runtime-'))).to.have.length(2)
      const environment = containerFile(id, 'environment').toString().split('\0')
      expect(environment).to.include(`TRICKY=${tricky}`)
      expect(containerFile(id, 'arguments').toString().split('\0')).to.deep.equal([
        ...masterHeapOptions(JOBMANAGER_PROCESS_SIZE.default),
        './runtime/am.mjs',
        '',
      ])
    })

    it('hands over a descriptor that the master can read, without any secret', () => {
      const text = containerFile(submitted.applicationId, 'weft-application.json').toString()
      const descriptor = ApplicationDescriptorSchema.parse(JSON.parse(text))
      expect(descriptor.program).to.deep.equal({ kind: 'module', name: 'program', path: 'program.mjs', args: ['x'] })
      if (descriptor.target.kind !== 'yarn-application') throw new Error('wrong target')
      expect(descriptor.target.applicationId).to.equal(submitted.applicationId)
      expect(descriptor.target.stagingDirectory).to.equal(submitted.stagingDirectory)
      expect(descriptor.target.hadoopConfiguration).to.include({ 'fs.defaultFS': hadoop.fileSystem })
      expect(descriptor.target.workerResources.map(({ link }) => link)).to.include.members([
        'runtime',
        'program.mjs',
        'folder/deep/inner.txt',
      ])
    })

    it('puts a fresh secret of 32 bytes into the token file and nowhere else', () => {
      const id = submitted.applicationId
      const secret = readCredentials(containerFile(id, 'container_tokens')).secrets.get(SECRET_ALIAS)
      expect(secret).to.have.length(32)
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const text = Buffer.from(secret ?? []).toString(encoding)
        for (const name of ['environment', 'arguments', 'weft-application.json'])
          expect(containerFile(id, name).toString()).not.to.include(text)
      }
    })

    it('kept its files to itself, and they go when they are cleaned up', async () => {
      expect((await cluster.hdfs.status(submitted.stagingDirectory))?.permission).to.equal('700')
      for await (const file of cluster.hdfs.list(submitted.stagingDirectory)) expect(file.permission, file.pathSuffix).to.equal('600')
      expect(await cleanUpStaging(cluster, configuration({}), submitted.applicationId)).to.equal(true)
      expect(await cluster.hdfs.status(submitted.stagingDirectory)).to.equal(undefined)
      expect(await cleanUpStaging(cluster, configuration({}), submitted.applicationId)).to.equal(false)
    })
  })

  it('uploads the runtime archive once', async () => {
    const first = await submit({ 'yarn.staging-directory': `/user/alice/staging-${process.pid}` })
    const second = await submit({ 'yarn.staging-directory': `/user/alice/staging-${process.pid}` })
    expect(first.uploadedRuntimeBytes).to.be.greaterThan(0)
    expect(second.uploadedRuntimeBytes).to.equal(0)
    await waitUntilRunning(cluster, second.applicationId)
    await waitUntilRunning(cluster, first.applicationId)
    await cluster.hdfs.delete(`${hadoop.fileSystem}/user/alice/staging-${process.pid}`)
  })

  it('makes the runtime public where the path is, and does not trust another user’s', async () => {
    const staging = { 'yarn.staging-directory': `/tmp/staging-${process.pid}` }
    const descriptorOf = async (submitted: SubmittedApplication, user: string) => {
      const chunks: Buffer[] = []
      for await (const chunk of (await connectYarn(configuration({}), { HADOOP_USER_NAME: user })).hdfs.open(
        `${submitted.stagingDirectory}/weft-application.json`,
      ))
        chunks.push(chunk)
      const descriptor = ApplicationDescriptorSchema.parse(JSON.parse(Buffer.concat(chunks).toString()))
      return descriptor.target.kind === 'yarn-application'
        ? descriptor.target.workerResources.find(({ link }) => link === 'runtime')
        : undefined
    }
    await cluster.hdfs.mkdirs(`${hadoop.fileSystem}/tmp/staging-${process.pid}`, 0o1777)
    const foreign = await submit(staging, 'mallory')
    const own = await submit(staging)
    expect(foreign.uploadedRuntimeBytes).to.be.greaterThan(0)
    expect(own.uploadedRuntimeBytes).to.be.greaterThan(0)
    expect((await descriptorOf(foreign, 'mallory'))?.visibility).to.equal('PUBLIC')
    expect((await descriptorOf(own, 'alice'))?.visibility).to.equal('APPLICATION')
    expect((await descriptorOf(own, 'alice'))?.uri).to.include(own.applicationId)
    expect((await waitUntilRunning(cluster, own.applicationId)).diagnostics).to.include('exitCode: 3')
    expect((await waitUntilRunning(cluster, foreign.applicationId)).diagnostics).to.include('exitCode: 3')
    const [shared] = await Promise.all([cluster.hdfs.status(`${hadoop.fileSystem}/tmp/staging-${process.pid}/.weft/runtime`)])
    expect(shared?.permission).to.equal('1777')
    const root = await connectYarn(configuration({}), { HADOOP_USER_NAME: 'hdfs' })
    await root.hdfs.delete(`${hadoop.fileSystem}/tmp/staging-${process.pid}`)
  })

  it('is accepted a second time under the same id without a second application', async () => {
    const { resourceManager } = cluster
    const { applicationId } = await resourceManager.newApplication()
    const context = {
      applicationId,
      name: 'twice',
      type: 'WeftTest',
      queue: 'default',
      priority: undefined,
      tags: [`twice-${process.pid}`],
      maxAttempts: 1,
      attemptFailuresValidityInterval: undefined,
      lifetime: undefined,
      keepContainers: true,
      nodeLabel: undefined,
      resource: { memoryMb: 128, vcores: 1 },
      localResources: [],
      environment: {},
      command: 'exec sleep 60',
      secrets: {},
      tokens: {},
      acls: {},
      rolledLogs: {},
    }
    expect(Object.keys(submissionBody(context))).to.include('application-id')
    await resourceManager.submit(context)
    await resourceManager.submit(context)
    const found = await resourceManager.applications({ tags: [`twice-${process.pid}`] })
    expect(found.map(({ id }) => id)).to.deep.equal([applicationId])
    expect(await killApplication(cluster, applicationId, 'end of the test')).to.equal(true)
  })

  describe('of a running application', () => {
    let applicationId: string
    before(async () => ({ applicationId } = await submit({ 'containerized.master.env.WEFT_TEST_NAP': '300' })))
    after(async () => void (await cleanUpStaging(cluster, configuration({}), applicationId)))

    it('shows it in the list of its type only', async () => {
      const ids = async (type: string) =>
        (await listApplications(cluster, configuration({ 'yarn.application.type': type }))).map(({ id }) => id)
      expect(await ids('WeftTest')).to.include(applicationId)
      expect(await ids('Other')).to.deep.equal([])
    })

    it('lets nobody else end it', async () => {
      const mallory = await connectYarn(configuration({}), { HADOOP_USER_NAME: 'mallory' })
      const error = await rejection(() => killApplication(mallory, applicationId, 'mine now'))
      expect(ApplicationNotOurs.is(error), error.message).to.equal(true)
      expect(error.message).to.include('mallory')
    })

    it('ends it for its user, once', async () => {
      expect(await killApplication(cluster, applicationId, 'no longer wanted')).to.equal(true)
      expect((await cluster.resourceManager.application(applicationId))?.state).to.equal('KILLED')
      expect(await killApplication(cluster, applicationId, 'again')).to.equal(false)
    })

    it('has its files swept by the next submission', async () => {
      expect(await applicationFolders()).to.include(applicationId)
      const next = await submit({})
      expect(await applicationFolders()).not.to.include(applicationId)
      await waitUntilRunning(cluster, next.applicationId)
      await cleanUpStaging(cluster, configuration({}), next.applicationId)
    })
  })

  describe('that is refused', () => {
    const refusals: [what: string, options: Record<string, string>, message: RegExp][] = [
      [
        'an unknown queue',
        { 'yarn.application.queue': 'defalt' },
        /^There is no YARN queue 'defalt'. Did you mean 'default'\? Queues are default, streaming\./,
      ],
      ['a queue of queues', { 'yarn.application.queue': 'root' }, /only holds other queues \(default, streaming\)/],
      [
        'a JobManager above the maximum',
        { 'jobmanager.memory.process.size': '20 gb' },
        /asks for 20480 MB \(option jobmanager\.memory\.process\.size\).* is 4096 MB \(yarn\.scheduler\.maximum-allocation-mb\)/,
      ],
      [
        'a TaskManager above the maximum',
        { 'taskmanager.memory.process.size': '5 gb' },
        /asks for 5120 MB \(option taskmanager\.memory\.process\.size\)/,
      ],
      ['too many vcores', { 'yarn.containers.vcores': '9' }, /asks for 9 vcores \(option yarn\.containers\.vcores\).* is 8 vcores/],
      ['too little memory', { 'taskmanager.memory.process.size': '50 mb' }, /asks for 50 MB.* needs \d+ MB at least/],
      [
        'a file to ship that is not there',
        { 'yarn.ship-files': '/no/such/file' },
        /^\/no\/such\/file \(option yarn\.ship-files\) cannot be shipped: it does not exist/,
      ],
      ['a staging folder without permission', { 'yarn.staging-directory': '/user/mallory' }, /^Permission denied: hdfs:/],
    ]
    for (const [what, options, message] of refusals) {
      it(`leaves nothing behind: ${what}`, async () => {
        const before = await applicationFolders()
        const error = await rejection(() => submit(options))
        expect(error.message).to.match(message)
        expect(await applicationFolders()).to.deep.equal(before)
      })
    }

    it('leaves nothing behind: YARN refuses the submission itself', async () => {
      const before = await applicationFolders()
      const error = await rejection(() => submit({ 'yarn.application.node-label': 'no-such-label' }))
      expect(ApplicationRefused.is(error), error.message).to.equal(true)
      expect(error.message).to.match(
        /^YARN refused the application application_\d+_\d+ \(.*\): Invalid resource request, node label not enabled/,
      )
      expect(await applicationFolders()).to.deep.equal(before)
    })

    it('leaves nothing behind: YARN takes the submission and refuses the application', async () => {
      const before = await applicationFolders()
      // A scheduler that makes queues on demand, as far as the client can see; the real one does not.
      const blind: YarnCluster = {
        ...cluster,
        resourceManager: new Proxy(cluster.resourceManager, {
          get(target, name) {
            if (name === 'scheduler') return async () => ({ type: 'fairScheduler', queues: [] })
            const value: unknown = Reflect.get(target, name, target)
            return typeof value === 'function' ? value.bind(target) : value
          },
        }),
      }
      const error = await rejection(() => submit({ 'yarn.application.queue': 'nowhere' }, 'alice', blind))
      expect(ApplicationRefused.is(error), error.message).to.equal(true)
      expect(error.message).to.match(/^YARN refused the application application_\d+_\d+ \(FAILED\): .*unknown queue: nowhere/)
      expect(await applicationFolders()).to.deep.equal(before)
    })

    it('says which ResourceManager does not know an application', async () => {
      const error = await rejection(() => killApplication(cluster, 'application_1_0001', 'x'))
      expect(UnknownApplication.is(error)).to.equal(true)
      expect(UnknownApplication.is(await rejection(() => killApplication(cluster, 'nonsense', 'x')))).to.equal(true)
    })
  })
})
