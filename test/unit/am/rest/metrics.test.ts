import { expect } from 'chai'
import { Configuration } from '#core/config/configuration.js'
import type { OperatorId } from '#core/ids/ids.js'
import type { TaskMetrics } from '#core/rpc/gateways/task-metrics.js'
import { AsyncOperations } from '#am/rest/async-operations.js'
import { createRestServer } from '#am/rest/server.js'
import { hexId, JOB, sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'

const SOURCE = 'aa'.repeat(16) as OperatorId
const SINK = 'bb'.repeat(16) as OperatorId

const METRICS: TaskMetrics = {
  recordsIn: 30,
  recordsOut: 5,
  bytesIn: 7,
  bytesOut: 11,
  busyMs: 13,
  idleMs: 17,
  backPressuredMs: 19,
  watermark: null,
  lateRecordsDropped: 2,
}
const RATES = { recordsIn: 3, recordsOut: 0, bytesIn: 0, bytesOut: 0, busyMs: 400.5, idleMs: 599.5, backPressuredMs: 0 }

/** A source, and two sinks of which `sinks` is what they report. */
async function running(sinks: readonly TaskMetrics[]) {
  const master = new MiniMaster()
  master.dispatcher.submit(sourceToSink(1, 2))
  const workers = [await master.worker('w1'), await master.worker('w2')]
  for (const worker of workers) {
    for (const { executionAttemptId, subtaskIndex, vertexId } of worker.tasks) {
      const metrics = vertexId === hexId(0x100) ? undefined : sinks[subtaskIndex]
      await worker.jobMaster().updateTaskExecutionState({ executionAttemptId, state: 'RUNNING', ...(metrics && { metrics }) })
    }
  }
  const server = createRestServer({
    configuration: Configuration.empty,
    environment: master.environment,
    dispatcher: master.dispatcher,
    resourceManager: master.resourceManager,
    application: {},
    operations: new AsyncOperations(master.environment, 300_000),
  } as never)
  const ask = async (url: string) => {
    const answer = await server.inject({ method: 'GET', url: `/v1/jobs/${JOB}${url}` })
    return { status: answer.statusCode, body: answer.json() as Record<string, unknown>[] }
  }
  return { master, ask }
}
const VERTEX = `/vertices/${hexId(0x200)}`

describe('REST: metrics', () => {
  it('of a vertex: by subtask, which there are, or the values asked for', async () => {
    const { ask } = await running([
      { ...METRICS, rates: RATES, userCounters: [{ name: 'to_upper.bad_rows', count: 4 }] },
      { ...METRICS, recordsIn: 10, watermark: 77 },
    ])
    const ids = (await ask(`${VERTEX}/metrics`)).body
    expect(ids).to.deep.include.members([{ id: '0.numRecordsIn' }, { id: '1.numRecordsIn' }, { id: '0.busyTimeMsPerSecond' }])
    expect(ids, 'no rates are known of it').not.to.deep.include({ id: '1.busyTimeMsPerSecond' })
    const asked =
      '0.to_upper.bad_rows,0.numRecordsIn,1.currentInputWatermark,0.currentInputWatermark,0.busyTimeMsPerSecond,nothing,7.numRecordsIn'
    expect((await ask(`${VERTEX}/metrics?get=${asked}`)).body).to.deep.equal([
      { id: '0.to_upper.bad_rows', value: '4' },
      { id: '0.numRecordsIn', value: '30' },
      { id: '1.currentInputWatermark', value: '77' },
      { id: '0.currentInputWatermark', value: '-9223372036854775808' },
      { id: '0.busyTimeMsPerSecond', value: '400.5' },
    ])
    expect((await ask(`${VERTEX}/subtasks/1/metrics?get=numRecordsIn`)).body).to.deep.equal([{ id: 'numRecordsIn', value: '10' }])
  })

  it('of a vertex: taken together over its subtasks, or some of them', async () => {
    const { ask } = await running([METRICS, { ...METRICS, recordsIn: 40 }])
    const url = `${VERTEX}/subtasks/metrics`
    expect((await ask(url)).body).to.deep.include({ id: 'numRecordsIn' })
    expect((await ask(`${url}?get=numRecordsIn,nothing`)).body).to.deep.equal([
      { id: 'numRecordsIn', min: 30, max: 40, avg: 35, sum: 70, skew: (5 / 35) * 100 },
    ])
    expect((await ask(`${url}?get=numRecordsIn&agg=sum,max`)).body).to.deep.equal([{ id: 'numRecordsIn', sum: 70, max: 40 }])
    expect((await ask(`${url}?get=numRecordsIn&agg=sum&subtasks=1-9`)).body).to.deep.equal([{ id: 'numRecordsIn', sum: 40 }])
    expect((await ask(`${url}?get=numRecordsIn&agg=sum&subtasks=0,1`)).body).to.deep.equal([{ id: 'numRecordsIn', sum: 70 }])
  })

  it('of a job: how long latency markers took to each operator', async () => {
    const statistics = [1, 9, 4.5, 4, 2, 6, 7, 8, 8.5, 9, 9]
    const latency = { sourceId: SOURCE, sourceSubtaskIndex: null, operatorId: SINK, statistics }
    const { ask, master } = await running([
      METRICS,
      { ...METRICS, latencies: [latency, { ...latency, sourceSubtaskIndex: 3 }, { ...latency, sourceId: null }] },
    ])
    master.environment.advance(5_000)
    const name = `latency.source_id.${SOURCE}.operator_id.${SINK}.operator_subtask_index.1.latency`
    expect((await ask(`/metrics?get=${name}_p99,${name}_mean,${name}_p1,uptime`)).body).to.deep.equal([
      { id: `${name}_p99`, value: '9' },
      { id: `${name}_mean`, value: '4.5' },
      { id: 'uptime', value: '5000' },
    ])
    const ids = (await ask('/metrics')).body.map(({ id }) => id)
    expect(ids).to.include.members([
      ...['min', 'max', 'mean', 'median', 'stddev', 'p75', 'p90', 'p95', 'p98', 'p99', 'p999'].map((each) => `${name}_${each}`),
      `latency.source_id.${SOURCE}.source_subtask_index.3.operator_id.${SINK}.operator_subtask_index.1.latency_max`,
      `latency.operator_id.${SINK}.operator_subtask_index.1.latency_max`,
    ])
  })

  it('refuse what names nothing', async () => {
    const { ask } = await running([METRICS, METRICS])
    for (const [url, status] of [
      [`${VERTEX}/subtasks/metrics?get=numRecordsIn&agg=median`, 400],
      [`${VERTEX}/subtasks/metrics?subtasks=2-1`, 400],
      [`${VERTEX}/subtasks/metrics?subtasks=x`, 400],
      [`${VERTEX}/subtasks/2/metrics`, 404],
      [`${VERTEX}/subtasks/x/metrics`, 400],
      [`/vertices/${'0'.repeat(32)}/metrics`, 404],
    ] as const)
      expect((await ask(url)).status, url).to.equal(status)
  })
})
