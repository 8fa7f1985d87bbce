import { expect } from 'chai'
import { jobWorkerMb, JobWorkerSizeInvalid } from '#am/dispatcher/job-worker-size.js'
import { Configuration } from '#core/config/configuration.js'

const sizeOf = (options: Record<string, string>) => jobWorkerMb(Configuration.of(options))
const KEY = 'job.taskmanager.memory.process.size'

describe('the size of a job’s own TaskManagers', () => {
  it('is the usual one where nothing else is said, or the same', () => {
    expect(sizeOf({})).to.equal(0)
    expect(sizeOf({ [KEY]: '1 gb', 'taskmanager.memory.process.size': '1 gb' })).to.equal(0)
  })

  it('is what the job says', () => {
    expect(sizeOf({ [KEY]: '1 gb' })).to.equal(1024)
  })

  it('is refused where the slots do not fit, and beyond what can be asked for', () => {
    for (const size of ['200 mb', '2000000 mb']) {
      let error: unknown
      try {
        sizeOf({ [KEY]: size, 'taskmanager.numberOfTaskSlots': '4' })
      } catch (thrown) {
        error = thrown
      }
      expect(JobWorkerSizeInvalid.is(error), size).to.equal(true)
      expect((error as Error).message)
        .to.contain(KEY)
        .and.contain('with 4 slots they need')
    }
  })
})
