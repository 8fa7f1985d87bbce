import { expect } from 'chai'
import fc from 'fast-check'
import { createHash } from 'node:crypto'
import { BlobServer } from '#am/blob/blob-server.js'
import { BlobCache } from '#container/blob/blob-cache.js'
import { fetchBlob, type BlobSource } from '#container/blob/fetch-blob.js'
import type { BlobReference } from '#core/graph/deployment.js'
import type { JobId } from '#core/ids/ids.js'
import { BlobGateway, MAX_BLOB_BYTES, MAX_BLOB_CHUNK_BYTES } from '#core/rpc/gateways/blob.js'
import type { Channel } from '#core/rpc/channel.js'
import { RpcConnection, RpcEndpoints } from '#core/rpc/rpc-connection.js'
import { systemEnvironment } from '#core/time/environment.js'

const JOB = 'a'.repeat(32) as JobId
const OTHER = 'b'.repeat(32) as JobId

/** Two ends that exchange JSON text, as a socket's channel does. */
function pair(): [Channel, Channel] {
  const make = () => ({ message: [] as ((message: unknown) => void)[], close: [] as (() => void)[] })
  const ends = [make(), make()] as const
  const close = () => ends.forEach((end) => end.close.splice(0).forEach((each) => each()))
  const channel = (mine: number): Channel => ({
    peer: `end ${1 - mine}`,
    send: (message) => {
      const text = JSON.stringify(message)
      queueMicrotask(() => ends[1 - mine]?.message.forEach((each) => each(JSON.parse(text))))
    },
    onMessage: (listener) => void ends[mine]?.message.push(listener),
    onClose: (listener) => void ends[mine]?.close.push(() => listener()),
    close,
  })
  return [channel(0), channel(1)]
}

function connected(server: BlobServer): { source: BlobSource; drop(): void } {
  const [near, far] = pair()
  const endpoints = new RpcEndpoints()
  endpoints.serve('blobserver', BlobGateway, server.handlers, 3)
  new RpcConnection(far, endpoints, systemEnvironment)
  const connection = new RpcConnection(near, new RpcEndpoints(), systemEnvironment)
  return { source: connection.gateway(BlobGateway, 'blobserver', 3), drop: () => connection.close() }
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'none',
    (error: { code?: string }) => error.code,
  )
}

/** A source of one blob that changes what it hands out. */
function altered(content: Uint8Array, change: (part: Buffer) => Buffer): BlobSource {
  return {
    getBlob: async ({ offset, length }) => ({ data: change(Buffer.from(content.subarray(offset, offset + length))).toString('base64') }),
  }
}

describe('blobs', () => {
  it('arrive as they were stored, whatever they hold and however they are cut', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.integer({ min: 1, max: 4000 }), async (content, chunk) => {
        const server = new BlobServer()
        const reference = server.put(JOB, content)
        const fetched = await fetchBlob(connected(server).source, JOB, reference, chunk)
        expect(Buffer.compare(fetched, content)).to.equal(0)
        expect(reference).to.deep.equal({ blobKey: createHash('sha256').update(content).digest('hex'), size: content.length })
      }),
      { numRuns: 50 },
    ))

  it('are fetched in the largest pieces that one answer may hold', async () => {
    const server = new BlobServer()
    const content = Buffer.alloc(2 * MAX_BLOB_CHUNK_BYTES + 1, 7)
    const { source } = connected(server)
    const lengths: number[] = []
    const counting: BlobSource = { getBlob: (request) => (lengths.push(request.length), source.getBlob(request)) }
    expect(Buffer.compare(await fetchBlob(counting, JOB, server.put(JOB, content)), content)).to.equal(0)
    expect(lengths).to.deep.equal([MAX_BLOB_CHUNK_BYTES, MAX_BLOB_CHUNK_BYTES, 1])
  })

  it('are there until their job ends, for their job only', async () => {
    const server = new BlobServer()
    const { source } = connected(server)
    const reference = server.put(JOB, Buffer.from('content'))
    server.put(OTHER, Buffer.from('content'))
    expect(await codeOf(fetchBlob(source, JOB, { ...reference, blobKey: '0'.repeat(64) }))).to.equal('BLOB_NOT_FOUND')
    server.removeJob(JOB)
    expect(await codeOf(fetchBlob(source, JOB, reference))).to.equal('BLOB_NOT_FOUND')
    expect(await codeOf(fetchBlob(source, OTHER, reference))).to.equal('none')
  })

  it('are refused when they are not what their key says, end early, or are too large', async () => {
    const content = Buffer.from('the plan of a task')
    const reference = new BlobServer().put(JOB, content)
    const flip = (part: Buffer) => part.fill(part[0]! ^ 1, 0, 1)
    expect(
      await codeOf(
        fetchBlob(
          altered(content, (part) => part),
          JOB,
          reference,
        ),
      ),
    ).to.equal('none')
    expect(await codeOf(fetchBlob(altered(content, flip), JOB, reference))).to.equal('BLOB_CORRUPT')
    expect(
      await codeOf(
        fetchBlob(
          altered(content.subarray(0, 5), (part) => part),
          JOB,
          reference,
        ),
      ),
    ).to.equal('BLOB_CORRUPT')
    expect(
      await codeOf(
        fetchBlob(
          altered(content, (part) => Buffer.concat([part, part])),
          JOB,
          reference,
        ),
      ),
    ).to.equal('BLOB_CORRUPT')
    expect(
      await codeOf(
        fetchBlob(
          altered(content, (part) => part),
          JOB,
          { ...reference, size: MAX_BLOB_BYTES + 1 },
        ),
      ),
    ).to.equal('BLOB_TOO_LARGE')
  })

  it('are not there when the connection is lost on the way', async () => {
    const server = new BlobServer()
    const { source, drop } = connected(server)
    const reference = server.put(JOB, Buffer.from('content'))
    const late: BlobSource = {
      getBlob: (request) => {
        const answer = source.getBlob(request)
        if (request.offset > 0) drop()
        return answer
      },
    }
    expect(await codeOf(fetchBlob(late, JOB, reference, 3))).to.equal('RPC_CONNECTION_LOST')
  })
})

describe('the cache of blobs', () => {
  const reference = (digit: string, size: number): BlobReference => ({ blobKey: digit.repeat(64), size })

  /** Counts fetches; `settle` ends the one under way. */
  function fetches() {
    const started: { resolve(bytes: Uint8Array): void; reject(error: Error): void }[] = []
    return { started, fetch: () => new Promise<Uint8Array>((resolve, reject) => started.push({ resolve, reject })) }
  }

  it('fetches a blob once for all who ask, also while it is on its way', async () => {
    const cache = new BlobCache()
    const { started, fetch } = fetches()
    const both = [cache.get(JOB, reference('1', 3), fetch), cache.get(JOB, reference('1', 3), fetch)]
    expect(started).to.have.length(1)
    const bytes = Buffer.from('abc')
    started[0]?.resolve(bytes)
    expect(await Promise.all(both)).to.deep.equal([bytes, bytes])
    expect(await cache.get(JOB, reference('1', 3), fetch)).to.equal(bytes)
    expect(started).to.have.length(1)
  })

  it('fails all who wait, and tries again for the next one', async () => {
    const cache = new BlobCache()
    const { started, fetch } = fetches()
    const both = [cache.get(JOB, reference('1', 3), fetch), cache.get(JOB, reference('1', 3), fetch)]
    started[0]?.reject(new Error('lost'))
    for (const each of both) expect(await each.catch((error: Error) => error.message)).to.equal('lost')
    expect(cache.size).to.equal(0)
    const again = cache.get(JOB, reference('1', 3), fetch)
    started[1]?.resolve(Buffer.from('abc'))
    expect(Buffer.from(await again).toString()).to.equal('abc')
  })

  it('holds no more than its limit, and drops what was used longest ago', async () => {
    const cache = new BlobCache(10)
    const fetched: string[] = []
    const use = (digit: string, size: number) =>
      cache.get(JOB, reference(digit, size), async () => (fetched.push(digit), Buffer.alloc(size)))
    await use('1', 4)
    await use('2', 4)
    await use('1', 4)
    await use('3', 4) // in place of 2
    expect(cache.size).to.equal(8)
    await use('1', 4)
    await use('3', 4)
    await use('2', 4)
    expect(fetched).to.deep.equal(['1', '2', '3', '2'])
    await use('4', 20) // too large for it: kept alone
    expect(cache.size).to.equal(20)
    await use('5', 1)
    expect(cache.size).to.equal(1)
  })

  it('forgets the blobs of a job that has no slot left', async () => {
    const cache = new BlobCache()
    await cache.get(JOB, reference('1', 4), async () => Buffer.alloc(4))
    await cache.get(OTHER, reference('1', 4), async () => Buffer.alloc(4))
    cache.releaseJob(JOB)
    expect(cache.size).to.equal(4)
    let fetched = 0
    await cache.get(OTHER, reference('1', 4), async () => (fetched++, Buffer.alloc(4)))
    expect(fetched).to.equal(0)
    await cache.get(JOB, reference('1', 4), async () => (fetched++, Buffer.alloc(4)))
    expect(fetched).to.equal(1)
  })
})
