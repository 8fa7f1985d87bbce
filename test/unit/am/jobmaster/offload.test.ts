import { expect } from 'chai'
import { BlobServer } from '#am/blob/blob-server.js'
import { Offloading } from '#am/jobmaster/deployment/offload.js'
import type { JobId } from '#core/ids/ids.js'
import { BlobTooLarge, MAX_BLOB_BYTES, SubmittedTaskSchema } from '#core/rpc/gateways/blob.js'
import { SchedulerTranscript } from '../scheduler/transcript.js'
import { JOB, sourceToSink } from '../job-graphs.js'

const tasks = new SchedulerTranscript(sourceToSink(2, 3))
  .deployed(3)
  .effects.flatMap((effect) => (effect.type === 'deploy' ? [effect.descriptor] : []))
const sizeOf = (operators: unknown) => Buffer.byteLength(JSON.stringify(operators))

describe('offloading of descriptors', () => {
  it('leaves operators up to the limit in the descriptor', () => {
    const blobs = new BlobServer()
    const largest = Math.max(...tasks.map(({ operators }) => sizeOf(operators)))
    const offloading = new Offloading(blobs, largest)
    for (const task of tasks) expect(offloading.submission(task)).to.deep.equal(task)
  })

  it('puts larger ones into a blob, once for all subtasks of a vertex', async () => {
    const server = new BlobServer()
    const put: number[] = []
    const offloading = new Offloading({ put: (jobId: JobId, bytes: Uint8Array) => (put.push(bytes.length), server.put(jobId, bytes)) }, 1)
    for (const task of tasks) {
      const sent = SubmittedTaskSchema.parse(offloading.submission(task))
      const { operators, ...rest } = sent
      const { operators: expected, ...others } = task
      expect(rest).to.deep.equal(others)
      if (!('blobKey' in operators)) throw new Error('not in a blob')
      const answer = await server.handlers.getBlob(
        { jobId: JOB, key: operators.blobKey, offset: 0, length: operators.size },
        undefined as never,
      )
      expect(JSON.parse(Buffer.from(answer.data, 'base64').toString('utf8'))).to.deep.equal(expected)
    }
    expect(put).to.have.length(2)
  })

  it('refuses what no TaskManager could hold', () => {
    const [task] = tasks
    const [operator] = task?.operators ?? []
    if (task === undefined || operator === undefined) throw new Error('no task')
    const large = { ...task, operators: [{ ...operator, name: 'x'.repeat(MAX_BLOB_BYTES) }] }
    expect(() => new Offloading(new BlobServer(), 1).submission(large))
      .to.throw()
      .that.satisfies(BlobTooLarge.is)
  })
})
