import { expect } from 'chai'
import fc from 'fast-check'
import type { JobGraph, Partitioner } from '#core/graph/job-graph.js'
import type { VertexId } from '#core/ids/ids.js'
import { channelsOf } from '#am/jobmaster/deployment/channels.js'
import { allRegions, pipelinedRegions, regionOf } from '#am/jobmaster/executiongraph/pipelined-regions.js'
import { edge, forwardPipelines, sourceToSink, twoPipelines, vertex } from '../job-graphs.js'

const regionsOf = (graph: JobGraph) => [...pipelinedRegions(graph).values()]

describe('pipelined regions', () => {
  it('join all subtasks that an exchange connects', () => {
    expect(regionsOf(sourceToSink(2, 3))).to.deep.equal([
      [0, 0],
      [0, 0, 0],
    ])
  })

  it('keep apart what nothing connects', () => {
    expect(regionsOf(twoPipelines())).to.deep.equal([[0], [0], [1], [1]])
    expect(regionsOf(forwardPipelines(3))).to.deep.equal([
      [0, 1, 2],
      [0, 1, 2],
    ])
    expect(regionsOf({ ...sourceToSink(2, 4), edges: [edge(1, 2, { kind: 'RESCALE' })] })).to.deep.equal([
      [0, 1],
      [0, 0, 1, 1],
    ])
    expect(regionsOf({ ...sourceToSink(1, 3), edges: [edge(1, 2, { kind: 'GLOBAL' })] })).to.deep.equal([[0], [0, 0, 0]])
  })

  it('are joined where their consumers meet', () => {
    const graph = forwardPipelines(2)
    const joined = { ...graph, vertices: [...graph.vertices, vertex(3, 'Join', 1, graph.vertices[1]!.operators[0]!.spec)] }
    expect(regionsOf({ ...joined, edges: [...joined.edges, edge(2, 3, { kind: 'GLOBAL' })] })).to.deep.equal([[0, 0], [0, 0], [0]])
  })

  it('hold every producer and consumer of each of their subtasks', () => {
    const kinds: Partitioner[] = [
      { kind: 'FORWARD' },
      { kind: 'HASH', keys: [0] },
      { kind: 'REBALANCE' },
      { kind: 'RESCALE' },
      { kind: 'BROADCAST' },
      { kind: 'GLOBAL' },
    ]
    const spec = sourceToSink().vertices[0]!.operators[0]!.spec
    const edges = fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(kinds.length - 1)), { maxLength: 6 })
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 4, maxLength: 4 }), edges, (sizes, drawn) => {
        const graph: JobGraph = {
          ...sourceToSink(),
          vertices: sizes.map((size, index) => vertex(index + 1, `v${index}`, size, spec)),
          edges: drawn.filter(([a, b]) => a < b).map(([a, b, kind]) => edge(a + 1, b + 1, kinds[kind]!)),
        }
        const regions = pipelinedRegions(graph)
        for (const { source, target, partitioner } of graph.edges) {
          const size = (id: VertexId) => graph.vertices.find((each) => each.id === id)!.parallelism
          for (let consumer = 0; consumer < size(target); consumer++) {
            for (const { producer } of channelsOf(partitioner.kind, consumer, size(source), size(target)))
              expect(regionOf(regions, source, producer)).to.equal(regionOf(regions, target, consumer))
          }
        }
        if (graph.edges.length === 0) expect(allRegions(regions).size).to.equal(sizes.reduce((sum, size) => sum + size, 0))
      }),
    )
  })
})
