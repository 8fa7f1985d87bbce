/**
 * `make bench`: speed of the data plane, each figure beside the last accepted one.
 *
 *   node dist/bench/dataplane/main.js [part of a case's key] [--accept]
 *
 * --accept keeps the figures of this run as the accepted ones (bench/dataplane/accepted.json). With a part of a key only those cases run.
 * Exit status 1: an aim was missed, or a case failed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '#tools/pseudo-hadoop.js'
import { runCheckpoints } from './checkpoint/main.js'
import { runStateSnapshots } from './checkpoint/state-snapshot.js'
import { runEngine } from './engine/main.js'
import { runLatency } from './latency/main.js'
import { environmentLine, isMet, isRate, type Figure } from './measure.js'
import { runMicro } from './micro/main.js'

interface Accepted {
  environment: string
  /** Rows or MB per CPU second, or the value of what is no rate; by the figure's name. */
  figures: Record<string, number>
}

const file = join(projectRoot, 'bench/dataplane/accepted.json')
const accept = process.argv.includes('--accept')
const wanted = process.argv.slice(2).find((argument) => !argument.startsWith('--'))
const accepted = JSON.parse(readFileSync(file, 'utf8')) as Accepted

const units = { rows: 'M rows', MB: 'MB', ms: 'ms', ns: 'ns', times: 'x' }
const missed: string[] = []

function shown(value: number, unit: Figure['unit']): string {
  const scaled = unit === 'rows' ? value / 1e6 : value
  return scaled >= 100 ? scaled.toFixed(0) : scaled.toPrecision(3)
}

function tell(figure: Figure): void {
  const { name, unit, perCpuSecond, perSecond, aim } = figure
  const before = accepted.figures[name]
  // Above 1 is better, of what should be small too.
  const ratio = before === undefined ? NaN : isRate(unit) ? perCpuSecond / before : before / perCpuSecond
  const met = isMet(figure)
  if (!met) missed.push(name)
  process.stdout.write(
    `${name.padEnd(66)}${shown(perCpuSecond, unit).padStart(8)} ${units[unit].padEnd(7)}` +
      `${(isRate(unit) ? shown(perSecond, unit) : '').padStart(8)}` +
      `${(before === undefined ? '–' : shown(before, unit)).padStart(10)}${(Number.isNaN(ratio) ? '–' : ratio.toFixed(2)).padStart(7)}` +
      `${(aim === undefined ? '' : `${shown(aim, unit)} ${met ? 'met' : 'MISSED'}`).padStart(14)}\n`,
  )
  if (accept) accepted.figures[name] = Number(perCpuSecond.toPrecision(3))
}

process.stdout.write(`${environmentLine(projectRoot)}\naccepted: ${accepted.environment}\n\n`)
process.stdout.write(
  `${''.padEnd(66)}${'per CPU s'.padStart(12)}${'per s'.padStart(12)}${'accepted'.padStart(10)}${'ratio'.padStart(7)}${'aim'.padStart(14)}\n`,
)
await runEngine(projectRoot, wanted, tell)
await runLatency(projectRoot, wanted, tell)
await runCheckpoints(projectRoot, wanted, tell)
await runMicro(wanted, tell)
await runStateSnapshots(wanted, tell)
if (accept) writeFileSync(file, `${JSON.stringify({ ...accepted, environment: environmentLine(projectRoot) }, null, 2)}\n`)
if (missed.length > 0) process.stdout.write(`\n${missed.length} aim(s) missed: ${missed.join('; ')}\n`)
process.exit(missed.length > 0 ? 1 : 0)
