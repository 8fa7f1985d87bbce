/**
 * The functions of programs in a slot's thread. Each task attempt gets functions of a graph that was built for it: nothing of an earlier
 * attempt is left in them, apart from what the program keeps in variables of its modules.
 */
import { pathToFileURL } from 'node:url'
import type { BlobReference, TaskDeploymentDescriptor } from '#core/graph/deployment.js'
import type { OperatorNode } from '#core/graph/job-graph.js'
import type { SpecOf } from '#core/graph/operator-spec.js'
import type { ProgramReference } from '#core/graph/program-reference.js'
import type { OperatorId } from '#core/ids/ids.js'
import type { FunctionDefinition } from '#runtime/operators/process/definition.js'
import { InvalidDeployment } from './errors.js'

type Definitions = ReadonlyMap<OperatorId, FunctionDefinition>
type Attempt = Pick<TaskDeploymentDescriptor, 'jobId' | 'attemptNumber' | 'vertexName'>

/** Graphs that are kept for tasks of the same attempt. */
const KEPT_GRAPHS = 8

export class ProgramLoader {
  /** By blob key. */
  readonly #paths = new Map<string, string>()
  readonly #graphs = new Map<string, Promise<Definitions>>()
  /** Bundles that build their graph when they are imported: each time anew. */
  readonly #withoutMain = new Map<string, number>()
  #turn: Promise<unknown> = Promise.resolve()

  /** The bundle's file is there. */
  located(bundle: BlobReference, path: string): void {
    this.#paths.set(bundle.blobKey, path)
  }

  /** @throws DEPLOYMENT_NON_DETERMINISTIC_MAIN, API_PROGRAM_WITHOUT_MAIN, API_PROGRAM_FAILED, TASK_INVALID_DEPLOYMENT */
  async definition(node: OperatorNode & { readonly spec: SpecOf<'function'> }, attempt: Attempt): Promise<FunctionDefinition> {
    const { program } = node.spec
    const name = `${attempt.jobId} ${attempt.attemptNumber} ${program.bundle.blobKey} ${program.execution}`
    let graph = this.#graphs.get(name)
    if (graph === undefined) {
      graph = this.#turn.then(() => this.#load(program, attempt))
      this.#turn = graph.catch(() => undefined)
      this.#graphs.set(name, graph)
      graph.catch(() => this.#graphs.delete(name))
      for (const [oldest] of this.#graphs) {
        if (this.#graphs.size <= KEPT_GRAPHS) break
        this.#graphs.delete(oldest)
      }
    }
    const definition = (await graph).get(node.id)
    if (definition === undefined)
      throw new InvalidDeployment({ task: attempt.vertexName, problem: `operator '${node.name}' is not in the program's graph` })
    return definition
  }

  async #load(program: ProgramReference, attempt: Attempt): Promise<Definitions> {
    const path = this.#paths.get(program.bundle.blobKey)
    if (path === undefined) throw new InvalidDeployment({ task: attempt.vertexName, problem: `the bundle of ${program.name} is not there` })
    // Stacks of users' errors then name places in their own files, by the bundle's source map.
    process.setSourceMapsEnabled(true)
    const [{ captureProgram }, { definitionsOf }] = await Promise.all([
      import('#api/host/capture-program.js'),
      import('#api/host/program-graph.js'),
    ])
    return definitionsOf(await captureProgram(program, { load: () => this.#import(path) }))
  }

  async #import(path: string): Promise<Readonly<Record<string, unknown>>> {
    const times = this.#withoutMain.get(path) ?? 0
    this.#withoutMain.set(path, times + 1) // until it is known better: an import that builds the graph does not return
    const url = pathToFileURL(path).href
    const module = (await import(times === 0 ? url : `${url}?${times}`)) as Readonly<Record<string, unknown>>
    if (typeof (module['main'] ?? module['default']) === 'function') this.#withoutMain.delete(path)
    return module
  }
}
