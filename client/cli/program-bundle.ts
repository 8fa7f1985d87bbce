/** Makes one ES module of a job program (TypeScript or JavaScript) and everything it imports. */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'
import { defineError } from '#core/errors/define-error.js'

export const ProgramInvalid = defineError('CLI_PROGRAM_INVALID', {
  recovery: 'none',
  message: (d: { file: string; problems: string }) => `${d.file} cannot be bundled:\n${d.problems}`,
})

export interface ProgramBundle {
  readonly path: string
  remove(): void
}

/** `installation`: of this command, which has the API. @throws CLI_PROGRAM_INVALID with file, line and column of each problem. */
export async function bundleProgram(file: string, installation: string): Promise<ProgramBundle> {
  const { build, formatMessages } = await import('esbuild')
  // The API that belongs to this command, wherever the program lies.
  const weft = join(installation, 'dist/api/weft.js')
  const api: Plugin = { name: 'weft', setup: ({ onResolve }) => onResolve({ filter: /^weft$/ }, () => ({ path: weft })) }
  const path = join(tmpdir(), `weft-program-${randomBytes(8).toString('hex')}.mjs`)
  try {
    await build({
      entryPoints: [file],
      outfile: path,
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      logLevel: 'silent',
      sourcemap: 'inline',
      // Places in errors are those of this machine's files, wherever the bundle runs.
      sourceRoot: `${pathToFileURL(tmpdir()).href}/`,
      plugins: [api],
      // CommonJS packages inside an ES module bundle call `require` for Node's own modules.
      banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
    })
  } catch (error) {
    const errors = (error as { errors?: Parameters<typeof formatMessages>[0] }).errors
    if (errors === undefined) throw error
    const problems = await formatMessages(errors, { kind: 'error', color: false })
    throw new ProgramInvalid({ file, problems: problems.join('\n').trimEnd() })
  }
  return { path, remove: () => rmSync(path, { force: true }) }
}
