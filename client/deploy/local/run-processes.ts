/**
 * The local target with processes (`local.isolation: PROCESSES`): starts the JobManager and, when it dies, starts it again with the
 * next number, as YARN's ResourceManager would. The application's directory is removed at the end.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { APPLICATION_DESCRIPTOR_FILE, SECRET_ALIAS, type ApplicationDescriptor } from '#core/cluster/application-descriptor.js'
import { entryPoint } from '#core/cluster/entry-points.js'
import { LIFELINE_FD, LIFELINE_VARIABLE } from '#core/cluster/lifeline.js'
import { APPLICATION_ENDED_BADLY, LOCAL_REST_FILE, LOCAL_TOKEN_FILE, LocalRestSchema } from '#core/cluster/local-processes.js'
import { Configuration } from '#core/config/configuration.js'
import { SECRET_VALUES_ALIAS, secretValues, withoutSecretValues } from '#core/config/secret-values.js'
import { LOCAL_MASTER_ATTEMPTS } from '#core/config/options/cluster.js'
import { sleep, systemEnvironment } from '#core/time/environment.js'
import { NO_CREDENTIALS, withSecret, writeCredentials } from '#hadoop/security/credentials.js'
import type { LocalApplication } from './local-application.js'
import { httpTransport } from '../../cluster/http-transport.js'
import { MasterUnreachable, type JsonTransport } from '../../cluster/master-client.js'

const SECRET_BYTES = 32
const LOG_TAIL_LINES = 20
const PORT_POLL_MS = 20

export function runLocalProcesses(application: Omit<ApplicationDescriptor, 'target'>, timeoutMs: number): LocalApplication {
  const directory = mkdtempSync(join(tmpdir(), 'weft-application-'))
  const descriptor: ApplicationDescriptor = {
    ...application,
    configuration: withoutSecretValues(application.configuration),
    target: { kind: 'local-processes', workingDirectory: process.cwd(), directory },
  }
  writeFileSync(join(directory, APPLICATION_DESCRIPTOR_FILE), JSON.stringify(descriptor), { mode: 0o600 })
  const own = withSecret(NO_CREDENTIALS, SECRET_ALIAS, systemEnvironment.random.bytes(SECRET_BYTES))
  const values = secretValues(application.configuration)
  const credentials = values === undefined ? own : withSecret(own, SECRET_VALUES_ALIAS, values)
  writeFileSync(join(directory, LOCAL_TOKEN_FILE), writeCredentials(credentials), { mode: 0o600 })
  const attempts = Configuration.of(application.configuration).get(LOCAL_MASTER_ATTEMPTS)
  let end: { succeeded: boolean; failure: string } | undefined
  let terminated = false
  const masters: ReturnType<typeof startMaster>[] = []
  const run = async () => {
    for (let attempt = 1; ; attempt++) {
      const master = startMaster(directory, attempt)
      masters.push(master)
      const { code, signal } = await master.exited
      if (terminated) return void (end = { succeeded: false, failure: 'The application was ended before it was over.' })
      if (code === 0) return void (end = { succeeded: true, failure: '' })
      const how = signal === null ? `exit status ${code}` : `killed by ${signal}`
      if (code === APPLICATION_ENDED_BADLY) return void (end = { succeeded: false, failure: 'The application has failed.' })
      if (attempt < attempts) continue
      const failure = `The JobManager ended ${attempts} times, the last time with ${how} (${LOCAL_MASTER_ATTEMPTS.key}). The last lines of its log:\n${logTail(directory, attempt)}`
      return void (end = { succeeded: false, failure })
    }
  }
  const over = run().finally(() => {
    for (const master of masters) master.cutLifeline()
    rmSync(directory, { recursive: true, force: true })
  })
  const { transport, port } = currentMaster(directory, timeoutMs, () => terminated || end !== undefined)
  return {
    transport,
    address: async () => `127.0.0.1:${await port()}`,
    ended: () => end,
    over,
    terminate: () => {
      terminated = true
      masters.at(-1)?.kill()
    },
  }
}

/** Its workers hold the same lifeline: they end with this process, or when the JobManager tells them. */
function startMaster(directory: string, attempt: number) {
  const log = openSync(masterLog(directory, attempt), 'a', 0o600)
  const child = spawn(process.execPath, [fileURLToPath(entryPoint('am')), '--local', directory, String(attempt)], {
    detached: true,
    stdio: ['ignore', 'inherit', log, 'pipe'],
    env: { ...process.env, [LIFELINE_VARIABLE]: '1' },
  })
  closeSync(log)
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }))
    child.on('error', () => resolve({ code: 127, signal: null }))
  })
  const lifeline = child.stdio[LIFELINE_FD]
  return {
    exited,
    kill: () => child.kill('SIGKILL'),
    /** Whatever it started and left behind ends. */
    cutLifeline: () => void lifeline?.destroy(),
  }
}

function masterLog(directory: string, attempt: number): string {
  return join(directory, `jobmanager-${attempt}.log`)
}

function logTail(directory: string, attempt: number): string {
  try {
    return readFileSync(masterLog(directory, attempt), 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')
  } catch {
    return ''
  }
}

/** Finds the newest JobManager's port before each request; waits for the first one. */
function currentMaster(directory: string, timeoutMs: number, over: () => boolean): { transport: JsonTransport; port(): Promise<number> } {
  let known: { port: number; transport: JsonTransport } | undefined
  const port = async (): Promise<number> => {
    const { clock } = systemEnvironment
    const started = clock.monotonic()
    for (;;) {
      try {
        return LocalRestSchema.parse(JSON.parse(readFileSync(join(directory, LOCAL_REST_FILE), 'utf8'))).port
      } catch (cause) {
        const reason = over() ? 'it has ended' : 'it has not started'
        if (over() || clock.monotonic() - started > timeoutMs) throw new MasterUnreachable({ url: directory, reason }, { cause })
      }
      await sleep(systemEnvironment, PORT_POLL_MS)
    }
  }
  const transport: JsonTransport = {
    request: async (method, path) => {
      const current = await port()
      if (known?.port !== current) known = { port: current, transport: httpTransport(`http://127.0.0.1:${current}/`, timeoutMs) }
      return known.transport.request(method, path)
    },
  }
  return { transport, port }
}
