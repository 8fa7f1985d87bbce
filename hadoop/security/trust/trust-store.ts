/**
 * The certificates by which this cluster's HTTPS is trusted: the trust store that ssl-client.xml names, as Hadoop's own clients take it.
 * A client reads the store and ships its certificates (they are public) with the configuration; masters and workers read no file.
 */
import { X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { defineError } from '#core/errors/define-error.js'
import { servesHttps } from '../../conf/addresses.js'
import { TRUSTED_CERTIFICATES, type HadoopConfiguration } from '../../conf/hadoop-configuration.js'
import { JKS_MAGIC, readJks } from './jks.js'
import { TrustStoreProblem } from './problem.js'

export const TrustStoreUnreadable = defineError('HADOOP_TRUST_STORE_UNREADABLE', {
  recovery: 'none',
  message: (d: { file: string; reason: string }) =>
    `Cannot read the trust store ${d.file}, which ssl-client.xml names (ssl.client.truststore.location): ${d.reason}. ` +
    'It is a PEM file, or one that keytool has written (JKS, PKCS12), with ssl.client.truststore.password.',
})

const MAX_STORE_BYTES = 8 * 1024 * 1024

/**
 * The configuration with the certificates of its trust store, where the cluster serves HTTPS and names one; else as it is: then those
 * that Node trusts decide. @throws HADOOP_TRUST_STORE_UNREADABLE
 */
export async function withTrustedCertificates(conf: HadoopConfiguration): Promise<HadoopConfiguration> {
  const file = conf.get('ssl.client.truststore.location')?.trim()
  if (file === undefined || file === '' || !servesHttps(conf)) return conf
  try {
    const { size } = await stat(file)
    if (size > MAX_STORE_BYTES) throw new TrustStoreProblem(`it has ${size} bytes, over the limit of ${MAX_STORE_BYTES}`)
    const password = conf.get('ssl.client.truststore.password')
    const certificates = await readTrustStore(await readFile(file), password === '' ? undefined : password)
    return conf.with({ [TRUSTED_CERTIFICATES]: certificates.join('') })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new TrustStoreUnreadable({ file, reason }, { cause: error })
  }
}

/** Each as PEM. The file's content tells its format, as it does for Java. @throws TrustStoreProblem */
export async function readTrustStore(bytes: Buffer, password: string | undefined): Promise<string[]> {
  const certificates = await certificatesIn(bytes, password)
  if (certificates.length === 0) throw new TrustStoreProblem('it holds no certificate')
  return certificates.map((der) => {
    try {
      return new X509Certificate(der).toString()
    } catch (error) {
      throw new TrustStoreProblem('it holds a certificate that is none', { cause: error })
    }
  })
}

async function certificatesIn(bytes: Buffer, password: string | undefined): Promise<(Buffer | string)[]> {
  if (bytes.length >= 4 && bytes.readUInt32BE() === JKS_MAGIC) return readJks(bytes, password)
  if (bytes[0] === 0x30) {
    const { readPkcs12 } = await import('./pkcs12.js')
    return readPkcs12(bytes, password ?? '')
  }
  const found = bytes.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  if (found === null) throw new TrustStoreProblem('it is neither JKS nor PKCS#12 nor PEM')
  return found
}
