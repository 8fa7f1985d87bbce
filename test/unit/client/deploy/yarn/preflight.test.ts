import { expect } from 'chai'
import { checkSubmission, type ClusterFacts } from '#client/deploy/yarn/preflight.js'
import { Configuration } from '#core/config/configuration.js'
import { readScheduler } from '#hadoop/rest/scheduler-queues.js'

const queue = (name: string, more: object = {}) => ({ queueName: name, queuePath: `root.${name}`, state: 'RUNNING', ...more })
const facts = (
  queues: object[] = [
    queue('default'),
    queue('streaming', { state: 'STOPPED' }),
    queue('small', { maximumAllocation: { memory: 512, vCores: 2 } }),
  ],
): ClusterFacts => ({
  scheduler: readScheduler({ type: 'capacityScheduler', queueName: 'root', queuePath: 'root', queues: { queue: queues } }),
  maximum: { memory: 4096, vCores: 8 },
  access: undefined,
})
const check = (options: Record<string, string>, given = facts()) => checkSubmission(Configuration.of(options), given, 'alice')

describe('preflight of a YARN submission', () => {
  it('passes the defaults into the default queue', () => {
    expect(check({})).to.deep.include({ queue: 'default', warnings: [] })
    expect(check({}).master).to.include({ memoryMb: 256, vcores: 1 })
    expect(check({ 'taskmanager.numberOfTaskSlots': '2' }).worker).to.include({
      memoryMb: 256,
      vcores: 2,
      vcoresOption: 'taskmanager.numberOfTaskSlots',
    })
    expect(check({ 'yarn.containers.vcores': '3' }).worker).to.include({ vcores: 3, vcoresOption: 'yarn.containers.vcores' })
  })

  it('names the limit and where it comes from: the cluster’s or the queue’s', () => {
    expect(() => check({ 'jobmanager.memory.process.size': '4097 mb' })).to.throw(
      /The JobManager asks for 4097 MB .* 4096 MB \(yarn\.scheduler\.maximum-allocation-mb\)/,
    )
    expect(() => check({ 'taskmanager.memory.process.size': '1 gb', 'yarn.application.queue': 'small' })).to.throw(
      /A TaskManager asks for 1024 MB .* 512 MB \(maximum-allocation-mb of queue small\)/,
    )
    expect(() => check({ 'yarn.appmaster.vcores': '9' })).to.throw(
      /9 vcores \(option yarn\.appmaster\.vcores\).*8 vcores \(yarn\.scheduler\.maximum-allocation-vcores\)/,
    )
    expect(check({ 'jobmanager.memory.process.size': '4096 mb' }).master.memoryMb).to.equal(4096)
  })

  it('refuses managed memory that the container has no room for', () => {
    expect(() => check({ 'taskmanager.memory.managed.size': '200 mb' })).to.throw(
      /taskmanager\.memory\.managed\.size has the value '200 mb': a TaskManager of 256 mb has room for \d+ mb .* raise taskmanager\.memory\.process\.size/,
    )
    expect(check({ 'taskmanager.memory.managed.size': '32 mb' }).worker.memoryMb).to.equal(256)
  })

  it('rounds memory up to whole MB, never down', () => {
    expect(check({ 'jobmanager.memory.process.size': String(300 * 1024 * 1024 + 1) }).master.memoryMb).to.equal(301)
  })

  it('tells an unknown queue with the nearest name, a stopped one with its state', () => {
    expect(() => check({ 'yarn.application.queue': 'defualt' })).to.throw(
      /no YARN queue 'defualt'\. Did you mean 'default'\? Queues are default, streaming, small\./,
    )
    expect(() => check({ 'yarn.application.queue': 'streaming' })).to.throw(/'streaming' takes no application: its state is STOPPED/)
    expect(check({ 'yarn.application.queue': 'root.default' }).queue).to.equal('root.default')
  })

  it('lets a queue pass that may come into being when it is named', () => {
    const creating = facts([queue('default'), queue('teams', { autoCreationEligibility: 'flexible' })])
    expect(check({ 'yarn.application.queue': 'root.teams.new' }, creating).queue).to.equal('root.teams.new')
    const fair = { ...facts(), scheduler: readScheduler({ type: 'fairScheduler', rootQueue: { queueName: 'root' } }) }
    expect(check({ 'yarn.application.queue': 'any' }, fair).queue).to.equal('any')
  })

  it('believes YARN that the user may not submit', () => {
    expect(() => check({}, { ...facts(), access: { allowed: false, user: 'alice', diagnostics: '' } })).to.throw(
      /user alice may not submit to it/,
    )
    expect(() => check({}, { ...facts(), access: { allowed: false, user: 'alice', diagnostics: 'not in the ACL' } })).to.throw(
      /not in the ACL/,
    )
  })

  it('refuses a type that YARN would cut, and tags that it would refuse', () => {
    expect(() => check({ 'yarn.application.type': 'a type of more than 20' })).to.throw(/1 to 20 characters/)
    expect(() => check({ 'yarn.tags': 'grün' })).to.throw(/'grün': a tag has ASCII characters only/)
  })

  it('refuses containers that the runtime does not fit in', () => {
    expect(() => check({ 'taskmanager.memory.process.size': '64 mb' })).to.throw(/A TaskManager asks for 64 MB.*needs \d+ MB at least/)
    expect(() => check({ 'taskmanager.memory.process.size': '256 mb', 'taskmanager.numberOfTaskSlots': '8' })).to.throw(
      /A TaskManager asks for 256 MB/,
    )
  })

  it('warns of a parallelism that the queue can never hold, naming the limit', () => {
    const narrow = facts([queue('default', { maxEffectiveCapacity: { memory: 1024, vCores: 100 } })])
    expect(check({ 'parallelism.default': '3' }, narrow).warnings).to.deep.equal([])
    expect(check({ 'parallelism.default': '4' }, narrow).warnings).to.deep.equal([
      'Parallelism 4 wants 4 TaskManagers of 256 MB and 1 vcores; queue default can grow to 1024 MB, enough for 3.',
    ])
    const fewCores = facts([queue('default', { maxEffectiveCapacity: { memory: 100_000, vCores: 3 } })])
    expect(check({ 'parallelism.default': '4' }, fewCores).warnings[0]).to.include('can grow to 3 vcores, enough for 2')
  })
})
