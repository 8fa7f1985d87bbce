/** A cluster whose web services answer by HTTPS only, trusted by the store that its ssl-client.xml names. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { startHadoop, type HadoopCluster } from '../support/hadoop-cluster.js'
import { YarnJobs } from '../support/yarn-jobs.js'

describe('a cluster by HTTPS', function () {
  this.timeout(600_000)
  let hadoop: HadoopCluster
  let jobs: YarnJobs
  let folder: string

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'weft-https-'))
    hadoop = await startHadoop({ name: 'https', nodes: 1, heartbeatMs: 100, https: true })
    jobs = await YarnJobs.on(hadoop)
  })
  after(async () => {
    await hadoop?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('runs a job that reads and writes HDFS, by the trust store of the site files', async () => {
    const script = `CREATE TABLE numbers (n INT) WITH ('connector'='datagen','number-of-rows'='1000','fields.n.kind'='sequence','fields.n.start'='1','fields.n.end'='1000');
      CREATE TABLE held (n INT) WITH ('connector'='filesystem','path'='${jobs.home}/held','format'='csv');
      CREATE TABLE summed (s BIGINT) WITH ('connector'='filesystem','path'='${jobs.home}/summed','format'='csv');
      SET 'execution.runtime-mode' = 'batch';
      SET 'table.dml-sync' = 'true';
      INSERT INTO held SELECT n FROM numbers;
      INSERT INTO summed SELECT SUM(CAST(n AS BIGINT)) FROM held;`
    const result = await jobs.script(script).result
    expect(result.status, result.stderr).to.equal(0)
    expect(result.stderr).to.match(/FINISHED \/ SUCCEEDED/)
    const { hdfs } = jobs.cluster
    const parts: string[] = []
    for await (const { pathSuffix } of hdfs.list(`${jobs.home}/summed`))
      for await (const chunk of hdfs.open(`${jobs.home}/summed/${pathSuffix}`)) parts.push(chunk.toString('utf8'))
    expect(parts.join('').trim()).to.equal('500500')
  })

  it('is refused where nobody trusts it, in words', async () => {
    for (const name of readdirSync(hadoop.confDir).filter((name) => name !== 'ssl-client.xml'))
      copyFileSync(join(hadoop.confDir, name), join(folder, name))
    const listed = await jobs.weft(['list'], { environment: { HADOOP_CONF_DIR: folder } }).result
    expect(listed.status).to.equal(1)
    expect(listed.stderr).to.match(/ResourceManager .*self-signed certificate.*ssl-client\.xml/s)
    writeFileSync(
      join(folder, 'ssl-client.xml'),
      `<configuration><property><name>ssl.client.truststore.location</name><value>${folder}/core-site.xml</value></property></configuration>`,
    )
    const wrong = await jobs.weft(['list'], { environment: { HADOOP_CONF_DIR: folder } }).result
    expect(wrong.status).to.equal(1)
    expect(wrong.stderr).to.include(`Cannot read the trust store ${folder}/core-site.xml`)
  })
})
