import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../support/free-port.js'
import { startWeft } from '../../support/weft-command.js'

const JOB = `
CREATE TABLE ticks (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '200',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '1000000');
CREATE TABLE nowhere (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
SET 'metrics.latency.interval' = '50 ms';
INSERT INTO nowhere SELECT MOD(id, 7), COUNT(*) FROM ticks GROUP BY MOD(id, 7);
`

interface Item {
  readonly id: string
  readonly value?: string
}
interface Details {
  readonly vertices: readonly { readonly id: string; readonly parallelism: number }[]
  readonly plan: { readonly nodes: readonly { readonly id: string }[] }
}

describe('metrics of a running job', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'weft-test-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  for (const isolation of ['THREADS', 'PROCESSES']) {
    it(`are in REST under Flink’s names, latencies of markers among them (${isolation})`, async () => {
      writeFileSync(join(folder, 'job.sql'), JOB)
      const port = await freePort()
      const weft = startWeft(
        [
          'run',
          '-t',
          'local',
          '-p',
          '2',
          `-Drest.bind-port=${port}`,
          `-Dlocal.isolation=${isolation}`,
          '-Dtaskmanager.numberOfTaskSlots=1',
          'job.sql',
        ],
        { cwd: folder, environment: { TMPDIR: folder } },
      )
      try {
        const get = async <T>(path: string): Promise<T | undefined> => {
          const answer = await fetch(`http://127.0.0.1:${port}/v1${path}`).catch(() => undefined)
          return answer?.ok === true ? ((await answer.json()) as T) : undefined
        }
        const found = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
          for (let tries = 0; tries < 300; tries++) {
            const value = await look()
            if (value !== undefined) return value
            await sleep(100)
          }
          throw new Error('it does not come')
        }
        const job = await found(async () => (await get<{ jobs: { id: string }[] }>('/jobs'))?.jobs[0]?.id)
        const details = await found(() => get<Details>(`/jobs/${job}`))
        expect(details.vertices).to.have.length(2)
        // Markers go to one channel at random: both subtasks behind the exchange have some in time.
        const names = await found(async () => {
          const ids = (await get<Item[]>(`/jobs/${job}/metrics`))?.map(({ id }) => id) ?? []
          const subtasks = new Set(
            ids.flatMap((id) => /^latency\.source_id\..*operator_subtask_index\.(\d)\.latency_p99$/.exec(id)?.[1] ?? []),
          )
          return subtasks.size === 2 ? ids : undefined
        })
        const p99 = names.filter((id) => id.endsWith('.latency_p99'))
        const values = (await get<Item[]>(`/jobs/${job}/metrics?get=${p99.join(',')},nothing`)) ?? []
        expect(values.map(({ id }) => id)).to.deep.equal(p99)
        for (const { id, value } of values) expect(Number(value), id).to.be.at.least(0)
        const sums = await found(async () => {
          const [first] =
            (await get<{ sum: number; max: number }[]>(
              `/jobs/${job}/vertices/${details.vertices[1]?.id}/subtasks/metrics?get=numRecordsIn`,
            )) ?? []
          return (first?.sum ?? 0) > 0 ? first : undefined
        })
        expect(sums).to.include.keys('id', 'min', 'max', 'avg', 'sum', 'skew')
        const busy = await found(async () => {
          const [first] = (await get<Item[]>(`/jobs/${job}/vertices/${details.vertices[1]?.id}/metrics?get=1.busyTimeMsPerSecond`)) ?? []
          return first?.value
        })
        expect(Number(busy)).to.be.within(0, 1001)
      } finally {
        weft.child.kill('SIGINT')
        await weft.result
      }
    })
  }
})
