/**
 * Enumerators and committers of programs whose `main` ran in a client: a session's master loads the bundle as a worker does, builds the
 * graph again and finds them by operator id. Only where the graph has a source or sink of the program's own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { JobGraph } from '#core/graph/job-graph.js'
import type { ProgramReference } from '#core/graph/program-reference.js'
import type { FunctionCoordinators } from '#api/host/coordinators.js'
import type { ProgramCoordinators } from '../jobmaster/coordinators/coordinator-loader.js'

/** Programs build their graphs one after the other: the place where a program looks for its host is one per thread. */
let turn: Promise<unknown> = Promise.resolve()

export function sessionCoordinators(
  jobGraph: JobGraph,
  bundle: Uint8Array,
): { readonly program: ProgramCoordinators; close(): Promise<void> } {
  const reference = programOf(jobGraph)
  let loaded: Promise<FunctionCoordinators> | undefined
  let directory: string | undefined
  const load = (): Promise<FunctionCoordinators | undefined> => {
    if (reference === undefined) return Promise.resolve(undefined)
    if (loaded === undefined) {
      loaded = turn.then(async () => {
        directory = await mkdtemp(join(tmpdir(), 'weft-program-'))
        const path = join(directory, 'program.mjs')
        await writeFile(path, bundle, { mode: 0o600 })
        return capture(reference, path)
      })
      turn = loaded.catch(() => undefined)
    }
    return loaded
  }
  return {
    program: {
      enumerator: async (where) => (await load())?.enumerator(where),
      committer: async (where) => (await load())?.committer(where),
    },
    close: async () => {
      await loaded?.catch(() => undefined)
      if (directory !== undefined) await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Of the graph's functions; all are of one program. */
function programOf(jobGraph: JobGraph): ProgramReference | undefined {
  for (const vertex of jobGraph.vertices) for (const { spec } of vertex.operators) if (spec.op === 'function') return spec.program
  return undefined
}

/** @throws DEPLOYMENT_NON_DETERMINISTIC_MAIN, API_PROGRAM_WITHOUT_MAIN, API_PROGRAM_FAILED */
async function capture(program: ProgramReference, path: string): Promise<FunctionCoordinators> {
  const [{ captureProgram }, { definitionsOf }, { functionCoordinators }] = await Promise.all([
    import('#api/host/capture-program.js'),
    import('#api/host/program-graph.js'),
    import('#api/host/coordinators.js'),
  ])
  const load = async () => (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>
  return functionCoordinators(definitionsOf(await captureProgram(program, { load })))
}
