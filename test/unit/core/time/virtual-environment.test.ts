import { expect } from 'chai'
import { virtualEnvironment } from '#core/time/virtual-environment.js'

describe('virtualEnvironment', () => {
  it('runs timers in order of time, then of creation', () => {
    const environment = virtualEnvironment()
    const ran: string[] = []
    environment.timers.after(20, () => ran.push('late'))
    environment.timers.after(10, () => {
      ran.push('first')
      environment.timers.after(5, () => ran.push('nested'))
    })
    environment.timers.after(10, () => ran.push('second'))
    const cancelled = environment.timers.after(1, () => ran.push('never'))
    cancelled.cancel()
    environment.advance(30)
    expect(ran).to.deep.equal(['first', 'second', 'nested', 'late'])
    expect(environment.nextTimer()).to.equal(undefined)
  })

  it('runs thousands of timers in order, however many are cancelled', () => {
    const environment = virtualEnvironment(3)
    const ran: number[] = []
    const start = environment.clock.now()
    for (let i = 0; i < 5_000; i++) {
      const delay = Math.floor(environment.random.uniform() * 1_000)
      const timer = environment.timers.after(delay, () => ran.push(environment.clock.now() - start))
      if (i % 3 !== 0) timer.cancel()
      if (i % 6 === 1) timer.cancel()
    }
    while (environment.step());
    expect(ran).to.have.length(1_667)
    expect(ran).to.deep.equal([...ran].sort((a, b) => a - b))
    expect(environment.step()).to.equal(false)
  })

  it('repeats its random numbers', () => {
    expect(virtualEnvironment(7).random.bytes(16).toString('hex')).to.equal(virtualEnvironment(7).random.bytes(16).toString('hex'))
    expect(virtualEnvironment(7).random.bytes(16).toString('hex')).not.to.equal(virtualEnvironment(8).random.bytes(16).toString('hex'))
  })
})
