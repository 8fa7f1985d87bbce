/**
 * A campaign of kills against a running job: one SIGKILL after the other at seeded random moments, each followed by a wait for newly
 * committed output. What is measured is the time from a kill to that output.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export type Victim = 'worker' | 'master'

/** What their processes run. */
export const ENTRIES: Readonly<Record<Victim, string>> = { worker: 'container.mjs', master: 'am.mjs' }

export interface Subject {
  /** Names of the files that are visible. */
  committed(): Promise<ReadonlySet<string>>
  /** Processes that run now. */
  pids(victim: Victim): readonly number[]
  /** Undefined while the job runs. */
  exit(): number | undefined
}

export interface Campaign {
  readonly workers: number
  readonly masters: number
  readonly seed: number
  /** Between an output and the next kill, ms. */
  readonly pause: { readonly least: number; readonly most: number }
  /** Longest wait for output after a kill, ms. */
  readonly recoveryLimit: number
}

export interface Recovery {
  readonly victim: Victim
  readonly ms: number
}

const POLL_MS = 20
const REPORT_EVERY = 10

/** @throws when the job ends, nobody is there to be killed, or no output comes */
export async function run(campaign: Campaign, subject: Subject, recoveries: Recovery[], report: (line: string) => void): Promise<void> {
  const random = mulberry32(campaign.seed)
  const victims = shuffled(random, [...Array<Victim>(campaign.workers).fill('worker'), ...Array<Victim>(campaign.masters).fill('master')])
  await newOutput(new Set(), subject, campaign.recoveryLimit)
  for (const victim of victims) {
    await sleep(campaign.pause.least + random() * (campaign.pause.most - campaign.pause.least))
    const before = await subject.committed()
    const pids = await someone(subject, victim)
    process.kill(pids[Math.floor(random() * pids.length)] as number, 'SIGKILL')
    const at = performance.now()
    await newOutput(before, subject, campaign.recoveryLimit)
    recoveries.push({ victim, ms: Math.round(performance.now() - at) })
    if (recoveries.length % REPORT_EVERY === 0) report(`${recoveries.length} kills; ${summary(recoveries)}`)
  }
}

export function summary(recoveries: readonly Recovery[]): string {
  return (['worker', 'master'] as const)
    .map((victim) => ({ victim, times: timesOf(recoveries, victim) }))
    .filter(({ times }) => times.length > 0)
    .map(({ victim, times }) => `${victim}: p50 ${quantile(times, 0.5)} ms, p90 ${quantile(times, 0.9)} ms, most ${quantile(times, 1)} ms`)
    .join('; ')
}

export function timesOf(recoveries: readonly Recovery[], victim?: Victim): number[] {
  return recoveries.filter((each) => victim === undefined || each.victim === victim).map(({ ms }) => ms)
}

export function quantile(of: readonly number[], share: number): number {
  const sorted = [...of].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

async function someone(subject: Subject, victim: Victim): Promise<readonly number[]> {
  for (let tries = 0; tries < 500; tries++) {
    const pids = subject.pids(victim)
    if (pids.length > 0) return pids
    await sleep(POLL_MS)
  }
  throw new Error(`there is no ${victim} to kill`)
}

async function newOutput(before: ReadonlySet<string>, subject: Subject, limit: number): Promise<void> {
  const started = performance.now()
  while (performance.now() - started < limit) {
    for (const name of await subject.committed()) if (!before.has(name)) return
    const exit = subject.exit()
    if (exit !== undefined) throw new Error(`the job ended with status ${exit}`)
    await sleep(POLL_MS)
  }
  throw new Error(`no output within ${limit} ms`)
}

function shuffled<T>(random: () => number, items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[items[i], items[j]] = [items[j] as T, items[i] as T]
  }
  return items
}

/** A small seeded generator with 32 bits of state (Tommy Ettinger's mulberry32). */
function mulberry32(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
