import { expect } from 'chai'
import { StreamExecutionEnvironment } from '#api/weft.js'
import { captureProgram } from '#api/host/capture-program.js'
import { definitionsOf, programGraph } from '#api/host/program-graph.js'
import type { Pipeline } from '#api/datastream/transformation.js'
import type { FunctionDefinition } from '#runtime/operators/process/definition.js'
import type { ProgramReference } from '#core/graph/program-reference.js'
import { hosted, JOB, PROGRAM, TestHost } from './test-host.js'

type Main = () => Promise<void> | void

/** What the master says of the program's execution number `execution`. */
async function reference(main: Main, execution = 0, args: readonly string[] = []): Promise<ProgramReference> {
  const host = new TestHost(args)
  await hosted(host, main)
  const { jobGraph } = programGraph(host.pipelines[execution] as Pipeline, JOB, { ...PROGRAM, args: [...args], execution })
  for (const { operators } of jobGraph.vertices) for (const { spec } of operators) if (spec.op === 'function') return spec.program
  throw new Error('no function operators')
}

const capture = (program: ProgramReference, main: Main) => captureProgram(program, { load: () => Promise.resolve({ main }) })

function environment(): StreamExecutionEnvironment {
  return StreamExecutionEnvironment.getExecutionEnvironment()
}

async function failure(capturing: Promise<unknown>): Promise<string> {
  try {
    await capturing
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`
  }
  return 'no error'
}

describe('a program on a worker', () => {
  const plain: Main = async () => {
    environment().fromElements(1, 2).map((n) => n + 1).name('add').print() // prettier-ignore
    await environment().execute()
  }
  /** One environment, as programs have it. */
  const adding =
    (step: number): Main =>
    async () => {
      const env = environment()
      env.fromElements(1, 2).map((n) => n + step).name('add').print() // prettier-ignore
      await env.execute()
    }

  it('gives the functions of the graph that the master submitted', async () => {
    const program = await reference(adding(5))
    const operators = await capture(program, adding(5))
    const map = [...definitionsOf(operators).values()].find(({ kind }) => kind === 'map') as Extract<FunctionDefinition, { kind: 'map' }>
    expect((map.function as (n: number) => number)(1)).to.equal(6)
    expect(await failure(reference(plain))).to.match(/^API_NOTHING_TO_EXECUTE/)
  })

  it('runs up to the execute() that is meant, and no further', async () => {
    const done: string[] = []
    const main: Main = async () => {
      const env = environment()
      env.fromElements(1).name('first').print()
      await env.execute()
      done.push('first')
      env.fromElements(1).map((n) => n).name('second').print() // prettier-ignore
      await env.execute()
      done.push('second')
    }
    const program = await reference(main, 1)
    done.length = 0
    const operators = await capture(program, main)
    expect(operators.map(({ name }) => name)).to.include('second')
    await Promise.resolve()
    expect(done).to.deep.equal(['first'])
  })

  it('has the arguments and the configuration that the master’s had', async () => {
    const main: Main = async () => {
      const env = environment()
      env.setParallelism(env.getParallelism() * 2)
      env.fromSequence(1, Number(env.args[0])).print()
      await env.execute()
    }
    const program = await reference(main, 0, ['7'])
    const operators = await capture(program, main)
    expect(operators[0]?.parallelism).to.equal(2)
    expect(await failure(capture({ ...program, args: ['8'] }, main))).to.match(/^DEPLOYMENT_NON_DETERMINISTIC_MAIN/)
  })

  it('is refused when it builds another graph, by the first operator that differs', async () => {
    let calls = 0
    const main: Main = async () => {
      const env = environment()
      env.fromElements(1).map((n) => n).name(`map ${calls++}`).print() // prettier-ignore
      await env.execute()
    }
    const program = await reference(main)
    expect(await failure(capture(program, main))).to.match(
      /^DEPLOYMENT_NON_DETERMINISTIC_MAIN: non-deterministic main: test\.ts .*operator 2, 'map 1', is the first that differs/,
    )
  })

  it('is refused when it builds fewer graphs, or a longer one', async () => {
    const program = await reference(adding(1))
    expect(await failure(capture({ ...program, execution: 1 }, adding(1)))).to.match(/it called execute\(\) 1 times, and 2 times there/)
    const longer: Main = async () => {
      const env = environment()
      env.fromElements(1, 2).map((n) => n + 1).name('add').print() // prettier-ignore
      env.fromElements(3).name('more').print()
      await env.execute()
    }
    expect(await failure(capture(program, longer))).to.match(/operator 4, 'more', does not exist there/)
  })

  it('fails as its main does', async () => {
    const program = await reference(adding(1))
    expect(
      await failure(
        capture(program, () => {
          throw new Error('no such file')
        }),
      ),
    ).to.match(/^API_PROGRAM_FAILED: The main of test\.ts failed: no such file/)
  })

  it('is silent on the console, while others are not', async () => {
    const program = await reference(adding(1))
    const lines: unknown[] = []
    const log = console.log
    console.log = (...args: unknown[]) => void lines.push(args[0])
    try {
      const main: Main = async () => {
        console.log('from main')
        await Promise.resolve()
        console.log('later, from main')
        await adding(1)()
      }
      const capturing = capture(program, main)
      console.log('from a task')
      await capturing
      console.log('afterwards')
    } finally {
      console.log = log
    }
    expect(lines).to.deep.equal(['from a task', 'afterwards'])
  })

  it('builds its graph at the top of its module, where it has no main', async () => {
    const program = await reference(adding(1))
    const operators = await captureProgram(program, {
      load: async () => {
        await adding(1)()
        return {}
      },
    })
    expect(operators).to.have.length(3)
  })
})
