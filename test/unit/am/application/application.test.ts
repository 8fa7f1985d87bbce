import { expect } from 'chai'
import type { StatementEffect } from '#sql/session/statement-effect.js'
import { Application } from '#am/application/application.js'
import { describeFailure } from '#am/application/describe-failure.js'
import { DetachedSelect } from '#am/application/errors.js'
import { jobFinished, StatementRunner } from '#am/application/statement-runner.js'
import { JOB, sourceToCollect, sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'

const insert: StatementEffect = { kind: 'job', jobGraph: sourceToSink(), columns: null, wait: true }
const select: StatementEffect = { kind: 'job', jobGraph: sourceToCollect(), columns: ['a'], wait: true }

function application(run: (runner: StatementRunner, canceled: () => boolean) => Promise<void>, attached = true) {
  const master = new MiniMaster()
  const runner = new StatementRunner(master.dispatcher, attached)
  const { environment, dispatcher } = master
  return {
    master,
    runner,
    application: new Application({
      id: JOB,
      name: 'app',
      attached,
      environment,
      dispatcher,
      runner,
      run: (canceled) => run(runner, canceled),
    }),
  }
}

describe('describeFailure', () => {
  it('puts the root cause first and indents where it happened', () => {
    const error = new Error('statement 4 failed', {
      cause: new Error('table cannot be read', { cause: new Error('no such file\n  at line 3') }),
    })
    expect(describeFailure(error)).to.equal('no such file\n  at line 3\n  table cannot be read\n  statement 4 failed')
  })

  it('says nothing twice', () => {
    expect(describeFailure(new Error('main failed: boom', { cause: new Error('boom') }))).to.equal('main failed: boom')
  })

  it('takes anything that was thrown', () => {
    expect(describeFailure('just text')).to.equal('just text')
    const circle = new Error('round')
    circle.cause = circle
    expect(describeFailure(circle)).to.equal('round')
  })
})

describe('an application', () => {
  it('is finished when its program and its jobs are', async () => {
    const { master, application: app } = application(
      async (runner) => void runner.execute({ text: 'INSERT', kind: 'insert', effect: insert }),
    )
    const result = app.run()
    const worker = await master.worker('w1')
    expect(app.details().status).to.equal('RUNNING')
    for (const task of worker.tasks) await worker.finish(task)
    expect(await result).to.deep.equal({ status: 'FINISHED', failure: null })
  })

  it('fails with its job, cause first', async () => {
    const { master, application: app } = application(async (runner) =>
      jobFinished(runner.execute({ text: 'INSERT', kind: 'insert', effect: insert })!),
    )
    const result = app.run()
    const worker = await master.worker('w1')
    await worker.report(worker.tasks[0]!, 'FAILED', new Error('boom'))
    await worker.report(worker.tasks[1]!, 'CANCELED')
    expect(await result).to.deep.equal({
      status: 'FAILED',
      failure: `boom\n  Job 'copy' (${JOB}) failed in task Source (1/1) on host-of-w1 (w1)`,
    })
  })

  it('fails with its program, ending the jobs it had started', async () => {
    const { master, application: app } = application(async (runner) => {
      runner.execute({ text: 'INSERT', kind: 'insert', effect: insert })
      throw new Error('main threw')
    })
    expect(await app.run()).to.deep.equal({ status: 'FAILED', failure: 'main threw' })
    expect(master.dispatcher.jobs()[0]?.state).to.equal('CANCELED')
  })

  it('ends its jobs when it is cancelled, though the program still waits', async () => {
    const { master, application: app } = application(async (runner) =>
      jobFinished(runner.execute({ text: 'INSERT', kind: 'insert', effect: insert })!),
    )
    const result = app.run()
    await master.settle()
    app.cancel()
    expect((await result).status).to.equal('CANCELED')
    expect(master.dispatcher.jobs()[0]?.state).to.equal('CANCELED')
  })

  it('has nobody to show a SELECT to when it is detached', () => {
    const { runner, master } = application(async () => undefined, false)
    expect(() => runner.execute({ text: 'SELECT', kind: 'select', effect: select }))
      .to.throw()
      .that.satisfies(DetachedSelect.is)
    expect(master.dispatcher.jobs()[0]?.state).not.to.equal('RUNNING')
  })

  it('keeps a SELECT that the program reads from the client', () => {
    const { runner } = application(async () => undefined, false)
    const started = runner.executeUnread({ text: 'SELECT', kind: 'select', effect: select })
    expect(runner.statements[0]?.jobid).to.equal(null)
    started?.readByProgram()
    started?.showToClient()
    expect(runner.statements[0]).to.include({ jobid: JOB, columns: null })
  })

  it('waits for an attached client to fetch the end, but not for ever', async () => {
    const { master, application: app } = application(async () => undefined)
    await app.run()
    let done = false
    void app.clientIsDone().then(() => (done = true))
    for (let waited = 0; waited < 4_000; waited += 20) await master.settle(20)
    expect(done).to.equal(false)
    for (let waited = 0; waited < 1_100; waited += 20) await master.settle(20)
    expect(done).to.equal(true)
  })

  it('ends at once when the client has seen the end, or when there is none', async () => {
    const { master, application: app } = application(async () => undefined)
    await app.run()
    const done = app.clientIsDone()
    app.acknowledge()
    await master.settle(20)
    await done
    const detached = application(async () => undefined, false).application
    await detached.run()
    await detached.clientIsDone()
  })
})
