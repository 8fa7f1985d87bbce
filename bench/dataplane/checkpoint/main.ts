/**
 * Checkpoints of a running job with 1 GiB of keyed state (wide-rows.ts): two sources and the keyed task in worker processes of their own,
 * a checkpoint every 2 s onto the local disk. How long a task's rows stand still for one is seen from two sides: what the task itself
 * reports (REST), and the wait between two rows of the output that a barrier lay between, as it was and without the time in which other
 * processes had the CPUs. What an increment weighs: its bytes beside the share of rows changed since the last one.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckpointsBody, SubtaskCheckpointsBody } from '#core/rest/checkpoint-responses.js'
import { median, valueOf, type Figure } from '../measure.js'
import { freePort } from '../../free-port.js'
import { SHARES, SOURCES, type BarrierNote } from './wide-rows.js'

const KEYS = 550_000
const STATE_BYTES = 2 ** 30
const WORKER_MEMORY = '3g'
const POLL_MS = 500
const LONGEST_PAUSE_MS = 20
/** Bytes of an increment: at most so many times its share of a full checkpoint. */
const PROPORTION = 1.5

/** One completed checkpoint. Times in ms. */
interface Taken {
  readonly id: number
  readonly bytes: number
  readonly stateBytes: number
  /** As the keyed task says: the part during which it does nothing else, and the part during which some inputs wait for others. */
  readonly sync: number
  readonly alignment: number
}

/** `root`: of the checkout that is measured. */
export async function runCheckpoints(root: string, wanted: string | undefined, tell: (figure: Figure) => void): Promise<void> {
  if (wanted !== undefined && !'checkpoint-engine'.includes(wanted)) return
  const directory = mkdtempSync(join(tmpdir(), 'weft-bench-'))
  try {
    const { taken, notes } = await run(root, directory)
    for (const figure of figures(taken, notes)) tell(figure)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @throws when too little was measured to tell anything */
export function figures(taken: ReadonlyMap<number, Taken>, notes: readonly BarrierNote[]): Figure[] {
  const seen = notes.flatMap((note) => {
    const checkpoint = taken.get(note.checkpointId)
    return checkpoint === undefined ? [] : [{ ...note, ...checkpoint, share: note.changed / KEYS }]
  })
  // All that is measured is measured with the whole state there.
  const large = seen.filter(({ stateBytes }) => stateBytes >= STATE_BYTES)
  const full = large.filter(({ bytes, stateBytes }) => bytes === stateBytes)
  const [first] = full
  if (first === undefined) throw new Error(`no full checkpoint of ${STATE_BYTES} bytes among ${seen.length}`)
  const longest = (values: readonly number[]): number => Math.max(...values)
  const name = (what: string): string => `checkpoint, ${(first.bytes / 2 ** 30).toFixed(2)} GiB keyed: ${what}`
  const increments = SHARES.map((share) => {
    const weights = large
      .filter((each) => each.bytes < each.stateBytes && Math.abs(each.share / share - 1) < 0.1)
      .map((each) => each.bytes / (first.bytes * each.share))
    if (weights.length === 0) throw new Error(`no increment of ${share * 100} % of the rows among ${large.length} checkpoints`)
    const what = `increment / its share, ${share * 100} % of rows changed`
    return valueOf(`checkpoint: ${what}`, 'times', median(weights), PROPORTION)
  })
  const syncs = large.map(({ sync }) => sync)
  const at = large.map(({ gap }) => gap)
  const between = large.map(({ longestOther }) => longestOther)
  return [
    valueOf(name(`sync part in the task, longest of ${syncs.length}`), 'ms', longest(syncs), LONGEST_PAUSE_MS),
    valueOf(name('an input waits for the other, median'), 'ms', median(large.map(({ alignment }) => alignment))),
    valueOf(name('gap of the output at a barrier, median'), 'ms', median(at.map(({ wall }) => wall))),
    valueOf(name('gap of the output at a barrier, longest'), 'ms', longest(at.map(({ wall }) => wall))),
    valueOf(name('the same without waits for a CPU'), 'ms', longest(at.map(({ own }) => own)), LONGEST_PAUSE_MS),
    valueOf(name('longest gap between barriers, median'), 'ms', median(between.map(({ wall }) => wall))),
    valueOf(name('the same gaps without waits for a CPU'), 'ms', median(between.map(({ own }) => own))),
    ...increments,
  ]
}

export async function run(root: string, directory: string): Promise<{ taken: ReadonlyMap<number, Taken>; notes: readonly BarrierNote[] }> {
  const port = await freePort()
  const file = join(directory, 'notes.json')
  const options = {
    'rest.bind-port': String(port),
    'local.isolation': 'PROCESSES',
    'taskmanager.memory.process.size': WORKER_MEMORY,
    'execution.checkpointing.interval': '2 s',
    'execution.checkpointing.incremental': 'true',
    'execution.checkpointing.dir': `file://${directory}/checkpoints`,
    'restart-strategy.type': 'none',
    'web.checkpoints.history': '1000',
    'io.tmp.dirs': directory,
  }
  const program = join(root, 'bench/dataplane/checkpoint/wide-rows.ts')
  const set = Object.entries(options).flatMap(([key, value]) => ['-D', `${key}=${value}`])
  const child = spawn(process.execPath, [join(root, 'bin/weft.mjs'), 'run', '-p', String(SOURCES), ...set, program, file, String(KEYS)], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString('utf8')).slice(-4000)))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  let over = false
  void ended.then(() => (over = true))
  const taken = new Map<number, Taken>()
  while (!over) {
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, POLL_MS))])
    await readCheckpoints(port, taken)
  }
  const status = await ended
  if (status !== 0 || taken.size === 0)
    throw new Error(`${program} ended with status ${status}, ${taken.size} checkpoints seen:\n${output}`)
  return { taken, notes: JSON.parse(readFileSync(file, 'utf8')) as BarrierNote[] }
}

/** Adds the checkpoints that were completed since the last time. */
async function readCheckpoints(port: number, taken: Map<number, Taken>): Promise<void> {
  const get = async <T>(path: string): Promise<T | undefined> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined)
    return answer?.ok === true ? ((await answer.json()) as T) : undefined
  }
  const job = (await get<{ jobs: { jid: string }[] }>('/jobs/overview'))?.jobs[0]?.jid
  // The vertex with the keyed state has one subtask, the sources have SOURCES.
  const vertices = (await get<{ vertices: { id: string; parallelism: number }[] }>(`/jobs/${job}`))?.vertices ?? []
  const vertex = vertices.find(({ parallelism }) => parallelism === 1)?.id
  const history = (await get<CheckpointsBody>(`/jobs/${job}/checkpoints`))?.history ?? []
  for (const checkpoint of history.filter(({ id, status }) => status === 'COMPLETED' && !taken.has(id))) {
    const details = await get<SubtaskCheckpointsBody>(`/jobs/${job}/checkpoints/details/${checkpoint.id}/subtasks/${vertex}`)
    const subtask = details?.subtasks[0]
    if (subtask?.className !== 'completed') continue
    taken.set(checkpoint.id, {
      id: checkpoint.id,
      bytes: checkpoint.checkpointed_size,
      stateBytes: checkpoint.state_size,
      sync: subtask.checkpoint.sync,
      alignment: subtask.alignment.duration,
    })
  }
}
