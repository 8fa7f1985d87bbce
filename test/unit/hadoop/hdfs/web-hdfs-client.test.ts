/** The WebHDFS client against servers that fail in the ways that Hadoop and networks do. The real thing: test/integration/hdfs.test.ts. */
import { expect } from 'chai'
import {
  FileSystemFailed,
  FileSystemUnavailable,
  PathAlreadyExists,
  PathNotFound,
  PermissionDenied,
  QuotaExceeded,
} from '#core/fs/errors.js'
import { systemEnvironment, type Environment } from '#core/time/environment.js'
import { negotiateAuthenticator, simpleAuthenticator, type HttpAuthenticator } from '#hadoop/rest/http-authenticator.js'
import { WebHdfsClient } from '#hadoop/hdfs/web-hdfs-client.js'
import { rejection } from '../../../support/file-system-contract.js'
import {
  deadUrl,
  remoteExceptionBody,
  scriptedServer,
  type RecordedRequest,
  type ScriptedAnswer,
  type ScriptedServer,
} from '../../../support/scripted-http.js'

const hurried: Environment = { ...systemEnvironment, timers: { after: (_delay, action) => systemEnvironment.timers.after(0, action) } }
const status = (more: object = {}) => ({
  type: 'FILE',
  length: 5,
  modificationTime: 7,
  permission: '644',
  owner: 'alice',
  group: 'users',
  pathSuffix: '',
  fileId: 1,
  ...more,
})
const refusal = (javaClassName: string, message = 'why', code = 403): ScriptedAnswer => ({
  status: code,
  body: remoteExceptionBody(javaClassName, message),
})
const standby = refusal('org.apache.hadoop.ipc.StandbyException', 'Operation category READ is not supported in state standby')
const missing = refusal('java.io.FileNotFoundException', 'File does not exist: /a', 404)
const op = (request: RecordedRequest) => request.url.searchParams.get('op')

describe('WebHdfsClient', () => {
  const servers: ScriptedServer[] = []
  const server = async (...args: Parameters<typeof scriptedServer>) => {
    const made = await scriptedServer(...args)
    servers.push(made)
    return made
  }
  after(() => Promise.all(servers.map((made) => made.close())))
  const clientOf = (urls: string[], authenticator: HttpAuthenticator = simpleAuthenticator('alice'), maxAttempts = 4) =>
    new WebHdfsClient({
      nameNodes: () => urls,
      authenticator,
      environment: hurried,
      retryPolicy: { maxAttempts, baseDelayMs: 1, maxDelayMs: 1 },
    })

  it('names the user and the operation, and encodes the path by segment', async () => {
    const nn = await server(() => ({ body: { FileStatus: status() } }))
    expect(await clientOf([nn.url]).status('hdfs://nn/a b/c%d+e')).to.include({ length: 5, modificationTime: 7 })
    expect(nn.requests[0]?.url.pathname).to.equal('/webhdfs/v1/a%20b/c%25d%2Be')
    expect(Object.fromEntries(nn.requests[0]?.url.searchParams ?? [])).to.deep.equal({ op: 'GETFILESTATUS', 'user.name': 'alice' })
  })

  it('goes on from a standby NameNode and from one that is gone, and stays with the active one', async () => {
    const passive = await server(() => standby)
    const active = await server(() => ({ body: { FileStatus: status() } }))
    const client = clientOf([await deadUrl(), passive.url, active.url])
    await client.status('/a')
    await client.status('/a')
    expect(passive.requests).to.have.length(1)
    expect(active.requests).to.have.length(2)
  })

  for (const javaClass of ['org.apache.hadoop.ipc.RetriableException', 'org.apache.hadoop.hdfs.server.namenode.SafeModeException']) {
    it(`waits for a NameNode that says ${javaClass}, then tells it`, async () => {
      const nn = await server((_request, index) =>
        index < 2 ? refusal(javaClass, 'Name node is in safe mode.') : { body: { boolean: true } },
      )
      await clientOf([nn.url]).mkdirs('/a')
      expect(nn.requests).to.have.length(3)
      nn.answer(() => refusal(javaClass, 'Name node is in safe mode.'))
      const error = await rejection(() => clientOf([nn.url]).mkdirs('/a'))
      expect(FileSystemUnavailable.is(error) && error.message).to.include('safe mode')
    })
  }

  it('names the address that does not answer', async () => {
    const dead = await deadUrl()
    const error = await rejection(() => clientOf([dead]).status('hdfs://nn/a'))
    expect(FileSystemUnavailable.is(error) && error.message).to.equal(
      `The file system of hdfs://nn/a does not answer: ${dead} does not answer: connection refused (nothing listens there)`,
    )
  })

  it('tells Java’s exceptions apart by class', async () => {
    const nn = await server()
    const kinds: [string, { is(error: unknown): boolean }][] = [
      ['org.apache.hadoop.security.AccessControlException', PermissionDenied],
      ['java.lang.SecurityException', PermissionDenied],
      ['org.apache.hadoop.fs.FileAlreadyExistsException', PathAlreadyExists],
      ['org.apache.hadoop.hdfs.protocol.DSQuotaExceededException', QuotaExceeded],
      ['org.apache.hadoop.hdfs.protocol.NSQuotaExceededException', QuotaExceeded],
      ['java.io.FileNotFoundException', PathNotFound],
      ['org.apache.hadoop.hdfs.SomethingNew', FileSystemFailed],
    ]
    for (const [javaClass, kind] of kinds) {
      nn.answer(() => refusal(javaClass, 'the reason'))
      const error = await rejection(() => clientOf([nn.url]).mkdirs('/a'))
      expect(kind.is(error), `${javaClass}: ${error.message}`).to.equal(true)
    }
    expect((await rejection(() => clientOf([nn.url]).mkdirs('/a'))).message).to.equal(
      'mkdirs /a: the reason (org.apache.hadoop.hdfs.SomethingNew)',
    )
  })

  it('pages through a folder', async () => {
    const page = (names: string[], remainingEntries: number): ScriptedAnswer => ({
      body: {
        DirectoryListing: {
          partialListing: { FileStatuses: { FileStatus: names.map((pathSuffix) => status({ pathSuffix })) } },
          remainingEntries,
        },
      },
    })
    const nn = await server(({ url }) => (url.searchParams.get('startAfter') === null ? page(['a', 'b&+'], 1) : page(['c'], 0)))
    const names: string[] = []
    for await (const { pathSuffix } of clientOf([nn.url]).list('/d')) names.push(pathSuffix)
    expect(names).to.deep.equal(['a', 'b&+', 'c'])
    expect(nn.requests[1]?.url.searchParams.get('startAfter')).to.equal('b&+')
  })

  it('refuses answers in another shape, not JSON, or from another kind of server', async () => {
    const nn = await server(() => ({ body: { FileStatus: { type: 'FILE' } } }))
    expect((await rejection(() => clientOf([nn.url]).status('/a'))).message).to.match(/^status \/a: .*cannot read/)
    nn.answer(() => ({ body: '<html>' }))
    expect((await rejection(() => clientOf([nn.url]).status('/a'))).message).to.include('it is not JSON')
    nn.answer(() => ({ status: 404, body: '<h1>No such page</h1>' }))
    expect((await rejection(() => clientOf([nn.url]).status('/a'))).message).to.include('HTTP 404: No such page')
  })

  describe('reading', () => {
    const content = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251))
    const readAll = async (client: WebHdfsClient, offset?: number, length?: number) => {
      const chunks: Buffer[] = []
      for await (const chunk of client.open('/f', offset, length)) chunks.push(chunk)
      return Buffer.concat(chunks)
    }
    const range = ({ url }: RecordedRequest): Buffer => {
      const offset = Number(url.searchParams.get('offset') ?? 0)
      const length = url.searchParams.get('length')
      return content.subarray(offset, length === null ? undefined : offset + Number(length))
    }
    const redirecting = (dn: ScriptedServer) =>
      server(({ url }) => ({
        status: 307,
        headers: { Location: `${dn.url}/webhdfs/v1/f?${url.searchParams.toString()}&delegation=TOKEN` },
      }))

    it('follows the redirect to the DataNode with nothing of the NameNode’s credentials', async () => {
      const dn = await server((request) => ({ body: range(request) }))
      const nn = await redirecting(dn)
      const authenticator = negotiateAuthenticator(async () => 'secret')
      expect(await readAll(clientOf([nn.url], authenticator), 10, 20)).to.deep.equal(content.subarray(10, 30))
      expect(nn.requests[0]?.headers.authorization).to.equal('Negotiate secret')
      expect(dn.requests[0]?.headers).not.to.have.any.keys('authorization', 'cookie')
    })

    it('goes on behind the last byte, at another DataNode, when the connection breaks', async () => {
      const dn = await server((request, index) => ({ body: range(request), ...(index < 2 ? { fault: 'half' as const } : {}) }))
      const nn = await redirecting(dn)
      expect(await readAll(clientOf([nn.url]), 100, 800)).to.deep.equal(content.subarray(100, 900))
      expect(dn.requests.map(({ url }) => [url.searchParams.get('offset'), url.searchParams.get('length')])).to.deep.equal([
        ['100', '800'],
        ['500', '400'],
        ['700', '200'],
      ])
      expect(nn.requests[1]?.url.searchParams.get('excludedatanodes')).to.equal(new URL(dn.url).host)
    })

    it('gives up when no byte comes any more', async () => {
      const nn = await redirecting(await server(() => ({ fault: 'reset' })))
      expect(FileSystemUnavailable.is(await rejection(() => readAll(clientOf([nn.url]))))).to.equal(true)
    })

    it('takes the bytes from a gateway that does not redirect', async () => {
      const gateway = await server((request) => ({ body: range(request) }))
      expect(await readAll(clientOf([gateway.url]), 990)).to.deep.equal(content.subarray(990))
    })

    it('tells no token when the DataNode refuses', async () => {
      const nn = await redirecting(await server(() => ({ status: 500, body: 'odd' })))
      const error = await rejection(() => readAll(clientOf([nn.url])))
      expect(`${error.message} ${String((error.cause as Error).message)}`).not.to.include('TOKEN')
    })

    it('refuses a redirect to anything but http', async () => {
      const nn = await server(() => ({ status: 307, headers: { Location: 'file:///etc/passwd' } }))
      expect((await rejection(() => readAll(clientOf([nn.url])))).message).to.include('no http address')
    })
  })

  describe('creating', () => {
    /** A NameNode that shows the file once the DataNode has seen the request. */
    const pair = async (dnAnswer: () => ScriptedAnswer, visible = true) => {
      const dn = await server(dnAnswer)
      let created = false
      const nn = await server((request) => {
        if (op(request) === 'CREATE') {
          created = visible
          return { body: { Location: `${dn.url}/webhdfs/v1/f?op=CREATE&delegation=TOKEN` } }
        }
        return op(request) === 'DELETE' ? { body: { boolean: true } } : created ? { body: { FileStatus: status() } } : missing
      })
      return { nn, dn }
    }

    it('asks the NameNode for a place and streams the bytes there', async () => {
      const { nn, dn } = await pair(() => ({ status: 201 }))
      const writer = await clientOf([nn.url]).create('/f', { permission: 0o600, replication: 2 })
      await writer.write(Buffer.from('hello '))
      await writer.write(Buffer.from('world'))
      await writer.close()
      expect(dn.requests[0]?.body.toString()).to.equal('hello world')
      expect(dn.requests[0]?.headers).to.include({ 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' })
      const asked = nn.requests.find((request) => op(request) === 'CREATE')?.url.searchParams
      expect(Object.fromEntries(asked ?? [])).to.include({ permission: '600', replication: '2', overwrite: 'false', noredirect: 'true' })
    })

    it('tells the DataNode’s refusal at the end', async () => {
      const { nn } = await pair(() => refusal('org.apache.hadoop.hdfs.protocol.DSQuotaExceededException', 'quota = 1'))
      const writer = await clientOf([nn.url]).create('/f')
      const error = await rejection(() => writer.close())
      expect(QuotaExceeded.is(error)).to.equal(true)
      expect(await rejection(() => writer.write(Buffer.from('more')))).to.equal(error)
    })

    it('tells a broken connection, without the token', async () => {
      const { nn } = await pair(() => ({ fault: 'reset' }))
      const writer = await clientOf([nn.url]).create('/f')
      const error = await rejection(() => writer.close())
      expect(FileSystemUnavailable.is(error)).to.equal(true)
      expect(error.message).not.to.include('TOKEN')
    })

    it('removes what there is of an aborted file', async () => {
      const { nn } = await pair(() => ({ status: 201 }))
      const writer = await clientOf([nn.url]).create('/f')
      await writer.write(Buffer.from('half'))
      await writer.abort()
      expect(nn.requests.filter((request) => op(request) === 'DELETE')).to.have.length(1)
    })

    it('leaves the file of somebody who was faster', async () => {
      for (const name of ['hadoop.fs.FileAlreadyExistsException', 'hadoop.hdfs.server.namenode.LeaseExpiredException']) {
        for (const fail of [true, false]) {
          const { nn } = await pair(() => refusal(`org.apache.${name}`, 'it is his'))
          const writer = await clientOf([nn.url]).create('/f')
          if (fail) await rejection(() => writer.close())
          await writer.abort()
          expect(nn.requests.filter((request) => op(request) === 'DELETE')).to.have.length(0)
        }
      }
    })

    it('leaves a file that has taken the place of an aborted one', async () => {
      const dn = await server(() => ({ status: 201 }))
      let id = 0
      const nn = await server((request) => {
        if (op(request) === 'CREATE') {
          id = 1
          return { body: { Location: `${dn.url}/webhdfs/v1/f?op=CREATE` } }
        }
        if (op(request) === 'DELETE') return { body: { boolean: true } }
        return id === 0 ? missing : { body: { FileStatus: status({ fileId: id }) } }
      })
      const writer = await clientOf([nn.url]).create('/f')
      id = 2
      await writer.abort()
      expect(nn.requests.filter((request) => op(request) === 'DELETE')).to.have.length(0)
    })

    it('does not ask for a place when the file is there', async () => {
      const nn = await server(() => ({ body: { FileStatus: status() } }))
      expect(PathAlreadyExists.is(await rejection(() => clientOf([nn.url]).create('/f')))).to.equal(true)
      expect(nn.requests).to.have.length(1)
    })
  })

  describe('after a lost answer', () => {
    it('takes a rename whose source is gone and whose target is there for done', async () => {
      let renames = 0
      const nn = await server((request) => {
        if (op(request) === 'RENAME')
          return ++renames === 1 ? { fault: 'reset' } : refusal('java.io.FileNotFoundException', 'rename source /a is not found.', 404)
        return request.url.pathname.endsWith('/b') ? { body: { FileStatus: status() } } : missing
      })
      await clientOf([nn.url]).rename('/a', '/b')
      expect(renames).to.equal(2)
      // The same answers without a lost one before: the source was never there.
      expect(PathNotFound.is(await rejection(() => clientOf([nn.url]).rename('/a', '/b')))).to.equal(true)
    })

    it('takes a delete that finds nothing any more for done', async () => {
      const nn = await server((_request, index) => (index === 0 ? { fault: 'reset' } : { body: { boolean: false } }))
      expect(await clientOf([nn.url]).delete('/a')).to.equal(true)
      expect(await clientOf([nn.url]).delete('/a')).to.equal(false)
    })
  })

  it('never deletes the root', async () => {
    const nn = await server()
    expect(FileSystemFailed.is(await rejection(() => clientOf([nn.url]).delete('hdfs://nn/')))).to.equal(true)
    expect(nn.requests).to.have.length(0)
  })
})
