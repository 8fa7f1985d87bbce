// docs/sql-differences.md against a run: every program that fails stands there with its reason, and none that passes does.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(new URL('../../docs/sql-differences.md', import.meta.url))
const BEGIN = '| program | reason |\n| --- | --- |\n'
const PROGRAM = /^\| `([^`]+)` \| (.*) \|$/gm

/** Of the document: program → reason. */
export function differences() {
  return new Map([...readFileSync(file, 'utf8').matchAll(PROGRAM)].map(([, id, reason]) => [id, reason]))
}

/**
 * `results`: of run.mjs. Returns what is wrong, one line each; nothing when the document says what has happened.
 * With `update` the table is written anew: reasons that stand there are kept, others are what the run said.
 */
export function checkDifferences(results, update) {
  const listed = differences()
  const failed = results.filter(({ status }) => status === 'fail')
  if (update) {
    const rows = failed
      .map((result) => `| \`${result.id}\` | ${listed.get(result.id) ?? reasonOf(result)} |\n`)
      .sort()
      .join('')
    const text = readFileSync(file, 'utf8')
    const start = text.indexOf(BEGIN) + BEGIN.length
    const end = text.slice(start).search(/^(?!\| `)/m)
    writeFileSync(file, text.slice(0, start) + rows + text.slice(start + end))
    return []
  }
  const wrong = failed.filter(({ id }) => !listed.has(id)).map(({ id }) => `${id} fails and docs/sql-differences.md does not say why`)
  for (const { id, status } of results)
    if (status === 'pass' && listed.has(id)) wrong.push(`${id} passes: its line in docs/sql-differences.md is to go`)
  return wrong
}

/** The refusal, without its place. */
function reasonOf({ problems }) {
  const text = String(problems[0] ?? '')
    .replace(/^error: /, '')
    .replace(/^[\w.$]*(?:Exception|Error): /, '')
    .replace(/ at line \d+[\s\S]*/, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll('|', '\\|')
    .trim()
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
