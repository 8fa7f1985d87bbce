/**
 * HDFS tokens that live for seconds: a streaming job with a keytab does not notice. TOKEN_MINUTES=20: for that long, with tokens of two minutes, the
 * KDC away for three of them and the master killed half way.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { readCredentials } from '#hadoop/security/credentials.js'
import { containersOf } from './containers.js'
import { SecureCluster, type SecureUser } from './secure-cluster.js'

const MINUTE_MS = 60_000
/** 0: the short form. */
const MINUTES = Number(process.env['TOKEN_MINUTES'] ?? 0)
const RENEW_MS = MINUTES === 0 ? 20_000 : MINUTE_MS
const MAX_LIFE_MS = 2 * RENEW_MS
const KDC_AWAY_MS = MINUTES === 0 ? 5_000 : 3 * MINUTE_MS
/** From the first answer of the job: how long it runs before its master is killed. */
const BEFORE_KILL_MS = (MINUTES * MINUTE_MS) / 2

interface CheckpointCounts {
  readonly counts: { readonly completed: number; readonly failed: number; readonly restored: number }
}

describe(`a streaming job whose HDFS tokens are renewed every ${RENEW_MS / 1000} s and die after ${MAX_LIFE_MS / 1000} s`, () => {
  let cluster: SecureCluster
  let alice: SecureUser
  let folder: string
  let applicationId = ''
  let jobId = ''
  let started = 0

  before(async function () {
    this.timeout(600_000)
    folder = mkdtempSync(join(tmpdir(), 'weft-kerberos-'))
    cluster = await SecureCluster.start({
      // Of its own: the long form runs beside others.
      name: 'kerberos-token-death',
      kerberos: 'privacy',
      properties: {
        'dfs.namenode.delegation.token.renew-interval': String(RENEW_MS),
        'dfs.namenode.delegation.token.max-lifetime': String(MAX_LIFE_MS),
        // A node localizes a second attempt's files with the submission's token. Once that is dead only the ResourceManager can get it another.
        'yarn.resourcemanager.proxy-user-privileges.enabled': 'true',
        'yarn.resourcemanager.system-credentials.valid-time-remaining': '15000',
        'hadoop.proxyuser.yarn.hosts': '*',
        'hadoop.proxyuser.yarn.groups': '*',
      },
    })
    alice = await cluster.user('alice')
    const script = join(folder, 'endless.sql')
    writeFileSync(
      script,
      `SET 'execution.checkpointing.interval' = '1 s';
       SET 'execution.checkpointing.tolerable-failed-checkpoints' = '1000';
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
        script,
      ],
      { environment: { KRB5CCNAME: join(folder, 'none') } },
    )
    expect(submitted.status, submitted.stderr).to.equal(0)
    ;[applicationId = '', jobId = ''] = submitted.stdout.trim().split('\n')
  })
  after(async function () {
    this.timeout(120_000)
    rmSync(folder, { recursive: true, force: true })
    await cluster?.stop()
  })

  async function ask<T>(path: string): Promise<T> {
    const url = new URL(`${cluster.hadoop.resourceManager}/proxy/${applicationId}/${path}`)
    const { headers } = await alice.login.resourceManager.credentialsFor(url)
    const response = await fetch(url, { headers })
    const text = await response.text()
    expect(response.status, text).to.equal(200)
    return JSON.parse(text) as T
  }
  const checkpoints = () => ask<CheckpointCounts>(`jobs/${jobId}/checkpoints`)

  async function expectUndisturbed(): Promise<CheckpointCounts['counts']> {
    const { counts } = await checkpoints()
    expect([counts.failed, counts.restored], 'failed, restored').to.deep.equal([0, 0])
    expect(await ask<{ state: string }>(`jobs/${jobId}`)).to.have.property('state', 'RUNNING')
    return counts
  }

  it('takes checkpoints past the end of the tokens it was submitted with, none fails, nothing restarts', async function () {
    this.timeout(4 * MAX_LIFE_MS + MINUTE_MS)
    started = Date.now()
    await pause(2 * MAX_LIFE_MS)
    const first = await checkpoints()
    await pause(MAX_LIFE_MS / 2)
    const counts = await expectUndisturbed()
    expect(counts.completed).to.be.greaterThan(first.counts.completed)
  })

  it('goes on through a KDC that is away, and a master that is killed', async function () {
    this.timeout(300_000 + (MINUTES + 10) * MINUTE_MS)
    await cluster.hadoop.kill('kdc')
    try {
      await pause(KDC_AWAY_MS)
      await expectUndisturbed()
    } finally {
      await cluster.hadoop.launch('kdc')
    }
    await pause(Math.max(0, started + BEFORE_KILL_MS - Date.now()))
    await expectUndisturbed()
    const master = containersOf(applicationId).find(({ role }) => role === 'am')
    if (master === undefined) throw new Error('no master runs')
    process.kill(master.pid, 'SIGKILL')
    const deadline = Date.now() + 120_000
    let seen: CheckpointCounts['counts'] | undefined
    while (Date.now() < deadline && !(seen !== undefined && seen.completed > 3)) {
      await pause(1_000)
      seen = await checkpoints().then(
        ({ counts }) => counts,
        () => undefined,
      )
    }
    expect(seen?.completed ?? 0, 'checkpoints of the new master').to.be.greaterThan(3)
    expect(containersOf(applicationId).find(({ role }) => role === 'am')?.pid).not.to.equal(master.pid)
    const workers = (): number[] => containersOf(applicationId).flatMap(({ role, pid }) => (role === 'container' ? [pid] : []))
    const since = workers()
    await pause(Math.max(0, started + MINUTES * MINUTE_MS - Date.now()))
    const { counts } = await checkpoints()
    expect(counts.failed, 'failed checkpoints of the new master').to.equal(0)
    expect(counts.completed).to.be.at.least(seen?.completed ?? 0)
    expect(workers()).to.deep.equal(since)
  })

  it('shows the keytab to no worker, nor to anybody by ps, environment or HDFS', async () => {
    const keytab = readFileSync(cluster.keytab('alice'))
    // The longest run of bytes in it that is random is its key's.
    const key = keytab.subarray(-24, -8)
    const running = containersOf(applicationId)
    expect(running.some(({ role }) => role === 'container')).to.equal(true)
    for (const { environment, command, role } of running) {
      const file = /(?:^|\0)HADOOP_TOKEN_FILE_LOCATION=([^\0]+)/.exec(environment)?.[1] ?? ''
      const bytes = readFileSync(file)
      expect(bytes.includes(key), `${role}'s token file`).to.equal(role === 'am')
      expect(Buffer.from(environment).includes(key) || Buffer.from(command).includes(key)).to.equal(false)
      if (role === 'container')
        expect([...readCredentials(bytes).tokens.values()].map(({ kind }) => kind)).to.deep.equal(['HDFS_DELEGATION_TOKEN'])
    }
    const files: string[] = []
    for await (const file of alice.hdfs.list(alice.home(`.weft/applications/${applicationId}`))) files.push(file.pathSuffix)
    expect(files.filter((name) => /keytab/i.test(name))).to.deep.equal([])
    const ended = await alice.weft(['cancel', applicationId])
    expect(ended.status, ended.stderr).to.equal(0)
  })
})
