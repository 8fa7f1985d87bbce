import { expect } from 'chai'
import fc from 'fast-check'
import {
  FrameReader,
  callFrame,
  contextFrame,
  explainForeignAnswer,
  openingBytes,
  pingFrame,
  readResponse,
  saslFrame,
} from '#hadoop/ipc/frames.js'
import { AllocateRequest } from '#hadoop/proto/application-master-protocol.js'
import { delimited } from '#hadoop/proto/message.js'
import { RpcResponseHeader } from '#hadoop/proto/rpc-messages.js'

const clientId = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
const protocol = 'org.apache.hadoop.yarn.api.ApplicationMasterProtocolPB'
const protocolHex = Buffer.from(protocol).toString('hex')

describe('frames of Hadoop RPC', () => {
  it('open a SASL connection (test vector)', () => {
    expect(Buffer.concat([openingBytes(true), saslFrame({ state: 'NEGOTIATE' })]).toString('hex')).to.equal(
      '687270630900df' + '0000000e' + '0a' + '08021000184122002801' + '02' + '1001',
    )
    expect(openingBytes(false).toString('hex')).to.equal('68727063090000')
  })

  it('carry the connection context of a token, with an empty user (test vector)', () => {
    expect(contextFrame(clientId, { userInfo: {}, protocol }).toString('hex')).to.equal(
      '00000056' + '1a' + '080210001805221000112233445566778899aabbccddeeff2801' + '3a' + '12001a36' + protocolHex,
    )
  })

  it('carry a ping (test vector)', () => {
    expect(pingFrame(clientId).toString('hex')).to.equal('0000001b' + '1a' + '080210001807221000112233445566778899aabbccddeeff2801')
  })

  it('carry an allocate call (test vector)', () => {
    const request = AllocateRequest.encode({
      ask: [
        {
          priority: { priority: 1 },
          resourceName: '*',
          capability: { memory: 1024n, virtualCores: 1 },
          numContainers: 2,
          relaxLocality: true,
        },
      ],
      responseId: 0,
      progress: 0.5,
    })
    expect(callFrame({ callId: 7, clientId, retryCount: 0, method: 'allocate', protocol, version: 1, request }).toString('hex')).to.equal(
      '0000007c' +
        '1a' +
        '08021000180e221000112233445566778899aabbccddeeff2800' +
        '44' +
        '0a08616c6c6f63617465' +
        '1236' +
        protocolHex +
        '1801' +
        '1b' +
        '0a120a02080112012a1a0508800810012002280120002d0000003f',
    )
  })

  it('give signed call ids back, which arrive unsigned', () => {
    for (const [sent, read] of [
      [4294967263, -33],
      [4294967295, -1],
      [5, 5],
      [0x7fffffff, 0x7fffffff],
    ] as const) {
      const bytes = delimited(RpcResponseHeader.encode({ callId: sent, status: 'ERROR' }))
      expect(readResponse(bytes)).to.include({ callId: read, body: undefined })
    }
  })

  it('tell an empty answer from a missing one', () => {
    const header = RpcResponseHeader.encode({ callId: 1, status: 'SUCCESS' })
    expect(readResponse(delimited(header, new Uint8Array(0))).body).to.have.length(0)
    expect(readResponse(delimited(header)).body).to.equal(undefined)
  })
})

describe('FrameReader', () => {
  it('finds the same frames however the stream is cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 })
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }), (frames, cuts) => {
        const stream = Buffer.concat(
          frames.map((frame) => {
            const length = Buffer.alloc(4)
            length.writeInt32BE(frame.length)
            return Buffer.concat([length, frame])
          }),
        )
        const reader = new FrameReader()
        const seen: Uint8Array[] = []
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const size = cuts[cut % cuts.length]!
          seen.push(...reader.push(stream.subarray(at, at + size)))
          at += size
        }
        expect(seen.map((frame) => Buffer.from(frame).toString('hex'))).to.deep.equal(
          frames.map((frame) => Buffer.from(frame).toString('hex')),
        )
        expect(reader.remainder).to.have.length(0)
      }),
    )
  })

  it('refuses a length above the limit or below zero before the bytes come', () => {
    expect(() => new FrameReader(100).push(Buffer.from([0, 0, 0, 101]))).to.throw(RangeError, '101 bytes')
    expect(() => new FrameReader().push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).to.throw(RangeError)
    expect(() => new FrameReader().push(Buffer.from('HTTP/1.1 404 Not Found'))).to.throw(RangeError)
  })
})

describe('the answer of a server that speaks something else', () => {
  const old = (className: string, message: string): Buffer => {
    const parts = [className, message].flatMap((text) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(Buffer.byteLength(text))
      return [length, Buffer.from(text)]
    })
    return Buffer.concat([Buffer.alloc(8, 0xff), ...parts])
  }
  it('is put into words', () => {
    expect(explainForeignAnswer(Buffer.from('HTTP/1.1 404 Not Found\r\nContent-type: text/plain\r\n'))).to.match(/web port/)
    expect(
      explainForeignAnswer(
        old('org.apache.hadoop.ipc.RPC$VersionMismatch', 'Server IPC version 8 cannot communicate with client version 9\n\tat x'),
      ),
    ).to.equal('it is an older version of Hadoop: Server IPC version 8 cannot communicate with client version 9')
    expect(explainForeignAnswer(Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'))).to.match(/SSH/)
    expect(explainForeignAnswer(Buffer.from([0x15, 3, 3, 0, 2, 2, 40]))).to.match(/TLS/)
    expect(explainForeignAnswer(Buffer.from('It looks like you are making an HTTP request\n'))).to.match(/looks like/)
    expect(explainForeignAnswer(Buffer.from([0, 0, 0, 5, 1, 2, 3, 4, 5]))).to.equal(undefined)
  })
})
