/** What users get wrong on YARN: one clear message each, exit status 1, and nothing left behind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { YarnJobs } from '../../support/yarn-jobs.js'

const NUMBERS = `CREATE TABLE numbers (name STRING, n INT) WITH ('connector' = 'filesystem', 'path' = 'bad/numbers', 'format' = 'csv');\n`
const BATCH = `SET 'execution.runtime-mode' = 'batch';\n`
const sink = (path: string) =>
  `CREATE TABLE results (name STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '${path}', 'format' = 'csv');\n`
const COPY = `INSERT INTO results SELECT name, n FROM numbers;\n`

describe('what is refused on YARN', () => {
  let jobs: YarnJobs
  before(async () => {
    jobs = await YarnJobs.start()
    await jobs.write('bad/numbers/a.csv', 'one,1\ntwo,2\n')
  })
  afterEach(() => jobs.endAll())
  after(() => jobs?.cluster.hdfs.delete(jobs.uri('bad')))

  describe('before anything is uploaded', () => {
    /** With a staging folder of its own, which must not come into being. */
    async function refused(args: readonly string[]): Promise<string> {
      const known = (await jobs.cluster.resourceManager.applications({ user: jobs.user })).length
      const { message, applicationId } = await jobs.failing(`${BATCH}${NUMBERS}SELECT n FROM numbers;`, [
        ...args,
        '-D',
        `yarn.staging-directory=${jobs.uri('bad/staging')}`,
      ])
      expect(applicationId, message).to.equal(undefined)
      expect(await jobs.list('bad/staging')).to.deep.equal([])
      expect((await jobs.cluster.resourceManager.applications({ user: jobs.user })).length).to.equal(known)
      return message
    }

    it('an unknown queue: the nearest one, and which there are', async () => {
      expect(await refused(['-D', 'yarn.application.queue=streming'])).to.match(
        /^There is no YARN queue 'streming'\. Did you mean 'streaming'\? Queues are default, streaming\. Choose one with -D yarn\.application\.queue=<queue>\.\n$/,
      )
    })

    it('a JobManager, and a TaskManager, larger than any container', async () => {
      for (const [what, option] of [
        ['The JobManager', 'jobmanager.memory.process.size'],
        ['A TaskManager', 'taskmanager.memory.process.size'],
      ] as const) {
        const message = await refused(['-D', `${option}=64g`])
        expect(message).to.match(
          new RegExp(
            `^${what} asks for 65536 MB \\(option ${option}\\), and the largest container that YARN gives is 4096 MB \\(yarn\\.scheduler\\.maximum-allocation-mb\\)\\. Lower ${option}, or have the cluster's limit raised\\.\\n$`,
          ),
        )
      }
    })

    it('a faulty script costs the cluster nothing', async () => {
      const { message, applicationId } = await jobs.failing(`${NUMBERS}SELECT n FORM numbers;`)
      expect(message).to.contain('line 2, column')
      expect(applicationId).to.equal(undefined)
    })
  })

  it('no HADOOP_CONF_DIR', async () => {
    const { message } = await jobs.failing(`${NUMBERS}SELECT n FROM numbers;`, [], 'job.sql', {
      environment: { HADOOP_CONF_DIR: undefined },
    })
    expect(message.split('\n')[0]).to.contain('HADOOP_CONF_DIR')
  })

  it('a ResourceManager that nobody answers for', async () => {
    const port = await closedPort()
    const conf = mkdtempSync(join(tmpdir(), 'weft-conf-'))
    const site = (properties: Record<string, string>) =>
      `<configuration>${Object.entries(properties)
        .map(([name, value]) => `<property><name>${name}</name><value>${value}</value></property>`)
        .join('')}</configuration>`
    writeFileSync(join(conf, 'core-site.xml'), site({ 'fs.defaultFS': jobs.hadoop.fileSystem }))
    writeFileSync(
      join(conf, 'yarn-site.xml'),
      site({ 'yarn.resourcemanager.hostname': 'localhost', 'yarn.resourcemanager.webapp.address': `localhost:${port}` }),
    )
    const begin = Date.now()
    const { message, applicationId } = await jobs.failing(`${NUMBERS}SELECT n FROM numbers;`, [], 'job.sql', {
      environment: { HADOOP_CONF_DIR: conf },
    })
    rmSync(conf, { recursive: true })
    expect(message).to.contain(`localhost:${port}`)
    expect(message).to.match(/ResourceManager/)
    expect(message).to.match(/ECONNREFUSED|refused/)
    expect(applicationId).to.equal(undefined)
    // Seconds, not a minute, on a busy machine too.
    expect(Date.now() - begin).to.be.lessThan(20_000)
  })

  describe('by the job itself', () => {
    async function failed(
      text: string,
      args: readonly string[] = [],
      name = 'job.sql',
    ): Promise<{ message: string; diagnostics: string; applicationId: string }> {
      const { message, applicationId } = await jobs.failing(text, args, name)
      if (applicationId === undefined) throw new Error(`no application in: ${message}`)
      const { diagnostics } = await jobs.expectNothingLeft(applicationId, 'FINISHED', 'FAILED')
      expect(message).to.contain(`Application ${applicationId}: FINISHED / FAILED`)
      return { message: withoutProgress(message), diagnostics, applicationId }
    }

    it('a missing input path in HDFS: path and table', async () => {
      const { message, diagnostics } = await failed(`${BATCH}${NUMBERS.replace('bad/numbers', 'bad/nowhere')}${sink('bad/results')}${COPY}`)
      expect(message.split('\n')[0]).to.contain(`/user/${jobs.user}/bad/nowhere`)
      expect(message).to.contain('numbers')
      expect(diagnostics).to.contain('bad/nowhere')
      expect(await jobs.list('bad/results')).to.deep.equal([])
    })

    it('a malformed row: file, line, column; no output', async () => {
      await jobs.write('bad/rows/part-1.csv', 'one,1\ntwo,zwei\nthree,3\n')
      const { message, diagnostics } = await failed(`${BATCH}${NUMBERS.replace('bad/numbers', 'bad/rows')}${sink('bad/results')}${COPY}`)
      for (const text of [message, diagnostics]) {
        expect(text).to.match(/^Malformed csv row in table 'default_catalog\.default_database\.numbers': 'zwei' is no INT\n/)
        expect(text).to.match(/\n *at hdfs:.*\/bad\/rows\/part-1\.csv, line 2, column 5 \(field 2, 'n'\)\n/)
        expect(text).to.contain("'csv.ignore-parse-errors' = 'true'")
      }
      expect(await jobs.list('bad/results')).to.deep.equal([])
    })

    it('output where the user may not write: user, access and folder', async () => {
      const { message } = await failed(`${BATCH}${NUMBERS}${sink(`${jobs.hadoop.fileSystem}/user/mallory/results`)}${COPY}`)
      expect(message.split('\n')[0]).to.match(/Permission denied: hdfs:.*\/user\/mallory.*user=alice, access=/)
      expect(message).to.contain('results')
    })

    it('output into a folder whose quota is used up', async () => {
      await jobs.cluster.hdfs.mkdirs(jobs.uri('bad/small'))
      const admin = (...args: string[]) =>
        jobs.hadoop.java('hdfs', 'org.apache.hadoop.hdfs.tools.DFSAdmin', ...args, `/user/${jobs.user}/bad/small`)
      await admin('-setSpaceQuota', '1k')
      const { message } = await failed(`${BATCH}${NUMBERS}${sink('bad/small/results')}${COPY}`)
      expect(message.split('\n')[0]).to.match(/Quota exceeded for hdfs:.*\/bad\/small\//)
      expect(message).to.contain('results')
      expect((await jobs.list('bad/small/results')).filter((name) => name !== '')).to.deep.equal([])
      await admin('-clrSpaceQuota')
    })

    it('a main that throws: its message and its place', async () => {
      const { message, diagnostics } = await failed(
        `interface Settings { broker?: string }\n\nexport async function main() {\n  const settings: Settings = {}\n  throw new Error('no broker set: ' + settings.broker)\n}\n`,
        [],
        'job.ts',
      )
      expect(message.split('\n')[0]).to.contain('no broker set: undefined')
      // The place in the user's own file, no frames of ours.
      expect([...message.matchAll(/^\s+at (.*)$/gm)].map(([, place = '']) => place.replace(/\/weft-yarn-\w+\//, '/'))).to.deep.equal([
        `main (${tmpdir()}/job.ts:5:9)`,
      ])
      expect(diagnostics).to.contain('no broker set: undefined')
    })

    it('more TaskManagers than the cluster has room for: how many it got, and which limit', async () => {
      const { message, diagnostics, applicationId } = await failed(`${BATCH}${NUMBERS}${sink('bad/results')}${COPY}`, [
        ...['-p', '40', '-D', 'taskmanager.memory.process.size=2g', '-D', 'slot.request.timeout=6 s'],
        ...['-D', 'jobmanager.adaptive-scheduler.submission.resource-wait-timeout=6 s'],
      ])
      expect(message).to.match(/^The job got 3 of 40 slots within 6 s: 37 slots are missing;/)
      expect(message).to.contain('37 more of 2048 MB and 1 vcores')
      expect(message).to.match(
        /queue 'root\.default' leaves this application room for \d+ MB and \d+ vcores more; .*the limit is the queue.s memory/,
      )
      expect(diagnostics).to.match(/got 3 of 40 slots/)
      expect(jobs.masterLog(applicationId)).to.match(/Containers: asked /)
    })
  })
})

/** Only what tells of the failure. */
function withoutProgress(message: string): string {
  return message
    .split('\n')
    .filter(
      (line) =>
        !/^(Submitting application|Deploying cluster|Warning: |YARN application has been|Web interface|Job |  [A-Z]+ +\d+\/\d+|application_\S+ waits)/.test(
          line,
        ),
    )
    .join('\n')
}

function closedPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
