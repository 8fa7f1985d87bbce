/**
 * `make bench`: speed of the data plane, each figure beside the last accepted one.
 *
 *   node dist/bench/dataplane/main.js [part of a case's key] [--accept]
 *
 * --accept keeps the figures of this run as the accepted ones (bench/dataplane/accepted.json). With a part of a key only those cases run.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '#tools/pseudo-hadoop.js'
import { runEngine } from './engine/main.js'
import { runLatency } from './latency/main.js'
import { environmentLine, type Figure } from './measure.js'
import { runMicro } from './micro/main.js'

interface Accepted {
  environment: string
  /** Rows or MB per CPU second, ms of latencies; by the figure's name. */
  figures: Record<string, number>
}

const file = join(projectRoot, 'bench/dataplane/accepted.json')
const accept = process.argv.includes('--accept')
const wanted = process.argv.slice(2).find((argument) => !argument.startsWith('--'))
const accepted = JSON.parse(readFileSync(file, 'utf8')) as Accepted

const units = { rows: 'M rows', MB: 'MB', ms: 'ms' }

function shown(value: number, unit: Figure['unit']): string {
  const scaled = unit === 'rows' ? value / 1e6 : value
  return scaled >= 100 ? scaled.toFixed(0) : scaled.toPrecision(3)
}

function tell(figure: Figure): void {
  const { name, unit, perCpuSecond, perSecond, aim } = figure
  const before = accepted.figures[name]
  // Above 1 is better, of latencies too.
  const ratio = before === undefined ? NaN : unit === 'ms' ? before / perCpuSecond : perCpuSecond / before
  const met = aim === undefined ? '' : (unit === 'ms' ? perCpuSecond <= aim : perCpuSecond >= aim) ? 'met' : 'MISSED'
  process.stdout.write(
    `${name.padEnd(66)}${shown(perCpuSecond, unit).padStart(8)} ${units[unit].padEnd(7)}` +
      `${(unit === 'ms' ? '' : shown(perSecond, unit)).padStart(8)}` +
      `${(before === undefined ? '–' : shown(before, unit)).padStart(10)}${(Number.isNaN(ratio) ? '–' : ratio.toFixed(2)).padStart(7)}` +
      `${(aim === undefined ? '' : `${shown(aim, unit)} ${met}`).padStart(14)}\n`,
  )
  if (accept) accepted.figures[name] = Number(perCpuSecond.toPrecision(3))
}

process.stdout.write(`${environmentLine(projectRoot)}\naccepted: ${accepted.environment}\n\n`)
process.stdout.write(
  `${''.padEnd(66)}${'per CPU s'.padStart(12)}${'per s'.padStart(12)}${'accepted'.padStart(10)}${'ratio'.padStart(7)}${'aim'.padStart(14)}\n`,
)
await runEngine(projectRoot, wanted, tell)
await runLatency(projectRoot, wanted, tell)
await runMicro(wanted, tell)
if (accept) writeFileSync(file, `${JSON.stringify({ ...accepted, environment: environmentLine(projectRoot) }, null, 2)}\n`)
process.exit(0)
