/** HDFS tokens that live for seconds: a streaming job with a keytab does not notice. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { readCredentials } from '#hadoop/security/credentials.js'
import { SecureCluster, type SecureUser } from './secure-cluster.js'

const RENEW_MS = 20_000
const MAX_LIFE_MS = 40_000

interface CheckpointCounts {
  readonly counts: { readonly completed: number; readonly failed: number; readonly restored: number }
}

/** Containers of the application that run now: what their processes were started with. */
function containers(applicationId: string): { pid: number; role: 'am' | 'container'; environment: string; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
        if (!environment.includes(`CONTAINER_ID=container_${applicationId.replace('application_', '')}`)) return []
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const role = /^\S*runtime\/node .*runtime\/(am|container)\.mjs/.exec(command)?.[1] as 'am' | 'container' | undefined
        return role === undefined ? [] : [{ pid: Number(pid), role, environment, command }]
      } catch {
        return []
      }
    })
}

describe(`a streaming job whose HDFS tokens are renewed every ${RENEW_MS / 1000} s and die after ${MAX_LIFE_MS / 1000} s`, () => {
  let cluster: SecureCluster
  let alice: SecureUser
  let folder: string
  let applicationId = ''
  let jobId = ''

  before(async function () {
    this.timeout(600_000)
    folder = mkdtempSync(join(tmpdir(), 'weft-kerberos-'))
    cluster = await SecureCluster.start({
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

  it('takes checkpoints past the end of the tokens it was submitted with, none fails, nothing restarts', async () => {
    await pause(2 * MAX_LIFE_MS)
    const first = await checkpoints()
    await pause(MAX_LIFE_MS / 2)
    const { counts } = await checkpoints()
    expect(counts.failed).to.equal(0)
    expect(counts.restored).to.equal(0)
    expect(counts.completed).to.be.greaterThan(first.counts.completed)
    expect(await ask<{ state: string }>(`jobs/${jobId}`)).to.have.property('state', 'RUNNING')
  })

  it('goes on through a KDC that is away, and a master that is killed', async () => {
    await cluster.hadoop.kill('kdc')
    await pause(5_000)
    await cluster.hadoop.launch('kdc')
    const master = containers(applicationId).find(({ role }) => role === 'am')
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
    expect(containers(applicationId).find(({ role }) => role === 'am')?.pid).not.to.equal(master.pid)
  })

  it('shows the keytab to no worker, nor to anybody by ps, environment or HDFS', async () => {
    const keytab = readFileSync(cluster.keytab('alice'))
    // The longest run of bytes in it that is random is its key's.
    const key = keytab.subarray(-24, -8)
    const running = containers(applicationId)
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
