/**
 * Real Hadoop for integration tests: daemons of their own JVMs on this machine, driven by test/hadoop/cluster.sh. A test that needs
 * Hadoop and cannot have it fails, with the end of the daemons' logs.
 *
 *   before(async function () { cluster = await sharedHadoop() })      the cluster of the whole test run, started once
 *   const cluster = await startHadoop({ name: 'failover', … })        one's own, to be stopped in after()
 *
 * WEFT_TEST_HADOOP=<folder of a running cluster> makes the shared one be that, for quick repeated runs; it is not stopped.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface HadoopOptions {
  /** Names its folder, build/hadoop/<name>. */
  readonly name: string
  readonly nodes?: number
  /** Of a node. */
  readonly memoryMb?: number
  readonly vcores?: number
  readonly heartbeatMs?: number
  /** Each NodeManager on its own loopback address. */
  readonly distinctHosts?: boolean
  /** Only YARN: starts sooner, and `nameNode` is empty. */
  readonly withoutHdfs?: boolean
  /** Containers survive a NodeManager's death. */
  readonly nodeManagerRecovery?: boolean
  /** The scheduler takes containers back for a queue below its share. */
  readonly preemption?: boolean
  /** A KDC of its own, everything of Hadoop secure, RPC protected as said. */
  readonly kerberos?: 'authentication' | 'integrity' | 'privacy'
  /** Web services answer by HTTPS only. */
  readonly https?: boolean
  /** Of Kerberos tickets; 10h if absent. */
  readonly ticketLifetime?: string
  /** Added to, or overriding, the site files. */
  readonly properties?: Readonly<Record<string, string>>
}

export interface HadoopCluster {
  readonly directory: string
  readonly confDir: string
  /** `http://localhost:…` */
  readonly resourceManager: string
  readonly nameNode: string
  /** `hdfs://localhost:…` */
  readonly fileSystem: string
  /** Variables of a client of this cluster. */
  readonly environment: Readonly<Record<string, string>>
  /** Ends a daemon: rm, nn, dn1, nm1, … */
  kill(daemon: string, signal?: string): Promise<void>
  /** Starts it again and waits until it serves. */
  launch(daemon: string): Promise<void>
  /** Takes a NodeManager out of service, within that time. Only with `distinctHosts`. */
  decommission(daemon: string, seconds: number): Promise<void>
  recommission(daemon: string): Promise<void>
  /** Only with `kerberos`: a fresh ticket cache of alice, mallory, hdfs, yarn. @returns its path, for KRB5CCNAME */
  kinit(user: string): Promise<string>
  /** Only with `kerberos`. */
  kadmin(query: string): Promise<string>
  /** Runs a Hadoop client class as that user. @returns its stdout */
  java(user: string, className: string, ...args: string[]): Promise<string>
  /** Daemons, containers and files gone. */
  stop(): Promise<void>
}

const LOG_TAIL_LINES = 40
const MAX_OUTPUT = 1024 * 1024
const root = projectRoot(dirname(fileURLToPath(import.meta.url)))
const script = join(root, 'test/hadoop/cluster.sh')

let shared: Promise<HadoopCluster> | undefined
const running = new Set<string>()

/** The cluster of this test run: two nodes of 4096 MB and 8 vcores, heartbeat 100 ms. Stopped when the process ends. */
export function sharedHadoop(): Promise<HadoopCluster> {
  const given = process.env['WEFT_TEST_HADOOP']
  shared ??= given === undefined || given === '' ? startHadoop({ name: 'shared', heartbeatMs: 100 }) : attach(given)
  return shared
}

export async function startHadoop(options: HadoopOptions): Promise<HadoopCluster> {
  const directory = join(root, 'build/hadoop', options.name)
  // What a run that was killed left behind.
  await clusterScript(directory, ['stop'])
  running.add(directory)
  const args = ['start', '--nodes', String(options.nodes ?? 2)]
  if (options.memoryMb !== undefined) args.push('--memory-mb', String(options.memoryMb))
  if (options.vcores !== undefined) args.push('--vcores', String(options.vcores))
  if (options.heartbeatMs !== undefined) args.push('--heartbeat-ms', String(options.heartbeatMs))
  if (options.distinctHosts === true) args.push('--distinct-hosts')
  if (options.withoutHdfs === true) args.push('--no-hdfs')
  if (options.nodeManagerRecovery === true) args.push('--nm-recovery')
  if (options.kerberos !== undefined) args.push('--kerberos', '--protection', options.kerberos)
  if (options.ticketLifetime !== undefined) args.push('--ticket-lifetime', options.ticketLifetime)
  if (options.https === true) args.push('--https')
  if (options.preemption === true) args.push('--preemption')
  for (const [key, value] of Object.entries(options.properties ?? {})) args.push('--set', `${key}=${value}`)
  try {
    await clusterScript(directory, args)
  } catch (error) {
    throw new Error(`Hadoop did not start in ${directory}.\n${(error as Error).message}\n${logTails(directory)}`)
  }
  return attach(directory)
}

async function attach(directory: string): Promise<HadoopCluster> {
  const environment = parseExports(await clusterScript(directory, ['env']))
  const need = (name: string): string => {
    const value = environment[name]
    if (value === undefined) throw new Error(`the cluster in ${directory} does not tell ${name}`)
    return value
  }
  return {
    directory,
    confDir: need('HADOOP_CONF_DIR'),
    resourceManager: need('HADOOP_PSEUDO_RM_HTTP'),
    nameNode: environment['HADOOP_PSEUDO_NN_HTTP'] ?? '',
    fileSystem: need('HADOOP_PSEUDO_FS'),
    environment,
    kill: async (daemon, signal = 'KILL') => void (await clusterScript(directory, ['kill', daemon, signal])),
    launch: async (daemon) => void (await clusterScript(directory, ['launch', daemon])),
    decommission: async (daemon, seconds) => void (await clusterScript(directory, ['decommission', daemon, String(seconds)])),
    recommission: async (daemon) => void (await clusterScript(directory, ['recommission', daemon])),
    kinit: async (user) => (await clusterScript(directory, ['kinit', user])).trim(),
    kadmin: (query) => clusterScript(directory, ['kadmin', query]),
    java: (user, className, ...args) => clusterScript(directory, ['java', className, ...args], { HADOOP_USER_NAME: user }),
    async stop() {
      running.delete(directory)
      await clusterScript(directory, ['stop'])
    },
  }
}

// The shared cluster has no after() of its own, and a failed or interrupted run must not leave daemons behind either.
process.once('exit', () => {
  for (const directory of running) spawnSync(script, ['stop', '--dir', directory], { stdio: 'ignore' })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** @returns stdout. Throws with stderr when the script fails. */
function clusterScript(directory: string, args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<string> {
  const [command = '', ...rest] = args
  return new Promise((resolve, reject) => {
    const child = spawn(script, [command, '--dir', directory, ...rest], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...variables },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = (stdout + text).slice(-MAX_OUTPUT)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-MAX_OUTPUT)))
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve(stdout) : reject(new Error(`cluster.sh ${args.join(' ')} ended with ${code}:\n${stderr || stdout}`)),
    )
  })
}

/** `export NAME='value'` lines. */
function parseExports(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name = '', value = '']) => [name, value]))
}

function logTails(directory: string): string {
  const logs = join(directory, 'logs')
  if (!existsSync(logs)) return `(no logs in ${logs})`
  return readdirSync(logs)
    .filter((name) => name.endsWith('.log'))
    .map(
      (name) => `== ${join(logs, name)}\n${readFileSync(join(logs, name), 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')}`,
    )
    .join('\n')
}

/** This file runs from test/support and, compiled, from dist/test/support. */
function projectRoot(from: string): string {
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    if (
      existsSync(join(folder, 'package.json')) &&
      statSync(join(folder, 'test/hadoop'), { throwIfNoEntry: false })?.isDirectory() === true
    )
      return folder
  }
  throw new Error(`no project around ${from}`)
}
