import { expect } from 'chai'
import { compareLifetime, describeEnd } from '#client/deploy/yarn/lifetime.js'
import { ApplicationReportSchema } from '#hadoop/rest/resource-manager-records.js'

const HOUR = 3_600_000
const WISHED = Date.UTC(2030, 0, 1, 12)

function report(expiryTime: string) {
  const timeouts = { timeout: [{ type: 'LIFETIME', expiryTime, remainingTimeInSeconds: 1 }] }
  return ApplicationReportSchema.parse({ id: 'application_1_0001', state: 'ACCEPTED', timeouts })
}

describe('the lifetime of an application', () => {
  it('is what was asked for, within seconds', () => {
    expect(compareLifetime(report('2030-01-01T12:00:01.000+0000'), WISHED, HOUR)).to.deep.equal({ endsAt: WISHED + 1_000, warnings: [] })
  })

  it('is less where the queue allows less, which is said', () => {
    const { endsAt, warnings } = compareLifetime(report('2030-01-01T11:30:00.000+0000'), WISHED, HOUR)
    expect(endsAt).to.equal(WISHED - HOUR / 2)
    expect(warnings).to.deep.equal([
      'YARN gave the application the end 2030-01-01T11:30:00.000Z; its queue may allow no more (yarn.application.lifetime is 1 h).',
    ])
  })

  it('is not believed where YARN says nothing of it', () => {
    for (const read of [undefined, report('UNLIMITED')])
      expect(compareLifetime(read, WISHED, HOUR).warnings).to.deep.equal([
        'YARN gave the application no end (yarn.application.lifetime is 1 h).',
      ])
  })

  it('is told in one line', () => {
    expect(describeEnd(WISHED)).to.equal('YARN ends the application at 2030-01-01T12:00:00.000Z, whatever it does then')
    expect(describeEnd(undefined)).to.equal('')
  })
})
