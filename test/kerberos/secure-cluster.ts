/** A Kerberized Hadoop for a test file, and its users. The Kerberos library of this process is pointed at the cluster's KDC. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemEnvironment } from '#core/time/environment.js'
import type { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { loadHadoopConfiguration } from '#hadoop/conf/load.js'
import { createWebHdfsClient } from '#hadoop/hdfs/hdfs-file-system.js'
import type { WebHdfsClient } from '#hadoop/hdfs/web-hdfs-client.js'
import { ResourceManagerClient } from '#hadoop/rest/resource-manager-client.js'
import { clusterLogin, type ClusterLogin, type LoginSettings } from '#hadoop/security/cluster-login.js'
import { startHadoop, type HadoopCluster, type HadoopOptions } from '../support/hadoop-cluster.js'
import { projectRoot } from '../support/project-root.js'
import { runWeft, startWeft, type CommandOptions, type CommandResult, type RunningCommand } from '../support/weft-command.js'

export const SCRIPT = join(projectRoot, 'examples/flight-delays.sql')
const DATA = join(projectRoot, 'examples/data')

export class SecureUser {
  readonly name: string
  /** Path, for KRB5CCNAME. */
  readonly ticketCache: string
  readonly login: ClusterLogin
  readonly hdfs: WebHdfsClient
  readonly resourceManager: ResourceManagerClient
  readonly #cluster: SecureCluster

  constructor(cluster: SecureCluster, name: string, ticketCache: string) {
    this.#cluster = cluster
    this.name = name
    this.ticketCache = ticketCache
    this.login = cluster.loginWith({ ticketCache: `FILE:${ticketCache}` })
    this.hdfs = createWebHdfsClient(cluster.conf, name, { authenticator: this.login.hdfs })
    this.resourceManager = new ResourceManagerClient({ urls: [cluster.hadoop.resourceManager], authenticator: this.login.resourceManager })
  }

  get environment(): Readonly<Record<string, string>> {
    return { ...this.#cluster.environment, KRB5CCNAME: this.ticketCache }
  }

  weft(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return runWeft(args, { ...options, environment: { ...this.environment, ...options.environment } })
  }

  startWeft(args: readonly string[]): RunningCommand {
    return startWeft(args, { environment: this.environment })
  }

  home(path: string): string {
    return `${this.#cluster.hadoop.fileSystem}/user/${this.name}/${path}`
  }

  async write(path: string, content: Buffer): Promise<void> {
    const writer = await this.hdfs.create(this.home(path), { overwrite: true })
    await writer.write(content)
    await writer.close()
  }

  async read(path: string): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of this.hdfs.open(this.home(path))) chunks.push(chunk)
    return Buffer.concat(chunks).toString('utf8')
  }

  async list(path: string): Promise<string[]> {
    const names: string[] = []
    for await (const { pathSuffix } of this.hdfs.list(this.home(path))) names.push(pathSuffix)
    return names
  }

  /** Input of examples/flight-delays.sql. */
  async uploadExampleData(): Promise<void> {
    for (const folder of ['flights', 'airports'])
      for (const name of readdirSync(join(DATA, folder)))
        await this.write(`examples/data/${folder}/${name}`, readFileSync(join(DATA, folder, name)))
  }
}

export class SecureCluster {
  readonly hadoop: HadoopCluster
  readonly conf: HadoopConfiguration
  readonly environment: Readonly<Record<string, string>>

  private constructor(hadoop: HadoopCluster) {
    this.hadoop = hadoop
    this.environment = { HADOOP_CONF_DIR: hadoop.confDir, KRB5_CONFIG: hadoop.environment['KRB5_CONFIG'] ?? '' }
    this.conf = loadHadoopConfiguration({ environment: this.environment, user: 'nobody' })
  }

  static async start(options: Partial<HadoopOptions> & Required<Pick<HadoopOptions, 'kerberos'>>): Promise<SecureCluster> {
    const cluster = new SecureCluster(await startHadoop({ name: `kerberos-${options.kerberos}`, heartbeatMs: 200, ...options }))
    process.env['KRB5_CONFIG'] = cluster.environment['KRB5_CONFIG']
    return cluster
  }

  keytab(user: string): string {
    return join(this.hadoop.environment['HADOOP_PSEUDO_KEYTABS'] ?? '', `${user}.keytab`)
  }

  get realm(): string {
    return this.hadoop.environment['HADOOP_PSEUDO_REALM'] ?? ''
  }

  loginWith(settings: LoginSettings, conf = this.conf): ClusterLogin {
    return clusterLogin(conf, 'nobody', { clock: systemEnvironment.clock, ...settings })
  }

  async user(name: string): Promise<SecureUser> {
    return new SecureUser(this, name, await this.hadoop.kinit(name))
  }

  stop(): Promise<void> {
    return this.hadoop.stop()
  }
}
