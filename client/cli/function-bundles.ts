/** The modules that CREATE FUNCTION and ALTER FUNCTION statements name, each bundled with what it imports. */
import { readFileSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FunctionFile, FunctionFiles } from '#core/cluster/function-files.js'
import type { Statement } from '#sql/parser/ast-statement.js'
import { parseScript } from '#sql/parser/parse-statement.js'
import { SourceText } from '#sql/parser/source-text.js'

/** Of all statements of a script; none where it cannot be read, which its compiler will say. `folder`: what paths without a root mean. */
export async function scriptFunctionFiles(text: string, folder: string): Promise<FunctionFiles> {
  let statements: readonly Statement[]
  try {
    statements = parseScript(new SourceText('', text)).map(({ statement }) => statement)
  } catch {
    return {}
  }
  const files: FunctionFiles = {}
  for (const statement of statements) {
    if (statement.kind !== 'create-function' && statement.kind !== 'alter-function') continue
    const { language, implementation } = statement
    const path = modulePath(implementation.text)
    if ((language?.text !== 'TYPESCRIPT' && language?.text !== 'JAVASCRIPT') || path === '' || Object.hasOwn(files, path)) continue
    files[path] = await bundled(path, folder)
  }
  return files
}

function modulePath(implementation: string): string {
  return implementation.slice(0, Math.max(0, implementation.lastIndexOf('#')))
}

const LOADERS: Readonly<Record<string, true>> = { '.ts': true, '.mts': true, '.js': true, '.mjs': true }

async function bundled(path: string, folder: string): Promise<FunctionFile> {
  const file = resolve(folder, path)
  if (LOADERS[extname(file)] !== true) return { problem: `${path} is no module: it ends in .ts, .mts, .js or .mjs` }
  try {
    readFileSync(file)
  } catch (error) {
    return { problem: `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}` }
  }
  const { build, formatMessages } = await import('esbuild')
  try {
    const { outputFiles } = await build({
      entryPoints: [file],
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      logLevel: 'silent',
      sourcemap: 'inline',
      // Places in errors are those of this machine's files, wherever the function runs.
      sourceRoot: `${pathToFileURL(process.cwd()).href}/`,
      banner: { js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);" },
    })
    return { source: outputFiles[0]?.text ?? '' }
  } catch (error) {
    const errors = (error as { errors?: Parameters<typeof formatMessages>[0] }).errors
    if (errors === undefined) throw error
    const problems = await formatMessages(errors, { kind: 'error', color: false })
    return { problem: `${path} cannot be bundled:\n${problems.join('\n').trimEnd()}` }
  }
}
