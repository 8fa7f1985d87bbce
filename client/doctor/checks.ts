/** What `weft doctor` looks at, from the site files to a file in HDFS: everything that a submission needs, in its order. */
import { createReadStream, existsSync } from 'node:fs'
import type { Configuration } from '#core/config/configuration.js'
import { DELEGATION_TOKENS_ENABLED } from '#core/config/options/security.js'
import { defaultFileSystem, isSecure } from '#hadoop/conf/addresses.js'
import { defaultHdfsAuthority } from '#hadoop/hdfs/hdfs-file-system.js'
import { tokenRenewer } from '#hadoop/security/delegation-tokens.js'
import { gssapi } from '#hadoop/security/gssapi/library.js'
import { decodeToken, delegationTokenInfo } from '#hadoop/security/tokens.js'
import { applicationClient } from '#hadoop/yarn/client-rm/application-client.js'
import { checkSubmission, queueOf } from '../deploy/yarn/preflight.js'
import { stagingRoot } from '../deploy/yarn/staging-area.js'
import { openSubmission } from '../deploy/yarn/submission-way.js'
import { connectYarn, hadoopConfigurationOf, type YarnCluster } from '../deploy/yarn/yarn-cluster.js'
import type { Check } from './examination.js'

export interface DoctorOptions {
  readonly configuration: Configuration
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Of the shipped Node; undefined: it was not built. */
  readonly nodeBinary: string
  /** @throws YARN_RUNTIME_ARCHIVE_MISSING */
  runtimeArchive(): string
}

const SHORT_TICKET_MS = 10 * 60_000

export function doctorChecks(options: DoctorOptions): Check[] {
  const { configuration, variables } = options
  let connected: Promise<YarnCluster> | undefined
  const cluster = (): Promise<YarnCluster> => (connected ??= connectYarn(configuration, variables))
  const secure = async (): Promise<boolean> => isSecure(await hadoopConfigurationOf(configuration, variables))
  let maximum: Awaited<ReturnType<typeof openSubmission>>['maximum'] | undefined
  return [
    {
      name: 'configuration',
      run: async () => {
        const conf = await hadoopConfigurationOf(configuration, variables)
        return `${isSecure(conf) ? 'Kerberos' : 'no Kerberos'}, default file system ${defaultFileSystem(conf)}`
      },
    },
    {
      name: 'Kerberos library',
      needs: ['configuration'],
      run: async () => {
        if (!(await secure())) return 'not needed'
        gssapi()
        return `the system's, with the configuration ${process.env['KRB5_CONFIG'] ?? '/etc/krb5.conf'}`
      },
    },
    {
      name: 'login',
      needs: ['configuration', 'Kerberos library'],
      run: async () => {
        const { login } = await cluster()
        switch (login.kind) {
          case 'simple':
            return `as ${login.user}, which the cluster believes${login.realUser === undefined ? '' : ` of ${login.realUser}`}`
          case 'tokens': {
            const kinds = [...(login.credentials?.().tokens.values() ?? [])].map(({ kind }) => kind)
            return `as ${login.user}, by the tokens of ${variables['HADOOP_TOKEN_FILE_LOCATION'] ?? ''}: ${kinds.join(', ')}`
          }
          case 'kerberos': {
            const left = (await login.kerberos!.lifetimeSeconds()) * 1000
            const text = `${login.kerberos!.principal()}, ${login.realUser === undefined ? 'as' : 'for'} ${login.user}, ticket for ${hoursAndMinutes(left)}`
            return left < SHORT_TICKET_MS ? { concern: `${text}: soon over, 'kinit' gets a new one` } : text
          }
        }
      },
    },
    {
      name: 'ResourceManager',
      needs: ['login'],
      run: async () => {
        const { resourceManager } = await cluster()
        const { resourceManagerVersion, haState } = await resourceManager.clusterInfo()
        const { activeNodes } = await resourceManager.clusterMetrics()
        const text = `${resourceManager.activeUrl}, Hadoop ${resourceManagerVersion}${haState === '' ? '' : `, ${haState.toLowerCase()}`}, ${activeNodes} nodes`
        return activeNodes === 0 ? { concern: `${text}: nothing can run` } : text
      },
    },
    {
      name: 'submission',
      needs: ['ResourceManager'],
      run: async () => {
        const way = await openSubmission(await cluster())
        way.close()
        maximum = way.maximum
        return way.kind === 'rest' ? 'by REST' : 'by RPC: the ResourceManager has switched it off in REST'
      },
    },
    {
      name: 'RPC',
      needs: ['ResourceManager'],
      run: async () => {
        const { hadoop, login, environment } = await cluster()
        const client = applicationClient(hadoop, login, environment)
        try {
          await client.newApplication()
          return `answers${isSecure(hadoop) ? `, protection ${hadoop.get('hadoop.rpc.protection') ?? 'as the server wants'}` : ''}`
        } finally {
          client.close()
        }
      },
    },
    {
      name: 'queue',
      needs: ['submission'],
      run: async () => {
        const { resourceManager, user } = await cluster()
        const [scheduler, access] = await Promise.all([
          resourceManager.scheduler(),
          resourceManager.queueAccess(queueOf(configuration), user),
        ])
        const { queue, master, worker, warnings } = checkSubmission(configuration, { scheduler, maximum: maximum!, access }, user)
        const text = `${queue} takes a JobManager of ${master.memoryMb} MB and TaskManagers of ${worker.memoryMb} MB, ${worker.vcores} vcores`
        return warnings.length === 0 ? text : { concern: [text, ...warnings].join('\n') }
      },
    },
    {
      name: 'NameNode',
      needs: ['login'],
      run: async () => {
        const { hdfs, hadoop } = await cluster()
        const authority = defaultHdfsAuthority(hadoop)
        return `hdfs://${authority}, home ${await hdfs.homeDirectory(authority)}`
      },
    },
    {
      name: 'staging',
      needs: ['NameNode'],
      run: async () => {
        const { hdfs, environment } = await cluster()
        const root = await stagingRoot(await cluster(), configuration)
        const file = `${root.uri}/.weft-doctor-${environment.random.bytes(6).toString('hex')}`
        const writer = await hdfs.create(file, { permission: 0o600 })
        await writer.write(Buffer.from('weft doctor'))
        await writer.close()
        await hdfs.delete(file)
        return `${root.uri} can be written`
      },
    },
    {
      name: 'delegation tokens',
      needs: ['NameNode'],
      run: async () => {
        const { hadoop, hdfs, login } = await cluster()
        if (login.kind === 'simple') return 'not needed'
        if (login.kind === 'tokens') return 'those of the token file are handed on'
        if (!configuration.get(DELEGATION_TOKENS_ENABLED))
          return { concern: 'none are obtained: security.delegation.tokens.enabled is false' }
        const authority = defaultHdfsAuthority(hadoop)
        const text = await hdfs.delegationToken(authority, tokenRenewer(hadoop))
        if (text === undefined) throw new Error(`hdfs://${authority} gives none`)
        const info = delegationTokenInfo(decodeToken(text))
        await hdfs.cancelDelegationToken(authority, text)
        return `hdfs://${authority} gives them, renewed by ${info?.renewer ?? 'nobody'} until ${new Date(info?.maxDate ?? 0).toISOString()}`
      },
    },
    {
      name: 'runtime',
      run: async () => {
        const archive = options.runtimeArchive()
        const version = existsSync(options.nodeBinary) ? await neededGlibc(options.nodeBinary) : undefined
        return `${archive}${version === undefined ? '' : `; its Node needs glibc ${version} or newer on the nodes`}`
      },
    },
  ]
}

function hoursAndMinutes(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const OVERLAP = 32

/** The newest version of glibc that an ELF binary names. Undefined: none. */
export async function neededGlibc(file: string): Promise<string | undefined> {
  let newest: readonly [number, number] = [0, 0]
  let tail = ''
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    const text = tail + chunk.toString('latin1')
    for (const [, major = '', minor = ''] of text.matchAll(/GLIBC_(\d+)\.(\d+)/g)) {
      const found = [Number(major), Number(minor)] as const
      if (found[0] > newest[0] || (found[0] === newest[0] && found[1] > newest[1])) newest = found
    }
    tail = text.slice(-OVERLAP)
  }
  return newest[0] === 0 ? undefined : newest.join('.')
}
