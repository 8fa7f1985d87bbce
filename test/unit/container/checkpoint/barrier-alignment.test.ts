import { expect } from 'chai'
import type { CheckpointBarrier } from '#core/checkpoint/barrier.js'
import { BarrierAlignment, overtakeDelay, type AlignmentEffect } from '#container/checkpoint/barrier-alignment.js'
import { barrierOf } from './one-slot.js'

const AT = 1_000_000
const barrier = (checkpointId: number, more: Partial<CheckpointBarrier> = {}) => barrierOf(checkpointId, { timestamp: AT, ...more })
/** `block 0, snapshot 1, unblock, complete 1` */
function tell(effects: readonly AlignmentEffect[]): string {
  return effects
    .map((effect) => {
      switch (effect.type) {
        case 'snapshot':
          return `snapshot ${effect.barrier.checkpointId}${effect.record === undefined ? '' : ` recording [${effect.record.join(' ')}]`}`
        case 'startTimer':
          return `timer ${effect.delayMs}`
        case 'abandon':
          return `abandon ${effect.checkpointId} for ${effect.newer}`
        case 'complete':
          return `complete ${effect.checkpointId}`
        case 'unblock':
          return 'unblock'
        default:
          return `${effect.type} ${effect.channel}`
      }
    })
    .join(', ')
}

describe('BarrierAlignment', () => {
  it('blocks channels until the last barrier, then takes the snapshot', () => {
    const it_ = new BarrierAlignment(3)
    expect(tell(it_.reached(1, barrier(1), AT))).to.equal('block 1')
    expect(tell(it_.reached(0, barrier(1), AT))).to.equal('block 0')
    expect(tell(it_.reached(2, barrier(1), AT))).to.equal('block 2, snapshot 1, unblock, complete 1')
    expect(tell(it_.reached(0, barrier(2), AT))).to.equal('block 0')
  })

  it('blocks nothing when each row may count twice', () => {
    const it_ = new BarrierAlignment(2)
    expect(tell(it_.reached(0, barrier(1, { alignment: 'at-least-once' }), AT))).to.equal('')
    expect(tell(it_.reached(1, barrier(1, { alignment: 'at-least-once' }), AT))).to.equal('snapshot 1, unblock, complete 1')
  })

  it('does not wait for channels that have ended, before or meanwhile', () => {
    const it_ = new BarrierAlignment(3)
    expect(tell(it_.ended(0))).to.equal('')
    expect(tell(it_.reached(1, barrier(1), AT))).to.equal('block 1')
    expect(tell(it_.ended(2))).to.equal('snapshot 1, unblock, complete 1')
    expect(tell(it_.reached(1, barrier(2), AT))).to.equal('block 1, snapshot 2, unblock, complete 2')
  })

  it('takes the snapshot at the first barrier that overtakes, and records the other channels until theirs', () => {
    const it_ = new BarrierAlignment(3)
    const unaligned = barrier(1, { alignment: 'unaligned' })
    expect(tell(it_.overtook(1, unaligned, AT))).to.equal('unblock, snapshot 1 recording [0 2], pull 0, pull 2')
    expect(tell(it_.overtook(2, unaligned, AT))).to.equal('recorded 2')
    expect(tell(it_.overtook(0, unaligned, AT))).to.equal('recorded 0, complete 1')
  })

  it('overtakes when the time is up, wherever the barriers are then', () => {
    const it_ = new BarrierAlignment(3)
    const timed = barrier(1, { alignedTimeoutMs: 100 })
    expect(tell(it_.queued(2, timed, AT + 20))).to.equal('timer 80')
    expect(tell(it_.reached(0, timed, AT + 30))).to.equal('timer 70, block 0')
    expect(tell(it_.timedOut(timed))).to.equal('unblock, snapshot 1 recording [1 2], pull 1, pull 2')
    expect(tell(it_.overtook(2, timed, AT))).to.equal('recorded 2')
    expect(tell(it_.queued(1, timed, AT))).to.equal('pull 1')
    expect(tell(it_.overtook(1, timed, AT))).to.equal('recorded 1, complete 1')
    expect(tell(it_.timedOut(timed))).to.equal('')
  })

  it('overtakes when another task did before it', () => {
    const it_ = new BarrierAlignment(2)
    const timed = barrier(1, { alignedTimeoutMs: 100 })
    expect(tell(it_.reached(0, timed, AT))).to.equal('timer 100, block 0')
    expect(tell(it_.overtook(1, timed, AT))).to.equal('unblock, snapshot 1 recording [], complete 1')
  })

  it('gives an older checkpoint up for a newer one, and ignores barriers that come late', () => {
    const it_ = new BarrierAlignment(2)
    it_.reached(0, barrier(1), AT)
    expect(tell(it_.reached(1, barrier(2), AT))).to.equal('unblock, abandon 1 for 2, block 1')
    expect(tell(it_.reached(1, barrier(1), AT))).to.equal('')
    expect(tell(it_.reached(0, barrier(2), AT))).to.equal('block 0, snapshot 2, unblock, complete 2')
    expect(tell(it_.reached(0, barrier(2), AT))).to.equal('')
  })

  it('lets rows flow again when the checkpoint is given up, and ignores what of it still comes', () => {
    const it_ = new BarrierAlignment(2)
    it_.reached(0, barrier(1), AT)
    expect(tell(it_.aborted(1))).to.equal('unblock')
    expect(tell(it_.reached(1, barrier(1), AT))).to.equal('')
    it_.aborted(3)
    expect(tell(it_.reached(1, barrier(2), AT))).to.equal('block 1')
    expect(tell(it_.reached(0, barrier(3), AT))).to.equal('')
  })

  it('ignores every barrier up to a checkpoint that is over, and goes on with a later one', () => {
    const it_ = new BarrierAlignment(2)
    it_.reached(0, barrier(2), AT)
    expect(tell(it_.overUpTo(4))).to.equal('unblock')
    expect(tell(it_.reached(1, barrier(2), AT))).to.equal('')
    expect(tell(it_.reached(0, barrier(4), AT))).to.equal('')
    expect(tell(it_.reached(0, barrier(5), AT))).to.equal('block 0')
    expect(tell(it_.overUpTo(4))).to.equal('')
    expect(tell(it_.reached(1, barrier(5), AT))).to.equal('block 1, snapshot 5, unblock, complete 5')
  })

  it('waits from the trigger on, whatever the clocks of two machines say', () => {
    expect(overtakeDelay(barrier(1, { alignedTimeoutMs: 100 }), AT + 130)).to.equal(0)
    expect(overtakeDelay(barrier(1, { alignedTimeoutMs: 100 }), AT - 5000)).to.equal(100)
    expect(overtakeDelay(barrier(1), AT)).to.equal(null)
    expect(overtakeDelay(barrier(1, { alignment: 'at-least-once', alignedTimeoutMs: 100 }), AT)).to.equal(null)
    expect(overtakeDelay(barrier(1, { alignment: 'unaligned' }), AT)).to.equal(0)
  })
})
