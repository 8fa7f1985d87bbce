/** Makes deployment descriptors from a small job description and hands them to TaskExecutors. */
import type { BlobWriter } from '#am/blob/blob-server.js'
import { Offloading } from '#am/jobmaster/deployment/offload.js'
import type { TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { Partitioner } from '#core/graph/job-graph.js'
import type { OperatorSpec } from '#core/graph/operator-spec.js'
import { executionAttemptId, type EdgeId, type ExecutionAttemptId, type OperatorId, type VertexId } from '#core/ids/ids.js'
import type { Schema } from '#core/types/schema.js'
import { allocationOf, JOB, type Registered } from './scripted-master.js'

export interface TestOperator {
  readonly spec: OperatorSpec
  readonly output: Schema
}
export interface TestVertex {
  readonly operators: readonly TestOperator[]
  /** Where each subtask runs. */
  readonly slots: readonly { readonly worker: Registered; readonly slotIndex: number }[]
}
export interface TestEdge {
  readonly from: number
  readonly to: number
  readonly input?: number
  readonly partitioner: Partitioner
}

const hex = (kind: string, number: number) => `${kind}${number}`.padStart(32, '0')
export const vertexId = (vertex: number) => hex('a', vertex) as VertexId
export const operatorId = (vertex: number, operator: number) => hex('b', vertex * 100 + operator) as OperatorId
export const attemptOf = (vertex: number, subtask: number, attempt = 0): ExecutionAttemptId =>
  executionAttemptId(JOB, vertexId(vertex), subtask, attempt)

/** All tasks, sinks first, as a scheduler does. Every subtask sends to every one of the next vertex. */
export function descriptors(
  vertices: readonly TestVertex[],
  edges: readonly TestEdge[],
  configuration: Record<string, string> = {},
  attempt = 0,
): { readonly worker: Registered; readonly task: TaskDeploymentDescriptor }[] {
  const all = vertices.flatMap((vertex, v) =>
    vertex.slots.map(({ worker, slotIndex }, subtask) => {
      const task: TaskDeploymentDescriptor = {
        jobId: JOB,
        jobName: 'test',
        vertexId: vertexId(v),
        vertexName: `vertex ${v}`,
        executionAttemptId: attemptOf(v, subtask, attempt),
        attemptNumber: attempt,
        subtaskIndex: subtask,
        parallelism: vertex.slots.length,
        maxParallelism: 128,
        allocationId: allocationOf(worker.resourceId, slotIndex),
        slotIndex,
        operators: vertex.operators.map(({ spec, output }, position) => ({
          id: operatorId(v, position),
          name: spec.op,
          spec,
          from: position === 0 ? null : position - 1,
          outputSchema: output,
        })),
        inputs: edges.flatMap((edge, e) =>
          edge.to !== v
            ? []
            : [
                {
                  edgeId: hex('c', e) as EdgeId,
                  targetInput: edge.input ?? 0,
                  schema: (vertices[edge.from] as TestVertex).operators.at(-1)?.output as Schema,
                  channels: (vertices[edge.from] as TestVertex).slots.map((slot, producer) => ({
                    producer: attemptOf(edge.from, producer, attempt),
                    subpartition: subtask,
                    location: {
                      resourceId: slot.worker.resourceId,
                      slotIndex: slot.slotIndex,
                      host: slot.worker.host,
                      dataPort: slot.worker.slots[slot.slotIndex]?.dataPort ?? 0,
                    },
                  })),
                },
              ],
        ),
        outputs: edges.flatMap((edge, e) =>
          edge.from !== v
            ? []
            : [
                {
                  edgeId: hex('c', e) as EdgeId,
                  sourceOperator: vertex.operators.length - 1,
                  partitioner: edge.partitioner,
                  numSubpartitions: (vertices[edge.to] as TestVertex).slots.length,
                  maxParallelism: 128,
                  schema: vertex.operators.at(-1)?.output as Schema,
                },
              ],
        ),
        configuration,
      }
      return { worker, task }
    }),
  )
  return all.reverse()
}

/** As `deploy`, with the operators in blobs of the master when they are larger than `minSize` bytes. */
export async function deployOffloaded(
  blobs: BlobWriter,
  minSize: number,
  vertices: readonly TestVertex[],
  edges: readonly TestEdge[],
  attempt: number,
): Promise<ExecutionAttemptId[]> {
  const offloading = new Offloading(blobs, minSize)
  const all = descriptors(vertices, edges, {}, attempt)
  await Promise.all(all.map(({ worker, task }) => worker.gateway.submitTask(offloading.submission(task))))
  return all.map(({ task }) => task.executionAttemptId)
}

export async function deploy(
  vertices: readonly TestVertex[],
  edges: readonly TestEdge[],
  configuration: Record<string, string> = {},
  attempt = 0,
): Promise<ExecutionAttemptId[]> {
  const all = descriptors(vertices, edges, configuration, attempt)
  for (const { worker, task } of all) await worker.gateway.submitTask(task)
  return all.map(({ task }) => task.executionAttemptId)
}
