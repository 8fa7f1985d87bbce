/**
 * Jobs on a real YARN as a user has them, through the built command, and what is left of them afterwards: processes by their
 * environment, logs in the NodeManagers' folders, containers and applications in the ResourceManager, files in HDFS.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { connectYarn, type YarnCluster } from '#client/deploy/yarn/yarn-cluster.js'
import { Configuration } from '#core/config/configuration.js'
import type { ApplicationReport } from '#hadoop/rest/resource-manager-records.js'
import { sharedHadoop, type HadoopCluster } from './hadoop-cluster.js'
import { startWeft, type CommandOptions, type CommandResult, type RunningCommand } from './weft-command.js'

/** What issue and README promise: that long after the end nothing is left. */
const GONE_WITHIN_MS = 5_000
const POLL_MS = 50
const DEFAULT_PATIENCE_MS = 60_000

export interface ContainerProcess {
  readonly pid: number
  /** `container_…` */
  readonly container: string
  readonly role: 'am' | 'container' | 'other'
  readonly command: string
  readonly environment: string
}

/** Polls until `look` gives something. @throws an error that names `what` */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  patienceMs = DEFAULT_PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (Date.now() >= deadline) throw new Error(`waited ${patienceMs} ms in vain for ${what}`)
    await pause(POLL_MS)
  }
}

export class YarnJobs {
  readonly hadoop: HadoopCluster
  readonly user: string
  readonly cluster: YarnCluster
  /** Home of the user, `hdfs://…/user/<user>`. */
  readonly home: string
  readonly #commands: RunningCommand[] = []

  private constructor(hadoop: HadoopCluster, user: string, cluster: YarnCluster) {
    this.hadoop = hadoop
    this.user = user
    this.home = `${hadoop.fileSystem}/user/${user}`
    this.cluster = cluster
  }

  /** On the cluster of the test run. */
  static async start(user = 'alice'): Promise<YarnJobs> {
    return YarnJobs.on(await sharedHadoop(), user)
  }

  /** On a cluster of one's own. */
  static async on(hadoop: HadoopCluster, user = 'alice'): Promise<YarnJobs> {
    const variables = { HADOOP_CONF_DIR: hadoop.confDir, HADOOP_USER_NAME: user }
    return new YarnJobs(hadoop, user, await connectYarn(Configuration.empty, variables))
  }

  // The command.

  get environment(): Readonly<Record<string, string>> {
    return { HADOOP_CONF_DIR: this.hadoop.confDir, HADOOP_USER_NAME: this.user }
  }

  weft(args: readonly string[], options: CommandOptions = {}): RunningCommand {
    const command = startWeft(args, { ...options, environment: { ...this.environment, ...options.environment } })
    this.#commands.push(command)
    // Whoever does not wait for it must not be told of what a later step rejects.
    command.result.catch(() => undefined)
    return command
  }

  run(args: readonly string[], options: CommandOptions = {}): RunningCommand {
    return this.weft(['run', '-t', 'yarn-application', ...args], options)
  }

  /** Runs a script or program of this text. */
  script(text: string, args: readonly string[] = [], name = 'job.sql', options: CommandOptions = {}): RunningCommand {
    const folder = mkdtempSync(join(tmpdir(), 'weft-yarn-'))
    writeFileSync(join(folder, name), text)
    const command = this.run([...args, name], { cwd: folder, ...options })
    void command.result.finally(() => rmSync(folder, { recursive: true, force: true }))
    return command
  }

  /** Runs it to its failure: exit status 1, no stack. @returns what it said, and its application if there was one */
  async failing(
    text: string,
    args: readonly string[] = [],
    name = 'job.sql',
    options: CommandOptions = {},
  ): Promise<{ message: string; applicationId: string | undefined }> {
    const { status, stderr } = await this.script(text, args, name, options).result
    expect(status, stderr).to.equal(1)
    expectNoStack(stderr)
    return { message: stderr, applicationId: /application_\d+_\d+/.exec(stderr)?.[0] }
  }

  /** Ends what a failed test left: commands and applications. */
  async endAll(): Promise<void> {
    for (const { child } of this.#commands) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    const live = await this.cluster.resourceManager.applications({
      types: ['Weft'],
      states: ['NEW', 'NEW_SAVING', 'SUBMITTED', 'ACCEPTED', 'RUNNING'],
      user: this.user,
    })
    for (const { id } of live) {
      await until(`the end of ${id}`, async () => (await this.cluster.resourceManager.kill(id, 'left by a test')) === 'killed')
      await this.cluster.hdfs.delete(`${this.home}/.weft/applications/${id}`)
    }
  }

  // HDFS.

  uri(path: string): string {
    return `${this.home}/${path}`
  }

  async write(path: string, content: string | Buffer): Promise<void> {
    const writer = await this.cluster.hdfs.create(this.uri(path), { overwrite: true })
    await writer.write(Buffer.from(content))
    await writer.close()
  }

  async read(path: string): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of this.cluster.hdfs.open(this.uri(path))) chunks.push(chunk)
    return Buffer.concat(chunks).toString('utf8')
  }

  /** Names in a folder; empty where there is none. */
  async list(path: string): Promise<string[]> {
    if ((await this.cluster.hdfs.status(this.uri(path))) === undefined) return []
    const names: string[] = []
    for await (const { pathSuffix } of this.cluster.hdfs.list(this.uri(path))) names.push(pathSuffix)
    return names
  }

  // YARN.

  async report(applicationId: string): Promise<ApplicationReport> {
    const report = await this.cluster.resourceManager.application(applicationId)
    if (report === undefined) throw new Error(`the ResourceManager does not know ${applicationId}`)
    return report
  }

  /** Of the master, through the ResourceManager's web proxy. */
  async proxied(applicationId: string, path: string): Promise<unknown> {
    const response = await fetch(`${this.hadoop.resourceManager}/proxy/${applicationId}/${path}?user.name=${this.user}`, {
      redirect: 'manual',
    })
    const text = await response.text()
    if (response.status !== 200) throw new Error(`GET ${path} through the proxy: ${response.status} ${text.slice(0, 500)}`)
    return JSON.parse(text)
  }

  /** Processes in containers of the application, the launching shells among them. */
  processes(applicationId: string): ContainerProcess[] {
    const id = new RegExp(`\\0CONTAINER_ID=(container_(?:e\\d+_)?${applicationId.replace('application_', '')}_\\d+_\\d+)\\0`)
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          const environment = `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`
          const container = id.exec(environment)?.[1]
          if (container === undefined) return []
          const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
          const role = /runtime\/node .*runtime\/(am|container)\.mjs/.exec(command)?.[1] as 'am' | 'container' | undefined
          return [{ pid: Number(pid), container, role: role ?? ('other' as const), command, environment }]
        } catch {
          return [] // it has ended meanwhile, or is none of ours
        }
      })
  }

  taskManagers(applicationId: string): ContainerProcess[] {
    return this.processes(applicationId).filter(({ role }) => role === 'container')
  }

  master(applicationId: string): ContainerProcess | undefined {
    return this.processes(applicationId).find(({ role }) => role === 'am')
  }

  /** Log files of all containers, by `container/file`. */
  logs(applicationId: string): Map<string, string> {
    const found = new Map<string, string>()
    for (const node of readdirSync(this.hadoop.directory).filter((name) => /^nm\d+$/.test(name))) {
      const folder = join(this.hadoop.directory, node, 'containers', applicationId)
      if (!existsSync(folder)) continue
      for (const container of readdirSync(folder)) {
        for (const file of readdirSync(join(folder, container)))
          found.set(`${container}/${file}`, readFileSync(join(folder, container, file), 'utf8'))
      }
    }
    return found
  }

  /** All that the masters of all attempts logged. */
  masterLog(applicationId: string): string {
    return [...this.logs(applicationId)]
      .filter(([name]) => /_000001\/std(out|err)$/.test(name))
      .map(([, text]) => text)
      .join('\n')
  }

  /** After the command has returned: YARN's state, no container, no process, no staged file, within the time that is promised. */
  async expectNothingLeft(applicationId: string, state: string, finalStatus: string): Promise<ApplicationReport> {
    const begin = Date.now()
    const left = async (): Promise<string[]> => {
      const report = await this.report(applicationId)
      const attempts = await this.cluster.resourceManager.attempts(applicationId)
      const containers = (
        await Promise.all(attempts.map(({ appAttemptId }) => this.cluster.resourceManager.containers(applicationId, appAttemptId)))
      ).flat()
      return [
        ...(['FINISHED', 'FAILED', 'KILLED'].includes(report.state) ? [] : [`state ${report.state}`]),
        ...((report.runningContainers ?? 0) > 0 ? [`${report.runningContainers} running containers`] : []),
        ...containers.map((container) => `container ${JSON.stringify(container)}`),
        ...this.processes(applicationId).map(({ pid, command }) => `process ${pid}: ${command}`),
        ...((await this.list('.weft/applications')).includes(applicationId) ? ['the staging folder'] : []),
      ]
    }
    for (;;) {
      const found = await left()
      if (found.length === 0) break
      if (Date.now() - begin > GONE_WITHIN_MS)
        throw new Error(`${GONE_WITHIN_MS} ms after the end of ${applicationId} there are still:\n${found.join('\n')}`)
      await pause(POLL_MS)
    }
    const report = await this.report(applicationId)
    expect(`${report.state} / ${report.finalStatus}`, report.diagnostics).to.equal(`${state} / ${finalStatus}`)
    return report
  }
}

/** No frames of ours, of Node or of Java; those of a user's own file may be shown. */
export function expectNoStack(text: string): void {
  expect(text, 'no stack is shown').not.to.match(/^\s+at .*(\.mjs|node:\w+|dist\/.*\.js):\d+/m)
  expect(text, 'no stack is shown').not.to.match(/^\s+at [\w.]+\(\w+\.java:\d+\)/m)
}

/** The application that a command talks about. */
export function applicationOf({ stdout, stderr }: CommandResult): string {
  const id = /application_\d+_\d+/.exec(stderr + stdout)?.[0]
  if (id === undefined) throw new Error(`no application id in:\n${stdout}${stderr}`)
  return id
}
