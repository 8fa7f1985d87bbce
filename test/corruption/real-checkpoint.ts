/**
 * A checkpoint and a savepoint of a real job: the `weft` command runs it locally, under so much pressure that barriers overtake records
 * and these become part of the checkpoint.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CheckpointsBody } from '#core/rest/checkpoint-responses.js'
import { httpTransport } from '#client/cluster/http-transport.js'
import { MasterClient } from '#client/cluster/master-client.js'
import { projectRoot } from '../support/project-root.js'

const JOB = `
SET 'execution.checkpointing.interval' = '500 ms';
CREATE TABLE numbers (id BIGINT, k INT, t STRING) WITH
  ('connector' = 'datagen', 'rows-per-second' = '3000000', 'fields.k.min' = '1', 'fields.k.max' = '2000', 'fields.t.length' = '12');
CREATE TABLE nowhere (k INT, n BIGINT, s BIGINT, m STRING) WITH ('connector' = 'blackhole');
INSERT INTO nowhere SELECT k, COUNT(*), SUM(id), MAX(t) FROM numbers GROUP BY k;
`

const LIMIT_MS = 120_000

export interface RealSnapshots {
  /** Paths of directories that hold `_metadata`. */
  readonly checkpoints: readonly string[]
  readonly savepoint: string
  /** The job's script. */
  readonly script: string
}

/** Everything lies in `folder`; the job has been cancelled when this resolves. */
export async function takeRealSnapshots(folder: string): Promise<RealSnapshots> {
  const script = join(folder, 'job.sql')
  writeFileSync(script, JOB)
  const port = await freePort()
  const options: Record<string, string> = {
    'rest.bind-port': String(port),
    'execution.checkpointing.dir': join(folder, 'checkpoints'),
    'execution.checkpointing.num-retained': '3',
    'execution.checkpointing.data-inline-threshold': '1b',
    'execution.checkpointing.aligned-checkpoint-timeout': '0 ms',
    'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
  }
  const properties = Object.entries(options).flatMap(([key, value]) => ['-D', `${key}=${value}`])
  const command = ['bin/weft.mjs', 'run', script, '-p', '2', ...properties]
  const child = spawn(process.execPath, command, { cwd: projectRoot, stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString('utf8')).slice(-20_000)))
  let snapshots: RealSnapshots
  try {
    snapshots = await snapshotsOf(`http://127.0.0.1:${port}/`, folder, script)
  } catch (error) {
    throw new Error(`The job gave no checkpoint: ${String(error)}\n${errors}`, { cause: error })
  } finally {
    await ended(child)
  }
  // Checkpoints went on until the job was cancelled.
  const checkpoints = snapshots.checkpoints.filter((directory) => existsSync(join(directory, '_metadata')))
  if (checkpoints.length === 0) throw new Error(`no checkpoint with records in flight was kept\n${errors}`)
  return { ...snapshots, checkpoints }
}

async function snapshotsOf(url: string, folder: string, script: string): Promise<RealSnapshots> {
  const transport = httpTransport(url, 10_000)
  const master = new MasterClient(transport)
  const jobId = await until('the job', async () => (await master.jobs()).jobs[0]?.jid)
  const read = async () => (await transport.request('GET', `jobs/${jobId}/checkpoints`)) as CheckpointsBody
  const inFlight = ({ history }: CheckpointsBody) =>
    history.filter((each) => each.status === 'COMPLETED' && each.persisted_data > 0 && each.discarded === false)
  await until('a checkpoint with records in flight', async () => {
    const body = await read()
    return body.counts.completed >= 3 && inFlight(body).length > 0 ? true : undefined
  })
  const path = `jobs/${jobId}/savepoints`
  const triggerId = await master.trigger(path, { 'target-directory': join(folder, 'savepoints') })
  const savepoint = await until('the savepoint', async () => {
    const { status, operation } = await master.outcome(path, triggerId)
    if (status.id !== 'COMPLETED') return undefined
    const { location } = operation as { location?: string }
    if (location === undefined) throw new Error(JSON.stringify(operation))
    return location.replace('file://', '')
  })
  await until('one more with records in flight', async () => (inFlight(await read()).length > 0 ? true : undefined))
  const last = await read()
  await transport.request('PUT', `jobs/${jobId}/cancel`)
  const checkpoints = inFlight(last).map((each) => String(each.external_path).replace('file://', ''))
  return { checkpoints, savepoint, script }
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + LIMIT_MS
  let last: unknown
  while (performance.now() < end) {
    try {
      const found = await look()
      if (found !== undefined) return found
    } catch (error) {
      last = error // it does not listen yet
    }
    await sleep(100)
  }
  throw new Error(`${what} did not come within ${LIMIT_MS} ms`, { cause: last })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = once(child, 'exit')
  const killer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await exit
  clearTimeout(killer)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
