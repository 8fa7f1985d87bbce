/**
 * Real Flink for the benchmark: a JobManager and a TaskManager of this machine from the jars that Maven has fetched, with Flink's own memory
 * parameters, ParallelGC and a young generation of 1 GB (the fastest of what was tried), object reuse on, no checkpoints.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../free-port.js'
import { CpuAndMemory } from './process-usage.js'

const PACKAGES = [
  ...['java.lang', 'java.net', 'java.io', 'java.nio', 'sun.nio.ch', 'java.lang.reflect', 'java.text', 'java.time'],
  ...['java.util', 'java.util.concurrent', 'java.util.concurrent.atomic', 'java.util.concurrent.locks'],
]
const OPENS = PACKAGES.map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`)
const LOG = `rootLogger.level=INFO
rootLogger.appenderRef.f.ref=F
appender.f.name=F
appender.f.type=File
appender.f.fileName=\${sys:log.file}
appender.f.layout.type=PatternLayout
appender.f.layout.pattern=%d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
`
const START_MS = 180_000
const JOB_MS = 1_800_000

export interface FlinkJars {
  /** Class path of Flink itself. */
  readonly lib: string
  /** Of the benchmark's source and functions. */
  readonly job: string
}

/** Fetches Flink and compiles the benchmark's job, where that has not been done. `root`: of the checkout. */
export function prepareFlink(root: string): FlinkJars {
  const pom = join(root, 'bench/nexmark/flink/pom.xml')
  const version = /<flink\.version>(.*?)</.exec(readFileSync(pom, 'utf8'))?.[1] ?? ''
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'weft-nexmark', version)
  const lib = join(cache, 'lib')
  const build = join(cache, 'build')
  mkdirSync(cache, { recursive: true })
  const maven = (...args: string[]) => execFileSync('mvn', ['-q', '-B', '-f', pom, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
  if (!existsSync(join(lib, '.complete'))) {
    maven('org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${lib}`)
    writeFileSync(join(lib, '.complete'), '')
  }
  maven('package', `-DbuildDirectory=${build}`)
  return { lib: join(lib, '*'), job: join(build, 'flink-nexmark.jar') }
}

export interface FlinkRun {
  /** Seconds of CPU of the TaskManager, from the submission to the end of the job. */
  readonly cpu: number
  readonly wall: number
  /** The TaskManager's greatest, MB. */
  readonly rss: number
}

/** A fresh cluster for one query, as cold as the engine that it is compared with. */
export async function runFlink(jars: FlinkJars, queries: string, query: string, events: number, parallelism: number): Promise<FlinkRun> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-flink-'))
  const processes: ChildProcess[] = []
  try {
    const [rpc, rest, taskRpc, data, blob] = [await freePort(), await freePort(), await freePort(), await freePort(), await freePort()]
    const settings = {
      'jobmanager.rpc.address': '127.0.0.1',
      'jobmanager.rpc.port': rpc,
      'jobmanager.bind-host': '127.0.0.1',
      'rest.address': '127.0.0.1',
      'rest.bind-address': '127.0.0.1',
      'rest.port': rest,
      'blob.server.port': blob,
      'taskmanager.bind-host': '127.0.0.1',
      'taskmanager.host': '127.0.0.1',
      'taskmanager.rpc.port': taskRpc,
      'taskmanager.data.port': data,
      'taskmanager.numberOfTaskSlots': parallelism,
      'parallelism.default': parallelism,
      'jobmanager.memory.process.size': '1600m',
      'taskmanager.memory.process.size': '8192m',
      'taskmanager.memory.managed.size': '1g',
      'taskmanager.memory.network.min': '128m',
      'taskmanager.memory.network.max': '256m',
      'io.tmp.dirs': directory,
      'pipeline.object-reuse': true,
      'execution.checkpointing.checkpoints-after-tasks-finish.enabled': false,
    }
    const yaml = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`)
    writeFileSync(join(directory, 'config.yaml'), yaml.join(''))
    writeFileSync(join(directory, 'log4j.properties'), LOG)
    const memory = (what: string): string[][] => {
      const args = ['-cp', jars.lib, 'org.apache.flink.runtime.util.bash.BashJavaUtils', what, '--configDir', directory]
      const text = execFileSync('java', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      return [...text.matchAll(/BASH_JAVA_UTILS_EXEC_RESULT:(.*)/g)].map(([, line = '']) => line.trim().split(/\s+/).filter(Boolean))
    }
    const start = (name: string, jvm: readonly string[], main: string, extra: readonly string[]): ChildProcess => {
      const log = [`-Dlog.file=${join(directory, name)}.log`, `-Dlog4j.configurationFile=file:${directory}/log4j.properties`]
      const args = [...jvm, ...OPENS, ...log, '-cp', jars.lib, main, '--configDir', directory, ...extra]
      const child = spawn('java', args, { cwd: directory, stdio: 'ignore' })
      processes.push(child)
      return child
    }
    const [master = []] = memory('GET_JM_RESOURCE_PARAMS')
    const [worker = [], dynamic = []] = memory('GET_TM_RESOURCE_PARAMS')
    start('jm', master, 'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint', [])
    const options = [...worker, '-XX:+UseParallelGC', '-Xmn1g']
    const taskManager = start('tm', options, 'org.apache.flink.runtime.taskexecutor.TaskManagerRunner', dynamic)
    const get = async (path: string): Promise<Record<string, unknown>> => {
      const response = await fetch(`http://127.0.0.1:${rest}${path}`)
      return (await response.json()) as Record<string, unknown>
    }
    await until(START_MS, async () => {
      const ended = processes.find(({ exitCode }) => exitCode !== null)
      if (ended !== undefined) throw new Error(`a process of Flink has ended with ${ended.exitCode}`)
      const overview = await get('/overview').catch(() => ({}) as Record<string, unknown>)
      return Number(overview['slots-available'] ?? 0) >= parallelism
    })
    const usage = new CpuAndMemory(taskManager.pid as number)
    const before = usage.cpu()
    const begin = performance.now()
    const submit = [
      ...[...OPENS, `-Dlog.file=${directory}/client.log`, `-Dlog4j.configurationFile=file:${directory}/log4j.properties`, '-cp', jars.lib],
      ...['org.apache.flink.client.cli.CliFrontend', 'run', '-d', '-p', String(parallelism), '-c', 'bench.nexmark.NexmarkJob', jars.job],
      ...[`dir=${queries}`, `query=${query}`, `events=${events}`, 'rate=100000', "sink='connector' = 'blackhole'", 'partitioned='],
    ]
    const told = execFileSync('java', submit, { encoding: 'utf8', env: { ...process.env, FLINK_CONF_DIR: directory } })
    const job = /^JOB (\w+)/m.exec(told)?.[1]
    if (job === undefined) throw new Error(`Flink did not take ${query}:\n${told.slice(-2000)}`)
    let state = ''
    await until(JOB_MS, async () => {
      state = String((await get(`/jobs/${job}`))['state'])
      return state === 'FINISHED' || state === 'FAILED' || state === 'CANCELED'
    })
    if (state !== 'FINISHED') throw new Error(`Flink's ${query} ended ${state}`)
    return { cpu: usage.cpu() - before, wall: (performance.now() - begin) / 1000, rss: usage.peakMegabytes() }
  } finally {
    for (const child of processes) child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}

const POLL_MS = 100

async function until(limitMs: number, holds: () => Promise<boolean>): Promise<void> {
  for (const begin = performance.now(); !(await holds());) {
    if (performance.now() - begin > limitMs) throw new Error(`not there after ${limitMs / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
