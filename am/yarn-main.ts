/** The JobManager as YARN's application master: reads what the client left in the working directory, runs, takes leave, exits. */
import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import * as z from '#core/zod.js'
import {
  APPLICATION_DESCRIPTOR_FILE,
  ApplicationDescriptorSchema,
  KEYTAB_ALIAS,
  SECRET_ALIAS,
  type ApplicationDescriptor,
} from '#core/cluster/application-descriptor.js'
import { Configuration } from '#core/config/configuration.js'
import { SECRET_VALUES_ALIAS, withSecretValues } from '#core/config/secret-values.js'
import { TASK_SLOTS } from '#core/config/options/cluster.js'
import { TASKMANAGER_PROCESS_SIZE } from '#core/config/options/memory.js'
import { REST_BIND_ADDRESS, REST_BIND_PORT } from '#core/config/options/rest.js'
import {
  YARN_APPLICATION_MASTER_PORT,
  YARN_APPLICATION_NODE_LABEL,
  YARN_CONTAINER_VCORES,
  YARN_HEARTBEAT_INTERVAL,
  YARN_HEARTBEAT_REQUEST_INTERVAL,
  YARN_MODIFY_ACLS,
  YARN_TASKMANAGER_NODE_LABEL,
  YARN_VIEW_ACLS,
} from '#core/config/options/yarn.js'
import { parsePortRange } from '#core/config/port-range.js'
import { defineError } from '#core/errors/define-error.js'
import type { FileSystems } from '#core/fs/file-systems.js'
import { announceLeader, type Announcement } from '#core/ha/leader-file.js'
import { logger } from '#core/log/logger.js'
import { useWinston } from '#core/log/winston-sink.js'
import { DelegationTokensGateway } from '#core/rpc/gateways/delegation-tokens.js'
import { RpcConnection, type RpcEndpoints } from '#core/rpc/rpc-connection.js'
import { listenTls } from '#core/rpc/tls-channel.js'
import { systemEnvironment } from '#core/time/environment.js'
import {
  applicationMasterExpiryMillis,
  applicationMasterLeaseMillis,
  isSecure,
  resourceManagerSchedulerAddresses,
  webProxyHosts,
} from '#hadoop/conf/addresses.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { findToken, mergeTokens, readCredentials, withoutSecret, type Credentials } from '#hadoop/security/credentials.js'
import { parseRpcProtection } from '#hadoop/security/sasl-mechanism.js'
import { replaceTokenFile } from '#hadoop/security/token-file.js'
import { decodeAmRmTokenIdentifier, TokenKind } from '#hadoop/security/tokens.js'
import { NmClient } from '#hadoop/yarn/am-nm/nm-client.js'
import { containerLaunchContext } from '#hadoop/yarn/launch-context.js'
import { openJobResultStore } from './dispatcher/job-result-store.js'
import { exitOnUncaught, exitWith } from './exit-with.js'
import { registerHdfs } from './hdfs.js'
import { leadershipCheck } from './leadership.js'
import { behindProxy, plainAddress, type ProxyDoorOptions, type RestAnswers } from './rest/proxy-door.js'
import { runMaster } from './master.js'
import { workerLimits, workerSize } from './resourcemanager/slotmanager/worker-limits.js'
import type { WorkerShape } from './resourcemanager/drivers/yarn/container-table.js'
import { containerLogTail } from './resourcemanager/drivers/yarn/container-log.js'
import { startHeartbeatThread } from './resourcemanager/drivers/yarn/heartbeat-thread.js'
import { queueReader } from './resourcemanager/drivers/yarn/queue-report.js'
import { workerLaunchContext } from './resourcemanager/drivers/yarn/worker-launch.js'
import { YarnDriver } from './resourcemanager/drivers/yarn/yarn-driver.js'
import { pushedTokens } from './security/pushed-tokens.js'
import { TokenSupply } from './security/token-supply.js'

export const InvalidMasterLaunch = defineError('MASTER_INVALID_LAUNCH', {
  recovery: 'fail-process',
  message: (d: { problem: string }) => `This JobManager was not started as a client starts it: ${d.problem}`,
})

const LEADER_FILE = 'leader.json'
const RESULTS_DIRECTORY = 'results'
const SUBMISSIONS_DIRECTORY = 'jobs'
const CHECKPOINTS_SUFFIX = '.checkpoints'
/** How long the scheduler waits after it has said which containers it wants back; its default where the client's configuration lacks it. */
const PREEMPTION_GRACE_KEY = 'yarn.resourcemanager.monitor.capacity.preemption.max_wait_before_kill'
const DEFAULT_PREEMPTION_GRACE_MS = 15_000
const MIB = 1024 * 1024
const environment = systemEnvironment
const log = logger('Master')

type YarnTarget = Extract<ApplicationDescriptor['target'], { kind: 'yarn-application' }>

interface Launch {
  readonly descriptor: ApplicationDescriptor
  readonly target: YarnTarget
  readonly configuration: Configuration
  readonly hadoop: HadoopConfiguration
  readonly credentials: Credentials
  readonly secret: Buffer
  /** 1, 2, …: number of this attempt; fences what an earlier one may still say. */
  readonly attempt: number
  /** This node as YARN knows it. */
  readonly host: string
}

export async function runYarnMaster(): Promise<void> {
  useWinston({ level: 'info' })
  exitOnUncaught()
  // YARN kills (250 ms later for good) or stops this attempt: another may follow, so nothing is unregistered.
  process.on('SIGTERM', () => exitWith(143, 'Told to stop (SIGTERM).'))
  try {
    const exitCode = await runLaunch(await readLaunch())
    exitWith(exitCode, `The JobManager ends with status ${exitCode}.`)
  } catch (error) {
    exitWith(1, 'The JobManager failed', error)
  }
}

async function readLaunch(): Promise<Launch> {
  const [text, tokens] = await Promise.all([readFile(APPLICATION_DESCRIPTOR_FILE, 'utf8'), readFile(tokenFile())])
  const parsed = ApplicationDescriptorSchema.safeParse(JSON.parse(text))
  if (!parsed.success) throw new InvalidMasterLaunch({ problem: `its descriptor is wrong:\n${z.prettifyError(parsed.error)}` })
  const { target } = parsed.data
  if (target.kind !== 'yarn-application') throw new InvalidMasterLaunch({ problem: `its target is '${target.kind}'` })
  const credentials = readCredentials(tokens)
  const token = findToken(credentials, TokenKind.amRm)
  const secret = credentials.secrets.get(SECRET_ALIAS)
  if (token === undefined || secret === undefined)
    throw new InvalidMasterLaunch({
      problem: `its token file lacks ${token === undefined ? 'YARN’s token' : `the secret '${SECRET_ALIAS}'`}`,
    })
  const configuration = withSecretValues(parsed.data.configuration, credentials.secrets.get(SECRET_VALUES_ALIAS))
  return {
    descriptor: { ...parsed.data, configuration },
    target,
    configuration: Configuration.of(configuration),
    hadoop: HadoopConfiguration.of(target.hadoopConfiguration),
    credentials,
    secret,
    attempt: decodeAmRmTokenIdentifier(token).appAttemptId?.attemptId ?? 1,
    host: process.env['NM_HOST'] ?? hostname(),
  }
}

async function runLaunch(launch: Launch): Promise<number> {
  const { descriptor, target, configuration, attempt, host } = launch
  log.info(`JobManager of ${target.applicationId}, attempt ${attempt}, on ${host}, Node ${process.version}.`)
  const bindPort = configuration.get(REST_BIND_PORT)
  let fileSystems: FileSystems | undefined
  let leader: Announcement | undefined
  let confirmLeadership: (() => Promise<void>) | undefined
  const onFatal = (error: Error, retry: boolean) => exitWith(1, retry ? 'The JobManager cannot go on' : 'This attempt is over', error)
  const supply = isSecure(launch.hadoop) ? new TokenSupply((tokens) => replaceTokenFile(tokenFile(), tokens)) : undefined
  return runMaster(descriptor, {
    environment,
    epoch: attempt,
    workingDirectory: process.cwd(),
    placement: { kind: 'spread', slotsPerWorker: configuration.get(TASK_SLOTS) },
    limits: workerLimits(configuration, workerSize(configuration)),
    sizedWorkers: true,
    restHost: configuration.get(REST_BIND_ADDRESS),
    restPorts: bindPort === undefined ? [0] : parsePortRange(REST_BIND_PORT.key, bindPort),
    registerFileSystems: async (all) => {
      fileSystems = all
      // An attempt that comes later than the tokens of the submission live logs in before it touches a file.
      if (supply !== undefined) await startRenewal(launch, supply)
      await registerHdfs(all, target.hadoopConfiguration, descriptor.user)
    },
    createDriver: async (endpoints, restPort) => {
      if (supply !== undefined) endpoints.serve('delegationtokens', DelegationTokensGateway, supply.handlers, attempt)
      const rpcPort = await listenForWorkers(launch, endpoints)
      const leaderFile = `${target.stagingDirectory}/${LEADER_FILE}`
      const record = { epoch: attempt, host, port: rpcPort }
      leader = announceLeader((fileSystems as FileSystems).of(leaderFile), leaderFile, record, environment, (error) =>
        log.warn(`The leader file ${leaderFile} could not be written; until it can, no worker of an earlier attempt finds this one`, error),
      )
      confirmLeadership = leadershipCheck((fileSystems as FileSystems).of(leaderFile), leaderFile, attempt, environment, (error) =>
        onFatal(error, false),
      )
      // Workers of an earlier attempt look there; those of the first are told the address when they start.
      if (attempt > 1) await leader.tried
      return createDriver(launch, rpcPort, restPort, leaderFile, supply)
    },
    confirmLeadership: async () => confirmLeadership?.(),
    pushedTokens: () =>
      supply &&
      pushedTokens({
        hadoop: launch.hadoop,
        owner: descriptor.user,
        clock: environment.clock,
        held: () => currentCredentials(launch, supply),
        take: (tokens) => supply.put(tokens),
      }),
    ...(isSecure(launch.hadoop) ? { guardRest: (answers: RestAnswers) => behindProxy(answers, proxyDoor(launch)) } : {}),
    onRest: (port) => {
      if (isSecure(launch.hadoop) || configuration.get(REST_BIND_ADDRESS) !== undefined) return
      log.warn(
        `The REST endpoint listens on every interface of ${host} and asks nobody who they are: whoever reaches port ${port} can see and cancel ` +
          `the jobs. ${REST_BIND_ADDRESS.key} restricts it to one interface; YARN's proxy and clients must reach that one.`,
      )
    },
    // Beside the staging directory, which does not outlive the application: a checkpoint that is to be kept does.
    checkpointDirectory: `${target.stagingDirectory}${CHECKPOINTS_SUFFIX}`,
    submissionDirectory: `${target.stagingDirectory}/${SUBMISSIONS_DIRECTORY}`,
    openJobResults: (all) => {
      const directory = `${target.stagingDirectory}/${RESULTS_DIRECTORY}`
      return openJobResultStore(all.of(directory), directory, attempt)
    },
    cleanUp: async (all) => {
      await leader?.stop()
      await all.of(target.stagingDirectory).delete(target.stagingDirectory)
      log.info(`Removed ${target.stagingDirectory}.`)
    },
    onFatal,
  })
}

/** On a Kerberized cluster REST is for YARN's proxy, which runs in the ResourceManagers or on a host of its own. */
function proxyDoor({ descriptor, configuration, hadoop }: Launch): ProxyDoorOptions {
  return {
    clock: environment.clock,
    rules: { owner: descriptor.user, viewAcl: configuration.get(YARN_VIEW_ACLS), modifyAcl: configuration.get(YARN_MODIFY_ACLS) },
    async resolveProxies() {
      const found = await Promise.all(webProxyHosts(hadoop).map((host) => lookup(host, { all: true }).catch(() => [])))
      return new Set(found.flat().map(({ address }) => plainAddress(address)))
    },
  }
}

async function listenForWorkers({ configuration, secret }: Launch, endpoints: RpcEndpoints): Promise<number> {
  const ports = parsePortRange(YARN_APPLICATION_MASTER_PORT.key, configuration.get(YARN_APPLICATION_MASTER_PORT))
  const listener = await listenTls(undefined, ports, secret, (channel) => void new RpcConnection(channel, endpoints, environment))
  log.info(`TaskManagers reach this JobManager at port ${listener.port}.`)
  return listener.port
}

function tokenFile(): string {
  return process.env['HADOOP_TOKEN_FILE_LOCATION'] ?? 'container_tokens'
}

/** What the container was started with, and all that came since. */
function currentCredentials({ credentials }: Launch, supply: TokenSupply | undefined): Credentials {
  return supply?.newest === undefined ? credentials : mergeTokens(credentials, supply.newest)
}

/** Where the client gave a keytab. The first attempt has the client's fresh tokens meanwhile and does not wait. */
async function startRenewal(launch: Launch, supply: TokenSupply): Promise<void> {
  const { credentials, configuration, hadoop, target, descriptor, attempt } = launch
  const keytab = credentials.secrets.get(KEYTAB_ALIAS)
  if (keytab === undefined) return
  const { tokenRenewal } = await import('./security/token-renewal.js')
  const manager = await tokenRenewal({
    environment,
    configuration,
    hadoop,
    keytab,
    workingDirectory: process.cwd(),
    supply,
    stagingDirectory: target.stagingDirectory,
    user: descriptor.user,
  })
  const first = manager.start()
  if (attempt > 1) await first
}

function createDriver(launch: Launch, rpcPort: number, restPort: number, leaderFile: string, supply: TokenSupply | undefined): YarnDriver {
  const { configuration, hadoop, credentials, target, descriptor, host, attempt } = launch
  const protection = parseRpcProtection(hadoop.get('hadoop.rpc.protection'))
  const token = findToken(credentials, TokenKind.amRm)
  if (token === undefined) throw new InvalidMasterLaunch({ problem: 'its token file lacks YARN’s token' })
  const workerLaunch = {
    configuration,
    resources: target.workerResources,
    // With a keytab a worker could be whoever the user is, for ever: it gets tokens, the newest that there are.
    get credentials() {
      return withoutSecret(currentCredentials(launch, supply), KEYTAB_ALIAS)
    },
    hadoopConfiguration: target.hadoopConfiguration,
    user: descriptor.user,
    master: { host, port: rpcPort, epoch: attempt, leaderFile },
  }
  return new YarnDriver({
    environment,
    shape: workerShape(configuration),
    preemptionGrace: Number(hadoop.get(PREEMPTION_GRACE_KEY) ?? DEFAULT_PREEMPTION_GRACE_MS),
    registration: { host, rpcPort, trackingUrl: `http://${host}:${restPort}/` },
    amRm: (onEvent, onDied) =>
      startHeartbeatThread(
        {
          addresses: resourceManagerSchedulerAddresses(hadoop),
          token,
          protection,
          intervalMs: configuration.get(YARN_HEARTBEAT_INTERVAL) * 1000,
          requestIntervalMs: configuration.get(YARN_HEARTBEAT_REQUEST_INTERVAL),
          expiryMs: applicationMasterExpiryMillis(hadoop),
          leaseMs: applicationMasterLeaseMillis(hadoop),
        },
        onEvent,
        onDied,
      ),
    nodeManagers: new NmClient({ environment, protection }),
    launchContext: (containerId, slots, memoryMb) =>
      containerLaunchContext(workerLaunchContext(workerLaunch, containerId, slots, memoryMb)),
    readQueue: queueReader(hadoop, target.applicationId, descriptor.user),
    logTail: (nodeHttpAddress, containerId) => containerLogTail(nodeHttpAddress, containerId, 'stderr'),
  })
}

function workerShape(configuration: Configuration): WorkerShape {
  const vcores = configuration.get(YARN_CONTAINER_VCORES)
  return {
    memoryMb: Math.ceil(configuration.get(TASKMANAGER_PROCESS_SIZE) / MIB),
    vcores: (slots) => (vcores < 0 ? slots : vcores),
    nodeLabel: configuration.get(YARN_TASKMANAGER_NODE_LABEL) ?? configuration.get(YARN_APPLICATION_NODE_LABEL),
  }
}
