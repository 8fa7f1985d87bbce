import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'chai'
import * as applicationClient from '#hadoop/proto/application-client-protocol.js'
import * as applicationMaster from '#hadoop/proto/application-master-protocol.js'
import * as containerManagement from '#hadoop/proto/container-management-protocol.js'
import * as rpc from '#hadoop/proto/rpc-messages.js'
import * as security from '#hadoop/proto/security-messages.js'
import * as token from '#hadoop/proto/token.js'
import * as records from '#hadoop/proto/yarn-records.js'
import { sharedHadoop } from '../../support/hadoop-cluster.js'

const FILES = [
  'org.apache.hadoop.yarn.proto.YarnProtos',
  'org.apache.hadoop.yarn.proto.YarnServiceProtos',
  'org.apache.hadoop.yarn.proto.YarnSecurityTokenProtos',
  'org.apache.hadoop.ipc.protobuf.RpcHeaderProtos',
  'org.apache.hadoop.ipc.protobuf.ProtobufRpcEngine2Protos',
  'org.apache.hadoop.ipc.protobuf.IpcConnectionContextProtos',
  'org.apache.hadoop.security.proto.SecurityProtos',
]

interface Form {
  readonly name: string
  readonly constants?: Readonly<Record<string, number>>
}
interface Declared extends Form {
  readonly fields: Readonly<Record<string, { number: number; label: string; fallback?: unknown; form: Form }>>
}

function source(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); folder !== '/'; folder = dirname(folder)) {
    const file = join(folder, 'test/hadoop/java/DumpDescriptors.java')
    if (existsSync(file)) return file
  }
  throw new Error('no test/hadoop/java/DumpDescriptors.java')
}

/** Optional in Hadoop, and an id without them is none. */
const STRICTER = ['hadoop.yarn.ApplicationAttemptIdProto applicationId', 'hadoop.yarn.ContainerIdProto appAttemptId']

const plain = (name: string): string => name.replaceAll('_', '').toLowerCase()

describe("the declared messages, compared with the descriptors in Hadoop's own jars", function () {
  this.timeout(600_000)
  const fields = new Map<string, Map<number, { name: string; label: string; type: string; fallback: string }>>()
  const constants = new Map<string, Map<number, string>>()

  before(async () => {
    const { environment } = await sharedHadoop()
    const { stdout } = await promisify(execFile)(
      join(environment['JAVA_HOME']!, 'bin/java'),
      ['-cp', environment['HADOOP_CLASSPATH']!, source(), ...FILES],
      { maxBuffer: 1 << 24 },
    )
    for (const line of stdout.split('\n')) {
      const [kind = '', message = '', number = '', name = '', label = '', type = '', fallback = ''] = line.split('\t')
      if (kind === 'message' && !fields.has(message)) fields.set(message, new Map())
      if (kind === 'constant') constants.set(message, (constants.get(message) ?? new Map<number, string>()).set(Number(number), name))
      if (kind === 'field') fields.set(message, (fields.get(message) ?? new Map()).set(Number(number), { name, label, type, fallback }))
    }
  })

  const modules: Record<string, unknown>[] = [applicationClient, applicationMaster, containerManagement, rpc, security, token, records]
  const declared = modules
    .flatMap((one) => Object.values(one))
    .filter((value): value is Declared => typeof value === 'object' && value !== null && 'fields' in value)

  it('are many', () => {
    expect(declared.length).to.be.above(60)
  })

  for (const message of declared) {
    it(message.name, () => {
      const real = fields.get(message.name)
      expect(real, 'a message of that name').to.not.equal(undefined)
      for (const [key, field] of Object.entries(message.fields)) {
        const theirs = real!.get(field.number)
        expect(theirs === undefined ? undefined : plain(theirs.name), `name of field ${field.number}`).to.equal(plain(key))
        const stricter = STRICTER.includes(`${message.name} ${key}`)
        expect(field.label === 'default' || stricter ? 'optional' : field.label, `label of ${key}`).to.equal(theirs!.label)
        if (field.form.constants === undefined) {
          expect(field.form.name, `type of ${key}`).to.equal(theirs!.type)
        } else {
          const known = constants.get(theirs!.type)
          expect(known, `enum ${theirs!.type} of ${key}`).to.not.equal(undefined)
          for (const [name, number] of Object.entries(field.form.constants))
            expect(known!.get(number), `${theirs!.type} ${name}`).to.match(new RegExp(`(^|_)${name}$`))
        }
        if (theirs!.fallback !== '' && field.label === 'default')
          expect(theirs!.fallback, `default of ${key}`).to.match(new RegExp(`(^|_)${String(field.fallback)}$`))
      }
    })
  }
})
