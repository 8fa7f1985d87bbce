/**
 * Exactly-once under SIGKILL on a real cluster: `make chaos-yarn`. As chaos-local, with the processes that YARN started on a
 * pseudo-distributed Hadoop of two nodes, output and checkpoints in HDFS.
 *
 *   chaos-yarn [--workers 20] [--masters 20] [--seed 1]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot, readText, startPseudoHadoop } from '#tools/pseudo-hadoop.js'
import { quantile, run, summary, timesOf, ENTRIES, type Recovery } from './campaign.js'
import { startJob } from './job-process.js'
import { processesOf } from '../support/processes.js'
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
  const job = startJob(
    join(projectRoot, 'bin/weft.mjs'),
    script,
    {
      'execution.target': 'yarn-application',
      'yarn.application-attempts': attempts,
      'execution.checkpointing.dir': `${home}/chaos/checkpoints`,
    },
    { ...hadoop.environment, HADOOP_USER_NAME: USER },
  )
  const visible = async () => {
    if ((await hdfs.status(output)) === undefined) return []
    return (await hdfs.list(output)).filter((file) => !file.directory && file.path.includes('/part-'))
  }
  const recoveries: Recovery[] = []
  try {
    const committed = async () => new Set((await visible()).map((file) => file.path))
    await run(campaign, { committed, pids: (victim) => processesOf(ENTRIES[victim], hadoop.folder), exit: job.exit }, recoveries, say)
    await job.finish(END_LIMIT_MS)
    const files: { name: string; text: string }[] = []
    for (const file of await visible()) files.push({ name: file.path, text: await readText(hdfs, file.path) })
    const verdict = judge(files, lastId)
    for (const example of verdict.examples) say(`  ${example}`)
    good = isExact(verdict) && quantile(timesOf(recoveries), 0.5) <= AIM_P50_MS
    say(`${recoveries.length} SIGKILLs; recovery of a ${summary(recoveries)}`)
    say(`chaos-yarn: ${describeVerdict(verdict)}`)
  } catch (error) {
    await job.kill()
    say(`${(error as Error).message}\n${job.stderr()}\nchaos-yarn: failed after ${recoveries.length} kills; ${summary(recoveries)}`)
  }
} finally {
  hadoop.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit(good ? 0 : 1)
