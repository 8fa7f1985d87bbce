#!/usr/bin/env node
// Starts `weft sql-gateway -t local` on a free port, runs run.mjs against it with this command's arguments, and ends it. A run of all
// programs is compared with docs/sql-differences.md: it succeeds when 95 % pass and the document has the reason of each that does not;
// UPDATE_DIFFERENCES=1 writes the document's table anew.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { checkDifferences } from './differences.mjs'

const LEAST_PASSED = 0.95
const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const given = process.argv.slice(2)
const whole = !given.some((argument) => ['--filter', '--q', '--programs'].includes(argument))
const scratch = mkdtempSync(join(tmpdir(), 'peer-tests-'))
const named = given.indexOf('--json')
const json = named < 0 ? join(scratch, 'results.json') : given[named + 1]

const gateway = spawn(process.execPath, [here('../../bin/weft.mjs'), 'sql-gateway', '-t', 'local', '-Dsql-gateway.endpoint.rest.port=0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const ended = new Promise((resolve) => gateway.on('exit', resolve))
const url = await Promise.race([
  new Promise((resolve) => createInterface({ input: gateway.stdout }).once('line', resolve)),
  ended.then((code) => {
    throw new Error(`the gateway ended with exit code ${code}`)
  }),
])
const args = [here('run.mjs'), '--gateway', url, ...given, ...(named < 0 ? ['--json', json] : [])]
const runner = spawn(process.execPath, args, { stdio: 'inherit' })
process.on('SIGINT', () => runner.kill('SIGINT'))
const status = await new Promise((resolve) => runner.on('exit', (code) => resolve(code ?? 1)))
gateway.kill('SIGINT')
await ended
process.exitCode = whole && status <= 1 ? compared(JSON.parse(readFileSync(json, 'utf8')).results) : status
rmSync(scratch, { recursive: true, force: true })

function compared(results) {
  const wrong = checkDifferences(results, process.env.UPDATE_DIFFERENCES === '1')
  for (const line of wrong) console.log(line)
  const count = (kind) => results.filter((result) => result.status === kind).length
  const share = count('pass') / (count('pass') + count('fail'))
  console.log(`${(share * 100).toFixed(1)} % of the programs that are run pass; ${(LEAST_PASSED * 100).toFixed(0)} % have to`)
  return wrong.length === 0 && share >= LEAST_PASSED ? 0 : 1
}
