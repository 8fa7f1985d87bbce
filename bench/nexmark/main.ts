/**
 * `make nexmark-bench`: Nexmark's queries side by side with Flink, in turns and each in fresh processes. Figures are events per second of CPU:
 * of Flink the TaskManager's alone; of Weft everything, client, compiler and master included, since they are one process with the worker.
 *
 *   QUERIES='q0 q5'   EVENTS=500000 (of each query)   PARALLELISM='1 2'   FLINK=no: Weft alone, results are not written
 *
 * A run at both parallelisms and with the events below writes its queries into bench/results/nexmark.json, where those of earlier runs stay;
 * the geometric mean is there once all 23 queries are.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepareFlink, runFlink } from './flink-cluster.js'
import { CpuAndMemory } from './process-usage.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const queriesFolder = join(root, 'test/nexmark/queries')
const ALL = Array.from({ length: 23 }, (_, i) => `q${i}`)
/** Enough for ten seconds of Flink; queries with state take fewer. */
const EVENTS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(ALL.map((query) => [query, 3_000_000])),
  ...Object.fromEntries(['q4', 'q6', 'q9', 'q15', 'q16', 'q20'].map((query) => [query, 1_500_000])),
}
/** What a process uses after the last look at it is not counted: short beside a second. */
const SAMPLE_MS = 10

interface Usage {
  readonly cpu: number
  readonly wall: number
  readonly rss: number
}

async function runWeft(query: string, events: number, parallelism: number): Promise<Usage> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-nexmark-'))
  try {
    const script = join(folder, `${query}.sql`)
    const read = (name: string) => readFileSync(join(queriesFolder, `${name}.sql`), 'utf8')
    const functions = join(root, 'test/nexmark/functions/count-char.ts')
    const text = [
      `SET 'execution.runtime-mode' = 'STREAMING';`,
      `CREATE TEMPORARY FUNCTION count_char AS '${functions}#count_char' LANGUAGE TYPESCRIPT;`,
      read('ddl').replace('${events}', String(events)).replace('${rate}', '100000'),
      read(query).replace('${sink}', "'connector' = 'blackhole'").replace('${partitioned}', ''),
    ]
    writeFileSync(script, text.join('\n'))
    const begin = performance.now()
    const args = ['run', '-t', 'local', '-p', String(parallelism), '-Dtaskmanager.memory.process.size=4g', script]
    const child = spawn(process.execPath, [join(root, 'bin/weft.mjs'), ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] })
    const usage = new CpuAndMemory(child.pid as number)
    let last = { cpu: 0, rss: 0 }
    const sample = () => {
      try {
        last = { cpu: usage.cpu(), rss: usage.peakMegabytes() || last.rss }
      } catch {
        // It has ended.
      }
    }
    const timer = setInterval(sample, SAMPLE_MS)
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString('utf8')).slice(-4000)))
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
    clearInterval(timer)
    if (status !== 0) throw new Error(`Weft's ${query} failed:\n${errors}`)
    return { ...last, wall: (performance.now() - begin) / 1000 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface QueryFigures {
  /** Events per second of CPU, the mean of the parallelisms. */
  weft: number
  flink: number
  ratio: number
  /** Peak, MB. */
  rssWeft: number
  rssFlink: number
}

const words = (name: string, otherwise: readonly string[]): readonly string[] => {
  const given = (process.env[name] ?? '').trim()
  return given === '' ? otherwise : given.split(/[\s,]+/)
}

const queries = words('QUERIES', ALL)
const unknown = queries.filter((query) => !ALL.includes(query))
if (unknown.length > 0) throw new Error(`There is no query ${unknown.join(', ')}: q0 to q22 are there.`)
const parallelisms = words('PARALLELISM', ['1', '2']).map(Number)
const compared = process.env['FLINK'] !== 'no'
const jars = compared ? prepareFlink(root) : undefined
const figures: Record<string, QueryFigures> = {}
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const geomean = (values: readonly number[]): number => Math.exp(mean(values.map((value) => Math.log(value))))

process.stdout.write('query    events  P   Weft events/CPU s   Flink events/CPU s  ratio   RSS Weft   RSS Flink (MB)\n')
for (const query of queries) {
  const events = Number(process.env['EVENTS'] ?? '') || (EVENTS[query] as number)
  const runs: { weft: Usage; flink: Usage }[] = []
  for (const [turn, parallelism] of parallelisms.entries()) {
    const weft = () => runWeft(query, events, parallelism)
    const flink = () =>
      jars === undefined ? Promise.resolve({ cpu: NaN, wall: NaN, rss: NaN }) : runFlink(jars, queriesFolder, query, events, parallelism)
    // In turns: neither is always the first on a machine that the other has warmed.
    const run = turn % 2 === 0 ? { weft: await weft(), flink: await flink() } : { flink: await flink(), weft: await weft() }
    runs.push(run)
    const [ours, theirs] = [events / run.weft.cpu, events / run.flink.cpu]
    const cells = [query.padEnd(5), String(events).padStart(9), String(parallelism).padStart(3), ours.toFixed(0).padStart(19)]
    cells.push(theirs.toFixed(0).padStart(20), (ours / theirs).toFixed(2).padStart(6), String(run.weft.rss).padStart(10))
    process.stdout.write(`${[...cells, String(run.flink.rss).padStart(12)].join(' ')}\n`)
  }
  const weft = mean(runs.map((run) => events / run.weft.cpu))
  const flink = mean(runs.map((run) => events / run.flink.cpu))
  figures[query] = {
    weft: Math.round(weft),
    flink: Math.round(flink),
    ratio: Number((weft / flink).toFixed(3)),
    rssWeft: Math.max(...runs.map((run) => run.weft.rss)),
    rssFlink: Math.max(...runs.map((run) => run.flink.rss)),
  }
}
const ordinary = (process.env['EVENTS'] ?? '') === '' && parallelisms.join() === '1,2'
if (compared && ordinary) {
  const file = join(root, 'bench/results/nexmark.json')
  const earlier = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { queries: Record<string, QueryFigures> }).queries : {}
  const known = { ...earlier, ...figures }
  const all = Object.fromEntries(ALL.flatMap((query) => (known[query] === undefined ? [] : [[query, known[query]]])))
  const measured = Object.values(all)
  const whole = measured.length === ALL.length
  const result = { queries: all, geomean: whole ? Number(geomean(measured.map(({ ratio }) => ratio)).toFixed(3)) : null }
  process.stdout.write(
    whole ? `geometric mean: ${result.geomean} times Flink\n` : `${measured.length} of ${ALL.length} queries measured so far\n`,
  )
  mkdirSync(join(root, 'bench/results'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
}
