import { expect } from 'chai'
import type { ResourceId } from '#core/ids/ids.js'
import {
  onWorkerEvent,
  recoveredWorker,
  startingWorker,
  type Worker,
  type WorkerEvent,
  type WorkerSettings,
} from '#am/resourcemanager/worker-lifecycle.js'

const SETTINGS: WorkerSettings = { heartbeatTimeout: 50_000, registrationTimeout: 300_000, lostTimeout: 5_000 }
const registered: WorkerEvent = { type: 'registered', host: 'node-1', slots: 2 }

/** States and effects after each event: `STARTING`, `REGISTERED admit`. */
function story(worker: Worker, ...events: readonly (readonly [at: number, event: WorkerEvent])[]): string[] {
  let current = worker
  return events.map(([at, event]) => {
    const step = onWorkerEvent(current, event, at, SETTINGS)
    current = step.state
    return [
      step.state.state,
      ...step.effects.map((effect) => ('reason' in effect ? `${effect.type}(${effect.reason})` : effect.type)),
    ].join(' ')
  })
}

const starting = () => startingWorker('c1' as ResourceId, 'node-1', 2, 0, SETTINGS)

describe('worker lifecycle', () => {
  it('lives from start over registration to its release', () => {
    expect(
      story(
        starting(),
        [10, registered],
        [20, { type: 'heartbeat' }],
        [30, { type: 'release', reason: 'idle' }],
        [40, { type: 'terminated', reason: 'exit 0', takenBack: false }],
      ),
    ).to.deep.equal(['REGISTERED admit', 'REGISTERED', 'RELEASED shutdown(idle)', 'TERMINATED gone(exit 0)'])
  })

  it('is given back when it does not register in time', () => {
    expect(story(starting(), [299_999, { type: 'tick' }], [300_000, { type: 'tick' }], [300_001, registered])).to.deep.equal([
      'STARTING',
      'RELEASED release(it did not register within 5 min) startFailed(it did not register within 5 min)',
      'RELEASED refuse',
    ])
  })

  it('has failed to start when it ends before it registered', () => {
    expect(story(starting(), [10, { type: 'terminated', reason: 'exit status 1', takenBack: false }])).to.deep.equal([
      'TERMINATED startFailed(exit status 1)',
    ])
  })

  it('is lost at once when its connection breaks, and explained when its end is known', () => {
    expect(
      story(
        starting(),
        [10, registered],
        [20, { type: 'disconnected', reason: 'reset' }],
        [900, { type: 'terminated', reason: 'exit status 137', takenBack: false }],
      ),
    ).to.deep.equal(['REGISTERED admit', 'LOST lost(reset)', 'TERMINATED explained(exit status 137)'])
  })

  it('is lost when it is silent, and given back when its end does not come', () => {
    expect(
      story(starting(), [10, registered], [50_009, { type: 'tick' }], [50_010, { type: 'tick' }], [55_010, { type: 'tick' }]),
    ).to.deep.equal(['REGISTERED admit', 'REGISTERED', 'LOST lost(no heartbeat for 50 s)', 'RELEASED release(it does not answer any more)'])
  })

  it('is lost and explained in one when the end is known first', () => {
    expect(
      story(
        starting(),
        [10, registered],
        [20, { type: 'terminated', reason: 'preempted', takenBack: false }],
        [30, { type: 'disconnected', reason: 'reset' }],
      ),
    ).to.deep.equal(['REGISTERED admit', 'TERMINATED lost(preempted)', 'TERMINATED'])
  })

  it('is lost and given back at once when its node is gone, in whichever state it is', () => {
    const gone: WorkerEvent = { type: 'nodeLost', reason: 'its node is LOST' }
    expect(story(starting(), [10, gone])).to.deep.equal(['RELEASED release(its node is LOST)'])
    expect(story(starting(), [10, registered], [20, gone], [30, registered])).to.deep.equal([
      'REGISTERED admit',
      'RELEASED lost(its node is LOST) release(its node is LOST)',
      'RELEASED refuse',
    ])
    expect(story(starting(), [10, registered], [20, { type: 'disconnected', reason: 'reset' }], [30, gone]).at(-1)).to.equal(
      'RELEASED explained(its node is LOST) release(its node is LOST)',
    )
  })

  it('has not failed to start when the cluster took it back first', () => {
    expect(story(starting(), [10, { type: 'terminated', reason: 'preempted', takenBack: true }])).to.deep.equal(['TERMINATED'])
  })

  it('may not come back once it was lost', () => {
    expect(story(starting(), [10, registered], [20, { type: 'disconnected', reason: 'reset' }], [30, registered]).at(-1)).to.equal(
      'LOST refuse',
    )
  })

  it('of an earlier attempt is taken over, or given back without counting as a failed start', () => {
    const recovered = () => recoveredWorker('c1' as ResourceId, 'node-1', 2, 0, 5_000)
    expect(story(recovered(), [10, registered])).to.deep.equal(['REGISTERED admit'])
    expect(story(recovered(), [5_000, { type: 'tick' }])).to.deep.equal(['RELEASED release(it did not come back to the new JobManager)'])
  })

  it('takes a repeated registration as a sign of life', () => {
    expect(story(starting(), [10, registered], [20, registered])).to.deep.equal(['REGISTERED admit', 'REGISTERED'])
  })
})
