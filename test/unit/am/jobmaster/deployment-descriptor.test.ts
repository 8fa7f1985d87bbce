import { expect } from 'chai'
import { TaskDeploymentDescriptorSchema } from '#core/graph/deployment.js'
import { SchedulerTranscript } from '../scheduler/transcript.js'
import { sourceToSink } from '../job-graphs.js'

describe('deployment descriptors', () => {
  const job = new SchedulerTranscript(sourceToSink(2, 3)).deployed(3)
  const descriptors = job.effects.flatMap((effect) => (effect.type === 'deploy' ? [effect] : []))

  it('hold one task for each subtask, valid for the wire', () => {
    expect(descriptors).to.have.length(5)
    for (const { descriptor } of descriptors) expect(TaskDeploymentDescriptorSchema.safeParse(descriptor).success).to.equal(true)
  })

  it('put subtask i of every vertex into slot i', () => {
    expect(
      descriptors.map(({ slot, descriptor }) => [descriptor.vertexName, descriptor.subtaskIndex, slot.allocationId, descriptor.slotIndex]),
    ).to.deep.equal([
      ['Source', 0, 'allocation-0', 0],
      ['Source', 1, 'allocation-1', 1],
      ['Sink', 0, 'allocation-0', 0],
      ['Sink', 1, 'allocation-1', 1],
      ['Sink', 2, 'allocation-2', 2],
    ])
  })

  it('tell a consumer where each of its producers runs', () => {
    const last = descriptors.at(-1)?.descriptor
    expect(last?.inputs[0]?.channels.map(({ subpartition, location }) => [subpartition, location.resourceId])).to.deep.equal([
      [2, 'worker-0'],
      [2, 'worker-1'],
    ])
    expect(last?.outputs).to.deep.equal([])
  })

  it('tell a producer how many consumers it has', () => {
    expect(
      descriptors[0]?.descriptor.outputs.map(({ numSubpartitions, maxParallelism }) => [numSubpartitions, maxParallelism]),
    ).to.deep.equal([[3, 128]])
  })
})
