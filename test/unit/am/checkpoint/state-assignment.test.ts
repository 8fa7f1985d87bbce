import { expect } from 'chai'
import fc from 'fast-check'
import { assignState } from '#am/jobmaster/checkpoint/state-assignment.js'
import type { CheckpointMetadata, ListState, SubtaskState } from '#core/checkpoint/state-handles.js'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { OperatorId, VertexId } from '#core/ids/ids.js'
import { keyGroupsOfSubtask } from '#runtime/columnar/hash.js'
import { edge, hexId, SINK_OPERATOR, SOURCE_OPERATOR, sourceToSink } from '../job-graphs.js'
import { operatorState } from './scripted-job.js'

const SOURCE = hexId<VertexId>(0x100)
const SINK = hexId<VertexId>(0x200)
const OPTIONS = { path: 'file:///sp', ignoreUnclaimedState: false }

/** As a checkpoint of that graph: `state` says what each subtask left. */
function metadataOf(
  graph: JobGraph,
  state: (vertexId: VertexId, subtask: number) => SubtaskState | null,
  more: Partial<CheckpointMetadata> = {},
  finished: Readonly<Record<string, number[]>> = {},
): CheckpointMetadata {
  return {
    version: 1,
    checkpointId: 9,
    kind: 'savepoint',
    jobId: graph.jobId,
    jobName: graph.name,
    epoch: 1,
    triggeredAt: 1,
    completedAt: 2,
    vertices: graph.vertices.map((vertex) => ({
      vertexId: vertex.id,
      name: vertex.name,
      parallelism: vertex.parallelism,
      maxParallelism: vertex.maxParallelism,
      operators: vertex.operators.map(({ id, name }) => ({ operatorId: id, name })),
      subtasks: Array.from({ length: vertex.parallelism }, (_, subtask) => state(vertex.id, subtask)),
      finished: finished[vertex.id] ?? [],
    })),
    coordinators: [],
    ...more,
  }
}

const list = (mode: ListState['mode'], ...items: unknown[]): ListState => ({ mode, items })

/** Keyed state of the sink in that many subtasks: one segment each. */
function keyedSinks(parallelism: number, maxParallelism = 128): CheckpointMetadata {
  const graph = withMax(sourceToSink(1, parallelism), maxParallelism)
  return metadataOf(graph, (vertexId, subtask) => {
    if (vertexId !== SINK) return null
    const { first, last } = keyGroupsOfSubtask(subtask, maxParallelism, parallelism)
    const segments = [{ kind: 'inline' as const, base64: '', length: 0, checksum: 0 }]
    return { operators: [operatorState(SINK_OPERATOR, { keyed: { firstKeyGroup: first, lastKeyGroup: last, tables: [], segments } })] }
  })
}

function withMax(graph: JobGraph, maxParallelism: number): JobGraph {
  return { ...graph, vertices: graph.vertices.map((vertex) => ({ ...vertex, maxParallelism })) }
}

describe('state assignment', () => {
  const rescales = fc.record({
    from: fc.integer({ min: 1, max: 9 }),
    to: fc.integer({ min: 1, max: 9 }),
    max: fc.integer({ min: 9, max: 200 }),
  })

  for (const to of [1, 2, 3, 8])
    it(`deals keyed state and splits of 2 subtasks out to ${to}`, () => everyKeyGroupOnce({ from: 2, to, max: 128 }))

  function everyKeyGroupOnce({ from, to, max }: { from: number; to: number; max: number }): void {
    const { tasks } = assignState(keyedSinks(from, max), withMax(sourceToSink(1, to), max), OPTIONS)
    const read = new Array<number>(max).fill(0)
    tasks.get(SINK)?.forEach((task, index) => {
      const own = keyGroupsOfSubtask(index, max, to)
      for (const handle of task.operators[0]?.keyed ?? [])
        for (let group = Math.max(own.first, handle.firstKeyGroup); group <= Math.min(own.last, handle.lastKeyGroup); group++)
          read[group] = (read[group] ?? 0) + 1
    })
    expect(read.every((times) => times === 1)).to.equal(true)
  }

  it('hands every key group to exactly one subtask, at any parallelism', () => {
    fc.assert(fc.property(rescales, everyKeyGroupOnce))
  })

  it('hands every SPLIT item to exactly one subtask, evenly, and every UNION item to all', () => {
    fc.assert(
      fc.property(rescales, fc.array(fc.array(fc.integer(), { maxLength: 5 }), { minLength: 9, maxLength: 9 }), ({ from, to }, items) => {
        const part = (index: number) => (items[index] ?? []).map((item, position) => `${index} ${position} ${item}`)
        const all = Array.from({ length: from }, (_, index) => part(index)).flat()
        const metadata = metadataOf(sourceToSink(from, 1), (vertexId, subtask) =>
          vertexId === SOURCE
            ? {
                operators: [
                  operatorState(SOURCE_OPERATOR, {
                    lists: {
                      splits: list('SPLIT', ...part(subtask)),
                      offsets: list('UNION', ...part(subtask)),
                      rules: list('BROADCAST', 'r'),
                    },
                  }),
                ],
              }
            : null,
        )
        const tasks = assignState(metadata, sourceToSink(to, 1), OPTIONS).tasks.get(SOURCE) ?? []
        expect(tasks).to.have.length(to)
        const splits = tasks.map((task) => task.operators[0]?.lists['splits'] ?? ['missing'])
        expect(splits.flat().toSorted()).to.deep.equal(all.toSorted())
        if (from === to) expect(splits).to.deep.equal(Array.from({ length: from }, (_, index) => part(index)))
        else expect(Math.max(...splits.map((own) => own.length)) - Math.min(...splits.map((own) => own.length))).to.be.at.most(1)
        for (const task of tasks) {
          expect(task.operators[0]?.lists['offsets']).to.deep.equal(all)
          expect(task.operators[0]?.lists['rules']).to.deep.equal(['r'])
        }
      }),
    )
  })

  it('finds operators by id in whatever chain they are now', () => {
    const graph = sourceToSink(1, 2)
    const metadata = metadataOf(graph, (vertexId) => ({
      operators: [operatorState(vertexId === SINK ? SINK_OPERATOR : SOURCE_OPERATOR, { lists: { own: list('SPLIT', vertexId) } })],
    }))
    const [source, sink] = graph.vertices
    if (source === undefined || sink === undefined) throw new Error('a source and a sink')
    const chained = { ...graph, edges: [], vertices: [{ ...source, operators: [...source.operators, ...sink.operators] }] }
    const [task] = assignState(metadata, chained, OPTIONS).tasks.get(SOURCE) ?? []
    expect(task?.operators.map(({ operatorId, lists }) => [operatorId, lists['own']])).to.deep.equal([
      [SOURCE_OPERATOR, [SOURCE]],
      [SINK_OPERATOR, [SINK, SINK]],
    ])
  })

  it('refuses state that no operator takes, unless told to leave it', () => {
    const gone = metadataOf(sourceToSink(), (vertexId) =>
      vertexId === SINK ? { operators: [operatorState(SINK_OPERATOR, { lists: { l: list('SPLIT', 1) } })] } : null,
    )
    const graph = sourceToSink()
    const changed = { ...graph, vertices: graph.vertices.filter((vertex) => vertex.id === SOURCE), edges: [] }
    expect(() => assignState(gone, changed, OPTIONS)).to.throw(
      `file:///sp holds state of operator 'Sink' (${SINK_OPERATOR}), which the job does not have. To leave that state behind, run with --allowNonRestoredState`,
    )
    expect(assignState(gone, changed, { ...OPTIONS, ignoreUnclaimedState: true }).tasks.has(SOURCE)).to.equal(true)
    const stateless = metadataOf(sourceToSink(), () => null)
    expect(assignState(stateless, changed, OPTIONS).tasks.size).to.equal(1)
    const enumerators = metadataOf(sourceToSink(), () => null, { coordinators: [{ operatorId: hexId<OperatorId>(0x999), state: {} }] })
    expect(() => assignState(enumerators, graph, OPTIONS)).to.throw(/'\?' \(0+999\)/)
  })

  it('refuses another max parallelism, but only where there is keyed state', () => {
    expect(() => assignState(keyedSinks(2), withMax(sourceToSink(1, 2), 256), OPTIONS)).to.throw(
      /the keyed state of 'Sink' is divided into 128 key groups .* the job asks for 256\. Set pipeline\.max-parallelism: 128/,
    )
    expect(
      assignState(
        metadataOf(sourceToSink(), () => null),
        withMax(sourceToSink(), 256),
        OPTIONS,
      ).checkpointId,
    ).to.equal(9)
  })

  it('keeps subtasks finished, and refuses another parallelism of a vertex that was so in part', () => {
    const graph = sourceToSink(2, 2)
    const metadata = metadataOf(graph, () => null, {}, { [SOURCE]: [1] })
    expect(
      assignState(metadata, graph, OPTIONS)
        .tasks.get(SOURCE)
        ?.map((task) => task.finished),
    ).to.deep.equal([false, true])
    expect(() => assignState(metadata, sourceToSink(3, 2), OPTIONS)).to.throw(/1 of the 2 subtasks of Source had ended.* run it with 2/)
    const whole = metadataOf(graph, () => null, {}, { [SOURCE]: [0, 1] })
    expect(
      assignState(whole, sourceToSink(3, 2), OPTIONS)
        .tasks.get(SOURCE)
        ?.every((task) => task.finished),
    ).to.equal(true)
  })

  it('refuses a job in which something would send to what had ended', () => {
    const graph = sourceToSink()
    const metadata = metadataOf(graph, () => null, {}, { [SINK]: [0] })
    expect(() => assignState(metadata, graph, OPTIONS)).to.throw(/Sink had ended, but now it would read from Source, which has not/)
  })

  it('restores records in flight in the same job only', () => {
    const graph = sourceToSink(1, 2)
    const inFlight = {
      inputs: [
        {
          edgeId: edge(1, 2, { kind: 'REBALANCE' }).id,
          channel: 0,
          bytes: { kind: 'inline' as const, base64: '', length: 0, checksum: 0 },
        },
      ],
      outputs: [],
    }
    const metadata = metadataOf(graph, (vertexId, subtask) => (vertexId === SINK && subtask === 1 ? { operators: [], inFlight } : null))
    expect(
      assignState(metadata, graph, OPTIONS)
        .tasks.get(SINK)
        ?.map((task) => task.inFlight),
    ).to.deep.equal([undefined, inFlight])
    expect(() => assignState(metadata, sourceToSink(1, 3), OPTIONS)).to.throw(
      /the parallelism of Sink is 3 now, it was 2.*take a savepoint/,
    )
    expect(() => assignState(metadata, sourceToSink(2, 2), OPTIONS)).to.throw(/the parallelism of Source is 2 now, it was 1/)
    expect(() => assignState(metadata, { ...graph, edges: [] }, OPTIONS)).to.throw(/the job has no such edge any more/)
  })
})
