import { expect } from 'chai'
import { jobLines } from '#client/cli/session-jobs.js'
import { checkSessionSwitches, isTarget, namesOneMaster, sessionSwitches } from '#client/cli/session-switches.js'
import { checkSessionVerb, sessionConfiguration } from '#client/cli/yarn-session.js'
import { AddressInvalid, SessionAddressMissing, SessionNotNamed, SwitchRefused, TargetMismatch } from '#client/session/errors.js'
import type { JobSummary } from '#core/rest/responses.js'

const ID = 'application_1700000000000_0007'
const NOWHERE = { ship: [], properties: [], installation: '/nowhere' }
const master = { target: undefined, jobManager: undefined, applicationId: undefined, properties: [], installation: '/nowhere' }

describe('weft yarn-session', () => {
  it('takes Flink’s switches to their options; memory without a unit is in MB', () => {
    const configuration = sessionConfiguration({
      ...NOWHERE,
      jobManagerMemory: '1024',
      taskManagerMemory: '2g',
      slots: '4',
      name: 'shared',
      queue: 'batch',
      applicationType: 'Team',
      nodeLabel: 'ssd',
      ship: ['a.jar', 'lib'],
      properties: ['parallelism.default=3'],
    })
    expect(configuration.toRecord()).to.deep.equal({
      'parallelism.default': '3',
      'execution.attached': 'true',
      'jobmanager.memory.process.size': '1024m',
      'taskmanager.memory.process.size': '2g',
      'taskmanager.numberOfTaskSlots': '4',
      'yarn.application.name': 'shared',
      'yarn.application.queue': 'batch',
      'yarn.application.type': 'Team',
      'yarn.application.node-label': 'ssd',
      'yarn.ship-files': 'a.jar;lib',
    })
  })

  it('lets switches win over -D, and refuses what is no value', () => {
    expect(sessionConfiguration({ ...NOWHERE, slots: '4', properties: ['taskmanager.numberOfTaskSlots=2'] }).toRecord()).to.have.property(
      'taskmanager.numberOfTaskSlots',
      '4',
    )
    expect(() => sessionConfiguration({ ...NOWHERE, slots: 'many' })).to.throw(/taskmanager\.numberOfTaskSlots.*'many'/)
    expect(() => sessionConfiguration({ ...NOWHERE, taskManagerMemory: 'much' })).to.throw(/taskmanager\.memory\.process\.size/)
  })

  it('refuses -z, and --stop without an id', () => {
    expect(() => checkSessionVerb({ zookeeperNamespace: 'x' }))
      .to.throw(/HDFS, not in ZooKeeper/)
      .that.satisfies(SwitchRefused.is)
    expect(() => checkSessionVerb({ stop: true })).to.throw(/-id application_/)
    checkSessionVerb({ stop: true, applicationId: ID })
  })
})

describe('where a job goes', () => {
  it('is said by -m and -yid, which are targets of their own', () => {
    expect(sessionSwitches({ properties: [], jobmanager: 'host:8081' })).to.deep.equal({
      'execution.target': 'remote',
      'rest.address': 'host',
      'rest.port': '8081',
    })
    expect(sessionSwitches({ properties: [], yarnapplicationId: ID })).to.deep.equal({
      'execution.target': 'yarn-session',
      'yarn.application.id': ID,
    })
    expect(sessionSwitches({ properties: [] })).to.deep.equal({})
  })

  it('refuses addresses that are none', () => {
    for (const address of ['host', 'host:', ':80', 'host:0', 'host:65536', 'host:80/x', 'a b:80'])
      expect(() => sessionSwitches({ properties: [], jobmanager: address }), address)
        .to.throw()
        .that.satisfies(AddressInvalid.is)
    for (const address of ['http://host:80', 'host:80/', '[::1]:8081']) sessionSwitches({ properties: [], jobmanager: address })
  })

  it('refuses a session that is named and not used', () => {
    const named = { properties: [`yarn.application.id=${ID}`] }
    for (const target of ['local', 'yarn-application', 'remote'] as const) {
      expect(() => checkSessionSwitches(named, target), target)
        .to.throw(/-Dyarn\.application\.id/)
        .that.satisfies(TargetMismatch.is)
    }
    checkSessionSwitches(named, 'yarn-session')
    expect(() => checkSessionSwitches({ properties: [], jobmanager: 'a:1' }, 'yarn-session')).to.throw(/-m names/)
    checkSessionSwitches({ properties: [] }, 'local')
  })

  it('knows its targets', () => {
    expect(['local', 'remote', 'yarn-session', 'yarn-application'].every(isTarget)).to.equal(true)
    expect(isTarget('yarn-per-job')).to.equal(false)
  })
})

describe('which JobManager a verb means', () => {
  it('is none, or one that is named', () => {
    expect(namesOneMaster(master)).to.equal(false)
    expect(namesOneMaster({ ...master, jobManager: 'a:1' })).to.equal(true)
    expect(namesOneMaster({ ...master, applicationId: ID, target: 'yarn-session' })).to.equal(true)
    expect(namesOneMaster({ ...master, properties: [`yarn.application.id=${ID}`], target: 'yarn-session' })).to.equal(true)
  })

  it('has to be named where the target says that there is one', () => {
    expect(() => namesOneMaster({ ...master, target: 'yarn-session' }))
      .to.throw()
      .that.satisfies(SessionNotNamed.is)
    expect(() => namesOneMaster({ ...master, target: 'remote' }))
      .to.throw()
      .that.satisfies(SessionAddressMissing.is)
    expect(() => namesOneMaster({ ...master, target: 'yarn-session', jobManager: 'a:1' }))
      .to.throw()
      .that.satisfies(TargetMismatch.is)
    expect(() => namesOneMaster({ ...master, target: 'nowhere' })).to.throw(/Unknown target 'nowhere'/)
  })
})

describe('the jobs of a session', () => {
  const job = (n: number, state: JobSummary['state']) =>
    ({ jid: String(n).repeat(32), name: `job ${n}`, state, 'start-time': new Date(2026, 10, 23, 7, 55, n).getTime() }) as JobSummary
  const some = [job(2, 'RUNNING'), job(1, 'RESTARTING'), job(3, 'FAILED'), job(4, 'CREATED')]
  const everything = { all: false, running: false, scheduled: false }

  it('are listed as Flink lists them, the oldest first', () => {
    expect(jobLines(some, everything)).to.deep.equal([
      '------------------ Running/Restarting Jobs -------------------',
      `23.11.2026 07:55:01 : ${'1'.repeat(32)} : job 1 (RESTARTING)`,
      `23.11.2026 07:55:02 : ${'2'.repeat(32)} : job 2 (RUNNING)`,
      '--------------------------------------------------------------',
      '----------------------- Scheduled Jobs -----------------------',
      `23.11.2026 07:55:04 : ${'4'.repeat(32)} : job 4 (CREATED)`,
      '--------------------------------------------------------------',
    ])
  })

  it('show those that have ended only with -a', () => {
    expect(jobLines(some, { ...everything, all: true }).slice(-3)).to.deep.equal([
      '---------------------- Terminated Jobs -----------------------',
      `23.11.2026 07:55:03 : ${'3'.repeat(32)} : job 3 (FAILED)`,
      '--------------------------------------------------------------',
    ])
    expect(jobLines([], { ...everything, all: true })).to.deep.equal(['No running jobs.', 'No scheduled jobs.', 'No terminated jobs.'])
  })

  it('are chosen by -r and -s', () => {
    expect(jobLines([], { ...everything, running: true })).to.deep.equal(['No running jobs.'])
    expect(jobLines([], { ...everything, scheduled: true })).to.deep.equal(['No scheduled jobs.'])
    expect(jobLines([], { ...everything, running: true, scheduled: true })).to.have.length(2)
  })
})
