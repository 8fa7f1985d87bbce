/** RPC frames, SASL, replies of a ResourceManager and a NodeManager, credentials and keytabs, bodies of REST requests. */
import type * as z from '#core/zod.js'
import { Configuration } from '#core/config/configuration.js'
import {
  CheckpointTriggerRequestSchema,
  SavepointDisposalRequestSchema,
  SavepointTriggerRequestSchema,
  StopWithSavepointRequestSchema,
} from '#core/rest/checkpoint-responses.js'
import { TOKEN_PUSH_PURPOSE } from '#core/rest/token-responses.js'
import { sealFor } from '#core/security/sealed-box.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'
import { HadoopConfiguration } from '#hadoop/conf/hadoop-configuration.js'
import { SaslConversation } from '#hadoop/ipc/authentication.js'
import { FrameReader, readResponse } from '#hadoop/ipc/frames.js'
import { GetNewApplicationResponse } from '#hadoop/proto/application-client-protocol.js'
import { AllocateResponse, RegisterApplicationMasterResponse } from '#hadoop/proto/application-master-protocol.js'
import { GetContainerStatusesResponse, StartContainersResponse } from '#hadoop/proto/container-management-protocol.js'
import { delimited, type InferInput } from '#hadoop/proto/message.js'
import { RpcResponseHeader, RpcSasl, type SaslAuth } from '#hadoop/proto/rpc-messages.js'
import { AmRmTokenIdentifier, CredentialsFile } from '#hadoop/proto/security-messages.js'
import { parseRemoteException } from '#hadoop/rest/remote-exception.js'
import { mergeTokens, NO_CREDENTIALS, readCredentials, writeCredentials } from '#hadoop/security/credentials.js'
import { digestLayer } from '#hadoop/security/digest-layer.js'
import { tokenMethod } from '#hadoop/security/digest-md5.js'
import { parseKeytab } from '#hadoop/security/keytab.js'
import { decodeToken, delegationTokenInfo, encodeToken, TokenKind } from '#hadoop/security/tokens.js'
import { vlongBytes, writableText } from '#hadoop/security/writable.js'
import { AsyncOperations } from '#am/rest/async-operations.js'
import { requestBody } from '#am/rest/parameters.js'
import { createRestServer } from '#am/rest/server.js'
import { pushedTokens } from '#am/security/pushed-tokens.js'
import { mutated, mutatedText, type Random } from './mutations.js'
import { isRefusal, refusedOrRead, type FuzzTarget } from './target.js'

const identifier = Buffer.concat([
  Buffer.from([0]),
  ...['alice', 'yarn', ''].map(writableText),
  ...[1, 1e13, 3, 4].map((n) => vlongBytes(n)),
])
const hdfsToken = { identifier, password: Buffer.alloc(20, 7), kind: TokenKind.hdfsDelegation, service: '127.0.0.1:8020' }
const applicationId = { id: 7, clusterTimestamp: 1_700_000_000_000n }
const containerId = { appAttemptId: { applicationId, attemptId: 1 }, id: 3n }
const resource = { memory: 1024n, virtualCores: 2 }
const container = {
  id: containerId,
  nodeId: { host: 'node', port: 8041 },
  nodeHttpAddress: 'node:8042',
  resource,
  priority: { priority: 1 },
  containerToken: hdfsToken,
}

const header = (status: 'SUCCESS' | 'ERROR' | 'FATAL'): Uint8Array =>
  RpcResponseHeader.encode({
    callId: 1,
    status,
    ...(status === 'SUCCESS'
      ? {}
      : { exceptionClassName: 'java.io.IOException', errorMsg: 'no', errorDetail: 'ERROR_APPLICATION' as const }),
  })
const REPLIES = [
  {
    message: AllocateResponse,
    good: AllocateResponse.encode({
      responseId: 4,
      allocatedContainers: [container, container],
      completedContainerStatuses: [{ containerId, state: 'COMPLETE', diagnostics: 'killed', exitStatus: -100 }],
      limit: resource,
      numClusterNodes: 2,
    }),
  },
  {
    message: RegisterApplicationMasterResponse,
    good: RegisterApplicationMasterResponse.encode({ maximumCapability: resource, containersFromPreviousAttempts: [container] }),
  },
  { message: GetNewApplicationResponse, good: GetNewApplicationResponse.encode({ applicationId, maximumCapability: resource }) },
  { message: StartContainersResponse, good: StartContainersResponse.encode({ succeededRequests: [containerId] }) },
  { message: GetContainerStatusesResponse, good: GetContainerStatusesResponse.encode({ status: [{ containerId, state: 'RUNNING' }] }) },
  { message: AmRmTokenIdentifier, good: AmRmTokenIdentifier.encode({ appAttemptId: { applicationId, attemptId: 2 }, keyId: 5 }) },
] as const

const frames: FuzzTarget = {
  name: 'rpc-frames',
  begin: async () => {
    const framed = (body: Uint8Array): Buffer => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(body.length)
      return Buffer.concat([length, body])
    }
    const corpus = (['SUCCESS', 'ERROR', 'FATAL'] as const).flatMap((status) =>
      REPLIES.map(({ good }) => framed(status === 'SUCCESS' ? delimited(header(status), good) : delimited(header(status)))),
    )
    return {
      run(random) {
        const bytes = mutated(corpus, random)
        const reader = new FrameReader()
        try {
          // In pieces, as a network brings them.
          for (let at = 0; at < bytes.length;) {
            const end = at + 1 + random.below(bytes.length)
            for (const frame of reader.push(bytes.subarray(at, end))) refusedOrRead(() => readResponse(frame))
            at = end
          }
        } catch (error) {
          // Said by its length alone (FrameReader.push).
          if (!(error instanceof RangeError && error.message.startsWith('it announced a message of'))) throw error
        }
      },
    }
  },
}

const replies: FuzzTarget = {
  name: 'replies',
  begin: async () => {
    const corpus = REPLIES.map(({ good }) => Buffer.from(good))
    const rest = [
      '{"RemoteException":{"exception":"A","message":"b","javaClassName":"java.io.IOException"}}',
      '<html><body>no</body></html>',
    ]
    return {
      run(random) {
        const bytes = mutated(corpus, random)
        for (const { message } of [REPLIES[random.below(REPLIES.length)]!, REPLIES[0]]) refusedOrRead(() => message.decode(bytes))
        if (random.below(10) === 0)
          refusedOrRead(() => parseRemoteException(mutatedText(rest, ['{', '}', '"', ':', '[', 'null', '\\u0000', '1e999'], random)))
      },
    }
  },
}

const sasl: FuzzTarget = {
  name: 'sasl',
  begin: async () => {
    const challenges = [
      'realm="default",nonce="abc",qop="auth,auth-int,auth-conf",charset=utf-8,cipher="3des,rc4",algorithm=md5-sess,maxbuf=65536',
    ]
    const words = [
      'realm=',
      'nonce="',
      'qop="auth-conf"',
      'cipher="rc4"',
      '"',
      ',',
      '\\',
      '=',
      'maxbuf=-1',
      'algorithm=md5',
      ' ',
      'rspauth=',
    ]
    const auths: InferInput<typeof SaslAuth>[] = [
      { method: 'TOKEN', mechanism: 'DIGEST-MD5', protocol: '', serverId: 'default', challenge: Buffer.from(challenges[0]!) },
      { method: 'SIMPLE', mechanism: '' },
      { method: 'KERBEROS', mechanism: 'GSSAPI', protocol: 'rm', serverId: 'host' },
    ]
    const messages = [
      RpcSasl.encode({ state: 'NEGOTIATE', auths }),
      RpcSasl.encode({ state: 'CHALLENGE', token: Buffer.from(challenges[0]!) }),
      RpcSasl.encode({ state: 'SUCCESS', token: Buffer.from('rspauth=00000000000000000000000000000000') }),
      RpcSasl.encode({ state: 'WRAP', token: Buffer.alloc(40, 1) }),
    ].map((each) => Buffer.from(each))
    const environment = virtualEnvironment(1)
    const ha1 = Buffer.alloc(16, 3)
    const wrapped = (['3des', 'rc4', undefined] as const).map((cipher) =>
      // A layer of digests answers at once.
      Buffer.from(
        digestLayer({ ha1, cipher, peerMaxBuffer: 65_536, side: 'server' }).wrap(
          Buffer.from('a clear message of some length'),
        ) as Uint8Array,
      ),
    )
    return {
      async run(random) {
        const conversation = new SaslConversation('server', 'host', {
          methods: [tokenMethod(() => hdfsToken, { random: environment.random })],
        })
        for (let count = 1 + random.below(4); count > 0; count--) {
          let message
          try {
            message =
              random.below(3) === 0
                ? RpcSasl.decode(
                    RpcSasl.encode({
                      state: 'NEGOTIATE',
                      auths: [{ ...auths[0]!, challenge: Buffer.from(mutatedText(challenges, words, random)) }],
                    }),
                  )
                : RpcSasl.decode(mutated(messages, random))
            const step = await conversation.onMessage(message)
            // Who does not know the password gets no further: nothing here does.
            if (step.type === 'done') throw new TypeError('a server that proved nothing was believed')
          } catch (error) {
            if (!isRefusal(error)) throw error
            break
          }
        }
        const index = random.below(3)
        const layer = digestLayer({ ha1, cipher: (['3des', 'rc4', undefined] as const)[index], peerMaxBuffer: 65_536, side: 'client' })
        const bytes = mutated([wrapped[index]!], random)
        refusedOrRead(() => {
          const clear = layer.unwrap(bytes)
          if (!bytes.equals(wrapped[index]!))
            throw new TypeError(`a forged message was taken: ${Buffer.from(clear as Uint8Array).toString('hex')}`)
        })
      },
    }
  },
}

const credentials: FuzzTarget = {
  name: 'credentials',
  begin: async () => {
    const good = {
      tokens: new Map([
        ['a', hdfsToken],
        ['b', { ...hdfsToken, service: 'x' }],
      ]),
      secrets: new Map([['s', Buffer.alloc(32, 5)]]),
    }
    const protobuf = CredentialsFile.encode({
      tokens: [{ alias: 'a', token: hdfsToken }],
      secrets: [{ alias: 's', secret: Buffer.alloc(9) }],
    })
    const files = [writeCredentials(good), Buffer.concat([Buffer.from('HDTS'), Buffer.from([1]), delimited(protobuf)])]
    const keytab = Buffer.from(
      '0502000000340001000b50534555444f2e54455354000561 6c69636500000001655cf00001001200080102030405060708000000 01'.replaceAll(' ', ''),
      'hex',
    )
    const texts = [Buffer.from(encodeToken(hdfsToken), 'base64url')]
    return {
      run(random) {
        const bytes = mutated(files, random)
        refusedOrRead(() => {
          const read = readCredentials(bytes)
          for (const token of read.tokens.values()) refusedOrRead(() => delegationTokenInfo(token))
          readCredentials(writeCredentials(mergeTokens(NO_CREDENTIALS, read)))
        })
        refusedOrRead(() => delegationTokenInfo(decodeToken(mutated(texts, random).toString('base64url'))))
        refusedOrRead(() => parseKeytab(mutated([keytab], random)))
      },
    }
  },
}

const SCHEMAS = [
  CheckpointTriggerRequestSchema,
  SavepointTriggerRequestSchema,
  StopWithSavepointRequestSchema,
  SavepointDisposalRequestSchema,
]
const JSON_PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  'null',
  'true',
  '-1',
  '1e999',
  '9007199254740993',
  '\\u0000',
  '\\ud800',
  '"__proto__"',
  '"sealed"',
  '../',
  '[[[[[[[[',
] as const

/** One of a hundred over HTTP, through the whole server; the rest to what reads bodies. */
const restBodies: FuzzTarget = {
  name: 'rest-bodies',
  begin: async () => {
    const environment = virtualEnvironment(1)
    const pushed = pushedTokens({
      hadoop: HadoopConfiguration.of({}),
      owner: 'alice',
      clock: environment.clock,
      held: () => NO_CREDENTIALS,
      take: () => Promise.resolve(),
    })
    const server = createRestServer({
      configuration: Configuration.of({}),
      environment,
      dispatcher: { jobs: () => [], job: () => undefined },
      resourceManager: { workers: () => [] },
      operations: new AsyncOperations(environment, 300_000),
      disposeSavepoint: () => Promise.resolve(),
      pushedTokens: pushed,
      application: undefined as never,
    })
    await server.ready()
    const key = Buffer.from(pushed.held().key, 'base64url')
    const sealed = sealFor(key, TOKEN_PUSH_PURPOSE, writeCredentials({ tokens: new Map([['a', hdfsToken]]), secrets: new Map() }))
    const corpus = [
      '{"savepoint-path":"/a/b"}',
      '{"target-directory":"hdfs://x/y","cancel-job":false,"formatType":"CANONICAL","triggerId":"0123456789abcdef0123456789abcdef"}',
      '{"targetDirectory":"/x","drain":true,"checkpointType":"FULL"}',
      '{"0123456789abcdef0123456789abcdef":{"parallelism":{"lowerBound":1,"upperBound":2}}}',
      JSON.stringify({ sealed: sealed.toString('base64url') }),
    ]
    const routes = [
      '/savepoint-disposal',
      '/delegation-tokens',
      `/jobs/${'a'.repeat(32)}/savepoints`,
      `/jobs/${'a'.repeat(32)}/resource-requirements`,
    ]
    const read = (random: Random, text: string) => {
      const query = random.below(2) === 0 ? {} : { request: Buffer.from(text).toString('base64url') }
      requestBody<unknown>({ query, body: text }, SCHEMAS[random.below(SCHEMAS.length)] as z.ZodType<unknown>, 'Body')
    }
    return {
      async run(random) {
        const text = mutatedText(corpus, JSON_PIECES, random)
        refusedOrRead(() => read(random, text))
        // Opening costs a multiplication on a curve.
        const bytes = mutated([sealed], random)
        if (random.below(20) === 0)
          await pushed.push(bytes).catch((error: unknown) => {
            if (!isRefusal(error)) throw error
          })
        if (random.below(100) !== 0) return
        const url = routes[random.below(routes.length)]!
        const answer = await server.inject({
          method: 'PUT',
          url,
          payload: text,
          headers: { 'content-type': random.below(2) === 0 ? 'application/json' : 'text/plain' },
        })
        if (answer.statusCode >= 500) throw new TypeError(`PUT ${url} answered ${answer.statusCode}: ${answer.body}`)
      },
    }
  },
}

export const TARGETS: readonly FuzzTarget[] = [frames, replies, sasl, credentials, restBodies]
