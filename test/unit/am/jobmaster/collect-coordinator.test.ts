import { expect } from 'chai'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { ResultLost } from '#am/jobmaster/errors.js'
import { CAPACITY_ROWS, CollectCoordinator, InvalidToken } from '#am/jobmaster/coordinators/collect-coordinator.js'

function rows(from: number, count: number): CollectedRow[] {
  return Array.from({ length: count }, (_, index) => ({ kind: 0, cells: [String(from + index)] }))
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => (done = true))
  await new Promise((resolve) => setImmediate(resolve))
  return done
}

function coordinator(onClientGone: () => void = () => undefined) {
  const environment = virtualEnvironment()
  return { environment, collect: new CollectCoordinator(environment, 180_000, onClientGone) }
}

describe('CollectCoordinator', () => {
  it('hands out rows by number and forgets those before', async () => {
    const { collect } = coordinator()
    await collect.add(rows(0, 3))
    expect(collect.fetch(0)).to.deep.equal({ rows: rows(0, 3), next: 3, end: false })
    expect(collect.fetch(0).rows, 'an answer that was lost can be had again').to.have.length(3)
    await collect.add(rows(3, 1))
    expect(collect.fetch(3)).to.deep.equal({ rows: rows(3, 1), next: 4, end: false })
    expect(() => collect.fetch(2))
      .to.throw()
      .that.satisfies(InvalidToken.is)
    expect(() => collect.fetch(5))
      .to.throw()
      .that.satisfies(InvalidToken.is)
  })

  it('says the end only with the last rows', async () => {
    const { collect } = coordinator()
    await collect.add(rows(0, 2_500))
    collect.end()
    const first = collect.fetch(0)
    expect([first.rows.length, first.end]).to.deep.equal([2_000, false])
    expect(collect.exhausted).to.equal(false)
    const second = collect.fetch(first.next)
    expect([second.rows.length, second.end]).to.deep.equal([500, true])
    expect(collect.exhausted).to.equal(true)
    expect(collect.fetch(second.next)).to.deep.equal({ rows: [], next: 2_500, end: true })
  })

  it('holds the operator back while the buffer is full', async () => {
    const { collect } = coordinator()
    expect(await settled(collect.add(rows(0, CAPACITY_ROWS - 1)))).to.equal(true)
    const full = collect.add(rows(CAPACITY_ROWS - 1, 10))
    expect(await settled(full)).to.equal(false)
    const { next } = collect.fetch(0)
    expect(await settled(full), 'rows are kept until the client asks for the next').to.equal(false)
    collect.fetch(next)
    expect(await settled(full)).to.equal(true)
  })

  it('lets waiting operators go when the job ends', async () => {
    const { collect } = coordinator()
    const full = collect.add(rows(0, CAPACITY_ROWS))
    collect.end()
    expect(await settled(full)).to.equal(true)
  })

  it('refuses to begin again once rows were shown, and forgets rows that were not', async () => {
    const { collect } = coordinator()
    await collect.add(rows(0, 2))
    collect.reset()
    await collect.add(rows(7, 1))
    expect(collect.fetch(0).rows).to.deep.equal(rows(7, 1))
    expect(() => collect.reset())
      .to.throw()
      .that.satisfies(ResultLost.is)
  })

  it('notices that nobody asks any more', () => {
    let gone = 0
    const { collect, environment } = coordinator(() => gone++)
    environment.advance(170_000)
    collect.fetch(0)
    environment.advance(170_000)
    expect(gone).to.equal(0)
    environment.advance(10_000)
    expect(gone).to.equal(1)
  })

  it('does not miss a client after the job’s end', () => {
    let gone = 0
    const { collect, environment } = coordinator(() => gone++)
    collect.end()
    environment.advance(1_000_000)
    expect(gone).to.equal(0)
  })
})
