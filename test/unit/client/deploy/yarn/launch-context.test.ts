import { execFileSync } from 'node:child_process'
import { expect } from 'chai'
import fc from 'fast-check'
import { masterCommand, submissionContext } from '#client/deploy/yarn/launch-context.js'
import { checkSubmission } from '#client/deploy/yarn/preflight.js'
import { lostSettings } from '#client/deploy/yarn/submit-application.js'
import { Configuration } from '#core/config/configuration.js'
import { ApplicationReportSchema } from '#hadoop/rest/resource-manager-records.js'
import { submissionBody } from '#hadoop/rest/submission.js'

/** What the NodeManager and bash make of environment values. Source: ContainerLaunch.expandEnvironment, ShellScriptBuilder.env. */
function asContainerSees(values: readonly string[]): string[] {
  const script = values.map((value, i) => {
    const expanded = value
      .replaceAll('<LOG_DIR>', '/logs')
      .replaceAll('<CPS>', ':')
      .replaceAll('<ADD_OPENS>', '--add')
      .replaceAll('{{', '$')
      .replaceAll('}}', '')
    return `export V${i}="${expanded}"\nprintf '%s\\0' "$V${i}"\n`
  })
  return execFileSync('/bin/bash', ['--norc', '--noprofile', '-c', script.join('')], { env: { X: 'expanded' } })
    .toString('utf8')
    .split('\0')
    .slice(0, -1)
}

const secret = Buffer.alloc(32, 7)
function contextOf(options: Record<string, string>) {
  const configuration = Configuration.of(options)
  const preflight = checkSubmission(
    configuration,
    { scheduler: { type: 'fairScheduler', queues: [] }, maximum: { memory: 4096, vCores: 8 }, access: undefined },
    'alice',
  )
  return submissionContext({ applicationId: 'application_1_0001', jobName: 'job', configuration, preflight, localResources: [], secret })
}

describe('launch context of the application master', () => {
  it('passes environment values literally through the NodeManager’s script', () => {
    const value = fc.string({
      unit: fc.constantFrom(
        '{',
        '}',
        '$',
        '"',
        "'",
        '`',
        '\\',
        '\n',
        ' ',
        'X',
        '<LOG_DIR>',
        '<CPS>',
        '(',
        ')',
        '!',
        'é',
        '*',
        '~',
        ';',
        '&',
        '#',
      ),
      maxLength: 20,
    })
    fc.assert(
      fc.property(fc.array(value, { minLength: 20, maxLength: 20 }), (values) => {
        const options = Object.fromEntries(values.map((text, i) => [`containerized.master.env.V${i}`, text]))
        expect(asContainerSees(Object.values(contextOf(options).environment))).to.deep.equal(values)
      }),
      { numRuns: 30 },
    )
  })

  it('is one simple command with both outputs in the log folder and a heap within the container', () => {
    expect(masterCommand(256 * 1024 * 1024)).to.equal(
      'exec ./runtime/node --max-old-space-size=102 --max-semi-space-size=2 ./runtime/am.mjs 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr',
    )
    const heap = (mb: number) => Number(/size=(\d+)/.exec(masterCommand(mb * 1024 * 1024))?.[1])
    for (const mb of [147, 256, 1024, 4096]) expect(heap(mb)).to.be.within(40, mb - 64)
  })

  it('takes every option of YARN to its place', () => {
    const context = contextOf({
      'yarn.application.name': 'shown',
      'yarn.application.queue': 'q',
      'yarn.application.priority': '5',
      'yarn.application.node-label': 'gpu',
      'yarn.application.type': 'T',
      'yarn.tags': 'a, b',
      'yarn.application-attempts': '4',
      'yarn.application-attempt-failures-validity-interval': '1000',
      'yarn.appmaster.vcores': '2',
      'yarn.view.acls': '*',
      'yarn.modify.acls': 'bob admins',
      'yarn.rolled-logs.include-pattern': '.*log',
      'yarn.rolled-logs.exclude-pattern': 'x',
      'containerized.master.env.A': '$B',
      'containerized.taskmanager.env.C': 'for workers only',
    })
    expect(context).to.deep.include({
      name: 'shown',
      queue: 'q',
      priority: 5,
      nodeLabel: 'gpu',
      type: 'T',
      tags: ['a', 'b'],
      maxAttempts: 4,
      attemptFailuresValidityInterval: 1000,
    })
    expect(context).to.deep.include({
      resource: { memoryMb: 256, vcores: 2 },
      environment: { A: '\\$B' },
      acls: { view: '*', modify: 'bob admins' },
      rolledLogs: { include: '.*log', exclude: 'x' },
    })
    expect(context.keepContainers).to.equal(true)
  })

  it('leaves unset what is unset: priority and label are the queue’s', () => {
    const context = contextOf({ 'yarn.application-attempt-failures-validity-interval': '-1' })
    expect(context).to.include({ name: 'job', priority: undefined, nodeLabel: undefined, attemptFailuresValidityInterval: undefined })
    expect(submissionBody(context)).not.to.have.any.keys(
      'priority',
      'app-node-label-expression',
      'attempt-failures-validity-interval',
      'log-aggregation-context',
      'application-tags',
    )
  })

  it('has the secret in the credentials and nowhere else', () => {
    const body = submissionBody(contextOf({}))
    const text = JSON.stringify(body)
    const encoded = secret.toString('base64url')
    expect(text.split(encoded)).to.have.length(2)
    expect(JSON.stringify((body['am-container-spec'] as { credentials: unknown }).credentials)).to.include(encoded)
  })

  it('tells what YARN made of type, tags, queue and priority', () => {
    const context = contextOf({ 'yarn.tags': 'Kept,Lost', 'yarn.application.queue': 'root.a', 'yarn.application.priority': '5' })
    const report = (more: object) =>
      ApplicationReportSchema.parse({
        id: 'x',
        state: 'ACCEPTED',
        applicationType: 'Weft',
        applicationTags: 'kept,lost',
        queue: 'root.a',
        priority: 5,
        ...more,
      })
    expect(lostSettings(context, report({}))).to.deep.equal([])
    expect(lostSettings(context, report({ queue: 'a' }))).to.deep.equal([])
    expect(lostSettings(context, report({ applicationTags: 'kept', applicationType: 'YARN', queue: 'root.b', priority: 1 }))).to.deep.equal(
      [
        "YARN changed the application type 'Weft' to 'YARN'.",
        'YARN dropped the application tags Lost.',
        "YARN put the application into queue 'root.b', not 'root.a'.",
        'YARN gave the application priority 1, not 5.',
      ],
    )
  })
})
