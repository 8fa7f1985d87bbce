/** PKCS#12, what keytool writes since Java 9, by node-forge; loaded only where there is such a store. */
import forge from 'node-forge'
import { TrustStoreProblem } from './problem.js'

/** DER of all certificates in it. @throws TrustStoreProblem */
export function readPkcs12(bytes: Buffer, password: string): Buffer[] {
  let bags: forge.pkcs12.Bag[]
  try {
    const store = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(bytes.toString('latin1')), false, password)
    bags = store.getBags({ bagType: forge.pki.oids['certBag']! })[forge.pki.oids['certBag']!] ?? []
  } catch (error) {
    throw new TrustStoreProblem(
      `it cannot be read as PKCS#12 (${error instanceof Error ? error.message : String(error)}): the password is not the right one, or the file is damaged`,
    )
  }
  return bags.map(({ cert, asn1 }) => {
    // forge reads no elliptic curves' keys, and then leaves the certificate as it lies in the store.
    const content = cert === null || cert === undefined ? asn1 : forge.pki.certificateToAsn1(cert)
    return Buffer.from(forge.asn1.toDer(content).getBytes(), 'latin1')
  })
}
