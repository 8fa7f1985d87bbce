/** A session on this machine, by the command: several jobs, programs whose main runs in the client, failures, stop. */
import { expect } from 'chai'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionDetails } from '#core/rest/session-responses.js'
import { freePort } from '../../support/free-port.js'
import { projectRoot } from '../../support/project-root.js'
import { runWeft, startWeft, type CommandResult, type RunningCommand } from '../../support/weft-command.js'

const ENDLESS = `CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '50');
CREATE TABLE void (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO void SELECT n FROM ticks;`

const COUNTED = `SET 'execution.runtime-mode' = 'batch';
CREATE TABLE ticks (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000');
SELECT COUNT(*) AS c FROM ticks;`

/** Leaves something in its thread on purpose, and tells what it found of others'. */
const STICKY = `import { StreamExecutionEnvironment } from 'weft'
export async function main() {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  const found = env.fromElements(1).map(() => {
    const before = globalThis.left ?? 0
    globalThis.left = before + 1
    return before
  })
  for await (const each of await found.executeAndCollect()) console.log('found ' + each)
}`

/** Needs a job of its own to fail. */
const FAILING = `import { StreamExecutionEnvironment } from 'weft'
export async function main() {
  const env = StreamExecutionEnvironment.getExecutionEnvironment()
  env.fromElements(1, 2, 3).map((n) => {
    if (n === 2) throw new Error('no twos')
    return n
  }).print()
  await env.execute('picky')
}`

for (const isolation of ['THREADS', 'PROCESSES'])
  describe(`a session on this machine, ${isolation.toLowerCase()}`, function () {
    this.timeout(120_000)
    let directory: string
    let session: RunningCommand
    let address: string

    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return name
    }
    const run = (args: readonly string[]): Promise<CommandResult> => runWeft(['run', '-m', address, ...args], { cwd: directory })
    const list = async (...args: string[]) => (await runWeft(['list', '-m', address, ...args])).stdout

    before(async () => {
      directory = mkdtempSync(join(tmpdir(), 'weft-test-'))
      address = `127.0.0.1:${await freePort()}`
      session = startWeft(['start-cluster', '-D', `local.isolation=${isolation}`, '-D', `rest.port=${address.split(':')[1]}`], {
        cwd: directory,
      })
      session.result.catch(() => undefined)
      await session.says(/weft list -m/)
    })
    after(async () => {
      if (session.child.exitCode === null) session.child.kill('SIGKILL')
      await session.result
      rmSync(directory, { recursive: true, force: true })
    })

    it('runs a script whose SELECT is shown at the client', async () => {
      const { status, stdout, stderr } = await run([file('count.sql', COUNTED)])
      expect(status, stderr).to.equal(0)
      expect(stdout).to.match(/\| +1000 \|/)
      expect(stderr).to.match(/Job has been submitted with JobID [0-9a-f]{32}/)
      expect(stderr).to.match(/Job with JobID [0-9a-f]{32} has finished\./)
    })

    it('runs a program whose own enumerator and committer are in the session’s master', async () => {
      const own = join(directory, 'own')
      mkdirSync(own)
      const { status, stderr } = await run([join(projectRoot, 'examples/datastream/sources-and-sinks.ts'), own])
      expect(status, stderr).to.equal(0)
      const lines = readFileSync(join(own, 'lines.txt'), 'utf8').trimEnd().split('\n')
      expect(lines).to.have.members(Array.from({ length: 10 }, (_, i) => `line ${i + 1}`))
      rmSync(own, { recursive: true })
    })

    it('gives each job threads of its own: nothing of one is found by the next', async () => {
      file('sticky.ts', STICKY)
      for (let time = 0; time < 3; time++) {
        const { status, stdout, stderr } = await run(['sticky.ts'])
        expect(status, stderr).to.equal(0)
        expect(stdout).to.contain('found 0')
      }
    })

    it('runs jobs side by side; one that fails harms no other', async () => {
      const detached = await run(['-d', file('endless.sql', ENDLESS)])
      expect(detached.status, detached.stderr).to.equal(0)
      const endless = detached.stdout.trim()
      expect(endless).to.match(/^[0-9a-f]{32}$/)

      const failed = await run([file('picky.ts', FAILING)])
      expect(failed.status).to.equal(1)
      expect(failed.stderr)
        .to.contain('no twos')
        .and.to.match(/picky\.ts:\d+/)
      const counted = await run(['count.sql'])
      expect(counted.status, counted.stderr).to.equal(0)

      const all = await list('-a')
      expect(all).to.match(new RegExp(`Running/Restarting Jobs -+\\n.* : ${endless} : insert-into.* \\(RUNNING\\)`))
      expect(all).to.match(/Terminated Jobs -+\n[^]*: picky \(FAILED\)/)

      const cancelled = await runWeft(['cancel', '-m', address, endless])
      expect(cancelled.status, cancelled.stderr).to.equal(0)
      expect(cancelled.stdout).to.equal(`Cancelling job ${endless}.\nCancelled job ${endless}.\n`)
      expect(await list()).to.contain('No running jobs.')
    })

    it('goes on with a job whose client is interrupted; with -sae the job is cancelled', async () => {
      for (const args of [[], ['-sae']]) {
        const command = startWeft(['run', '-m', address, ...args, 'endless.sql'], { cwd: directory })
        const [, id = ''] = await command.says(/Job has been submitted with JobID ([0-9a-f]{32})/)
        await command.says(/RUNNING +1\/1/)
        command.child.kill('SIGINT')
        const { status, stderr } = await command.result
        expect(status).to.equal(1)
        if (args.length === 0) {
          expect(stderr).to.contain('goes on in the session').and.to.contain(`weft cancel -m ${address} <JobID>`)
          expect(await list()).to.contain(id)
          expect((await runWeft(['cancel', '-m', address, id])).status).to.equal(0)
        } else expect(stderr).to.contain(`Interrupted: cancelling ${id}`)
        expect(await list()).not.to.contain(id)
      }
    })

    it('tells a script’s failed statement, cause first', async () => {
      const { status, stderr } = await run([
        file(
          'missing.sql',
          `CREATE TABLE gone (a INT) WITH ('connector' = 'filesystem', 'path' = '${directory}/gone', 'format' = 'csv');\nSELECT a FROM gone;`,
        ),
      ])
      expect(status).to.equal(1)
      expect(stderr).to.match(/does not exist[^]*cannot be read[^]*Statement 2 \(missing\.sql, line 2\) failed: SELECT a FROM gone/)
    })

    it('refuses what a detached client cannot have, and settings that come too late', async () => {
      const select = await run(['-d', 'count.sql'])
      expect(select.status).to.equal(1)
      expect(select.stderr).to.contain('has nobody to show its result to')
      const settled = await run(['-D', 'taskmanager.memory.process.size=1g', 'count.sql'])
      expect(settled.status, settled.stderr).to.equal(0)
      expect(settled.stderr).to.contain('without effect on a session that runs already: taskmanager.memory.process.size')
    })

    it('takes no job from whoever only reaches its port', async () => {
      const id = 'a'.repeat(32)
      const answer = await fetch(`http://${address}/session/jobs/${id}`, { method: 'PUT' })
      expect(answer.status).to.equal(404)
      expect(((await answer.json()) as { errors: string[] }).errors[0]).to.contain(`Job ${id} cannot be started`)
    })

    it('stops with its command, and leaves nothing', async () => {
      const details = (await (await fetch(`http://${address}/session`)).json()) as SessionDetails
      const submissions = new URL(details['submission-directory']).pathname
      expect(existsSync(submissions)).to.equal(true)
      expect((await run(['-d', 'endless.sql'])).status).to.equal(0)
      session.child.kill('SIGINT')
      const { status, stderr } = await session.result
      expect(status, stderr).to.equal(0)
      expect(stderr).to.contain('The session has ended.')
      expect(existsSync(submissions)).to.equal(false)
      expect(readdirSync(directory).sort()).to.deep.equal(['count.sql', 'endless.sql', 'missing.sql', 'picky.ts', 'sticky.ts'])
      const refused = await run(['count.sql'])
      expect(refused.status).to.equal(1)
      expect(refused.stderr).to.contain(`The JobManager of the session at ${address} does not answer`)
    })
  })
