/**
 * Exactly-once under SIGKILL on a real cluster: `make chaos-yarn`. As chaos-local, with the processes that YARN started on a
 * pseudo-distributed Hadoop of two nodes, output and checkpoints in HDFS.
 *
 *   chaos-yarn [--workers 20] [--masters 20] [--seed 1]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { projectRoot, readText, startPseudoHadoop } from '#tools/pseudo-hadoop.js'
import { quantile, run, summary, timesOf, type Recovery, type Victim } from './campaign.js'
import { chaosJob, lastIdFor } from './job.js'
import { describeVerdict, isExact, judge } from './oracle.js'

const { values: options } = parseArgs({
  options: {
    workers: { type: 'string', default: '20' },
    masters: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '3000' },
  },
})
const campaign = {
  workers: Number(options.workers),
  masters: Number(options.masters),
  seed: Number(options.seed),
  pause: { least: 500, most: 2_000 },
  recoveryLimit: 120_000,
}
const AIM_P50_MS = 5_000
const END_LIMIT_MS = 900_000
const USER = 'alice'

const rate = Number(options.rate)
const lastId = lastIdFor(2 * (campaign.workers + campaign.masters), rate)
const attempts = String(campaign.masters + 5)
const folder = mkdtempSync(join(tmpdir(), 'weft-chaos-'))
const hadoop = startPseudoHadoop('chaos-hadoop', ['--nodes', '2', '--set', `yarn.resourcemanager.am.max-attempts=${attempts}`])
const say = (line: string): void => void process.stdout.write(`${line}\n`)
let good = false
try {
  const hdfs = hadoop.fileSystem(USER)
  const home = `${hadoop.defaultFs}/user/${USER}`
  const output = `${home}/chaos/out`
  const script = join(folder, 'chaos.sql')
  writeFileSync(script, chaosJob(output, rate, lastId))
  const configuration: Record<string, string> = {
    'yarn.application-attempts': attempts,
    'parallelism.default': '2',
    'execution.checkpointing.interval': '1 s',
    'execution.checkpointing.dir': `${home}/chaos/checkpoints`,
    'execution.checkpointing.tolerable-failed-checkpoints': '100',
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': '100000',
    'restart-strategy.fixed-delay.delay': '50 ms',
    'taskmanager.memory.process.size': '512m',
  }
  const job = spawn(
    process.execPath,
    [
      join(projectRoot, 'bin/weft.mjs'),
      'run',
      '-t',
      'yarn-application',
      ...Object.entries(configuration).flatMap(([key, value]) => ['-D', `${key}=${value}`]),
      script,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...hadoop.environment, HADOOP_USER_NAME: USER } },
  )
  let stderr = ''
  job.stderr.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString('utf8')).slice(-10_000)))
  let exit: number | undefined
  const ended = new Promise<void>((resolve) =>
    job.on('exit', (code) => {
      exit = code ?? -1
      resolve()
    }),
  )
  const visible = async () => {
    if ((await hdfs.status(output)) === undefined) return []
    return (await hdfs.list(output)).filter((file) => !file.directory && file.path.includes('/part-'))
  }
  const recoveries: Recovery[] = []
  try {
    const committed = async () => new Set((await visible()).map((file) => file.path))
    await run(campaign, { committed, pids: (victim) => pidsOf(victim), exit: () => exit }, recoveries, say)
    await Promise.race([ended, sleep(END_LIMIT_MS, undefined, { ref: false })])
    if (exit !== 0) throw new Error(exit === undefined ? 'the job did not end' : `the job ended with status ${exit}`)
    const files: { name: string; text: string }[] = []
    for (const file of await visible()) files.push({ name: file.path, text: await readText(hdfs, file.path) })
    const verdict = judge(files, lastId)
    for (const example of verdict.examples) say(`  ${example}`)
    good = isExact(verdict) && quantile(timesOf(recoveries), 0.5) <= AIM_P50_MS
    say(`${recoveries.length} SIGKILLs; recovery of a ${summary(recoveries)}`)
    say(`chaos-yarn: ${describeVerdict(verdict)}`)
  } catch (error) {
    job.kill('SIGKILL')
    say(`${(error as Error).message}\n${stderr}\nchaos-yarn: failed after ${recoveries.length} kills; ${summary(recoveries)}`)
  }
} finally {
  hadoop.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(good ? 0 : 1)

/** Processes of the runtime archive that this cluster runs. */
function pidsOf(victim: Victim): readonly number[] {
  const entry = victim === 'worker' ? 'runtime/container.mjs' : 'runtime/am.mjs'
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return []
    try {
      const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      // Not the shell that YARN starts it with: that ends with its child.
      const mine = program.endsWith('/node') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(hadoop.folder)
      return mine && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(entry) ? [Number(pid)] : []
    } catch {
      return [] // it ended meanwhile
    }
  })
}
