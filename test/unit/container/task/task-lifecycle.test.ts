import { expect } from 'chai'
import fc from 'fast-check'
import { isOver, onTaskEvent, type TaskEvent, type TaskLife } from '#container/task/task-lifecycle.js'

/** `RUNNING -cancel-> CANCELING [close]` lines. */
function story(...events: readonly TaskEvent[]): string[] {
  let life: TaskLife = { state: 'CREATED' }
  return events.map((event) => {
    const step = onTaskEvent(life, event)
    life = step.life
    return `${event.type}: ${life.state}${step.effects.length === 0 ? '' : ` [${step.effects.map(({ type }) => type).join(', ')}]`}`
  })
}
const deploy = { type: 'deploy' } as const
const initialize = { type: 'initialize' } as const
const run = { type: 'run' } as const
const finish = { type: 'finish' } as const
const cancel = { type: 'cancel' } as const
const closed = { type: 'closed' } as const
const fail = (error: string) => ({ type: 'fail', error }) as const

describe('onTaskEvent', () => {
  it('goes its way to FINISHED', () => {
    expect(story(deploy, initialize, run, finish, closed)).to.deep.equal([
      'deploy: DEPLOYING',
      'initialize: INITIALIZING [report]',
      'run: RUNNING [report]',
      'finish: FINISHED [report]',
      'closed: FINISHED',
    ])
  })

  it('is cancelled at any moment, and says so when all is closed', () => {
    expect(story(cancel)).to.deep.equal(['cancel: CANCELED [report]'])
    expect(story(deploy, cancel, closed)).to.deep.equal(['deploy: DEPLOYING', 'cancel: CANCELING [close]', 'closed: CANCELED [report]'])
    expect(story(deploy, initialize, run, cancel, fail('consequence'), finish, closed).slice(3)).to.deep.equal([
      'cancel: CANCELING [close]',
      'fail: CANCELING',
      'finish: CANCELING',
      'closed: CANCELED [report]',
    ])
  })

  it('keeps the first failure', () => {
    let life: TaskLife = { state: 'RUNNING' }
    for (const event of [fail('cause'), fail('consequence'), cancel, closed]) life = onTaskEvent(life, event).life
    expect(life).to.deep.equal({ state: 'FAILED', error: 'cause', closed: true })
  })

  it('reports one end, whatever happens', () => {
    const any = fc.constantFrom<TaskEvent>(deploy, initialize, run, finish, cancel, closed, fail('x'))
    fc.assert(
      fc.property(fc.array(any, { maxLength: 20 }), (events) => {
        let life: TaskLife = { state: 'CREATED' }
        let ends = 0
        for (const event of events) {
          const over = isOver(life)
          const step = onTaskEvent(life, event)
          life = step.life
          if (over) expect(step.effects).to.deep.equal([])
          else if (isOver(life)) ends++
        }
        expect(ends).to.equal(isOver(life) ? 1 : 0)
      }),
    )
  })
})
