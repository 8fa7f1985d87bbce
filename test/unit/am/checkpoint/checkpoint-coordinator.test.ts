import { expect } from 'chai'
import { writeFileSync } from 'node:fs'
import type { CheckpointSubtask } from '#am/jobmaster/checkpoint/checkpoint-host.js'
import type { StateBytes, SubtaskState } from '#core/checkpoint/state-handles.js'
import { SINK_OPERATOR, SOURCE_OPERATOR, sourceToSink } from '../job-graphs.js'
import { ScriptedJob, operatorState } from './scripted-job.js'

const INTERVAL = { 'execution.checkpointing.interval': '10 s' }
const TEN = 10_000

const committing =
  (...committables: string[]) =>
  (subtask: CheckpointSubtask): SubtaskState => ({
    operators: subtask.attemptId.startsWith('Sink') ? [operatorState(SINK_OPERATOR, { committables })] : [],
  })

/** Keyed state of the first sink subtask in these segments. */
const segments =
  (...own: StateBytes[]) =>
  (subtask: CheckpointSubtask): SubtaskState => ({
    operators: subtask.attemptId.startsWith('Sink')
      ? [operatorState(SINK_OPERATOR, { keyed: { firstKeyGroup: 0, lastKeyGroup: 127, tables: [], segments: own } })]
      : [],
  })

describe('CheckpointCoordinator', () => {
  const jobs: ScriptedJob[] = []
  const start = async (configuration: Record<string, string> = {}, graph = sourceToSink()) => {
    const job = new ScriptedJob(graph, { ...INTERVAL, ...configuration })
    jobs.push(job)
    expect(await job.coordinator.recover()).to.equal(undefined)
    job.coordinator.tasksChanged()
    return job
  }
  afterEach(async () => {
    for (const job of jobs.splice(0)) await job.close()
  })

  it('triggers sources, waits for all, commits, tells the tasks, and writes metadata that another master finds', async () => {
    const job = await start()
    job.enumerators.push({ operatorId: SOURCE_OPERATOR, state: { next: 3 } })
    expect(await job.checkpoint(TEN, committing('a', 'b'))).to.equal(1)
    expect(job.told).to.deep.equal([
      'hold 1 for Source-0#0',
      'trigger 1 at Source-0#0',
      'release 1 Source-0#0',
      'commit 1: a,b',
      'complete 1 to 2',
    ])
    expect(job.barrier).to.deep.include({ kind: 'checkpoint', alignment: 'aligned', alignedTimeoutMs: 2000, full: false, stop: null })
    expect(job.names('chk-1')).to.deep.equal(['_metadata'])
    const restored = await job.master(2).recover()
    expect(restored?.checkpointId).to.equal(1)
    expect(restored?.committables.map((each) => each.committable)).to.deep.equal(['a', 'b'])
    expect(restored?.enumerators.get(SOURCE_OPERATOR)).to.deep.equal({ next: 3 })
    expect(restored?.metadata.epoch).to.equal(1)
  })

  it('begins nothing while a task is away, and nothing before the pause after the last one is over', async () => {
    const job = await start({ 'execution.checkpointing.min-pause': '15 s' })
    job.setState('Sink', 'away')
    job.coordinator.tasksChanged()
    job.environment.advance(3 * TEN)
    expect(job.told).to.deep.equal([])
    job.setState('Sink', 'running')
    job.coordinator.tasksChanged()
    await job.untilTold('release 1 ')
    job.environment.advance(TEN)
    job.acknowledge()
    await job.untilTold('complete 1 ')
    job.environment.advance(14_999)
    expect(job.barriers).to.have.length(1)
    job.environment.advance(1)
    await job.untilTold('trigger 2 ')
  })

  it('looks at many tasks once, however often they change, and before it decides anything', async () => {
    const job = await start({}, sourceToSink(150, 150))
    let looked = 0
    const subtasks = job.subtasks
    Object.defineProperty(job, 'subtasks', { get: () => (looked++, subtasks), set: () => undefined })
    for (let i = 0; i < 50; i++) job.coordinator.tasksChanged()
    expect(looked).to.equal(0)
    job.coordinator.suspend(new Error('a task failed'), [])
    expect(looked, 'before what follows').to.equal(1)
    for (let i = 0; i < 50; i++) job.coordinator.tasksChanged()
    job.environment.advance(20)
    expect(looked, 'a moment later').to.equal(2)
  })

  it('gives up what is declined or takes too long, and fails the job over beyond what is tolerated', async () => {
    const job = await start({ 'execution.checkpointing.tolerable-failed-checkpoints': '1', 'execution.checkpointing.timeout': '5 s' })
    job.environment.advance(TEN)
    await job.untilTold('trigger 1 ')
    job.coordinator.decline(job.subtasks[1]?.attemptId as never, 1, new Error('the disk is full'))
    await job.untilTold('aborted 1 to 2')
    expect(job.failures).to.have.length(0)
    job.environment.advance(TEN)
    await job.untilTold('trigger 2 ')
    job.environment.advance(5_000)
    await job.untilTold('aborted 2 to 2')
    expect(job.failures.map((error) => error.message)).to.deep.equal([
      '2 checkpoints failed one after the other, 1 is tolerated (execution.checkpointing.tolerable-failed-checkpoints)',
    ])
    expect((job.failures[0]?.cause as Error).message).to.match(
      /Checkpoint 2 was not complete within 5 s .*it waited for Source \(1\/1\), Sink/,
    )
    const [second, first] = job.coordinator.view.statistics.history
    expect(first?.failure).to.equal('Checkpoint 1: Sink (1/1) could not store its state: the disk is full')
    expect(second?.status).to.equal('FAILED')
    await job.until('directories are empty', () => job.names('chk-1').length + job.names('chk-2').length === 0)
  })

  it('verifies new files: a damaged one fails the checkpoint and is named', async () => {
    const job = await start({ 'execution.checkpointing.tolerable-failed-checkpoints': '5' })
    job.environment.advance(TEN)
    await job.untilTold('trigger 1 ')
    const bytes = job.write(job.barrier.sharedDirectory, 'a.seg', 'state of the sink')
    writeFileSync(bytes.path.replace('file://', ''), 'state of the sunk')
    job.acknowledge(segments(bytes))
    await job.untilTold('aborted 1 to 2')
    expect(job.coordinator.view.statistics.latestFailed?.failure).to.match(/a\.seg is damaged at byte 0: checksum of 17 bytes/)
    await job.until('the damaged file is deleted', () => !job.exists(bytes.path))
    expect(job.names('chk-1')).to.deep.equal([])
  })

  it('keeps shared files while a retained checkpoint refers to them, and one checkpoint longer', async () => {
    const job = await start()
    const written: StateBytes[] = []
    const add = (name: string) => (subtask: CheckpointSubtask) => {
      if (subtask.attemptId.startsWith('Sink')) written.push(job.write(job.barrier.sharedDirectory, name, name))
      return segments(...written)(subtask)
    }
    await job.checkpoint(TEN, add('base'))
    await job.checkpoint(TEN, add('first'))
    expect(job.names('shared')).to.deep.equal(['base', 'first'])
    written.length = 0
    await job.checkpoint(TEN, add('newbase'))
    await job.until('the directory of checkpoint 2 is gone', () => job.names().join() === 'chk-3,shared')
    expect(job.names('shared'), 'a task that has not heard of checkpoint 3 may still build on 2').to.include('first')
    await job.checkpoint(TEN, add('second'))
    await job.until('old files are gone', () => job.names('shared').join() === 'newbase,second')
    await job.until('the directory of checkpoint 3 is gone', () => job.names().join() === 'chk-4,shared')
  })

  it('deletes files of late acknowledgements and, after a failover, files that nobody knows', async () => {
    const job = await start()
    job.environment.advance(TEN)
    await job.untilTold('trigger 1 ')
    job.write(job.barrier.sharedDirectory, 'orphan', 'of a worker that died')
    job.coordinator.suspend(new Error('a worker was lost'), 'all')
    expect(job.told.at(-1)).to.equal('aborted 1 to 2')
    const late = job.write(job.barrier.sharedDirectory, 'late', 'late')
    job.coordinator.acknowledge(job.subtasks[1]?.attemptId as never, 1, segments(late)(job.subtasks[1] as never), {} as never)
    await job.until('the late file is gone', () => !job.exists(late.path))
    job.environment.advance(5 * TEN)
    expect(job.barriers, 'nothing begins before tasks run again').to.have.length(1)
    job.subtasks = job.attempt(1, 'running')
    job.coordinator.tasksChanged()
    await job.checkpoint(TEN)
    await job.until('the orphan is gone', () => job.names('shared').length === 0)
  })

  it('restores the newest complete checkpoint, waiting for one that is being committed', async () => {
    const job = await start()
    await job.checkpoint(TEN)
    let commit: () => void = () => undefined
    job.onCommit = () => new Promise((resolve) => (commit = resolve))
    job.environment.advance(TEN)
    await job.untilTold('trigger 2 ')
    job.acknowledge()
    await job.until('checkpoint 2 is written', () => job.coordinator.view.statistics.completed === 2)
    job.coordinator.suspend(new Error('lost'), 'all')
    const restoring = job.coordinator.restore()
    commit()
    expect((await restoring)?.checkpointId).to.equal(2)
    expect(job.told.at(-1)).to.equal('complete 2 to 2')
  })

  it('tells of a failed commit: the checkpoint is complete, the job fails over', async () => {
    const job = await start()
    job.onCommit = () => Promise.reject(new Error('no space left'))
    await job.checkpoint(TEN, committing('x'))
    expect(job.failures.map((error) => error.message)).to.deep.equal([
      'Checkpoint 1 is complete, but a sink could not make its output visible',
    ])
    expect((await job.coordinator.restore())?.committables).to.have.length(1)
  })

  it('gives up a checkpoint whose task ends meanwhile; what the task prepared goes with the next one', async () => {
    const job = await start({}, sourceToSink(2, 2))
    job.environment.advance(TEN)
    await job.untilTold('trigger 1 at Source-1')
    const ended = job.subtasks.find((subtask) => subtask.attemptId === 'Sink-1#0') as CheckpointSubtask
    job.setState('Sink-1', 'finished')
    job.coordinator.taskFinished({ ...ended, state: 'finished' }, [{ operatorId: SINK_OPERATOR, committable: 'last' }])
    job.coordinator.tasksChanged()
    await job.untilTold('aborted 1 to 4')
    expect(job.failures).to.deep.equal([])
    expect(job.coordinator.uncommitted()).to.deep.equal([{ operatorId: SINK_OPERATOR, committable: 'last' }])
    await job.checkpoint(TEN, committing('x'))
    expect(job.told).to.include('commit 2: x,last')
    expect(job.coordinator.uncommitted()).to.deep.equal([])
    const restored = await job.coordinator.restore()
    expect(restored?.tasks.get(ended.vertexId)?.map((task) => task.finished)).to.deep.equal([false, true])
    expect(restored?.committables.map((each) => each.committable)).to.deep.equal(['x', 'last'])
  })

  it('takes no checkpoints once tasks finish when told so, nor while tasks only work off ended inputs', async () => {
    const job = await start({}, sourceToSink(1, 2))
    job.setState('Source', 'finished')
    job.coordinator.tasksChanged()
    job.environment.advance(2 * TEN)
    expect(job.barriers).to.deep.equal([])
    const other = await start({ 'execution.checkpointing.checkpoints-after-tasks-finish': 'false' }, sourceToSink(2, 1))
    other.setState('Source-1', 'finished')
    other.coordinator.tasksChanged()
    other.environment.advance(2 * TEN)
    expect(other.barriers).to.deep.equal([])
  })

  it('drops what restarted subtasks had prepared', async () => {
    const job = await start({}, sourceToSink(2, 2))
    const ended = job.subtasks.find((subtask) => subtask.attemptId === 'Sink-1#0') as CheckpointSubtask
    job.coordinator.taskFinished({ ...ended, state: 'finished' }, [{ operatorId: SINK_OPERATOR, committable: 'last' }])
    job.coordinator.suspend(new Error('lost'), [ended])
    expect(job.coordinator.uncommitted()).to.deep.equal([])
  })

  describe('for a rescale', () => {
    const acknowledged = async (job: ScriptedJob, id: number) => {
      await job.untilTold(`trigger ${id} `)
      job.acknowledge()
      await job.untilTold(`complete ${id} `)
    }

    it('are two: what has changed is written before the one from which the job goes on', async () => {
      const job = await start()
      await job.checkpoint(TEN)
      job.environment.advance(9_000)
      const taken = job.coordinator.triggerForRescale(job.jobGraph)
      await acknowledged(job, 2)
      await acknowledged(job, 3)
      expect(await taken).to.equal(3)
      expect(
        job.barriers.map(({ alignedTimeoutMs }) => alignedTimeoutMs !== null),
        'only the last one leaves nothing in flight',
      ).to.deep.equal([true, true, false])
    })

    it('have between them what the tasks would begin with, and take another when that took long', async () => {
      const job = await start()
      const prepared: string[] = []
      let ready = () => undefined as void
      const taken = job.coordinator.triggerForRescale(job.jobGraph, async (tasks) => {
        prepared.push([...tasks.values()].map((restores) => restores.map(({ checkpointId }) => checkpointId).join(' ')).join(', '))
        await new Promise<void>((resolve) => (ready = resolve))
      })
      await acknowledged(job, 1)
      await job.until('preparations', () => prepared.length > 0)
      expect(prepared.join()).to.match(/^1( 1)*(, 1( 1)*)*$/)
      job.environment.advance(9_000)
      ready()
      await acknowledged(job, 2)
      await acknowledged(job, 3)
      expect(await taken).to.equal(3)
    })

    it('are one where another has been complete just now', async () => {
      const job = await start()
      await job.checkpoint(TEN)
      const taken = job.coordinator.triggerForRescale(job.jobGraph)
      await acknowledged(job, 2)
      expect(await taken).to.equal(2)
    })

    it('are two when none has been taken since the tasks started, and one where each holds everything', async () => {
      const job = await start()
      await job.checkpoint(TEN)
      await job.coordinator.restore()
      const taken = job.coordinator.triggerForRescale(job.jobGraph)
      await acknowledged(job, 2)
      await acknowledged(job, 3)
      expect(await taken).to.equal(3)
      const full = await start({ 'execution.checkpointing.incremental': 'false' })
      const only = full.coordinator.triggerForRescale(full.jobGraph)
      await acknowledged(full, 1)
      expect(await only).to.equal(1)
    })
  })

  describe('savepoints', () => {
    const directory = (job: ScriptedJob) => `file://${job.folder}/savepoints`

    it('are full, in a directory of their own, can be moved, commit nothing and are never deleted', async () => {
      const job = await start()
      await job.checkpoint(TEN)
      const savepoint = job.coordinator.triggerSavepoint({ directory: directory(job), stop: null, cancel: false })
      await job.untilTold('trigger 2 ')
      expect(job.barrier).to.deep.include({ kind: 'savepoint', full: true, alignment: 'aligned', alignedTimeoutMs: null })
      const bytes = { ...job.write(job.barrier.directory, 's.seg', 'all state'), path: 's.seg' }
      job.acknowledge((subtask) => {
        const state = segments(bytes)(subtask)
        return subtask.attemptId.startsWith('Sink')
          ? { operators: state.operators.map((each) => ({ ...each, committables: ['y'] })) }
          : state
      })
      const path = await savepoint
      expect(path).to.match(new RegExp(`^${directory(job)}/savepoint-${job.jobGraph.jobId.slice(0, 6)}-[0-9a-f]{12}$`))
      expect(job.told).to.include('complete 2 to 2').and.not.include('commit 2: y')
      expect((await job.coordinator.restore())?.checkpointId, 'a failover goes back to the checkpoint').to.equal(1)
      await job.coordinator.end('FINISHED')
      expect(job.names()).to.deep.equal([])

      const { renameSync } = await import('node:fs')
      const moved = `file://${job.folder}/elsewhere`
      renameSync(path.replace('file://', ''), moved.replace('file://', ''))
      const restored = await job.master(1, { 'execution.state-recovery.path': `${moved}/_metadata` }).recover()
      expect(restored?.path).to.equal(moved)
      expect(restored?.metadata.vertices[1]?.subtasks[0]?.operators[0]?.keyed?.segments).to.deep.equal([
        { ...bytes, path: `${moved}/s.seg` },
      ])
      expect(restored?.committables.map((each) => each.committable)).to.deep.equal(['y'])
    })

    it('need a directory', async () => {
      const job = await start()
      const refused = await job.coordinator.triggerSavepoint({ directory: undefined, stop: null, cancel: false }).catch(String)
      expect(refused).to.match(/No savepoint directory is given/)
    })

    it('of a stop commit, keep others from beginning, and are answered when the job has FINISHED', async () => {
      const job = await start()
      const stopping = job.coordinator.triggerSavepoint({ directory: directory(job), stop: 'drain', cancel: false })
      await job.untilTold('trigger 1 ')
      expect(job.barrier.stop).to.equal('drain')
      const again = await job.coordinator.triggerSavepoint({ directory: directory(job), stop: 'suspend', cancel: false }).catch(String)
      expect(again).to.match(/a stop is under way already/)
      job.acknowledge(committing('z'))
      await job.untilTold('complete 1 to 2')
      expect(job.told).to.include('commit 1: z')
      job.environment.advance(5 * TEN)
      expect(job.barriers).to.have.length(1)
      const answer = stopping.catch(String)
      expect((await job.master(2).recover())?.checkpointId, 'a later master goes on from there').to.equal(1)
      expect(await answer).to.match(/did not come to its end .*SUSPENDED/)
    })

    it('of a stop that does not end say so, and name the savepoint', async () => {
      const job = await start()
      const stopping = job.coordinator.triggerSavepoint({ directory: directory(job), stop: 'suspend', cancel: false }).catch(String)
      await job.untilTold('trigger 1 ')
      job.acknowledge()
      await job.untilTold('complete 1 to 2')
      job.coordinator.suspend(new Error('a worker was lost'), 'all')
      expect(await stopping).to.match(
        /The savepoint file:.*savepoint-.* is complete, but the job did not come to its end .*a worker was lost/,
      )
      expect((await job.coordinator.restore())?.checkpointId).to.equal(1)
      job.subtasks = job.attempt(1, 'running')
      job.coordinator.tasksChanged()
      await job.checkpoint(TEN)
      expect(job.barrier.full, 'nothing may refer to the savepoint').to.equal(true)
    })

    it('of a stop are answered at the end of the job', async () => {
      const job = await start()
      const stopping = job.coordinator.triggerSavepoint({ directory: directory(job), stop: 'suspend', cancel: false })
      await job.untilTold('trigger 1 ')
      job.acknowledge()
      await job.untilTold('complete 1 to 2')
      job.coordinator.suspend(new Error('the job ends'), [])
      await job.coordinator.end('FINISHED')
      expect(job.exists(`${await stopping}/_metadata`)).to.equal(true)
      expect(job.names()).to.deep.equal([])
    })

    it('with cancel cancel the job when they are complete', async () => {
      const job = await start()
      const savepoint = job.coordinator.triggerSavepoint({ directory: directory(job), stop: null, cancel: true })
      await job.untilTold('trigger 1 ')
      job.acknowledge()
      await savepoint
      expect(job.told.at(-1)).to.equal('cancel')
    })

    it('wait for tasks to run, but not for ever', async () => {
      const job = await start({ 'execution.checkpointing.timeout': '1 min' })
      job.setState('Sink', 'away')
      job.coordinator.tasksChanged()
      const savepoint = job.coordinator.triggerSavepoint({ directory: directory(job), stop: null, cancel: false }).catch(String)
      job.environment.advance(60_000)
      expect(await savepoint).to.match(/The savepoint could not begin within 1 min: not all tasks run/)
    })

    it('are tried again when a task ended while they were taken', async () => {
      const job = await start({}, sourceToSink(2, 1))
      const savepoint = job.coordinator.triggerSavepoint({ directory: directory(job), stop: null, cancel: false })
      await job.untilTold('trigger 1 ')
      job.setState('Source-1', 'finished')
      job.coordinator.taskFinished(job.subtasks.find((each) => each.attemptId.startsWith('Source-1')) as never, [])
      await job.untilTold('trigger 2 at Source-0')
      job.acknowledge()
      expect(await savepoint).to.match(/savepoint-/)
    })
  })

  describe('a source that cannot be triggered', () => {
    it('gives a checkpoint up without counting it, and a savepoint is tried again a moment later', async () => {
      const job = await start()
      job.onTrigger = () => Promise.reject(new Error('it has reached its end'))
      job.environment.advance(TEN)
      await job.untilTold('aborted 1 to 2')
      const savepoint = job.coordinator.triggerSavepoint({ directory: `file://${job.folder}/savepoints` })
      await job.untilTold('aborted 2 to 2')
      expect(job.barriers).to.have.length(2)
      job.onTrigger = async () => undefined
      job.environment.advance(500)
      await job.untilTold('trigger 3 ')
      job.acknowledge()
      expect(await savepoint).to.match(/savepoint-/)
      expect(job.failures).to.deep.equal([])
      expect(job.told.filter((line) => line.startsWith('release'))).to.have.length(3)
    })
  })

  describe('several at once', () => {
    it('complete in order; older ones are given up when a newer one is complete', async () => {
      const job = await start({ 'execution.checkpointing.max-concurrent-checkpoints': '2' })
      job.environment.advance(TEN)
      await job.untilTold('trigger 1 ')
      job.environment.advance(TEN)
      await job.untilTold('trigger 2 ')
      job.environment.advance(TEN)
      expect(job.barriers).to.have.length(2)
      job.acknowledge(undefined, job.barriers[1])
      await job.untilTold('complete 2 to 2')
      expect(job.told).to.include('aborted 1 to 2')
      expect(job.coordinator.view.statistics.latestFailed?.failure).to.equal(
        'Checkpoint 1 is not needed any more: checkpoint 2 is complete',
      )
      expect(job.failures).to.deep.equal([])
      await job.untilTold('trigger 3 ')
    })
  })

  describe('at the end', () => {
    const kept = async (retention: string, state: 'FINISHED' | 'FAILED' | 'CANCELED' | 'SUSPENDED') => {
      const job = await start({ 'execution.checkpointing.externalized-checkpoint-retention': retention })
      await job.checkpoint(TEN)
      await job.coordinator.end(state)
      return job.names().includes('chk-1')
    }
    it('leaves nothing but what is kept', async () => {
      const job = await start({ 'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION' })
      await job.checkpoint(TEN, (subtask, barrier) => segments(job.write(barrier.sharedDirectory, 'kept', 'k'))(subtask))
      job.environment.advance(TEN)
      await job.untilTold('trigger 2 ')
      job.coordinator.suspend(new Error('cancelled'), 'all')
      await job.until('its directory is empty', () => job.names('chk-2').length === 0)
      job.write(job.barrier.directory, 'late.inflight', 'written by a task that had not heard')
      job.write(job.barrier.sharedDirectory, 'late.seg', 'the same')
      await job.coordinator.end('CANCELED')
      expect([job.names(), job.names('shared')]).to.deep.equal([['chk-1', 'shared'], ['kept']])
    })
    it('keeps checkpoints as configured', async () => {
      expect(await kept('NO_EXTERNALIZED_CHECKPOINTS', 'FAILED')).to.equal(false)
      expect(await kept('NO_EXTERNALIZED_CHECKPOINTS', 'SUSPENDED')).to.equal(true)
      expect(await kept('DELETE_ON_CANCELLATION', 'CANCELED')).to.equal(false)
      expect(await kept('DELETE_ON_CANCELLATION', 'FAILED')).to.equal(true)
      expect(await kept('RETAIN_ON_CANCELLATION', 'CANCELED')).to.equal(true)
      expect(await kept('RETAIN_ON_CANCELLATION', 'FINISHED')).to.equal(false)
    })
  })

  describe('a new master', () => {
    it('passes over a broken checkpoint and one that was never complete, and numbers on', async () => {
      const job = await start({ 'execution.checkpointing.num-retained': '3' })
      await job.checkpoint(TEN)
      await job.checkpoint(TEN)
      const { appendFileSync, mkdirSync } = await import('node:fs')
      appendFileSync(`${job.folder}/checkpoints/${job.jobGraph.jobId}/chk-2/_metadata`, '!')
      mkdirSync(`${job.folder}/checkpoints/${job.jobGraph.jobId}/chk-3`)
      const restored = await job.master(2).recover()
      expect(restored?.checkpointId).to.equal(1)
      job.coordinator.tasksChanged()
      expect(await job.checkpoint(TEN)).to.equal(4)
      await job.until('leftovers are gone', () => job.names().join() === 'chk-1,chk-4')
    })

    it('counts on from a checkpoint that was given up, whose directory stays empty until then', async () => {
      const job = await start({ 'execution.checkpointing.tolerable-failed-checkpoints': '5' })
      await job.checkpoint(TEN)
      job.environment.advance(TEN)
      await job.untilTold('trigger 2 ')
      job.write(job.barrier.directory, '_metadata', 'written, but the answer was an error')
      job.coordinator.decline(job.subtasks[1]?.attemptId as never, 2, new Error('the disk is full'))
      await job.until('chk-2 is empty', () => job.names('chk-2').length === 0)
      expect(job.names()).to.deep.equal(['chk-1', 'chk-2'])
      expect((await job.master(2).recover())?.checkpointId).to.equal(1)
      job.coordinator.tasksChanged()
      expect(await job.checkpoint(TEN)).to.equal(3)
      await job.until('the empty directory is gone', () => job.names().join() === 'chk-3')
    })

    it('removes what was left there when the job is cancelled before that could be read, and only then', async () => {
      for (const [state, left] of [
        ['CANCELED', []],
        ['FAILED', ['chk-1']],
      ] as const) {
        const job = await start()
        await job.checkpoint(TEN)
        await job.master(2).end(state)
        expect(job.names(), state).to.deep.equal(left)
      }
    })

    it('never replaces metadata of another', async () => {
      const job = await start()
      const { mkdirSync } = await import('node:fs')
      const folder = `${job.folder}/checkpoints/${job.jobGraph.jobId}/chk-1`
      mkdirSync(folder, { recursive: true })
      writeFileSync(`${folder}/_metadata`, 'of a successor')
      job.environment.advance(TEN)
      await job.untilTold('trigger 1 ')
      job.acknowledge()
      await job.until('the job fails', () => job.failures.length > 0)
      expect(job.failures[0]?.message).to.match(/chk-1\/_metadata exists already: another JobManager has completed this checkpoint/)
      await job.coordinator.end('SUSPENDED') // with what it deletes
      const { readFileSync } = await import('node:fs')
      expect(readFileSync(`${folder}/_metadata`, 'utf8')).to.equal('of a successor')
    })

    it('says where a path that the user gives is broken', async () => {
      const job = await start()
      const missing = await job.master(1, { 'execution.state-recovery.path': '/nowhere/savepoint-1' }).recover().catch(String)
      expect(missing).to.match(/There is no savepoint or checkpoint at file:\/\/\/nowhere\/savepoint-1/)
    })
  })

  describe('from a savepoint', () => {
    const withSavepoint = async (claimMode: string) => {
      const job = await start()
      const savepoint = job.coordinator.triggerSavepoint({ directory: `file://${job.folder}/savepoints`, stop: null, cancel: false })
      await job.untilTold('trigger 1 ')
      const bytes = job.write(job.barrier.directory, 's.seg', 'all state')
      job.acknowledge(segments(bytes))
      const path = await savepoint
      await job.coordinator.end('CANCELED')
      job.told.length = 0
      job.master(1, { 'execution.state-recovery.path': path, 'execution.state-recovery.claim-mode': claimMode })
      expect((await job.coordinator.recover())?.checkpointId).to.equal(1)
      job.coordinator.tasksChanged()
      return { job, path, bytes }
    }

    it('with NO_CLAIM begins with a full checkpoint and never touches the savepoint', async () => {
      const { job, path } = await withSavepoint('NO_CLAIM')
      expect(await job.checkpoint(TEN)).to.equal(2)
      expect(job.barrier.full).to.equal(true)
      await job.checkpoint(TEN)
      expect(job.barrier.full).to.equal(false)
      await job.coordinator.end('FINISHED')
      expect(job.exists(`${path}/s.seg`)).to.equal(true)
      expect(job.exists(`${path}/_metadata`)).to.equal(true)
    })

    it('with CLAIM deletes the savepoint when nothing refers to it any more', async () => {
      const { job, path, bytes } = await withSavepoint('CLAIM')
      await job.checkpoint(TEN, segments(bytes))
      expect(job.barrier.full).to.equal(false)
      await job.checkpoint(TEN, segments(bytes))
      expect(job.exists(bytes.path)).to.equal(true)
      await job.checkpoint(TEN)
      await job.checkpoint(TEN)
      await job.until('the savepoint is gone', () => !job.exists(path))
    })
  })
})
