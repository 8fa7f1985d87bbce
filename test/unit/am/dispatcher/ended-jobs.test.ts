import { expect } from 'chai'
import type { JobId } from '#core/ids/ids.js'
import { expiredJobs, expiresAfter, KEEP_MS } from '#am/dispatcher/ended-jobs.js'
import { sourceToSink } from '../job-graphs.js'
import { MiniMaster } from '../mini-master.js'

const ended = (...times: number[]) => new Map(times.map((at, i) => [`job-${i}` as JobId, at]))
const HOUR = 3_600_000

describe('jobs that have ended', () => {
  it('stay listed until they expire', () => {
    const jobs = ended(0, 1_000)
    const policy = { capacity: 100, expirationMs: HOUR }
    expect(expiredJobs(jobs, HOUR - 1, policy)).to.deep.equal([])
    expect(expiredJobs(jobs, HOUR, policy)).to.deep.equal(['job-0'])
    expect(expiredJobs(jobs, HOUR + 1_000, policy)).to.deep.equal(['job-0', 'job-1'])
  })

  it('give way to newer ones beyond the capacity, the oldest first', () => {
    expect(expiredJobs(ended(0, 1, 2), KEEP_MS + 10, { capacity: 1, expirationMs: HOUR })).to.deep.equal(['job-0', 'job-1'])
  })

  it('stay a minute in any case, for the client that waits for the end', () => {
    const policy = { capacity: 0, expirationMs: 0 }
    expect(expiredJobs(ended(0, 5), KEEP_MS - 1, policy)).to.deep.equal([])
    expect(expiredJobs(ended(0, 5), KEEP_MS, policy)).to.deep.equal(['job-0'])
    expect(expiresAfter(policy)).to.equal(KEEP_MS)
  })

  it('go from the list without another job coming', async () => {
    const master = new MiniMaster({ 'jobstore.expiration-time': '120' })
    const worker = await master.worker('w1')
    const job = master.dispatcher.submit(sourceToSink())
    await master.settle()
    for (const task of worker.tasks) await worker.finish(task)
    await job.result
    await master.settle(119_000)
    expect(master.dispatcher.jobs()).to.deep.equal([job])
    await master.settle(1_000)
    expect(master.dispatcher.jobs()).to.deep.equal([])
  })
})
