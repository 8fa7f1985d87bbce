import { expect } from 'chai'
import { followApplication, type ApplicationEnd } from '#client/cli/follow.js'
import { MasterClient, MasterRefused, MasterUnreachable } from '#client/cluster/master-client.js'
import type { ApplicationDetails, CollectedRows } from '#core/rest/responses.js'
import { systemEnvironment } from '#core/time/environment.js'

const ID = 'a'.repeat(32)
const row = (kind: number, ...cells: string[]) => ({ kind, cells })

function application(status: ApplicationDetails['status'], more: Partial<ApplicationDetails> = {}): ApplicationDetails {
  return {
    id: ID,
    name: 'demo',
    status,
    'start-time': 0,
    'end-time': -1,
    duration: 0,
    failure: null,
    jobs: [{ jid: ID, jobType: 'STREAMING', state: status } as never],
    statements: [{ index: 0, text: 'SELECT 1', kind: 'select', jobid: ID, columns: ['n'], rows: null }],
    ...more,
  }
}

/** Plays the answers of a master in order; the last one stays. */
async function follow(applications: (ApplicationDetails | Error)[], collected: (CollectedRows | Error)[], end?: ApplicationEnd) {
  let out = ''
  let err = ''
  const next = <T>(answers: (T | Error)[]): T => {
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) as T | Error
    if (answer instanceof Error) throw answer
    return answer
  }
  const client = new MasterClient({
    request: async (_method, path) => {
      if (path.startsWith('applications')) return path.endsWith('acknowledge') ? {} : next(applications)
      if (path.includes('/collect')) return next(collected)
      return { jid: ID, name: 'demo', state: 'FINISHED', duration: 5, vertices: [] }
    },
  })
  const result = await followApplication({
    client,
    applicationId: ID,
    environment: { ...systemEnvironment, timers: { after: (_delay, action) => (setImmediate(action), { cancel: () => undefined }) } },
    out: { write: (text) => void (out += text), isTTY: false, columns: 80 },
    err: { write: (text) => void (err += text), isTTY: false, columns: 80 },
    maxColumnWidth: 30,
    gone: async () => end,
  })
  return { result, out, err }
}

const lost = new MasterUnreachable({ url: 'http://master', reason: 'connection refused' })

describe('followApplication', () => {
  it('shows a result and ends with the application', async () => {
    const { result, out } = await follow([application('RUNNING'), application('FINISHED')], [{ rows: [row(0, '7')], next: 1, end: true }])
    expect(result).to.deep.equal({ succeeded: true, failure: '' })
    expect(out).to.contain('| +I | 7 |')
  })

  it('shows what SHOW and DESCRIBE answer, once', async () => {
    const answered = {
      statements: [{ index: 0, text: 'SHOW TABLES', kind: 'show', jobid: null, columns: ['table name'], rows: [['bids']] }],
      jobs: [],
    }
    const { out } = await follow(
      [application('RUNNING', answered), application('RUNNING', answered), application('FINISHED', answered)],
      [lost],
    )
    expect(out.match(/bids/g)).to.have.length(1)
  })

  it('goes on after a master that was away', async () => {
    const { result } = await follow(
      [application('RUNNING'), lost, lost, application('FINISHED')],
      [{ rows: [], next: 0, end: false }, lost, { rows: [row(0, '7')], next: 1, end: true }],
    )
    expect(result.succeeded).to.equal(true)
  })

  it('begins a result anew when another master took over', async () => {
    const refused = new MasterRefused({ url: 'http://master', status: 400, reason: 'token 1' })
    const { out, err } = await follow(
      [application('RUNNING'), application('FINISHED')],
      [{ rows: [row(0, '7')], next: 1, end: false }, refused, { rows: [row(0, '7'), row(1, '7'), row(2, '8')], next: 3, end: true }],
    )
    expect(err).to.contain('begins anew')
    expect(out).to.match(/Result:\n\+---\+\n\| n \|\n\+---\+\n\| 8 \|\n\+---\+\n1 row in set/)
  })

  it('tells the end that YARN gives when the master is gone for good', async () => {
    const { result } = await follow([application('RUNNING'), lost], [{ rows: [], next: 0, end: false }], {
      succeeded: false,
      failure: 'killed',
    })
    expect(result).to.deep.equal({ succeeded: false, failure: 'killed' })
  })
})
