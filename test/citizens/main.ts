/**
 * A good citizen of a real cluster: `make citizens`. Jobs run while YARN takes containers and nodes from them, restarts, and loses their
 * master; each scenario as many times as asked, on one job where that is possible. Afterwards the rows are exactly-once, and every
 * container that was asked for was granted and given back.
 *
 *   citizens [--rounds 10] [--only preempted,node-killed,…]
 */
import { parseArgs } from 'node:util'
import { startHadoop, type HadoopOptions } from '../support/hadoop-cluster.js'
import { YarnJobs } from '../support/yarn-jobs.js'
import { Figures, type ScenarioReport } from './figures.js'
import { runRounds, type Scenario } from './rounds.js'
import { attemptsUsedUp } from './scenarios/attempts-used-up.js'
import { decommissioned } from './scenarios/decommissioned.js'
import { masterAndWorkerKilled, masterKilled } from './scenarios/master-killed.js'
import { nodeKilled } from './scenarios/node-killed.js'
import { preempted } from './scenarios/preempted.js'
import { resourceManagerRestarted } from './scenarios/resource-manager-restarted.js'
import type { Cluster, Ledger } from './ticking.js'

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '10' }, only: { type: 'string', default: '' } } })
const rounds = Number(options.rounds)
const only = options.only.split(',').filter((name) => name !== '')

type Run = (cluster: Cluster) => Promise<ScenarioReport>
const onOneJob =
  (scenario: Scenario): Run =>
  (cluster) =>
    runRounds(cluster, scenario, rounds, new Figures())

/** Takes things back, and gives nodes up soon. */
const TAKING: HadoopOptions = {
  name: 'citizens',
  nodes: 3,
  memoryMb: 768,
  heartbeatMs: 100,
  distinctHosts: true,
  preemption: true,
  properties: { 'yarn.nm.liveness-monitor.expiry-interval-ms': '10000' },
}
/** A master that YARN does not hear for the expiry of its node ends itself: that must last longer than a restart of the ResourceManager. */
const RESTARTING: HadoopOptions = {
  name: 'citizens-restarts',
  nodes: 2,
  memoryMb: 1024,
  heartbeatMs: 100,
  properties: { 'yarn.nm.liveness-monitor.expiry-interval-ms': '120000', 'yarn.resourcemanager.am.max-attempts': '1000' },
}
const CAMPAIGN: readonly { readonly hadoop: HadoopOptions; readonly scenarios: Readonly<Record<string, Run>> }[] = [
  {
    hadoop: TAKING,
    scenarios: { preempted: onOneJob(preempted), decommissioned: onOneJob(decommissioned), 'node-killed': onOneJob(nodeKilled) },
  },
  {
    hadoop: RESTARTING,
    scenarios: {
      'rm-restarted': onOneJob(resourceManagerRestarted),
      'master-killed': onOneJob(masterKilled),
      'both-killed': onOneJob(masterAndWorkerKilled),
      'used-up': (cluster) => attemptsUsedUp(cluster, rounds),
    },
  },
]

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const names = CAMPAIGN.flatMap(({ scenarios }) => Object.keys(scenarios))
const unknown = only.filter((name) => !names.includes(name))
if (!Number.isInteger(rounds) || rounds < 1 || unknown.length > 0) {
  say(
    `citizens: ${unknown.length > 0 ? `no scenario is called ${unknown.join(', ')}; there are ${names.join(', ')}` : '--rounds must be 1 or more'}`,
  )
  process.exit(2)
}

const ledger: Ledger = { asked: 0, granted: 0, released: 0, applications: 0, leaks: [] }
const reports: ScenarioReport[] = []
for (const { hadoop: settings, scenarios } of CAMPAIGN) {
  const chosen = Object.entries(scenarios).filter(([name]) => only.length === 0 || only.includes(name))
  if (chosen.length === 0) continue
  say(`Hadoop with ${settings.nodes} nodes is started …`)
  const hadoop = await startHadoop(settings)
  try {
    const cluster: Cluster = { hadoop, jobs: await YarnJobs.on(hadoop), ledger, say }
    for (const [, run] of chosen) {
      const report = await run(cluster)
      reports.push(report)
      show(report)
    }
  } finally {
    await hadoop.stop()
  }
}

function show({ name, rounds: all, passed, failures, lines, aims, seconds }: ScenarioReport): void {
  say(`${name}: ${passed} of ${all} rounds, ${Math.round(seconds)} s`)
  for (const line of lines) say(`  ${line}`)
  for (const { figure, is, met } of aims) say(`  ${met ? 'ok    ' : 'MISSED'} ${figure}: ${is}`)
  for (const failure of failures) say(`  ${failure.replaceAll('\n', '\n  ')}`)
}

const difference = ledger.asked - ledger.granted
say(
  `Containers of ${ledger.applications} applications: asked ${ledger.asked} - granted ${ledger.granted} = ${difference}, ` +
    `granted - released = ${ledger.granted - ledger.released}; leaked: ${ledger.leaks.length}`,
)
for (const leak of ledger.leaks) say(`  ${leak}`)
const checks = [
  ...reports.flatMap(({ aims }) => aims.map(({ met }) => met)),
  difference === 0,
  ledger.granted === ledger.released,
  ledger.leaks.length === 0,
]
const failed = checks.filter((met) => !met).length
say(`${checks.length - failed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
