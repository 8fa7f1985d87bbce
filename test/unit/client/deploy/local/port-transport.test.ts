import { MessageChannel } from 'node:worker_threads'
import { once } from 'node:events'
import { expect } from 'chai'
import { PortTransport, unreachable } from '#client/deploy/local/port-transport.js'
import { MasterRefused, MasterUnreachable } from '#client/cluster/master-client.js'
import { virtualEnvironment } from '#core/time/virtual-environment.js'

describe('requests by the port of a JobManager in this process', () => {
  const environment = virtualEnvironment(1)
  const { port1, port2 } = new MessageChannel()
  const transport = new PortTransport(port1, 1_000, environment)
  after(() => port1.close())
  const received = async () => ((await once(port2, 'message')) as [{ id: number; method: string; path: string }])[0]
  const outcome = (request: Promise<unknown>) => request.catch((error: unknown) => error as Error)

  it('come with their answers, in whatever order those come', async () => {
    const first = transport.request('GET', 'jobs/1')
    const one = await received()
    const second = transport.request('PUT', 'jobs/1/cancel')
    const two = await received()
    expect([one, two].map(({ method, path }) => `${method} ${path}`)).to.deep.equal(['GET jobs/1', 'PUT jobs/1/cancel'])
    transport.answered({ type: 'answer', id: two.id, status: 202, json: '{}' })
    transport.answered({ type: 'answer', id: one.id, status: 200, json: '{"jid":"1"}' })
    expect(await second).to.deep.equal({})
    expect(await first).to.deep.equal({ jid: '1' })
  })

  it('are refused with the reason that came', async () => {
    const request = outcome(transport.request('GET', 'jobs/2'))
    transport.answered({ type: 'answer', id: (await received()).id, status: 404, json: '{"errors":["Job 2 not found"]}' })
    expect(await request)
      .to.satisfy(MasterRefused.is)
      .and.to.have.property('message')
      .that.contains('Job 2 not found')
      .and.contains('404')
  })

  it('that fail there, or get no answer in time, find the JobManager unreachable', async () => {
    const failed = outcome(transport.request('GET', 'jobs/3'))
    transport.answered({ type: 'answer', id: (await received()).id, status: 500, json: '{"errors":["a bug"]}' })
    expect(await failed)
      .to.satisfy(MasterUnreachable.is)
      .and.to.have.property('message')
      .that.contains('a bug')
    const late = outcome(transport.request('GET', 'jobs/4'))
    const { id } = await received()
    environment.advance(1_000)
    expect(await late)
      .to.satisfy(MasterUnreachable.is)
      .and.to.have.property('message')
      .that.contains('1000 ms')
    transport.answered({ type: 'answer', id, status: 200, json: '{}' })
  })

  it('end with the JobManager, those that come later, too', async () => {
    const waiting = outcome(transport.request('GET', 'jobs/5'))
    transport.close(unreachable('the JobManager', 'it has ended'))
    expect(await waiting).to.satisfy(MasterUnreachable.is)
    expect(await outcome(transport.request('GET', 'jobs/5'))).to.satisfy(MasterUnreachable.is)
  })
})
