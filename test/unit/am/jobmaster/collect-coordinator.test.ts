import { expect } from 'chai'
import type { CollectedRow } from '#core/rpc/operator-events.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { ResultLost } from '#am/jobmaster/errors.js'
import {
  CAPACITY_ROWS,
  CAPACITY_UNCOMMITTED_ROWS,
  CollectCoordinator,
  InvalidToken,
} from '#am/jobmaster/coordinators/collect-coordinator.js'

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
    collect.restart(undefined)
    await collect.add(rows(7, 1))
    expect(collect.fetch(0).rows).to.deep.equal(rows(7, 1))
    expect(() => collect.restart(undefined))
      .to.throw()
      .that.satisfies(ResultLost.is)
  })

  describe('of a job that takes checkpoints', () => {
    const collecting = () => new CollectCoordinator(virtualEnvironment(), 180_000, () => undefined, true)

    it('shows rows when their checkpoint is complete, and the rest when the job has ended well', async () => {
      const collect = collecting()
      await collect.add(rows(0, 3))
      expect(collect.fetch(0)).to.deep.equal({ rows: [], next: 0, end: false })
      collect.checkpointComplete(1, [{ rows: 2 }])
      expect(collect.fetch(0).rows).to.deep.equal(rows(0, 2))
      collect.complete()
      collect.end()
      expect(collect.fetch(2)).to.deep.equal({ rows: rows(2, 1), next: 3, end: true })
      expect(collect.exhausted).to.equal(true)
    })

    it('takes back what came after the checkpoint that the job starts again from, and counts on from there', async () => {
      const collect = collecting()
      await collect.add(rows(0, 5))
      collect.checkpointComplete(1, [{ rows: 2 }])
      collect.checkpointComplete(2, []) // nothing came between them
      collect.fetch(0)
      collect.restart(2)
      await collect.add(rows(2, 3))
      expect(collect.fetch(2).rows).to.deep.equal([])
      collect.checkpointComplete(3, [{ rows: 1 }]) // of the new attempt
      expect(collect.fetch(2).rows).to.deep.equal(rows(2, 1))
      collect.restart(3)
      await collect.add(rows(3, 1))
      collect.complete()
      expect(collect.fetch(3).rows).to.deep.equal(rows(3, 1))
    })

    it('does not show the rest of a job that failed', async () => {
      const collect = collecting()
      await collect.add(rows(0, 3))
      collect.checkpointComplete(1, [{ rows: 1 }])
      collect.end()
      expect(collect.fetch(0)).to.deep.equal({ rows: rows(0, 1), next: 1, end: true })
    })

    it('shows rows early rather than hold a checkpoint back, and then refuses to take them back', async () => {
      const collect = collecting()
      expect(await settled(collect.add(rows(0, CAPACITY_UNCOMMITTED_ROWS)))).to.equal(true)
      collect.checkpointComplete(1, [])
      collect.restart(1)
      expect(await settled(collect.add(rows(0, CAPACITY_UNCOMMITTED_ROWS + 7)))).to.equal(true)
      expect(collect.fetch(0).rows).to.have.length(7)
      expect(() => collect.restart(1))
        .to.throw('7 rows')
        .that.satisfies(ResultLost.is)
    })
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
