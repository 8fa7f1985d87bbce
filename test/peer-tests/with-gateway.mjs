#!/usr/bin/env node
// Starts `weft sql-gateway -t local` on a free port, runs run.mjs against it with this command's arguments, and ends it.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
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
const runner = spawn(process.execPath, [here('run.mjs'), '--gateway', url, ...process.argv.slice(2)], { stdio: 'inherit' })
process.on('SIGINT', () => runner.kill('SIGINT'))
process.exitCode = await new Promise((resolve) => runner.on('exit', (code) => resolve(code ?? 1)))
gateway.kill('SIGINT')
await ended
