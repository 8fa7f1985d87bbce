/** Registration, heartbeats and state reports under a virtual clock. */
import { expect } from 'chai'
import type { ExecutionAttemptId, JobId, ResourceId } from '#core/ids/ids.js'
import { ConnectionLost, Fenced, RpcTimeout } from '#core/rpc/rpc-connection.js'
import { ConnectFailed } from '#core/rpc/channel.js'
import { virtualEnvironment, type VirtualEnvironment } from '#core/time/virtual-environment.js'
import { startHeartbeats } from '#container/taskexecutor/heartbeats.js'
import { register } from '#container/taskexecutor/registration.js'
import { StateReports } from '#container/taskexecutor/state-reports.js'

async function advance(environment: VirtualEnvironment, ms: number): Promise<void> {
  const end = environment.clock.now() + ms
  while (environment.clock.now() < end) {
    for (let i = 0; i < 20; i++) await Promise.resolve()
    const next = environment.nextTimer()
    environment.advance(next === undefined ? end - environment.clock.now() : Math.min(next, end) - environment.clock.now())
  }
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

describe('StateReports', () => {
  const job = 'job' as JobId
  const task = 't' as ExecutionAttemptId

  it('repeats a state until it is acknowledged, and keeps the order of a task', async () => {
    const environment = virtualEnvironment()
    const sent: string[] = []
    let refuse = 3
    const reports = new StateReports(environment, async (_job, { executionAttemptId, state }) => {
      sent.push(`${executionAttemptId} ${state}`)
      if (executionAttemptId === task && refuse-- > 0) throw new RpcTimeout({ peer: 'p', method: 'm', timeoutMs: 1 })
    })
    reports.report(job, { executionAttemptId: task, state: 'INITIALIZING' })
    reports.report(job, { executionAttemptId: task, state: 'RUNNING' })
    reports.report(job, { executionAttemptId: 'u' as ExecutionAttemptId, state: 'RUNNING' })
    await advance(environment, 10_000)
    expect(sent).to.deep.equal(['t INITIALIZING', 'u RUNNING', 't INITIALIZING', 't INITIALIZING', 't INITIALIZING', 't RUNNING'])
  })

  it('drops what can be told to nobody any more', async () => {
    const environment = virtualEnvironment()
    for (const error of [new ConnectionLost({ peer: 'p', reason: null }), new Fenced({ endpoint: 'e', epoch: 2, got: 1 })]) {
      let sent = 0
      const reports = new StateReports(environment, async () => {
        sent++
        throw error
      })
      reports.report(job, { executionAttemptId: task, state: 'FAILED' })
      await advance(environment, 60_000)
      expect(sent).to.equal(1)
    }
  })
})

describe('register', () => {
  it('tries again with growing pauses, then says what the last try came to', async () => {
    const environment = virtualEnvironment()
    const tries: number[] = []
    const outcome = register({
      environment,
      resourceId: 'w' as ResourceId,
      timeoutMs: 30_000,
      connect: async () => {
        tries.push(environment.clock.monotonic())
        throw new ConnectFailed({ address: 'am:1234', reason: 'connection refused' })
      },
      request: () => {
        throw new Error('never connected')
      },
      handlers: {} as never,
      ended: () => false,
    }).catch((error: Error) => error)
    await advance(environment, 31_000)
    const error = await outcome
    expect(error).to.have.property('code', 'TASKMANAGER_REGISTRATION_TIMED_OUT')
    expect((error as Error).message)
      .to.contain('am:1234')
      .and.to.contain('connection refused')
    expect(tries.length).to.be.within(16, 40)
    expect(tries.at(-1)).to.be.within(26_000, 30_000)
  })
})

describe('startHeartbeats', () => {
  function make(intervalMs: number) {
    const environment = virtualEnvironment()
    const beats: number[] = []
    const lost: unknown[] = []
    let running = false
    let answer: () => Promise<void> = async () => undefined
    const stop = startHeartbeats({
      environment,
      intervalMs,
      beat: () => {
        beats.push(environment.clock.monotonic())
        return answer()
      },
      tasksRunning: () => running,
      onLost: (reason) => lost.push(reason),
    })
    return {
      environment,
      beats,
      lost,
      stop,
      run: (value: boolean) => (running = value),
      answer: (next: () => Promise<void>) => (answer = next),
    }
  }

  it('beats at the interval, and twice a second while tasks run', async () => {
    const it_ = make(10_000)
    await advance(it_.environment, 20_000)
    expect(it_.beats).to.deep.equal([10_000, 20_000])
    it_.run(true)
    await advance(it_.environment, 1_500)
    it_.run(false)
    await advance(it_.environment, 9_000)
    expect(it_.beats.slice(2)).to.deep.equal([20_500, 21_000, 21_500])
    it_.stop()
    await advance(it_.environment, 60_000)
    expect(it_.beats.length).to.equal(5)
  })

  it('has one under way at a time, and takes a failure for the loss of the master', async () => {
    const it_ = make(500)
    let fail: (error: Error) => void = () => undefined
    it_.answer(() => new Promise((_, reject) => (fail = reject)))
    await advance(it_.environment, 5_000)
    expect(it_.beats.length).to.equal(1)
    fail(new Error('refused'))
    await advance(it_.environment, 5_000)
    expect(it_.lost).to.have.length(1)
    expect(it_.beats.length).to.equal(1)
  })
})
