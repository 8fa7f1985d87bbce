import { expect } from 'chai'
import { systemEnvironment } from '#core/time/environment.js'
import type { Authentication } from '#hadoop/ipc/authentication.js'
import { call, protocol } from '#hadoop/ipc/protocol.js'
import { RpcClient } from '#hadoop/ipc/rpc-client.js'
import type { HostPort } from '#hadoop/conf/addresses.js'
import { message, optional, string } from '#hadoop/proto/message.js'
import { tokenMethod } from '#hadoop/security/digest-md5.js'
import type { QualityOfProtection } from '#hadoop/security/sasl-mechanism.js'
import { ScriptedServer, responseFrame, tokenServer, type Script, type ServerCall } from './scripted-server.js'

const Text = message('test.Text', { text: optional(1, string) })
const Echo = protocol('test.EchoPB', 1, {
  echo: call(Text, Text, { retry: 'idempotent' }),
  once: call(Text, Text, { retry: 'at-most-once' }),
})
const STANDBY = 'org.apache.hadoop.ipc.StandbyException'
const simple: Authentication = { user: 'alice', methods: [] }
const echo = (one: ServerCall): void => one.succeed(Text.encode({ text: `${one.method} ${Text.decode(one.request).text}` }))

/** Code of the error that a promise ends with. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await errorOf(promise)).code ?? 'no code'
}
async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string; details?: Record<string, unknown> }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('it succeeded')
}

describe('RpcClient', () => {
  const servers: ScriptedServer[] = []
  const clients: RpcClient<typeof Echo>[] = []
  async function serve(script: Script): Promise<ScriptedServer> {
    const server = await ScriptedServer.start(script)
    servers.push(server)
    return server
  }
  function clientOf(
    addresses: ScriptedServer | readonly HostPort[],
    options: {
      authentication?: Authentication
      callTimeoutMs?: number
      connectTimeoutMs?: number
      idleTimeoutMs?: number
      pingIntervalMs?: number
      rounds?: number
    } = {},
  ) {
    const { authentication = simple, ...rest } = options
    const client = new RpcClient({
      protocol: Echo,
      addresses: addresses instanceof ScriptedServer ? [addresses.address] : addresses,
      authentication: () => authentication,
      environment: systemEnvironment,
      backoff: { initialMs: 1, maximumMs: 2 },
      ...rest,
    })
    clients.push(client)
    return client
  }
  /** A port where nothing listens. */
  async function deadAddress(): Promise<HostPort> {
    const server = await ScriptedServer.start({})
    await server.stop()
    return server.address
  }
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    for (const server of servers.splice(0)) await server.stop()
  })

  it('says who calls which protocol, and keeps one connection for its calls', async () => {
    const server = await serve({ onCall: echo })
    const client = clientOf(server)
    expect(await client.calls.echo({ text: 'a' })).to.deep.equal({ text: 'echo a' })
    expect(await client.calls.once({})).to.deep.equal({ text: 'once undefined' })
    expect(server.connections).to.have.length(1)
    expect(server.connections[0]).to.deep.include({ auth: 0, context: { user: 'alice', protocol: 'test.EchoPB' } })
  })

  it('matches answers that come out of order', async () => {
    const waiting: ServerCall[] = []
    const server = await serve({
      onCall(one) {
        waiting.push(one)
        if (waiting.length === 3) for (const each of waiting.reverse()) echo(each)
      },
    })
    const client = clientOf(server)
    const answers = await Promise.all(['a', 'b', 'c'].map((text) => client.calls.echo({ text })))
    expect(answers.map(({ text }) => text)).to.deep.equal(['echo a', 'echo b', 'echo c'])
    expect(server.connections).to.have.length(1)
  })

  it('turns an exception into a typed error with its Java class, and the connection stays good', async () => {
    const server = await serve({
      onCall: (one) =>
        one.method === 'once'
          ? one.fail(
              'ERROR',
              'org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException',
              'AM is not registered\n\tat org.apache.X.y(X.java:1)\n',
            )
          : echo(one),
    })
    const client = clientOf(server)
    const error = await errorOf(client.calls.once({}))
    expect(error.code).to.equal('YARN_AM_NOT_REGISTERED')
    expect(error.details).to.include({
      className: 'org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException',
      reason: 'AM is not registered',
      call: 'once',
    })
    expect(error.message).to.not.contain('at org.apache')
    expect(await client.calls.echo({ text: 'b' })).to.deep.equal({ text: 'echo b' })
    expect(server.connections).to.have.length(1)
  })

  it('fails everything outstanding with the reason of a FATAL, and connects anew', async () => {
    let fatal = true
    const server = await serve({
      onCall(one) {
        if (!fatal) return echo(one)
        if (Text.decode(one.request).text !== 'b') return
        one.connection.send({
          callId: 4294967295,
          status: 'FATAL',
          exceptionClassName: 'org.apache.hadoop.security.AccessControlException',
          errorMsg: 'SIMPLE authentication is not enabled.  Available:[TOKEN]',
        })
        one.connection.socket.end()
      },
    })
    const client = clientOf(server)
    const errors = await Promise.all([errorOf(client.calls.echo({ text: 'a' })), errorOf(client.calls.once({ text: 'b' }))])
    expect(errors.map((error) => error.code)).to.deep.equal(['HADOOP_RPC_ACCESS_DENIED', 'HADOOP_RPC_ACCESS_DENIED'])
    expect(errors[1]!.message).to.contain('Available:[TOKEN]')
    fatal = false
    expect(await client.calls.echo({ text: 'c' })).to.deep.equal({ text: 'echo c' })
    expect(server.connections).to.have.length(2)
  })

  it('reads the reason that a server left behind before it broke the connection', async () => {
    const server = await serve({ onCall: echo })
    const client = clientOf(server)
    await client.calls.echo({ text: 'a' })
    // All within one turn: the reason lies in our receive buffer, the connection is reset, and our write fails before anything is read.
    const { socket } = server.connections[0]!
    socket.write(
      responseFrame({
        callId: 4294967295,
        status: 'FATAL',
        exceptionClassName: 'org.apache.hadoop.security.token.SecretManager$InvalidToken',
        errorMsg: 'token expired',
      }),
    )
    socket.resetAndDestroy()
    expect(await codeOf(client.calls.once({ text: 'b' }))).to.equal('HADOOP_RPC_INVALID_TOKEN')
  })

  it('gives a call its deadline, ignores the late answer and asks over a new connection', async () => {
    let slow: ServerCall | undefined
    const server = await serve({ onCall: (one) => (one.method === 'once' ? (slow = one) : echo(one)) })
    const client = clientOf(server, { callTimeoutMs: 60 })
    expect(await codeOf(client.calls.once({}))).to.equal('HADOOP_RPC_CALL_TIMED_OUT')
    slow!.succeed(Text.encode({ text: 'late' }))
    expect(await client.calls.echo({ text: 'x' }, { timeoutMs: 5_000 })).to.deep.equal({ text: 'echo x' })
    expect(server.connections).to.have.length(2)
    expect(server.calls).to.deep.equal(['once', 'echo'])
  })

  it('connects again when the server closed an idle connection', async () => {
    const server = await serve({ onCall: echo })
    const client = clientOf(server)
    await client.calls.once({ text: '1' })
    await new Promise((resolve) => {
      server.connections[0]!.socket.once('close', resolve)
      server.connections[0]!.socket.end()
    })
    expect(await client.calls.once({ text: '2' })).to.deep.equal({ text: 'once 2' })
    expect(server.connections).to.have.length(2)
  })

  it('closes a connection that it does not use, and pings one on which it waits', async () => {
    const server = await serve({ onCall: (one) => void setTimeout(() => echo(one), 120) })
    const client = clientOf(server, { idleTimeoutMs: 20, pingIntervalMs: 30 })
    await client.calls.echo({ text: 'x' })
    expect(server.connections[0]!.pings).to.be.at.least(1)
    await new Promise((resolve) => server.connections[0]!.socket.once('close', resolve))
  })

  it('repeats an idempotent call after a lost connection with the same id and a higher retry count', async () => {
    const seen: [number, number][] = []
    const server = await serve({
      onCall(one) {
        seen.push([one.callId, one.retryCount])
        if (seen.length === 1) one.connection.socket.destroy()
        else echo(one)
      },
    })
    const client = clientOf(server, { rounds: 2 })
    expect(await client.calls.echo({ text: 'x' })).to.deep.equal({ text: 'echo x' })
    expect(seen).to.deep.equal([
      [0, 0],
      [0, 1],
    ])
  })

  it('does not repeat a call that may have been executed', async () => {
    const server = await serve({ onCall: (one) => one.connection.socket.destroy() })
    const client = clientOf(server, { rounds: 3 })
    expect(await codeOf(client.calls.once({}))).to.equal('HADOOP_RPC_CONNECTION_LOST')
    expect(server.calls).to.have.length(1)
  })

  it('goes from a dead server and a standby to the active one, and stays there', async () => {
    const standby = await serve({
      onCall: (one) => one.fail('ERROR', STANDBY, 'Operation category READ is not supported in state standby'),
    })
    const active = await serve({ onCall: echo })
    const client = clientOf([await deadAddress(), standby.address, active.address])
    expect(await client.calls.once({ text: '1' })).to.deep.equal({ text: 'once 1' })
    expect(await client.calls.once({ text: '2' })).to.deep.equal({ text: 'once 2' })
    expect([standby.calls.length, active.calls.length, client.address.port]).to.deep.equal([1, 2, active.address.port])
  })

  it('says what was wrong with each when none serves', async () => {
    const standby = await serve({ onCall: (one) => one.fail('ERROR', STANDBY, 'standby') })
    const error = await errorOf(clientOf([await deadAddress(), standby.address], { rounds: 2 }).calls.once({}))
    expect(error.code).to.equal('HADOOP_RPC_UNREACHABLE')
    expect(error.message)
      .to.match(/connection refused/)
      .and.match(/is not the active one/)
    expect(standby.calls).to.have.length(2)
  })

  it('tells a web port, an older Hadoop and silence from a Hadoop server', async () => {
    const http = await serve({
      onSocket: (socket) => void socket.end('HTTP/1.1 404 Not Found\r\nContent-type: application/octet-stream\r\n\r\n'),
    })
    expect((await errorOf(clientOf(http).calls.echo({}))).message).to.match(/web port/)
    const text = 'Server IPC version 8 cannot communicate with client version 9'
    const length = (value: string) => Buffer.from([0, 0, 0, value.length])
    const old = await serve({
      onSocket: (socket) =>
        void socket.end(Buffer.concat([Buffer.alloc(8, 255), length('org.X'), Buffer.from('org.X'), length(text), Buffer.from(text)])),
    })
    const error = await errorOf(clientOf(old).calls.echo({}))
    expect([error.code, error.message.includes(text)]).to.deep.equal(['HADOOP_RPC_PROTOCOL_VIOLATION', true])
    const silent = await serve({ onSocket: () => undefined })
    const authentication = { methods: [tokenMethod(() => token, { random: systemEnvironment.random })] }
    expect(await codeOf(clientOf(silent, { authentication, connectTimeoutMs: 40 }).calls.echo({}))).to.equal('HADOOP_RPC_UNREACHABLE')
  })

  it('fails what is under way when it is closed', async () => {
    const server = await serve({})
    const client = clientOf(server)
    const pending = codeOf(client.calls.echo({}))
    while (server.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    client.close()
    expect(await pending).to.equal('HADOOP_RPC_CLIENT_CLOSED')
    expect(await codeOf(client.calls.echo({}))).to.equal('HADOOP_RPC_CLIENT_CLOSED')
  })

  // ------------------------------------------------------------------------------------------------------------ authentication
  const identifier = Buffer.from('who')
  const password = Buffer.from('secret')
  const token = { identifier, password, kind: 'k', service: '' }
  const byToken = (protection?: readonly QualityOfProtection[], ciphers?: readonly ('3des' | 'rc4')[]): Authentication => ({
    methods: [tokenMethod(() => token, { random: systemEnvironment.random, protection, ciphers })],
  })

  const layers = [
    { quality: 'auth' },
    { quality: 'auth-int' },
    { quality: 'auth-conf', cipher: '3des' },
    { quality: 'auth-conf', cipher: 'rc4' },
  ] as const
  for (const layer of layers) {
    it(`authenticates by token and speaks ${Object.values(layer).join(' with ')}`, async () => {
      const server = await serve({ onSasl: tokenServer({ identifier, password, maxbuf: 300, ...layer }), onCall: echo })
      const client = clientOf(server, { authentication: byToken() })
      // Longer than the server's buffer: it must come in several pieces.
      const long = 'long '.repeat(1_000)
      const answers = await Promise.all(['a', long, 'c'].map((text) => client.calls.echo({ text })))
      expect(answers.map(({ text }) => text)).to.deep.equal(['echo a', `echo ${long}`, 'echo c'])
      expect(server.connections[0]).to.deep.include({ auth: 0xdf, context: { user: undefined, protocol: 'test.EchoPB' } })
      expect(server.connections[0]!.layer?.protection).to.equal(layer.quality === 'auth' ? undefined : layer.quality)
    })
  }

  it('passes on that the password is wrong', async () => {
    const server = await serve({ onSasl: tokenServer({ identifier, password: Buffer.from('other'), quality: 'auth' }) })
    const error = await errorOf(clientOf(server, { authentication: byToken() }).calls.echo({}))
    expect(error.code).to.equal('HADOOP_RPC_AUTHENTICATION_REFUSED')
  })

  it('does not talk to a server that cannot prove the password', async () => {
    const server = await serve({
      onSasl(message, connection) {
        if (message.state === 'NEGOTIATE')
          connection.sasl({
            state: 'NEGOTIATE',
            auths: [
              {
                method: 'TOKEN',
                mechanism: 'DIGEST-MD5',
                protocol: '',
                serverId: 'default',
                challenge: Buffer.from('realm="default",nonce="n",qop="auth"'),
              },
            ],
          })
        else connection.sasl({ state: 'SUCCESS', token: Buffer.from(`rspauth=${'0'.repeat(32)}`) })
      },
      onCall: echo,
    })
    expect(await codeOf(clientOf(server, { authentication: byToken() }).calls.echo({}))).to.equal('HADOOP_RPC_SERVER_NOT_TRUSTED')
    expect(server.calls).to.have.length(0)
  })

  it('breaks off when a protected connection carries an unprotected answer', async () => {
    const server = await serve({
      onSasl: tokenServer({ identifier, password, quality: 'auth-int' }),
      onCall(one) {
        one.connection.layer = undefined
        echo(one)
      },
    })
    expect(await codeOf(clientOf(server, { authentication: byToken() }).calls.once({}))).to.equal('HADOOP_RPC_SERVER_NOT_TRUSTED')
  })

  it('refuses a server that offers less protection than configured', async () => {
    const server = await serve({ onSasl: tokenServer({ identifier, password, quality: 'auth' }) })
    const error = await errorOf(clientOf(server, { authentication: byToken(['auth-conf']) }).calls.echo({}))
    expect(error.code).to.equal('HADOOP_RPC_CANNOT_AUTHENTICATE')
    expect(error.message).to.match(/allows only auth-conf/)
  })

  it('says that Kerberos is demanded, or an unknown mechanism, instead of trying', async () => {
    const offer = (method: string, mechanism: string) =>
      serve({
        onSasl: (_, connection) =>
          connection.sasl({ state: 'NEGOTIATE', auths: [{ method, mechanism, protocol: 'rm', serverId: 'host' }] }),
      })
    const kerberos = await errorOf(clientOf(await offer('KERBEROS', 'GSSAPI'), { authentication: byToken() }).calls.echo({}))
    expect([kerberos.code, kerberos.message.includes('it demands Kerberos; only TOKEN is available here')]).to.deep.equal([
      'HADOOP_RPC_CANNOT_AUTHENTICATE',
      true,
    ])
    const scram = await errorOf(clientOf(await offer('TOKEN', 'SCRAM-SHA-256'), { authentication: byToken() }).calls.echo({}))
    expect(scram.message).to.match(/wants the mechanism SCRAM-SHA-256 for TOKEN/)
  })

  it('falls back to SIMPLE only where a user is given for it', async () => {
    const open = await serve({ onSasl: (_, connection) => connection.sasl({ state: 'SUCCESS' }), onCall: echo })
    expect(await clientOf(open, { authentication: { ...byToken(), user: 'bob' } }).calls.echo({ text: '1' })).to.deep.equal({
      text: 'echo 1',
    })
    expect(open.connections[0]!.context?.user).to.equal('bob')
    expect(await codeOf(clientOf(open, { authentication: byToken() }).calls.echo({}))).to.equal('HADOOP_RPC_CANNOT_AUTHENTICATE')
    const offered = await serve({
      onSasl: (message, connection) =>
        message.state === 'NEGOTIATE' && connection.sasl({ state: 'NEGOTIATE', auths: [{ method: 'SIMPLE', mechanism: '' }] }),
      onCall: echo,
    })
    expect(await clientOf(offered, { authentication: { ...byToken(), user: 'bob' } }).calls.echo({ text: '2' })).to.deep.equal({
      text: 'echo 2',
    })
  })
})
