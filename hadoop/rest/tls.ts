/** How the other side of HTTPS is checked: by the cluster's trust store, and by its name unless hadoop.ssl.hostname.verifier says otherwise. */
import type { ConnectionOptions } from 'node:tls'
import { TRUSTED_CERTIFICATES, type HadoopConfiguration } from '../conf/hadoop-configuration.js'

export type TlsOptions = Pick<ConnectionOptions, 'ca' | 'checkServerIdentity'>

export function tlsOptions(conf: HadoopConfiguration): TlsOptions {
  const ca = conf.get(TRUSTED_CERTIFICATES)
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(conf.get('hadoop.ssl.hostname.verifier')?.trim() === 'ALLOW_ALL' ? { checkServerIdentity: () => undefined } : {}),
  }
}
