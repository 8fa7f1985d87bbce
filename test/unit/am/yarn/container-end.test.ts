import { expect } from 'chai'
import { explainExit } from '#hadoop/yarn/exit-status.js'
import { lastLines, logContents } from '#am/resourcemanager/drivers/yarn/container-log.js'
import { describeContainerEnd } from '#am/resourcemanager/drivers/yarn/describe-container-end.js'
import { describeCounters } from '#am/resourcemanager/drivers/yarn/yarn-driver.js'

describe('the end of a container', () => {
  it('is told by its status in words, YARN’s diagnostics without boilerplate, and the log', () => {
    const diagnostics =
      '[2026-11-23 11:22:22.218]Exception from container-launch.\nContainer id: c1\nExit code: 1\n[2026-11-23 11:22:22.218]Container exited with a non-zero exit code 1. Error file: prelaunch.err.\nLast 4096 bytes of prelaunch.err :\nno space left'
    const text = describeContainerEnd({ id: 'c1', priority: 1, exitStatus: 1, exit: explainExit(1), diagnostics }, 'line 1\nline 2')
    expect(text).to.equal(
      'exit status 1 (EXIT_1): its process ended with exit code 1\nYARN says: no space left\nLast lines of its log (stderr):\n  | line 1\n  | line 2',
    )
  })

  it('finds the log within the NodeManager’s wrapping', () => {
    const body = 'LogType:stderr\nLogLength:12\nLog Contents:\nfirst\nsecond\n\nEnd of LogType:stderr\n***********\n'
    expect(lastLines(logContents(body))).to.equal('first\nsecond')
    expect(lastLines(logContents('LogType:stderr\nLogLength:0\nLogContents:\n\nEnd of LogType:stderr'))).to.equal(undefined)
    expect(lastLines(Array.from({ length: 40 }, (_, line) => String(line)).join('\n'))?.split('\n')[0]).to.equal('25')
  })

  it('adds up over the application', () => {
    const counters = { asked: 3, granted: 3, surplus: 1, released: 2, completed: 3, heartbeats: 9, resyncs: 0 }
    expect(describeCounters(counters, 0, 1)).to.equal(
      'Containers: asked 3, granted 3, released 3 (asked = granted = released); 1 of them ended by themselves, 1 more than asked for came and were returned at once.',
    )
    expect(describeCounters({ ...counters, asked: 0, granted: 0, released: 2 }, 2, 0)).to.contain(
      'asked 0, granted 0, released 0 (asked = granted = released)',
    )
    expect(describeCounters({ ...counters, released: 1 }, 0, 1)).to.contain('differ')
  })
})
