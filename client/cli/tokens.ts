/** `weft tokens push`: new HDFS tokens for a running application, obtained by whoever may act for its user, where that user has no keytab there. */
import { KERBEROS_HADOOP_FILE_SYSTEMS } from '#core/config/options/security.js'
import { defineError } from '#core/errors/define-error.js'
import { TOKEN_PUSH_PURPOSE } from '#core/rest/token-responses.js'
import { sealFor } from '#core/security/sealed-box.js'
import { writeCredentials } from '#hadoop/security/credentials.js'
import { obtainOwnHdfsToken, tokenAuthorities } from '#hadoop/security/delegation-tokens.js'
import { MasterClient } from '../cluster/master-client.js'
import { applicationReport } from '../deploy/yarn/applications.js'
import { proxyTransport } from '../deploy/yarn/master-proxy.js'
import { stagingRoot } from '../deploy/yarn/staging-area.js'
import { connectYarn } from '../deploy/yarn/yarn-cluster.js'
import { commandConfiguration } from './settings.js'

export const TokensNotPushed = defineError('CLI_TOKENS_NOT_PUSHED', {
  recovery: 'none',
  message: (d: { applicationId: string; reason: string }) => `No tokens are pushed to ${d.applicationId}: ${d.reason}.`,
})

/** @throws CLI_TOKENS_NOT_PUSHED, CLIENT_MASTER_REFUSED, KERBEROS_*, FS_* */
export async function pushTokens(options: {
  readonly application: string
  readonly properties: readonly string[]
  readonly installation: string
}): Promise<number> {
  const configuration = commandConfiguration(options.properties, {}, options.installation)
  const cluster = await connectYarn(configuration, process.env)
  const { login, hadoop, hdfs, user } = cluster
  const { id, user: owner, state } = await applicationReport(cluster, options.application)
  const refuse = (reason: string): never => {
    throw new TokensNotPushed({ applicationId: id, reason })
  }
  if (login.kind === 'simple') refuse('the cluster has no Kerberos, and so no tokens')
  if (login.kind === 'tokens')
    refuse("with tokens none can be obtained: log in with 'kinit' or a keytab, and unset HADOOP_TOKEN_FILE_LOCATION")
  if (owner !== user) refuse(`it is ${owner}'s, and tokens of ${user} are of no use there: weft --proxy-user ${owner} tokens push ${id}`)
  if (state !== 'RUNNING') refuse(`it is ${state}`)
  const master = new MasterClient(proxyTransport(cluster, id))
  const { key } = await master.delegationTokens()
  const root = await stagingRoot(cluster, configuration)
  for (const authority of tokenAuthorities(hadoop, [root.uri, ...configuration.get(KERBEROS_HADOOP_FILE_SYSTEMS)])) {
    // Renewed by its owner, for whom we act: by nobody after that, so it is told until when it can be used.
    const { token, validUntil } = await obtainOwnHdfsToken(hadoop, hdfs, authority, user)
    const credentials = writeCredentials({ tokens: new Map([[token.service, token]]), secrets: new Map() })
    await master.pushDelegationTokens(sealFor(Buffer.from(key, 'base64url'), TOKEN_PUSH_PURPOSE, credentials))
    process.stdout.write(
      `Pushed a token of hdfs://${authority} to ${id}: valid until ${new Date(validUntil).toISOString()}, push the next one before.\n`,
    )
  }
  return 0
}
