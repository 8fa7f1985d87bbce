import { expect } from 'chai'
import fc from 'fast-check'
import { RegisterApplicationMasterResponse } from '#hadoop/proto/application-master-protocol.js'
import { AmRmSession, type SessionEffect } from '#hadoop/yarn/am-rm/am-rm-session.js'
import { parseContainerId } from '#hadoop/yarn/identifiers.js'
import { ModelCluster } from './model-cluster.js'
import { EXPIRY_MS, Story, ask, containerName, ended, granted, grown, notGrown } from './session-story.js'

const token = (text: string) => ({ identifier: Buffer.from(text), password: Buffer.from('p'), kind: 'YARN_AM_RM_TOKEN', service: '' })
const preempted = (number: number) => ({ id: parseContainerId(containerName(number)) })

/** `>` what the session sends, `<` what it is answered, the rest of the indented lines its events. */
function tells(story: Story, expected: string): void {
  const lines = expected.split('\n').filter((line) => line.trim() !== '')
  expect(story.text).to.equal(lines.map((line) => line.slice(6)).join('\n'))
}

describe('AmRmSession', () => {
  it('registers, asks, gets, releases and finishes', () => {
    const story = new Story()
      .register()
      .registered()
      .asks([ask(2)])
      .answer()
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(2), granted(3)] })
      .wait()
      .answer()
      .release(2)
      .wait()
      .answer({ completedContainerStatuses: [ended(2)] })
      .finish()
      .unregistered(false)
      .wait()
      .unregistered(true)
    tells(
      story,
      `
      register
        > register http://am:1
      < registered
        registered
        > allocate #0
      asks 1=2x256
      <
        wake +200
      wait 200
        > allocate #1 1:*=2x256
      <
        wake +200
      wait 200
        > allocate #2
      <
        allocated 2,3 (2)
        wake +1000
      wait 1000
        > allocate #3
      <
        wake +1000
      release 2
        wake +200
      wait 200
        > allocate #4 release 2
      <
        completed 2 ABORTED
        wake +1000
      finish
        > finish APP_SUCCEEDED
      < unregistered false
        wake +200
      wait 200
        > finish APP_SUCCEEDED
      < unregistered true
        finished asked=2 granted=2 surplus=0 released=1 completed=1 heartbeats=5 resyncs=0`,
    )
  })

  it('does not send a row again for containers that came (the over-allocation trap)', () => {
    const story = new Story()
      .begun()
      .asks([ask(2)])
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(3)] })
      .wait()
      .answer()
    tells(
      story,
      `
      asks 1=2x256
        wake +200
      wait 200
        > allocate #1 1:*=2x256
      <
        wake +200
      wait 200
        > allocate #2
      <
        allocated 2 (1)
        wake +200
      wait 200
        > allocate #3
      <
        wake +200
      wait 200
        > allocate #4
      <
        allocated 3 (2)
        wake +1000
      wait 1000
        > allocate #5
      <
        wake +1000`,
    )
  })

  it('corrects a row that was sent while its containers were on the way', () => {
    const story = new Story()
      .begun()
      .asks([ask(2)])
      .wait()
      .answer()
      .asks([ask(3)])
      .wait()
      .answer({ allocatedContainers: [granted(2), granted(3)] })
      .wait()
      .answer({ allocatedContainers: [granted(4)] })
      .wait()
      .answer()
      .wait()
    tells(
      story,
      `
      asks 1=2x256
        wake +200
      wait 200
        > allocate #1 1:*=2x256
      <
        wake +200
      asks 1=3x256
        wake +200
      wait 200
        > allocate #2 1:*=3x256
      <
        allocated 2,3 (2)
        wake +200
      wait 200
        > allocate #3 1:*=1x256
      <
        allocated 4 (3)
        wake +200
      wait 200
        > allocate #4 1:*=0x256
      <
        wake +1000
      wait 1000
        > allocate #5`,
    )
  })

  it('takes grants off that the asker had not seen', () => {
    const story = new Story()
      .begun()
      .asks([ask(2)])
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
      .asks([ask(3)], 0)
      .wait()
      .answer()
      .asks([ask(3)], 1)
      .wait()
    tells(
      story,
      `
      asks 1=2x256
        wake +200
      wait 200
        > allocate #1 1:*=2x256
      <
        wake +200
      wait 200
        > allocate #2
      <
        allocated 2 (1)
        wake +200
      asks 1=3x256
        wake +200
      wait 200
        > allocate #3 1:*=2x256
      <
        wake +200
      asks 1=3x256
        wake +200
      wait 200
        > allocate #4 1:*=3x256`,
    )
  })

  it('gives surplus back at once', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(2), granted(3), granted(4, 7)] })
      .wait()
      .answer({ completedContainerStatuses: [ended(3), ended(4)] })
    tells(
      story,
      `
      asks 1=1x256
        wake +200
      wait 200
        > allocate #1 1:*=1x256
      <
        wake +200
      wait 200
        > allocate #2
      <
        allocated 2 (1)
        wake +200
      wait 200
        > allocate #3 release 3,4
      <
        wake +1000`,
    )
  })

  it('takes asks back, and gives back what comes nevertheless', () => {
    const story = new Story()
      .begun()
      .asks([ask(2)])
      .wait()
      .answer()
      .asks([])
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
      .wait()
      .answer()
      .wait()
    tells(
      story,
      `
      asks 1=2x256
        wake +200
      wait 200
        > allocate #1 1:*=2x256
      <
        wake +200
      asks nothing
        wake +200
      wait 200
        > allocate #2 1:*=0x256
      <
        wake +200
      wait 200
        > allocate #3 1:*=0x256 release 2
      <
        wake +1000
      wait 1000
        > allocate #4`,
    )
  })

  it('gives a container of the former shape back and goes on asking for the new one', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .answer()
      .asks([ask(1, 1, 512)])
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(3, 1, 512)] })
    tells(
      story,
      `
      asks 1=1x256
        wake +200
      wait 200
        > allocate #1 1:*=1x256
      <
        wake +200
      asks 1=1x512
        wake +200
      wait 200
        > allocate #2 1:*=1x512
      <
        wake +200
      wait 200
        > allocate #3 1:*=1x512 release 2
      <
        wake +200
      wait 200
        > allocate #4
      <
        allocated 3 (1)
        wake +1000`,
    )
  })

  it('heartbeats at once when asked after a quiet time', () => {
    const story = new Story()
      .begun()
      .pass(700)
      .asks([ask(1)])
    tells(
      story,
      `
      asks 1=1x256
        > allocate #1 1:*=1x256`,
    )
  })

  it('reports a completion once and ignores containers it does not know', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(2)], completedContainerStatuses: [ended(2, 1), ended(1, 0), ended(99, 5)] })
      .wait()
      .answer({ completedContainerStatuses: [ended(2, 1)] })
    tells(
      story,
      `
      asks 1=1x256
        wake +200
      wait 200
        > allocate #1 1:*=1x256
      <
        wake +200
      wait 200
        > allocate #2
      <
        allocated 2 (1)
        completed 2 EXIT_1
        wake +1000
      wait 1000
        > allocate #3
      <
        wake +1000`,
    )
  })

  it('repeats the same request after a lost answer, whatever has been asked since', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .fails('transient')
      .asks([ask(3)])
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
      .wait()
    tells(
      story,
      `
      asks 1=1x256
        wake +200
      wait 200
        > allocate #1 1:*=1x256
      < fails: transient
        rmUnreachable: transient
        wake +200
      asks 1=3x256
        wake +200
      wait 200
        > allocate #1 1:*=1x256
      <
        rmReachable
        allocated 2 (1)
        wake +200
      wait 200
        > allocate #2 1:*=2x256`,
    )
  })

  it('says everything again to a restarted ResourceManager', () => {
    const story = new Story()
      .begun()
      .asks([ask(2), ask(1, 5, 512)])
      .blacklist('bad')
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(2), granted(4, 5, 512), granted(9, 6)] })
      .release(4)
      .wait()
      .answer()
      .wait()
      .fails('not-registered')
      .registered({ containersFromPreviousAttempts: [granted(2)] })
      .answer({ completedContainerStatuses: [ended(4), ended(9)] })
      .wait()
    tells(
      story,
      `
      asks 1=2x256 5=1x512
        wake +200
      blacklist bad
        wake +200
      wait 200
        > allocate #1 1:*=2x256 5:*=1x512 +bad
      <
        wake +200
      wait 200
        > allocate #2
      <
        allocated 2,4 (2)
        wake +200
      release 4
        wake +200
      wait 200
        > allocate #3 release 9,4
      <
        wake +200
      wait 200
        > allocate #4
      < fails: not-registered
        > register http://am:1
      < registered
        registered again
        > allocate #0 1:*=1x256 release 4,9 +bad
      <
        completed 4 ABORTED
        wake +200
      wait 200
        > allocate #1`,
    )
  })

  it('resynchronizes and ends on the commands of old ResourceManagers', () => {
    const story = new Story().begun().wait().answer({ amCommand: 'AM_RESYNC' }).registered().answer({ amCommand: 'AM_SHUTDOWN' })
    tells(
      story,
      `
      wait 1000
        > allocate #1
      <
        > register http://am:1
      < registered
        registered again
        > allocate #0
      <
        attemptOver: the ResourceManager ordered the shutdown`,
    )
  })

  it('uses a rolled-over AMRM token once', () => {
    const story = new Story()
      .begun()
      .wait()
      .answer({ amRmToken: token('token 1') })
      .wait()
      .answer({ amRmToken: token('token 2') })
      .wait()
      .answer({ amRmToken: token('token 2') })
    tells(
      story,
      `
      wait 1000
        > allocate #1
      <
        wake +1000
      wait 1000
        > allocate #2
      <
        use token 2
        amRmToken
        wake +1000
      wait 1000
        > allocate #3
      <
        wake +1000`,
    )
  })

  it('finds the ask that is refused and keeps the others', () => {
    const story = new Story()
      .begun()
      .asks([ask(1), ask(2, 2, 9999), ask(1, 3)])
      .wait()
      .fails('asks-rejected', 'too large')
      .wait()
      .answer()
      .wait()
      .fails('asks-rejected', 'too large')
      .wait()
      .answer()
      .wait()
      .answer()
    tells(
      story,
      `
      asks 1=1x256 2=2x9999 3=1x256
        wake +200
      wait 200
        > allocate #1 1:*=1x256 2:*=2x9999 3:*=1x256
      < fails: asks-rejected
        wake +200
      wait 200
        > allocate #1 1:*=1x256
      <
        wake +200
      wait 200
        > allocate #2 2:*=2x9999
      < fails: asks-rejected
        asksRejected 2=2: too large
        wake +200
      wait 200
        > allocate #2 3:*=1x256
      <
        wake +200
      wait 200
        > allocate #3
      <
        wake +200`,
    )
  })

  it('takes over containers of earlier attempts, early and late', () => {
    const story = new Story()
      .register()
      .registered({ containersFromPreviousAttempts: [granted(5), granted(6)] })
      .release(6)
      .answer()
      .wait()
      .answer({ containersFromPreviousAttempts: [granted(5), granted(8)], completedContainerStatuses: [ended(1), ended(6)] })
    tells(
      story,
      `
      register
        > register http://am:1
      < registered
        registered with 5,6
        > allocate #0
      release 6
      <
        wake +200
      wait 200
        > allocate #1 release 6
      <
        recovered 8
        completed 6 ABORTED
        wake +1000`,
    )
  })

  it('goes on when the answer to its registration was lost', () => {
    const story = new Story().register().fails('transient', 'reset').wait().fails('invalid-request', 'already registered')
    tells(
      story,
      `
      register
        > register http://am:1
      < fails: transient
        rmUnreachable: reset
        wake +200
      wait 200
        > register http://am:1
      < fails: invalid-request
        rmReachable
        registered
        > allocate #0`,
    )
  })

  it('ends on a wrong response id: another master may be at work', () => {
    const story = new Story().begun().wait().fails('invalid-request', 'expect responseId')
    tells(
      story,
      `
      wait 1000
        > allocate #1
      < fails: invalid-request
        attemptOver: expect responseId`,
    )
  })

  it('ends without unregistering when the attempt is over', () => {
    const story = new Story().begun().wait().fails('attempt-over', 'gone').finish()
    tells(
      story,
      `
      wait 1000
        > allocate #1
      < fails: attempt-over
        attemptOver: gone
      finish`,
    )
  })

  it('releases before it unregisters, and registers again to be able to', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
      .release(2)
      .finish()
      .answer({ completedContainerStatuses: [ended(2)] })
      .unregistered(false)
      .wait()
      .fails('not-registered')
      .registered()
      .unregistered(true)
    tells(
      story,
      `
      asks 1=1x256
        wake +200
      wait 200
        > allocate #1 1:*=1x256
      <
        wake +200
      wait 200
        > allocate #2
      <
        allocated 2 (1)
        wake +1000
      release 2
        wake +200
      finish
        > allocate #3 release 2
      <
        completed 2 ABORTED
        > finish APP_SUCCEEDED
      < unregistered false
        wake +200
      wait 200
        > finish APP_SUCCEEDED
      < fails: not-registered
        > register http://am:1
      < registered
        registered again
        > finish APP_SUCCEEDED
      < unregistered true
        finished asked=1 granted=1 surplus=0 released=1 completed=1 heartbeats=4 resyncs=1`,
    )
  })

  it('gives back what is granted while it finishes', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .answer()
      .wait()
      .finish()
      .answer({ allocatedContainers: [granted(2)] })
      .answer()
      .unregistered(true)
    tells(
      story,
      `
      asks 1=1x256
        wake +200
      wait 200
        > allocate #1 1:*=1x256
      <
        wake +200
      wait 200
        > allocate #2
      finish
      <
        > allocate #3 1:*=0x256 release 2
      <
        > finish APP_SUCCEEDED
      < unregistered true
        finished asked=0 granted=0 surplus=1 released=0 completed=0 heartbeats=4 resyncs=0`,
    )
  })

  it('gives up when its token is refused again and again', () => {
    const story = new Story()
      .begun()
      .wait()
      .fails('refused')
      .wait()
      .fails('refused')
      .wait()
      .fails('refused')
      .wait()
      .fails('refused')
      .wait()
      .fails('refused')
    tells(
      story,
      `
      wait 1000
        > allocate #1
      < fails: refused
        rmUnreachable: refused
        wake +200
      wait 200
        > allocate #1
      < fails: refused
        wake +400
      wait 400
        > allocate #1
      < fails: refused
        wake +800
      wait 800
        > allocate #1
      < fails: refused
        wake +1600
      wait 1600
        > allocate #1
      < fails: refused
        attemptOver: refused`,
    )
  })

  it('tells of preemption and nodes, for containers it holds', () => {
    const story = new Story()
      .begun()
      .asks([ask(2)])
      .wait()
      .answer()
      .wait()
      .answer({ allocatedContainers: [granted(2), granted(3)] })
      .wait()
      .answer({
        preempt: { strictContract: { container: [preempted(2)] }, contract: { container: [preempted(3), preempted(77)] } },
        updatedNodes: [{ nodeId: { host: 'node', port: 1 }, nodeState: 'DECOMMISSIONING', decommissioningTimeout: 30 }],
        applicationPriority: { priority: 1 },
      })
      .wait()
      .answer({
        preempt: { contract: { resource: [{ resource: { capability: { memory: 64n }, numContainers: 8 } }] } },
        applicationPriority: { priority: 5 },
      })
    tells(
      story,
      `
      asks 1=2x256
        wake +200
      wait 200
        > allocate #1 1:*=2x256
      <
        wake +200
      wait 200
        > allocate #2
      <
        allocated 2,3 (2)
        wake +1000
      wait 1000
        > allocate #3
      <
        nodesUpdated node DECOMMISSIONING
        preemption strict 2 negotiable 3
        wake +1000
      wait 1000
        > allocate #4
      <
        preemption strict  negotiable  8x64
        priority 5
        wake +1000`,
    )
  })

  it('sends changes of the blacklist and the tracking URL, and all of it after a resync', () => {
    const story = new Story()
      .begun()
      .blacklist('a', 'b')
      .wait()
      .answer()
      .blacklist('b')
      .wait()
      .answer()
      .trackingUrl('http://am:2')
      .wait()
      .answer()
      .wait()
      .fails('not-registered')
      .registered()
      .answer()
    tells(
      story,
      `
      blacklist a b
        wake +200
      wait 200
        > allocate #1 +a +b
      <
        wake +1000
      blacklist b
        wake +200
      wait 200
        > allocate #2 -a
      <
        wake +1000
      tracking http://am:2
        wake +200
      wait 200
        > allocate #3 http://am:2
      <
        wake +1000
      wait 1000
        > allocate #4
      < fails: not-registered
        > register http://am:2
      < registered
        registered again
        > allocate #0 +b
      <
        wake +1000`,
    )
  })

  it('enlarges a container it holds, once, whatever is wished of others', () => {
    const story = new Story()
      .begun()
      .asks([ask(2)])
      .wait()
      .answer({ allocatedContainers: [granted(2), granted(3)] })
    story.lines.length = 0
    story.resize(9, 512).resize(2, 512).wait().answer().resize(2, 768).pass(1_000).wait().answer()
    story
      .pass(1_000)
      .wait()
      .answer({ updatedContainers: [grown(2, 512, 1)] })
    story
      .resize(2, 768)
      .wait()
      .answer({ updateErrors: [notGrown(2, 'INCREASE is not possible', 1)] })
    expect(story.lines.filter((line) => /enlarge|resized/.test(line)).map((line) => line.trim())).to.deep.equal([
      '> allocate #2 1:*=0x256 enlarge 2 version 0 to 512',
      'resized 2 to 512',
      '> allocate #5 enlarge 2 version 1 to 768',
      'not resized 2: INCREASE is not possible',
    ])
  })

  it('asks a restarted ResourceManager again for a larger size, with the version that it has', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
    story.lines.length = 0
    story.resize(2, 512).wait().answer().pass(1_000).wait().fails('not-registered').registered()
    story
      .answer({ updateErrors: [notGrown(2, 'INCORRECT_CONTAINER_VERSION_ERROR', 0, 3)] })
      .wait()
      .answer({ updatedContainers: [grown(2, 512, 4)] })
    expect(story.lines.filter((line) => /enlarge|resized/.test(line)).map((line) => line.trim())).to.deep.equal([
      '> allocate #2 1:*=0x256 enlarge 2 version 0 to 512',
      '> allocate #0 enlarge 2 version 0 to 512',
      '> allocate #1 enlarge 2 version 3 to 512',
      'resized 2 to 512',
    ])
  })

  it('does without a larger size when the request that carries it is refused, and keeps the asks of that request', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
    story.lines.length = 0
    story
      .asks([ask(2)], 1)
      .resize(2, 999_999)
      .wait()
      .fails('asks-rejected', 'too large')
      .wait()
      .answer()
    const told = story.lines.filter((line) => /allocate #|resized/.test(line)).map((line) => line.trim())
    expect(told[0]).to.match(/^> allocate #2 1:\*=2x256 enlarge 2 version 0 to 999999$/)
    expect(told.slice(1)).to.deep.equal(['not resized 2: too large', '> allocate #2 1:*=2x256'])
  })

  it('forgets the larger size of a container that it gives back', () => {
    const story = new Story()
      .begun()
      .asks([ask(1)])
      .wait()
      .answer({ allocatedContainers: [granted(2)] })
    story.lines.length = 0
    story
      .asks([], 1)
      .resize(2, 512)
      .release(2)
      .wait()
      .answer({ updatedContainers: [grown(2, 512, 1)], completedContainerStatuses: [ended(2)] })
    expect(story.lines.filter((line) => /enlarge|resized/.test(line))).to.deep.equal([])
  })

  it('goes on trying until the ResourceManager has given the attempt up', () => {
    const story = new Story().begun().wait().fails('transient', 'connection refused')
    for (let i = 0; i < 100 && story.session.phase !== 'ENDED'; i++) story.wait().fails('transient', 'connection refused')
    const pauses = story.lines.flatMap((line) => (line.startsWith('wait ') ? [Number(line.slice(5))] : []))
    expect(pauses.slice(1, 8)).to.deep.equal([200, 400, 800, 1600, 3200, 5000, 5000])
    expect(pauses.slice(1).reduce((sum, pause) => sum + pause, 0)).to.be.within(EXPIRY_MS, EXPIRY_MS + 5000)
    expect(story.events.map((event) => event.type).filter((type) => type !== 'headroom')).to.deep.equal([
      'registered',
      'rmUnreachable',
      'rmLost',
    ])
  })

  it('gives up when another attempt may have been started, even while a call hangs, but not while nobody runs there', () => {
    const settings = { intervalMs: 1_000, requestIntervalMs: 200, expiryMs: 60_000, leaseMs: 20_000 }
    const registered = () => {
      const session = new AmRmSession(token('t'), settings)
      session.register({ host: '', rpcPort: -1, trackingUrl: '' }, 0)
      session.answered({ call: 'register', response: RegisterApplicationMasterResponse.decode(new Uint8Array(0)) }, 5_000)
      return session
    }
    const lost = (effects: readonly SessionEffect[]) => effects.some((effect) => effect.type === 'emit' && effect.event.type === 'rmLost')

    const hanging = registered() // its first allocate is under way, the registration was sent at 0
    expect(hanging.leaseEndsAt).to.equal(20_000)
    expect(lost(hanging.tick(19_999))).to.equal(false)
    expect(lost(hanging.tick(20_000))).to.equal(true)
    expect(hanging.phase).to.equal('ENDED')
    expect(hanging.leaseEndsAt).to.equal(undefined)

    const refused = registered()
    refused.failed({ kind: 'transient', reason: 'connection refused', className: '', nobodyListens: true }, 15_000)
    expect(refused.leaseEndsAt).to.equal(35_000)
    const silent = registered()
    silent.failed({ kind: 'transient', reason: 'timed out', className: '' }, 15_000)
    expect(silent.leaseEndsAt).to.equal(20_000)
  })

  it('reaches what is wanted through lost answers, restarts and changes of mind, leaking nothing', () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          do: fc.constant('heartbeat' as const),
          fate: fc.constantFrom('ok' as const, 'ok' as const, 'answer lost' as const, 'request lost' as const),
        }),
      },
      { weight: 6, arbitrary: fc.record({ do: fc.constant('allocate' as const), count: fc.integer({ min: 1, max: 3 }) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('want' as const),
          priority: fc.integer({ min: 1, max: 2 }),
          count: fc.integer({ min: 0, max: 5 }),
        }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('listen' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cluster = new ModelCluster()
        for (const one of steps) {
          if (one.do === 'heartbeat') cluster.heartbeat(one.fate)
          else if (one.do === 'allocate') cluster.allocate(one.count)
          else if (one.do === 'want') cluster.want(one.priority, one.count)
          else if (one.do === 'restart') cluster.restart()
          else cluster.listen()
          cluster.check()
        }
        cluster.settle()
        cluster.check()
        for (const priority of [1, 2]) {
          expect(cluster.heldAt(priority), `held at priority ${priority}`).to.have.length(cluster.wanted(priority))
          expect(cluster.aliveAt(priority).sort()).to.deep.equal(cluster.heldAt(priority).sort())
          expect(cluster.outstandingAt(priority)).to.equal(0)
        }
        const { asked, granted: got } = cluster.session.counters
        expect(asked).to.equal(got)
      }),
      { numRuns: 100 },
    )
  })
})
