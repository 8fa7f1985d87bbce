import { expect } from 'chai'
import type { FastifyInstance } from 'fastify'
import { AsyncOperations } from '#am/rest/async-operations.js'
import { createRestServer } from '#am/rest/server.js'
import { summary } from '#am/rest/views/checkpoint-view.js'
import { disposeSavepoint } from '#core/checkpoint/metadata-file.js'
import { Configuration } from '#core/config/configuration.js'
import { FileSystems } from '#core/fs/file-systems.js'
import type { CheckpointsBody, OperationStatus, SubtaskCheckpointsBody } from '#core/rest/checkpoint-responses.js'
import { ScriptedJob } from '../checkpoint/scripted-job.js'
import { JOB, sourceToSink } from '../job-graphs.js'

const TEN = 10_000
const UNKNOWN = 'f'.repeat(32)

describe('REST: checkpoints', () => {
  const jobs: ScriptedJob[] = []
  const start = async (configuration: Record<string, string> = { 'execution.checkpointing.interval': '10 s' }) => {
    const job = new ScriptedJob(sourceToSink(1, 2), configuration)
    jobs.push(job)
    await job.coordinator.recover()
    job.coordinator.tasksChanged()
    const operations = new AsyncOperations(job.environment, 300_000)
    const found = { jobId: JOB, jobGraph: job.jobGraph, checkpoints: job.coordinator }
    const server = createRestServer({
      configuration: Configuration.empty,
      environment: job.environment,
      dispatcher: { job: (id: string) => (id === JOB ? found : undefined), jobs: () => [found] },
      resourceManager: { workers: () => [] },
      application: {},
      operations,
      disposeSavepoint: (path: string) => disposeSavepoint(new FileSystems(job.folder), path),
    } as never)
    return { job, server, operations }
  }
  afterEach(async () => {
    for (const job of jobs.splice(0)) await job.close()
  })

  async function get<T>(server: FastifyInstance, url: string): Promise<T> {
    const answer = await server.inject({ method: 'GET', url: `/v1${url}` })
    expect(answer.statusCode, answer.body).to.equal(200)
    return answer.json() as T
  }
  const errors = async (server: FastifyInstance, url: string, method: 'GET' | 'POST' = 'GET', payload = '') => {
    const answer = await server.inject({ method, url, payload })
    return [answer.statusCode, (answer.json() as { errors: string[] }).errors[0]]
  }
  async function outcome(server: FastifyInstance, url: string): Promise<OperationStatus<Record<string, unknown>>> {
    for (;;) {
      const status = await get<OperationStatus<Record<string, unknown>>>(server, url)
      if (status.status.id === 'COMPLETED') return status
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  it('has Flink’s shapes before the first checkpoint', async () => {
    const { server } = await start()
    const none = { min: 0, max: 0, avg: 0, p50: 'NaN', p90: 'NaN', p95: 'NaN', p99: 'NaN', p999: 'NaN' }
    expect(await get(server, `/jobs/${JOB}/checkpoints`)).to.deep.equal({
      counts: { restored: 0, total: 0, in_progress: 0, completed: 0, failed: 0 },
      summary: {
        checkpointed_size: none,
        state_size: none,
        end_to_end_duration: none,
        alignment_buffered: none,
        processed_data: none,
        persisted_data: none,
      },
      latest: { completed: null, savepoint: null, failed: null, restored: null },
      history: [],
    })
    expect(await get(server, `/jobs/${JOB}/checkpoints/config`)).to.deep.equal({
      mode: 'exactly_once',
      interval: 10_000,
      timeout: 600_000,
      min_pause: 0,
      max_concurrent: 1,
      externalization: { enabled: false, delete_on_cancellation: true },
      state_backend: 'ColumnarStateBackend',
      checkpoint_storage: 'FileSystemCheckpointStorage',
      unaligned_checkpoints: true,
      tolerable_failed_checkpoints: 0,
      aligned_checkpoint_timeout: 2000,
      checkpoints_after_tasks_finish: true,
      state_changelog_enabled: false,
      changelog_periodic_materialization_interval: 600_000,
      changelog_storage: 'memory',
    })
  })

  it('shows checkpoints complete, under way and failed, by vertex and subtask', async () => {
    const { job, server } = await start({
      'execution.checkpointing.interval': '10 s',
      'execution.checkpointing.tolerable-failed-checkpoints': '5',
      'web.checkpoints.history': '2',
    })
    await job.checkpoint(TEN)
    job.environment.advance(TEN)
    await job.untilTold('trigger 2 ')
    job.coordinator.decline(job.subtasks[1]?.attemptId as never, 2, new Error('no space'))
    job.environment.advance(TEN)
    await job.untilTold('trigger 3 ')
    const [source, sink] = job.jobGraph.vertices.map((vertex) => vertex.id)
    const body = await get<CheckpointsBody>(server, `/jobs/${JOB}/checkpoints`)
    expect(body.counts).to.deep.equal({ restored: 0, total: 3, in_progress: 1, completed: 1, failed: 1 })
    expect(body.summary.state_size).to.deep.include({ min: 300, max: 300, avg: 300, p50: 300 })
    expect(body.history.map(({ id, className }) => `${id} ${className}`)).to.deep.equal(['3 in_progress', '2 failed'])
    expect(body.latest.failed).to.deep.include({ failure_message: 'Checkpoint 2: Sink (1/2) could not store its state: no space' })
    expect(body.latest.completed).to.deep.equal({
      className: 'completed',
      id: 1,
      status: 'COMPLETED',
      is_savepoint: false,
      savepointFormat: null,
      trigger_timestamp: 1_700_000_010_000,
      latest_ack_timestamp: 1_700_000_010_000,
      checkpointed_size: 120,
      state_size: 300,
      end_to_end_duration: 0,
      alignment_buffered: 0,
      processed_data: 21,
      persisted_data: 0,
      num_subtasks: 3,
      num_acknowledged_subtasks: 3,
      checkpoint_type: 'CHECKPOINT',
      tasks: {},
      external_path: `${job.root}/${JOB}/chk-1`,
      discarded: false,
    })
    const details = await get<{ tasks: Record<string, unknown> }>(server, `/jobs/${JOB}/checkpoints/details/1`)
    expect(Object.keys(details.tasks)).to.deep.equal([source, sink])
    expect(details.tasks[sink ?? '']).to.deep.include({ id: 1, num_subtasks: 2, num_acknowledged_subtasks: 2, state_size: 200 })
    const subtasks = await get<SubtaskCheckpointsBody>(server, `/jobs/${JOB}/checkpoints/details/1/subtasks/${sink}`)
    expect(subtasks.summary.checkpoint_duration.async).to.deep.include({ min: 5, max: 5 })
    expect(subtasks.subtasks[1]).to.deep.equal({
      className: 'completed',
      index: 1,
      ack_timestamp: 1_700_000_010_000,
      end_to_end_duration: 0,
      checkpointed_size: 40,
      state_size: 100,
      checkpoint: { sync: 1, async: 5 },
      alignment: { buffered: 0, processed: 7, persisted: 0, duration: 2 },
      start_delay: 3,
      unaligned_checkpoint: false,
      aborted: false,
      status: 'completed',
    })
    const pending = await get<SubtaskCheckpointsBody>(server, `/jobs/${JOB}/checkpoints/details/3/subtasks/${source}`)
    expect(pending.subtasks).to.deep.equal([{ className: 'pending', index: 0, status: 'pending_or_failed' }])
  })

  it('refuses what there is not', async () => {
    const { server } = await start()
    expect(await errors(server, `/jobs/${UNKNOWN}/checkpoints`)).to.deep.equal([404, `Job ${UNKNOWN} not found`])
    expect((await errors(server, `/jobs/${JOB}/checkpoints/details/7`))[0]).to.equal(404)
    expect((await errors(server, `/jobs/${JOB}/checkpoints/details/x`))[0]).to.equal(400)
    expect(await errors(server, `/jobs/${JOB}/savepoints/${UNKNOWN}`)).to.deep.equal([
      404,
      `There is no savepoint operation with triggerId=${UNKNOWN} for job ${JOB}.`,
    ])
    for (const payload of ['nonsense', '[]', '{"target-directory":7}', '{"triggerId":"short"}']) {
      expect(await errors(server, `/jobs/${JOB}/savepoints`, 'POST', payload), payload).to.deep.equal([
        400,
        'Bad request received. Request did not match expected format SavepointTriggerRequestBody.',
      ])
    }
    const off = await start({})
    expect((await errors(off.server, `/jobs/${JOB}/checkpoints`))[0]).to.equal(404)
  })

  it('triggers savepoints, once for each trigger id, and tells where they are', async () => {
    const { job, server } = await start()
    const triggerId = 'a'.repeat(32)
    const payload = JSON.stringify({
      'target-directory': `file://${job.folder}/sp`,
      'cancel-job': false,
      formatType: 'CANONICAL',
      triggerId,
      unknown: 1,
    })
    for (let times = 0; times < 2; times++) {
      const answer = await server.inject({ method: 'POST', url: `/v1/jobs/${JOB}/savepoints`, payload })
      expect([answer.statusCode, answer.json()]).to.deep.equal([202, { 'request-id': triggerId }])
    }
    const url = `/jobs/${JOB}/savepoints/${triggerId}`
    expect(await get(server, url)).to.deep.equal({ status: { id: 'IN_PROGRESS' }, operation: null })
    await job.untilTold('trigger 1 ')
    job.acknowledge()
    const { operation } = await outcome(server, url)
    const location = String((operation as { location: string }).location)
    expect(location).to.match(new RegExp(`^file://${job.folder}/sp/savepoint-000000-[0-9a-f]{12}$`))

    const disposal = await server.inject({
      method: 'POST',
      url: '/savepoint-disposal',
      payload: JSON.stringify({ 'savepoint-path': location }),
    })
    expect(disposal.statusCode).to.equal(200)
    const disposed = `/savepoint-disposal/${(disposal.json() as { 'request-id': string })['request-id']}`
    expect((await outcome(server, disposed)).operation).to.deep.equal({})
    expect(job.exists(location)).to.equal(false)
  })

  it('stops by PUT as well, with the request where every proxy lets it through', async () => {
    const { job, server } = await start()
    const request = Buffer.from(JSON.stringify({ targetDirectory: `file://${job.folder}/ä b`, drain: true })).toString('base64url')
    const answer = await server.inject({ method: 'PUT', url: `/jobs/${JOB}/stop?request=${request}` })
    expect(answer.statusCode).to.equal(202)
    await job.untilTold('trigger 1 ')
    expect(job.barrier).to.deep.include({ kind: 'savepoint', stop: 'drain' })
    expect(job.barrier.directory).to.match(/\/ä b\/savepoint-/)
    job.acknowledge()
    await job.untilTold('complete 1 ')
    await job.coordinator.end('FINISHED')
    const url = `/jobs/${JOB}/savepoints/${(answer.json() as { 'request-id': string })['request-id']}`
    expect((await outcome(server, url)).operation).to.deep.equal({ location: job.barrier.directory })
  })

  it('triggers checkpoints, and tells of failures as outcomes', async () => {
    const { job, server } = await start({})
    const answer = await server.inject({ method: 'POST', url: `/jobs/${JOB}/checkpoints`, payload: '{"checkpointType":"FULL"}' })
    const id = (answer.json() as { 'request-id': string })['request-id']
    await job.untilTold('trigger 1 ')
    expect(job.barrier.full).to.equal(true)
    job.acknowledge()
    expect((await outcome(server, `/jobs/${JOB}/checkpoints/${id}`)).operation).to.deep.equal({ checkpointId: 1 })

    const unnamed = await server.inject({ method: 'POST', url: `/jobs/${JOB}/savepoints`, payload: '' })
    const failed = await outcome(server, `/jobs/${JOB}/savepoints/${(unnamed.json() as { 'request-id': string })['request-id']}`)
    const cause = (failed.operation as { 'failure-cause': { class: string; 'stack-trace': string } })['failure-cause']
    expect(cause.class).to.equal('SAVEPOINT_NO_DIRECTORY')
    expect(cause['stack-trace']).to.match(/No savepoint directory is given/)
    const unknown = await server.inject({ method: 'POST', url: `/jobs/${UNKNOWN}/savepoints`, payload: '{}' })
    expect(unknown.statusCode).to.equal(202)
  })

  it('keeps outcomes until somebody has asked, or patience is over', async () => {
    const { job, operations } = await start()
    const { 'request-id': id } = operations.trigger('x', null, async () => ({}))
    await new Promise((resolve) => setImmediate(resolve))
    let drained = 0
    void operations.drained(5_000).then(() => drained++)
    void operations.drained(1_000).then(() => drained++)
    job.environment.advance(1_000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(drained).to.equal(1)
    expect(operations.status('x', id)?.status.id).to.equal('COMPLETED')
    await new Promise((resolve) => setImmediate(resolve))
    expect(drained).to.equal(2)
  })

  it('computes percentiles as Flink does', () => {
    expect(summary([1, 2, 3, 4])).to.deep.equal({ min: 1, max: 4, avg: 2, p50: 2.5, p90: 4, p95: 4, p99: 4, p999: 4 })
  })
})
