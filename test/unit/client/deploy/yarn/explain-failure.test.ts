import { expect } from 'chai'
import { exitCodeOf, shortDiagnostics, stderrInDiagnostics } from '#client/deploy/yarn/application-state.js'
import { failureText, logContents, waitingReason } from '#client/deploy/yarn/explain-failure.js'
import { ApplicationReportSchema } from '#hadoop/rest/resource-manager-records.js'
import { findQueue, readScheduler } from '#hadoop/rest/scheduler-queues.js'

/** As Hadoop 3.4.3 wrote it. */
const LAUNCH_FAILURE = `Application application_1_0003 failed 1 times in previous 600000 milliseconds (global limit =2; local limit is =1) due to AM Container for appattempt_1_0003_000001 exited with  exitCode: 3
Failing this attempt.Diagnostics: [2026-11-23 11:00:59.530]Exception from container-launch.
Container id: container_1_0003_01_000001
Exit code: 3

[2026-11-23 11:00:59.553]Container exited with a non-zero exit code 3. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
Last 4096 bytes of stderr :
first line
  second line


[2026-11-23 11:00:59.553]Container exited with a non-zero exit code 3. Error file: prelaunch.err.
Last 4096 bytes of prelaunch.err :
Last 4096 bytes of stderr :
first line
  second line


For more detailed output, check the application tracking page: http://rm:8088/cluster/app/application_1_0003 Then click on links to logs of each attempt.
. Failing the application.`
const LOCALIZATION_FAILURE = `Application application_1_0004 failed 2 times due to AM Container for appattempt_1_0004_000002 exited with  exitCode: -1000
Failing this attempt.Diagnostics: [2026-11-23 11:00:59.530]Resource hdfs://nn/x changed on src filesystem
For more detailed output, check the application tracking page: http://rm:8088/ Then click on links to logs of each attempt.
. Failing the application.`

const report = (more: object) =>
  ApplicationReportSchema.parse({ id: 'application_1_0003', state: 'FAILED', finalStatus: 'FAILED', queue: 'root.default', ...more })

describe('explaining a failed application', () => {
  it('finds exit code and stderr in YARN’s text', () => {
    expect(exitCodeOf(LAUNCH_FAILURE)).to.equal(3)
    expect(exitCodeOf(LOCALIZATION_FAILURE)).to.equal(-1000)
    expect(exitCodeOf('')).to.equal(undefined)
    expect(stderrInDiagnostics(LAUNCH_FAILURE)).to.equal('first line\n  second line')
    expect(stderrInDiagnostics(LOCALIZATION_FAILURE)).to.equal(undefined)
  })

  it('puts the cause first, then the last words', () => {
    expect(failureText(report({ diagnostics: LAUNCH_FAILURE }), stderrInDiagnostics(LAUNCH_FAILURE))).to.equal(
      [
        'The application master failed: its process ended with exit code 3 (exit status 3).',
        'Its stderr ended with:',
        '  first line',
        '    second line',
        'YARN application application_1_0003 failed.',
      ].join('\n'),
    )
  })

  it('keeps what YARN says when the master was never started', () => {
    const text = failureText(report({ diagnostics: LOCALIZATION_FAILURE }), undefined)
    expect(text).to.match(/^The application master failed: it was never launched.*\(exit status -1000\)\./)
    expect(text).to.include('Resource hdfs://nn/x changed on src filesystem').and.to.include('yarn logs -applicationId application_1_0003')
    expect(text).not.to.include('For more detailed output')
  })

  it('shows the master’s own words when it ended by itself', () => {
    expect(failureText(report({ state: 'FINISHED', diagnostics: 'Line 3: column b is unknown' }), undefined)).to.equal(
      'Line 3: column b is unknown\nYARN application application_1_0003 finished with status FAILED.',
    )
    expect(failureText(report({ state: 'KILLED', diagnostics: 'Application killed by user.' }), undefined)).to.match(
      /^Application killed by user\.\nYARN application .* was killed\.$/,
    )
  })

  it('never has nothing to say, nor too much', () => {
    expect(shortDiagnostics('  \n')).to.equal('YARN gives no reason')
    expect(shortDiagnostics(Array.from({ length: 500 }, (_, i) => `line ${i}`).join('\n')).split('\n')).to.have.length(41)
  })

  it('takes the NodeManager’s wrapping off a log', () => {
    const body = '***\nContainer: c on h\nLogType:stderr\nLogLength:6\nLog Contents:\na\nb\n\nEnd of LogType:stderr\n****\n'
    expect(logContents(body)).to.equal('a\nb\n')
    expect(logContents('bare')).to.equal('bare')
  })
})

describe('explaining an application that waits', () => {
  const queues = readScheduler({
    type: 'capacityScheduler',
    queueName: 'root',
    queuePath: 'root',
    queues: {
      queue: [
        {
          queueName: 'default',
          queuePath: 'root.default',
          resourcesUsed: { memory: 2048, vCores: 3 },
          maxEffectiveCapacity: { memory: 2048, vCores: 4 },
          AMResourceLimit: { memory: 512, vCores: 1 },
          usedAMResource: { memory: 512, vCores: 1 },
        },
      ],
    },
  }).queues
  const queue = findQueue(queues, 'root.default')

  it('names the queue’s limit for masters with what is used of it', () => {
    const waiting = report({
      state: 'ACCEPTED',
      diagnostics:
        "[Mon Nov 23 11:01:00 +0000 2026] Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.",
    })
    expect(waitingReason(waiting, queue, 2)).to.equal(
      'Queue root.default has no room for another application master (512 of 512 MB, 1 of 1 vcores used); it starts when another application of the queue ends.\n' +
        "YARN says: Application is added to the scheduler and is not yet activated. Queue's AM resource limit exceeded.",
    )
  })

  it('names a full queue, and a cluster without nodes', () => {
    expect(waitingReason(report({ state: 'ACCEPTED' }), queue, 2)).to.equal(
      'Queue root.default is full: 2048 of 2048 MB, 3 of 4 vcores used.',
    )
    expect(waitingReason(report({ state: 'ACCEPTED' }), queue, 0)).to.equal('The cluster has no active NodeManager.')
    expect(waitingReason(report({ state: 'ACCEPTED' }), undefined, undefined)).to.equal(undefined)
  })
})
