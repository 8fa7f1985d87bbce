/**
 * `make fuzz`: N hostile inputs (a million) to each target, in a process of its own with little memory. Fails on what is no refusal in words, on an
 * input that takes more than a second, and on memory that grows. A failure names target, seed and number; the same seed gives the same inputs:
 *
 *   node dist/test/fuzz/main.js --inputs 1000000 --seed 1 --only sasl
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { seeded } from './mutations.js'
import { TARGETS } from './targets.js'

const HANG_MS = 1_000
const HEAP_MB = 128
/** Of the process, between a tenth of the inputs and their end. */
const GROWTH_MB = 96
/** State of a target is made anew after so many. */
const ROUND = 10_000
/** The parent hears so often that the child is alive; a hang inside one input is seen by its silence. */
const BEAT_MS = 250
const SILENCE_MS = 10 * HANG_MS
const MIB = 1024 * 1024

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string', default: '' },
    child: { type: 'string' },
  },
})
const inputs = Number(values.inputs)
const seed = Number(values.seed)

if (values.child === undefined) process.exitCode = await all()
else await feed(values.child)

async function all(): Promise<number> {
  const only = values.only.split(',').filter((name) => name !== '')
  const chosen = TARGETS.filter(({ name }) => only.length === 0 || only.includes(name))
  if (chosen.length === 0) throw new Error(`no such target: ${values.only}; there are ${TARGETS.map(({ name }) => name).join(', ')}`)
  let failed = 0
  for (const { name } of chosen) {
    const problem = await run(name)
    if (problem === undefined) continue
    failed++
    process.stdout.write(`FAIL ${name}, seed ${seed}: ${problem}\n`)
  }
  return failed === 0 ? 0 : 1
}

interface Report {
  readonly at: number
  readonly done?: { readonly seconds: number; readonly slowestMs: number; readonly grownMb: number }
  readonly failure?: string
}

function run(name: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(import.meta.url), ['--child', name, '--inputs', String(inputs), '--seed', String(seed)], {
      execArgv: [...process.execArgv, `--max-old-space-size=${HEAP_MB}`],
    })
    let last: Report = { at: 0 }
    let problem: string | undefined
    let watch = setTimeout(() => child.kill('SIGKILL'), 2 * SILENCE_MS)
    child.on('message', (report: Report) => {
      last = report
      clearTimeout(watch)
      watch = setTimeout(() => {
        problem = `an input behind ${last.at} hangs`
        child.kill('SIGKILL')
      }, SILENCE_MS)
      problem = report.failure ?? problem
      if (report.done === undefined) return
      const { seconds, slowestMs, grownMb } = report.done
      process.stdout.write(
        `${name.padEnd(12)} ${inputs} inputs in ${seconds.toFixed(0)} s, slowest ${slowestMs.toFixed(0)} ms, memory ${grownMb >= 0 ? '+' : ''}${grownMb.toFixed(0)} MB\n`,
      )
    })
    child.on('exit', (code, signal) => {
      clearTimeout(watch)
      resolve(problem ?? (code === 0 && last.done !== undefined ? undefined : `it ended with ${signal ?? code} behind input ${last.at}`))
    })
  })
}

async function feed(name: string): Promise<void> {
  const target = TARGETS.find((each) => each.name === name)
  if (target === undefined) throw new Error(`no target ${name}`)
  const began = performance.now()
  let slowestMs = 0
  let memory = 0
  let beat = 0
  let at = 0
  try {
    let round = await target.begin()
    for (; at < inputs; at++) {
      if (at % ROUND === 0 && at > 0) round = await target.begin()
      if (at === Math.floor(inputs / 10)) memory = process.memoryUsage.rss()
      const before = performance.now()
      const pending = round.run(seeded(Math.imul(seed, 0x9e3779b1) + at))
      if (pending !== undefined) await pending
      const after = performance.now()
      slowestMs = Math.max(slowestMs, after - before)
      if (after - beat > BEAT_MS) {
        beat = after
        // A turn of the loop: what was begun may end, and the parent hears of it.
        await new Promise((resolve) => process.send?.({ at } satisfies Report, resolve))
      }
    }
    const grownMb = (process.memoryUsage.rss() - memory) / MIB
    const failure =
      slowestMs > HANG_MS
        ? `an input took ${slowestMs.toFixed(0)} ms`
        : grownMb > GROWTH_MB
          ? `memory grew by ${grownMb.toFixed(0)} MB`
          : undefined
    const done = { seconds: (performance.now() - began) / 1000, slowestMs, grownMb }
    await new Promise((resolve) => process.send?.({ at, done, ...(failure === undefined ? {} : { failure }) } satisfies Report, resolve))
    process.exit(0)
  } catch (error) {
    const failure = `input ${at}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
    await new Promise((resolve) => process.send?.({ at, failure } satisfies Report, resolve))
    process.exit(1)
  }
}
