/** A Hadoop RPC server on loopback whose every answer is the test's. */
import { createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { FrameReader } from '#hadoop/ipc/frames.js'
import { delimited, readDelimited, type InferInput } from '#hadoop/proto/message.js'
import { IpcConnectionContext, RequestHeader, RpcRequestHeader, RpcResponseHeader, RpcSasl } from '#hadoop/proto/rpc-messages.js'
import { digestHa1, digestResponse, parseDirectives } from '#hadoop/security/digest-md5.js'
import { digestLayer, type DigestCipher } from '#hadoop/security/digest-layer.js'
import type { QualityOfProtection, SecurityLayer } from '#hadoop/security/sasl-mechanism.js'
import type { HostPort } from '#hadoop/conf/addresses.js'

export interface ServerCall {
  readonly method: string
  readonly callId: number
  readonly retryCount: number
  readonly request: Uint8Array
  readonly connection: ServerConnection
  succeed(response: Uint8Array): void
  fail(status: 'ERROR' | 'FATAL', className: string, message: string): void
}

export class ServerConnection {
  readonly socket: Socket
  readonly auth: number
  context: { user: string | undefined; protocol: string | undefined } | undefined
  pings = 0
  layer: SecurityLayer | undefined
  constructor(socket: Socket, auth: number) {
    this.socket = socket
    this.auth = auth
  }
  /** A response frame, wrapped when a layer was agreed on. */
  send(header: InferInput<typeof RpcResponseHeader>, ...bodies: Uint8Array[]): void {
    const bytes = responseFrame(header, ...bodies)
    if (this.layer === undefined) this.socket.write(bytes)
    // In two tokens, so that frames span them.
    else
      for (const part of [bytes.subarray(0, 7), bytes.subarray(7)]) this.sasl({ state: 'WRAP', token: this.layer.wrap(part) as Uint8Array })
  }
  sasl(message: InferInput<typeof RpcSasl>): void {
    this.socket.write(framed(RpcResponseHeader.encode({ callId: 4294967263, status: 'SUCCESS' }), RpcSasl.encode(message)))
  }
}

function framed(...parts: Uint8Array[]): Buffer {
  const body = delimited(...parts)
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

export function responseFrame(header: InferInput<typeof RpcResponseHeader>, ...bodies: Uint8Array[]): Buffer {
  return framed(RpcResponseHeader.encode(header), ...bodies)
}

export interface Script {
  onCall?(call: ServerCall): void
  onSasl?(message: RpcSasl, connection: ServerConnection): void
  /** Takes the raw socket instead. */
  onSocket?(socket: Socket): void
}

export class ScriptedServer {
  readonly connections: ServerConnection[] = []
  readonly calls: string[] = []
  readonly address: HostPort
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  }

  static async start(script: Script): Promise<ScriptedServer> {
    const sockets: Socket[] = []
    let self: ScriptedServer | undefined
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => undefined)
      if (script.onSocket !== undefined) script.onSocket(socket)
      else self!.#serve(socket, script)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    self = new ScriptedServer(server)
    self.#sockets = sockets
    return self
  }
  #sockets: Socket[] = []

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #serve(socket: Socket, script: Script): void {
    let opening = Buffer.alloc(0)
    let connection: ServerConnection | undefined
    const frames = new FrameReader()
    const clear = new FrameReader()
    const onFrame = (bytes: Uint8Array): void => {
      const head = readDelimited(bytes, 0)
      const header = RpcRequestHeader.decode(head.bytes)
      const current = connection!
      if (header.callId === -4) {
        current.pings++
        return
      }
      const second = readDelimited(bytes, head.end)
      if (header.callId === -3) {
        const context = IpcConnectionContext.decode(second.bytes)
        current.context = { user: context.userInfo?.effectiveUser, protocol: context.protocol }
      } else if (header.callId === -33) {
        const sasl = RpcSasl.decode(second.bytes)
        if (sasl.state !== 'WRAP') script.onSasl?.(sasl, current)
        else for (const frame of clear.push(current.layer!.unwrap(sasl.token!) as Uint8Array)) onFrame(frame)
      } else {
        const request = readDelimited(bytes, second.end).bytes
        const { methodName } = RequestHeader.decode(second.bytes)
        this.calls.push(methodName)
        script.onCall?.({
          method: methodName,
          callId: header.callId,
          retryCount: header.retryCount,
          request,
          connection: current,
          succeed: (response) => current.send({ callId: header.callId, status: 'SUCCESS' }, response),
          fail: (status, className, message) =>
            current.send({ callId: header.callId, status, exceptionClassName: className, errorMsg: message }),
        })
      }
    }
    socket.on('data', (chunk: Buffer) => {
      let rest = chunk
      if (connection === undefined) {
        opening = Buffer.concat([opening, chunk])
        if (opening.length < 7) return
        connection = new ServerConnection(socket, opening[6]!)
        this.connections.push(connection)
        rest = opening.subarray(7)
      }
      for (const frame of frames.push(rest)) onFrame(frame)
    })
  }
}

/** A server that demands a token: user name and password are what DIGEST-MD5 makes of identifier and password. */
export function tokenServer(options: {
  identifier: Buffer
  password: Buffer
  quality: QualityOfProtection
  cipher?: DigestCipher
  maxbuf?: number
}): NonNullable<Script['onSasl']> {
  const nonce = 'bm9uY2U='
  return (message, connection) => {
    if (message.state === 'NEGOTIATE') {
      const challenge = `realm="default",nonce="${nonce}",qop="${options.quality}",charset=utf-8,algorithm=md5-sess,cipher="${options.cipher ?? 'rc4'}",maxbuf=${options.maxbuf ?? 65536}`
      connection.sasl({
        state: 'NEGOTIATE',
        auths: [{ method: 'TOKEN', mechanism: 'DIGEST-MD5', protocol: '', serverId: 'default', challenge: Buffer.from(challenge) }],
      })
      return
    }
    const fields = parseDirectives(Buffer.from(message.token!).toString())
    const cnonce = fields.get('cnonce')!
    const ha1 = digestHa1({
      username: options.identifier.toString('base64'),
      realm: 'default',
      password: options.password.toString('base64'),
      nonce,
      cnonce,
    })
    const inputs = { ha1, nonce, cnonce, quality: options.quality, digestUri: '/default' }
    const entry = message.auths[0]
    if (
      entry === undefined ||
      entry.challenge !== undefined ||
      digestResponse({ ...inputs, fromServer: false }) !== fields.get('response')
    ) {
      connection.send({
        callId: 4294967263,
        status: 'FATAL',
        exceptionClassName: 'javax.security.sasl.SaslException',
        errorMsg: 'DIGEST-MD5: digest response format violation. Mismatched response.',
      })
      connection.socket.end()
      return
    }
    connection.sasl({ state: 'SUCCESS', token: Buffer.from(`rspauth=${digestResponse({ ...inputs, fromServer: true })}`) })
    const cipher = options.quality === 'auth-conf' ? (options.cipher ?? 'rc4') : undefined
    if (options.quality !== 'auth') connection.layer = digestLayer({ ha1, cipher, peerMaxBuffer: 65_536, side: 'server' })
  }
}
