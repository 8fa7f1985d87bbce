import { expect } from 'chai'
import { WorkerDescriptorSchema } from '#core/cluster/worker-descriptor.js'
import { SECRET_ALIAS } from '#core/cluster/application-descriptor.js'
import { Configuration } from '#core/config/configuration.js'
import { readCredentials } from '#hadoop/security/credentials.js'
import { containerLaunchContext } from '#hadoop/yarn/launch-context.js'
import { workerLaunchContext } from '#am/resourcemanager/drivers/yarn/worker-launch.js'

const secret = Buffer.from('0123456789abcdef0123456789abcdef')
const token = (kind: string) => ({ identifier: Buffer.from(kind), password: Buffer.from('pw'), kind, service: '' })
const launch = workerLaunchContext(
  {
    configuration: Configuration.of({ 'containerized.taskmanager.env.MODE': 'a"b $HOME', 'yarn.view.acls': 'bob' }),
    resources: [],
    credentials: {
      tokens: new Map([
        ['', token('YARN_AM_RM_TOKEN')],
        ['nn', token('HDFS_DELEGATION_TOKEN')],
      ]),
      secrets: new Map([[SECRET_ALIAS, secret]]),
    },
    hadoopConfiguration: { 'fs.defaultFS': 'hdfs://nn:8020' },
    user: 'alice',
    master: { host: 'node-0', port: 4711, epoch: 1, leaderFile: 'hdfs://nn:8020/user/alice/.weft/leader.json' },
  },
  'container_1_0001_01_000002',
  2,
)

describe('launch context of a TaskManager', () => {
  it('tells the worker in its environment who and whose it is', () => {
    const descriptor = WorkerDescriptorSchema.parse(
      JSON.parse(Buffer.from(launch.environment['WEFT_WORKER'] ?? '', 'base64').toString('utf8')),
    )
    expect(descriptor).to.deep.include({
      resourceId: 'container_1_0001_01_000002',
      slots: 2,
      processMemory: 256 * 1024 * 1024,
      user: 'alice',
      master: { kind: 'address', host: 'node-0', port: 4711, epoch: 1, leaderFile: 'hdfs://nn:8020/user/alice/.weft/leader.json' },
    })
    expect(launch.environment['MODE']).to.equal('a"b $HOME')
    expect(launch.viewAcl).to.equal('bob')
  })

  it('runs the shipped Node with a bounded heap', () => {
    expect(launch.command.argv[0]).to.equal('./runtime/node')
    expect(launch.command.argv[1]).to.match(/^--max-old-space-size=\d+$/)
    expect(launch.command.argv[2]).to.equal('./runtime/container.mjs')
  })

  it('carries the secret in the credentials only, and never the master’s own token', () => {
    const context = containerLaunchContext(launch)
    const credentials = readCredentials(context.tokens as Uint8Array)
    expect(credentials.secrets.get(SECRET_ALIAS)?.equals(secret)).to.equal(true)
    expect([...credentials.tokens.values()].map(({ kind }) => kind)).to.deep.equal(['HDFS_DELEGATION_TOKEN'])
    const visible =
      JSON.stringify([context.environment, context.command]) +
      Buffer.from(launch.environment['WEFT_WORKER'] ?? '', 'base64').toString('utf8')
    for (const form of [secret.toString('utf8'), secret.toString('hex'), secret.toString('base64')]) expect(visible).not.to.contain(form)
  })
})
