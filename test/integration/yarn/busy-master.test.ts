/** Heartbeats to the ResourceManager do not depend on the master's event loop. */
import { expect } from 'chai'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startHadoop, type HadoopCluster } from '../../support/hadoop-cluster.js'
import { runWeft } from '../../support/weft-command.js'

/** The RM gives a master up after so long without a heartbeat; the program spins twice that. */
const EXPIRY_MS = 10_000
const SPIN_MS = 22_000

describe('a master whose event loop is busy', () => {
  let cluster: HadoopCluster
  let folder: string
  before(async () => {
    cluster = await startHadoop({
      name: 'busy-master',
      nodes: 1,
      heartbeatMs: 200,
      properties: { 'yarn.am.liveness-monitor.expiry-interval-ms': String(EXPIRY_MS) },
    })
    folder = mkdtempSync(join(tmpdir(), 'weft-test-'))
  })
  after(async () => {
    await cluster?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it('keeps its application: the first attempt ends it', async () => {
    writeFileSync(
      join(folder, 'spin.js'),
      `export async function main() { const end = Date.now() + ${SPIN_MS}; while (Date.now() < end); }`,
    )
    const { status, stderr } = await runWeft(['run', '-t', 'yarn-application', 'spin.js'], {
      cwd: folder,
      environment: { HADOOP_CONF_DIR: cluster.confDir, HADOOP_USER_NAME: 'alice' },
    })
    expect(status, stderr).to.equal(0)
    const applicationId = /application_\d+_\d+/.exec(stderr)?.[0]
    const response = await fetch(`${cluster.resourceManager}/ws/v1/cluster/apps/${applicationId}/appattempts`)
    const { appAttempts } = (await response.json()) as { appAttempts: { appAttempt: unknown[] } }
    expect(appAttempts.appAttempt).to.have.length(1)
  })
})
