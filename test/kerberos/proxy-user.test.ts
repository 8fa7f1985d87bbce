/**
 * oozie may act for alice and nobody else, and submits by RPC. Its own keytab never comes near her application, whose HDFS tokens die after a minute: it
 * pushes new ones.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { containersOf } from './containers.js'
import { SecureCluster, type SecureUser } from './secure-cluster.js'

const MAX_LIFE_MS = 60_000

describe('a user who acts for another (--proxy-user)', () => {
  let cluster: SecureCluster
  let alice: SecureUser
  let mallory: SecureUser
  let folder: string
  let keytab: string
  let applicationId = ''
  let jobId = ''

  before(async function () {
    this.timeout(600_000)
    folder = mkdtempSync(join(tmpdir(), 'weft-kerberos-'))
    cluster = await SecureCluster.start({
      name: 'kerberos-proxy-user',
      kerberos: 'privacy',
      properties: {
        'hadoop.proxyuser.oozie.hosts': '*',
        'hadoop.proxyuser.oozie.users': 'alice',
        'yarn.webapp.enable-rest-app-submissions': 'false',
        'dfs.namenode.delegation.token.renew-interval': String(MAX_LIFE_MS),
        'dfs.namenode.delegation.token.max-lifetime': String(MAX_LIFE_MS),
      },
    })
    alice = await cluster.user('alice')
    mallory = await cluster.user('mallory')
    keytab = join(folder, 'oozie.keytab')
    await cluster.hadoop.kadmin('addprinc -randkey oozie')
    await cluster.hadoop.kadmin(`ktadd -k ${keytab} oozie`)
  })
  after(async function () {
    this.timeout(60_000)
    rmSync(folder, { recursive: true, force: true })
    await cluster?.stop()
  })

  const oozie = (...args: string[]) =>
    alice.weft([...args, `-Dsecurity.kerberos.login.keytab=${keytab}`, '-Dsecurity.kerberos.login.principal=oozie'], {
      environment: { KRB5CCNAME: join(folder, 'none') },
    })

  it('submits as that user: the application, its files and its tokens are hers, the keytab stays where it is', async () => {
    const script = join(folder, 'endless.sql')
    writeFileSync(
      script,
      `SET 'execution.checkpointing.interval' = '1 s';
       SET 'execution.checkpointing.tolerable-failed-checkpoints' = '1000';
       CREATE TABLE g (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.n.min' = '1', 'fields.n.max' = '50');
       CREATE TABLE s (n BIGINT, c BIGINT) WITH ('connector' = 'blackhole');
       INSERT INTO s SELECT n, COUNT(*) FROM g GROUP BY n;`,
    )
    const doctor = await oozie('--proxy-user', 'alice', 'doctor')
    expect(doctor.status, doctor.stdout).to.equal(0)
    expect(doctor.stdout).to.match(/^ok +login +oozie@\S+, for alice/m)
    const submitted = await oozie('--proxy-user', 'alice', 'run', '-t', 'yarn-application', '-d', '-Dyarn.application.lifetime=1 h', script)
    expect(submitted.status, submitted.stderr).to.equal(0)
    ;[applicationId = '', jobId = ''] = submitted.stdout.trim().split('\n')
    const report = await alice.resourceManager.application(applicationId)
    expect(report?.user).to.equal('alice')
    const shown = await alice.weft(['status', applicationId])
    expect(shown.stdout).to.match(/YARN ends the application at/)
    expect((await alice.hdfs.status(alice.home(`.weft/applications/${applicationId}`)))?.owner).to.equal('alice')
    const key = readFileSync(keytab).subarray(-24, -8)
    for (const { environment, role } of containersOf(applicationId)) {
      const file = /(?:^|\0)HADOOP_TOKEN_FILE_LOCATION=([^\0]+)/.exec(environment)?.[1] ?? ''
      expect(readFileSync(file).includes(key), role).to.equal(false)
    }
  })

  it('may not do so for others, nor may others for her', async () => {
    const forMallory = await oozie('--proxy-user', 'mallory', 'list')
    expect(forMallory.status).to.equal(1)
    expect(forMallory.stderr).to.match(/does not let this login act for another user.*oozie.*hadoop\.proxyuser\.oozie\.hosts/)
    const byMallory = await mallory.weft(['--proxy-user', 'alice', 'status', applicationId])
    expect(byMallory.status).to.equal(1)
    expect(byMallory.stderr).to.match(/hadoop\.proxyuser\.mallory\.hosts/)
    const pushed = await mallory.weft(['tokens', 'push', applicationId])
    expect([pushed.status, pushed.stdout]).to.deep.equal([1, ''])
    const withoutName = await oozie('tokens', 'push', applicationId)
    expect(withoutName.status).to.equal(1)
    expect(withoutName.stderr).to.match(/--proxy-user alice tokens push/)
  })

  it('keeps the job alive beyond the life of its tokens by pushing new ones: no checkpoint fails', async function () {
    this.timeout(8 * MAX_LIFE_MS)
    const until = Date.now() + 3 * MAX_LIFE_MS
    let pushes = 0
    while (Date.now() < until) {
      const pushed = await oozie('--proxy-user', 'alice', 'tokens', 'push', applicationId)
      expect(pushed.status, pushed.stderr).to.equal(0)
      expect(pushed.stdout).to.match(/^Pushed a token of hdfs:\/\/localhost:\d+ to application_\S+: valid until \d{4}-/)
      pushes++
      await pause(MAX_LIFE_MS / 3)
    }
    expect(pushes).to.be.greaterThan(4)
    const url = new URL(`${cluster.hadoop.resourceManager}/proxy/${applicationId}/jobs/${jobId}/checkpoints`)
    const { headers } = await alice.login.resourceManager.credentialsFor(url)
    const { counts } = (await (await fetch(url, { headers })).json()) as { counts: { completed: number; failed: number; restored: number } }
    expect([counts.failed, counts.restored]).to.deep.equal([0, 0])
    expect(counts.completed).to.be.greaterThan(MAX_LIFE_MS / 1000)
    const ended = await oozie('--proxy-user', 'alice', 'cancel', applicationId)
    expect(ended.status, ended.stderr).to.equal(0)
    // The master clears up after it has taken its leave, by the token that was pushed last.
    const deadline = Date.now() + 20_000
    while ((await alice.list('.weft/applications')).length > 0 && Date.now() < deadline) await pause(500)
    expect(await alice.list('.weft/applications')).to.deep.equal([])
  })
})
