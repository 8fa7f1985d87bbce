import { expect } from 'chai'
import { explainExit } from '#hadoop/yarn/exit-status.js'

describe('an exit status', () => {
  it('has a name, words and somebody to blame, for the whole table of YARN', () => {
    const table = [-1000, -100, -101, -102, -103, -104, -105, -106, -107, -108, -109, 0, 1, 126, 127, 137, 143, 139, 154, 255].map(
      (status) => {
        const { name, blame, words } = explainExit(status)
        expect(words).to.have.length.above(20)
        return `${status} ${name} ${blame}`
      },
    )
    expect(table).to.deep.equal([
      '-1000 INVALID unknown',
      '-100 ABORTED nobody',
      '-101 DISKS_FAILED node',
      '-102 PREEMPTED nobody',
      '-103 KILLED_EXCEEDED_VMEM application',
      '-104 KILLED_EXCEEDED_PMEM application',
      '-105 KILLED_BY_APPMASTER nobody',
      '-106 KILLED_BY_RESOURCEMANAGER nobody',
      '-107 KILLED_AFTER_APP_COMPLETION nobody',
      '-108 KILLED_BY_CONTAINER_SCHEDULER nobody',
      '-109 KILLED_FOR_EXCESS_LOGS application',
      '0 SUCCESS nobody',
      '1 EXIT_1 application',
      '126 EXIT_126 application',
      '127 EXIT_127 application',
      '137 SIGKILL application',
      '143 SIGTERM application',
      '139 SIGSEGV application',
      '154 LOST node',
      '255 EXIT_255 application',
    ])
    expect(explainExit(-12345)).to.include({ name: 'STATUS_-12345', blame: 'unknown' })
  })

  it('is told apart by the diagnostics where a kill came before the status', () => {
    expect(explainExit(143, "Container is running 12345B beyond the 'PHYSICAL' memory limit.").name).to.equal('KILLED_EXCEEDED_PMEM')
    expect(explainExit(137, "… running beyond the 'VIRTUAL' memory limit").name).to.equal('KILLED_EXCEEDED_VMEM')
    expect(explainExit(143, 'Container killed by the ApplicationMaster.').blame).to.equal('nobody')
    expect(explainExit(-100, 'Container released on a *lost* node')).to.include({ blame: 'node', words: 'its node was lost' })
    expect(explainExit(-100, 'Container released by application').words).to.equal('the application released it')
    expect(explainExit(-100, 'Container expired since it was unused').words).to.match(/not started in time/)
  })
})
