import { expect } from 'chai'
import { Progress } from '#client/cli/progress.js'
import type { JobDetails } from '#core/rest/responses.js'

function job(state: JobDetails['state'], records: number): JobDetails {
  return {
    jid: 'a'.repeat(32),
    name: 'demo',
    state,
    duration: 3200,
    vertices: [
      {
        id: 'v',
        name: 'Source: flights',
        status: state === 'FINISHED' ? 'FINISHED' : 'RUNNING',
        parallelism: 2,
        tasks: { RUNNING: 2, FINISHED: 0 },
        metrics: { 'read-records': 0, 'write-records': records },
      },
    ],
  } as unknown as JobDetails
}

function sink(isTTY: boolean) {
  const written: string[] = []
  return { written, isTTY, columns: 120, write: (text: string) => void written.push(text) }
}

describe('Progress', () => {
  it('shows state, vertices, records and rate', () => {
    const progress = new Progress(sink(false))
    progress.describe(job('RUNNING', 1000), 0)
    const lines = progress.describe(job('RUNNING', 5000), 2000)
    expect(lines[0]).to.equal(`Job demo ${'a'.repeat(32)} RUNNING 3 s`)
    expect(lines[1]).to.match(/RUNNING +2\/2 +Source: flights +in +0 +out +5 000 +2 000 rec\/s/)
  })

  it('redraws in place on a terminal', () => {
    const out = sink(true)
    const progress = new Progress(out)
    progress.show(job('RUNNING', 1), 0)
    progress.show(job('RUNNING', 2), 1000)
    expect(out.written[1]).to.equal('\x1b[2A\x1b[0J')
  })

  it('prints a line elsewhere when a state changes, and not each time it is asked', () => {
    const out = sink(false)
    const progress = new Progress(out)
    progress.show(job('RUNNING', 1), 0)
    progress.show(job('RUNNING', 2), 1000)
    progress.show(job('FINISHED', 3), 2000)
    expect(out.written.length).to.equal(2)
  })
})
