import { expect } from 'chai'
import {
  blockedNodes,
  NO_NODES,
  onNodeFailure,
  onNodeSuccess,
  onNodeUsable,
  onTime,
  type BlocklistPolicy,
} from '#am/resourcemanager/node-blocklist.js'

const POLICY: BlocklistPolicy = { maxFailures: 2, duration: 300_000 }

describe('node blocklist', () => {
  it('blocks a node after so many failures, and lets it go after its time', () => {
    let list = onNodeFailure(NO_NODES, 'a', 0, POLICY)
    expect(blockedNodes(list, 0)).to.deep.equal([])
    list = onNodeFailure(list, 'a', 1_000, POLICY)
    expect(blockedNodes(list, 1_000)).to.deep.equal(['a'])
    expect(blockedNodes(onTime(list, 300_999, POLICY), 300_999)).to.deep.equal(['a'])
    expect(blockedNodes(onTime(list, 301_000, POLICY), 301_000)).to.deep.equal([])
    expect(onTime(list, 301_000, POLICY).size, 'nothing is kept of it').to.equal(0)
  })

  it('forgets failures before a success, and old ones', () => {
    const once = onNodeFailure(NO_NODES, 'a', 0, POLICY)
    expect(blockedNodes(onNodeFailure(onNodeSuccess(once, 'a'), 'a', 1_000, POLICY), 1_000)).to.deep.equal([])
    expect(blockedNodes(onNodeFailure(once, 'a', 300_000, POLICY), 300_000)).to.deep.equal([])
  })

  it('lets a node go when the cluster says that it is usable', () => {
    const list = onNodeFailure(onNodeFailure(NO_NODES, 'a', 0, POLICY), 'a', 10, POLICY)
    expect(blockedNodes(onNodeUsable(list, 'b'), 20)).to.deep.equal(['a'])
    expect(onNodeUsable(list, 'a').size).to.equal(0)
  })

  it('names the node that was blocked last first', () => {
    let list = NO_NODES
    for (const [host, at] of [
      ['a', 0],
      ['a', 10],
      ['b', 20],
      ['b', 30],
    ] as const)
      list = onNodeFailure(list, host, at, POLICY)
    expect(blockedNodes(list, 40)).to.deep.equal(['b', 'a'])
  })

  it('blocks nothing when it is told not to', () => {
    expect(onNodeFailure(NO_NODES, 'a', 0, { ...POLICY, maxFailures: 0 })).to.equal(NO_NODES)
  })
})
