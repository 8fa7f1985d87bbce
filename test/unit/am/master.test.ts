import { expect } from 'chai'
import type { ApplicationDescriptor } from '#core/cluster/application-descriptor.js'
import type { JobId } from '#core/ids/ids.js'
import { systemEnvironment } from '#core/time/environment.js'
import { runMaster, type MasterTarget } from '#am/master.js'
import { ScriptedDriver } from './mini-master.js'

const DESCRIPTOR: ApplicationDescriptor = {
  version: 1,
  jobId: 'a'.repeat(32) as JobId,
  name: 'nothing to do',
  user: 'alice',
  attached: false,
  configuration: {},
  program: { kind: 'sql', name: 'nothing.sql', text: "SET 'parallelism.default' = '2';" },
  target: { kind: 'local', workingDirectory: '/' },
}

/** What happens at the end of an application, in order. */
async function endOf(heard: boolean, cleanUp: (tried: number) => Promise<void> = () => Promise.resolve()): Promise<string[]> {
  const told: string[] = []
  const driver = new ScriptedDriver()
  driver.finish = (status) => {
    told.push(`takes leave: ${status}`)
    return Promise.resolve(heard)
  }
  let tried = 0
  const target: MasterTarget = {
    environment: systemEnvironment,
    epoch: 1,
    workingDirectory: '/',
    placement: { kind: 'spread', slotsPerWorker: 1 },
    limits: { min: 0, max: 1, maxKey: 'slotmanager.number-of-slots.max', redundant: 0 } as MasterTarget['limits'],
    restHost: undefined,
    restPorts: [],
    registerFileSystems: () => Promise.resolve(),
    createDriver: () => Promise.resolve(driver),
    onRest: () => undefined,
    checkpointDirectory: 'file:///no/such/directory',
    submissionDirectory: 'file:///no/such/directory',
    openJobResults: () => Promise.resolve(undefined),
    cleanUp: () => {
      told.push('removes what it staged')
      return cleanUp(++tried)
    },
    onFatal: (error) => told.push(`fatal: ${error.message}`),
  }
  told.push(`status ${await runMaster(DESCRIPTOR, target)}`)
  return told
}

describe('the end of an application', () => {
  it('is told to the cluster before what it staged is removed', async () => {
    expect(await endOf(true)).to.deep.equal(['takes leave: SUCCEEDED', 'removes what it staged', 'status 0'])
  })

  it('leaves what it staged to the attempt that may follow when nobody has heard of it', async () => {
    expect(await endOf(false)).to.deep.equal(['takes leave: SUCCEEDED', 'status 0'])
  })

  it('tries again to remove it', async () => {
    const told = await endOf(true, (tried) => (tried === 1 ? Promise.reject(new Error('for now')) : Promise.resolve()))
    expect(told.filter((each) => each === 'removes what it staged')).to.have.length(2)
  })
})
