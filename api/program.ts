/** Loads a job module and finds its `main`. */
import { defineError } from '#core/errors/define-error.js'
import type { Program, TableEnvironment } from './table-environment.js'

export const ProgramWithoutMain = defineError('API_PROGRAM_WITHOUT_MAIN', {
  recovery: 'none',
  message: (d: { name: string; exports: string }) =>
    `${d.name} exports no function 'main' (and no default function); it exports: ${d.exports}. A job program reads: export async function main(env) { … }`,
})
export const ProgramFailed = defineError('API_PROGRAM_FAILED', {
  recovery: 'none',
  message: (d: { name: string; problem: string; place: string }) => `The main of ${d.name} failed: ${d.problem}${d.place}`,
})

/** @throws API_PROGRAM_WITHOUT_MAIN, API_PROGRAM_FAILED */
export async function runProgram(name: string, module: Readonly<Record<string, unknown>>, env: TableEnvironment): Promise<void> {
  const main = module['main'] ?? module['default']
  if (typeof main !== 'function') throw new ProgramWithoutMain({ name, exports: Object.keys(module).join(', ') || 'nothing' })
  try {
    await (main as Program)(env)
  } catch (error) {
    throw programFailed(name, error)
  }
}

export function programFailed(name: string, error: unknown): Error {
  return new ProgramFailed(
    { name, problem: error instanceof Error ? error.message : String(error), place: placeOf(error) },
    { cause: error },
  )
}

const SHOWN_FRAMES = 5

/** Where this command's own code lies. */
const OWN_CODE = new URL('.', import.meta.url).href

/** `\n    at …`: the lines of the stack that lie in the program's own code, the innermost first. */
function placeOf(error: unknown): string {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : []
  const ours = lines.findIndex((line) => /\brunProgram\b/.test(line))
  return lines
    .slice(0, ours < 0 ? SHOWN_FRAMES : ours)
    .filter((line) => !line.includes('node:') && !line.includes(OWN_CODE))
    .slice(0, SHOWN_FRAMES)
    .map((line) => `\n${line}`)
    .join('')
}
