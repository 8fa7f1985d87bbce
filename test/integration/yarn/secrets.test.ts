/** The application's secret and YARN's tokens stay where they belong: in the containers' token files. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { SECRET_ALIAS } from '#core/cluster/application-descriptor.js'
import { findToken, readCredentials } from '#hadoop/security/credentials.js'
import { TokenKind } from '#hadoop/security/tokens.js'
import { until, YarnJobs, type ContainerProcess } from '../../support/yarn-jobs.js'

const ENDLESS = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '50');
CREATE TABLE void (name STRING, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT name, SUM(n) FROM (SELECT CAST(n AS STRING) AS name, n FROM ticks) GROUP BY name;`

function credentialsOf({ environment }: ContainerProcess) {
  const file = /\0HADOOP_TOKEN_FILE_LOCATION=([^\0]+)\0/.exec(environment)?.[1]
  if (file === undefined) throw new Error('a container without a token file')
  return readCredentials(readFileSync(file))
}

describe('secrets of an application on YARN', () => {
  let jobs: YarnJobs
  before(async () => void (jobs = await YarnJobs.start()))
  afterEach(() => jobs.endAll())

  it('appear in no log, argument, environment, staged file or REST answer', async () => {
    const command = jobs.script(ENDLESS, ['-p', '2'])
    await command.says(/RUNNING +2\/2/)
    const [applicationId = ''] = await command.says(/application_\d+_\d+/)
    const master = await until('the master', () => jobs.master(applicationId))
    const workers = await until('two TaskManagers', () => {
      const found = jobs.taskManagers(applicationId)
      return found.length === 2 && found
    })

    const own = credentialsOf(master)
    const secret = own.secrets.get(SECRET_ALIAS)
    const token = findToken(own, TokenKind.amRm)
    if (secret === undefined || token === undefined) throw new Error('the master lacks its secret or its token')
    expect(secret).to.have.length(32)
    for (const worker of workers) {
      const credentials = credentialsOf(worker)
      expect(credentials.secrets.get(SECRET_ALIAS)?.equals(secret), 'a worker shares the secret').to.equal(true)
      expect(findToken(credentials, TokenKind.amRm), 'a worker cannot act as the master').to.equal(undefined)
    }

    const places = new Map<string, string>()
    const rest = async (path: string) =>
      void places.set(
        path,
        await (await fetch(`${jobs.hadoop.resourceManager}/ws/v1/cluster/apps/${applicationId}${path}?user.name=${jobs.user}`)).text(),
      )
    await rest('')
    await rest('/appattempts')
    const [attempt] = await jobs.cluster.resourceManager.attempts(applicationId)
    await rest(`/appattempts/${attempt?.appAttemptId}/containers`)
    for (const path of ['config', 'overview', 'taskmanagers', 'jobmanager/config', 'jobs/overview', 'applications/overview']) {
      const answer = await fetch(`${jobs.hadoop.resourceManager}/proxy/${applicationId}/${path}?user.name=${jobs.user}`)
      places.set(`master ${path}`, await answer.text())
    }
    for (const name of await jobs.list(`.weft/applications/${applicationId}`))
      places.set(`staged ${name}`, await jobs.read(`.weft/applications/${applicationId}/${name}`))
    for (const { pid, command: line, environment } of jobs.processes(applicationId)) {
      places.set(`arguments of ${pid}`, line)
      places.set(`environment of ${pid}`, environment)
    }
    command.child.kill('SIGINT')
    const { stdout, stderr } = await command.result
    places.set('client', stdout + stderr)
    await jobs.weft(['cancel', applicationId]).result
    await jobs.expectNothingLeft(applicationId, 'FINISHED', 'KILLED')
    for (const [name, text] of jobs.logs(applicationId)) places.set(`log ${name}`, text)
    for (const name of readdirSync(join(jobs.hadoop.directory, 'logs')))
      places.set(`daemon ${name}`, readFileSync(join(jobs.hadoop.directory, 'logs', name), 'latin1'))

    // What was looked at was really there.
    const names = [...places.keys()]
    expect(names).to.include.members(['staged weft-application.json', 'client', 'daemon rm.log'])
    expect(names.filter((name) => /^log .*\/stdout$/.test(name)).length).to.be.greaterThan(2)
    expect(names.filter((name) => name.startsWith('environment of')).length).to.be.greaterThan(2)
    expect(places.get('')).to.contain(applicationId)
    expect(places.get('master taskmanagers')).to.contain(workers[0]?.container)

    for (const [what, bytes] of [
      ['secret', secret],
      ['AMRM token', token.password],
    ] as const) {
      const forms = (['hex', 'base64', 'base64url', 'latin1', 'utf8'] as const).map((encoding) =>
        Buffer.from(bytes).toString(encoding).replace(/=+$/, ''),
      )
      for (const [place, text] of places) {
        for (const form of forms) expect(text.toLowerCase().includes(form.toLowerCase()), `the ${what} in ${place}`).to.equal(false)
      }
    }
  })
})
