/** Timing: work per second of CPU (user and system, all threads of the process) and of wall time. */
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'

export interface Figure {
  readonly name: string
  readonly unit: Unit
  /** Units per CPU second; of what is not a rate: the value itself. */
  readonly perCpuSecond: number
  readonly perSecond: number
  /** What it should reach: of a rate at least, of anything else at most. */
  readonly aim?: number
}

/** Rates: rows, MB (10^6 bytes). Values, less is better: ms, ns, times (a ratio). */
export type Unit = 'rows' | 'MB' | 'ms' | 'ns' | 'times'

export function isRate(unit: Unit): boolean {
  return unit === 'rows' || unit === 'MB'
}

/** A figure that is no rate. */
export function valueOf(name: string, unit: Exclude<Unit, 'rows' | 'MB'>, value: number, aim?: number): Figure {
  return { name, unit, perCpuSecond: value, perSecond: value, ...(aim === undefined ? {} : { aim }) }
}

export function isMet({ unit, perCpuSecond, aim }: Figure): boolean {
  return aim === undefined || (isRate(unit) ? perCpuSecond >= aim : perCpuSecond <= aim)
}

export interface MicroCase {
  readonly name: string
  readonly unit: 'rows' | 'MB'
  /** Does some work; returns how much, in the unit. Called until enough time has passed. */
  run(): number | Promise<number>
  close?(): void | Promise<void>
}

/** Makes a case when its turn comes, so that its data does not lie in the others' way. */
export type MicroCases = Readonly<Record<string, () => MicroCase | Promise<MicroCase>>>

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

const WARM_UP_MS = 300
const ROUND_MS = 400
const ROUNDS = 3

/** Median of three rounds after a warm-up. */
export async function measureMicro(make: MicroCases[string]): Promise<Figure> {
  const subject = await make()
  const round = async (ms: number): Promise<{ cpu: number; wall: number }> => {
    const cpu = process.cpuUsage()
    const start = performance.now()
    let done = 0
    while (performance.now() - start < ms) done += await subject.run()
    const wall = (performance.now() - start) / 1000
    const spent = process.cpuUsage(cpu)
    return { cpu: done / ((spent.user + spent.system) / 1e6), wall: done / wall }
  }
  await round(WARM_UP_MS)
  const rounds = []
  for (let i = 0; i < ROUNDS; i++) rounds.push(await round(ROUND_MS))
  await subject.close?.()
  const [perCpuSecond, perSecond] = [median(rounds.map(({ cpu }) => cpu)), median(rounds.map(({ wall }) => wall))]
  return { name: subject.name, unit: subject.unit, perCpuSecond, perSecond }
}

/** Where and what: CPU, Node, commit. */
export function environmentLine(root: string): string {
  let commit = 'no commit'
  try {
    commit = execFileSync('git', ['-C', root, 'describe', '--always', '--dirty'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    // Not a checkout.
  }
  return `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.versions.node}, ${commit}`
}
