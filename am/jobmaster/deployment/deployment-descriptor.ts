/** From execution graph and slots to the descriptor that a TaskExecutor runs a subtask from. Pure. */
import type { TaskRestore } from '#core/checkpoint/state-handles.js'
import type { InputGateDescriptor, ResultPartitionDescriptor, TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { JobEdge, JobVertex } from '#core/graph/job-graph.js'
import type { Execution, ExecutionGraph, ExecutionJobVertex } from '../executiongraph/execution-graph.js'
import { channelsOf, consumersOf } from './channels.js'

/** The subtask and its producers must have their slots. `restore`: the state it begins with. */
export function deploymentDescriptor(
  graph: ExecutionGraph,
  vertex: JobVertex,
  execution: Execution,
  restore?: TaskRestore,
): TaskDeploymentDescriptor {
  const { jobGraph } = graph
  const slot = slotOf(execution)
  return {
    jobId: jobGraph.jobId,
    jobName: jobGraph.name,
    vertexId: vertex.id,
    vertexName: vertex.name,
    executionAttemptId: execution.attemptId,
    attemptNumber: execution.attempt,
    subtaskIndex: execution.subtaskIndex,
    parallelism: vertex.parallelism,
    maxParallelism: vertex.maxParallelism,
    allocationId: slot.allocationId,
    slotIndex: slot.location.slotIndex,
    operators: vertex.operators,
    inputs: jobGraph.edges.filter((edge) => edge.target === vertex.id).map((edge) => inputGate(graph, edge, vertex, execution)),
    outputs: jobGraph.edges.filter((edge) => edge.source === vertex.id).map((edge) => resultPartition(graph, edge, vertex, execution)),
    configuration: jobGraph.configuration,
    ...(restore === undefined ? {} : { restore }),
  }
}

function inputGate(graph: ExecutionGraph, edge: JobEdge, vertex: JobVertex, execution: Execution): InputGateDescriptor {
  const producers = vertexOf(graph, edge.source).executions
  return {
    edgeId: edge.id,
    targetInput: edge.targetInput,
    schema: edge.schema,
    channels: channelsOf(edge.partitioner.kind, execution.subtaskIndex, producers.length, vertex.parallelism).map(
      ({ producer, subpartition }) => {
        const from = producers[producer] as Execution
        return { producer: from.attemptId, subpartition, location: slotOf(from).location }
      },
    ),
  }
}

function resultPartition(graph: ExecutionGraph, edge: JobEdge, vertex: JobVertex, execution: Execution): ResultPartitionDescriptor {
  const target = vertexOf(graph, edge.target).vertex
  const consumers = consumersOf(edge.partitioner.kind, execution.subtaskIndex, vertex.parallelism, target.parallelism)
  return {
    edgeId: edge.id,
    sourceOperator: edge.sourceOperator,
    partitioner: edge.partitioner,
    numSubpartitions: consumers.length,
    maxParallelism: target.maxParallelism,
    schema: edge.schema,
  }
}

function vertexOf(graph: ExecutionGraph, id: JobVertex['id']): ExecutionJobVertex {
  const found = graph.vertices.find((entry) => entry.vertex.id === id)
  if (found === undefined) throw new Error(`the job graph has an edge to a vertex ${id} that it does not have`)
  return found
}

function slotOf(execution: Execution) {
  if (execution.slot === undefined) throw new Error(`${execution.attemptId} has no slot`)
  return execution.slot
}
