/**
 * Java's own key store format, JKS: certificates that are trusted lie in it in the clear, and a digest with the store's password at the end.
 * Source: sun.security.provider.JavaKeyStore (JDK 17): u4 magic FEEDFEED, u4 version 1 or 2, u4 count, entries, SHA-1 of
 * (password as UTF-16BE, "Mighty Aphrodite", all before it). Entry 1: u4, UTF alias, u8 date, u4 length and a private key, u4 count and its
 * certificates; entry 2: u4, UTF alias, u8 date, a certificate. Certificate: version 2 has its UTF type; u4 length and DER.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { TrustStoreProblem } from './problem.js'

export const JKS_MAGIC = 0xfeedfeed
const DIGEST_BYTES = 20
const SALT = Buffer.from('Mighty Aphrodite', 'latin1')
const PRIVATE_KEY = 1
const TRUSTED_CERTIFICATE = 2

/** DER of what a Java client trusts: trusted certificates, and the first of each key's own. @throws TrustStoreProblem */
export function readJks(bytes: Buffer, password: string | undefined): Buffer[] {
  if (bytes.length < 12 + DIGEST_BYTES) throw new TrustStoreProblem('it is cut off')
  const content = bytes.subarray(0, bytes.length - DIGEST_BYTES)
  // Without a password Java reads it unchecked, too.
  if (password !== undefined && !timingSafeEqual(digest(content, password), bytes.subarray(content.length)))
    throw new TrustStoreProblem('the password is not the right one, or the file is damaged')
  let at = 4
  const take = (length: number): Buffer => {
    if (at + length > content.length) throw new TrustStoreProblem('it is cut off')
    at += length
    return content.subarray(at - length, at)
  }
  const number = (): number => take(4).readUInt32BE()
  const text = (): string => take(take(2).readUInt16BE()).toString('utf8')
  const version = number()
  if (version !== 1 && version !== 2) throw new TrustStoreProblem(`its format has version ${version}, known are 1 and 2`)
  const certificate = (): Buffer => {
    const type = version === 2 ? text() : 'X.509'
    if (type !== 'X.509') throw new TrustStoreProblem(`it holds a certificate of type '${type}', known is X.509`)
    return take(number())
  }
  const trusted: Buffer[] = []
  for (let left = number(); left > 0; left--) {
    const tag = number()
    text()
    take(8)
    if (tag === TRUSTED_CERTIFICATE) trusted.push(certificate())
    else if (tag === PRIVATE_KEY) {
      take(number())
      for (let i = 0, count = number(); i < count; i++) {
        const own = certificate()
        if (i === 0) trusted.push(own)
      }
    } else throw new TrustStoreProblem(`it holds an entry of an unknown kind (${tag})`)
  }
  if (at !== content.length) throw new TrustStoreProblem('there are bytes behind its last entry')
  return trusted
}

function digest(content: Buffer, password: string): Buffer {
  const characters = Buffer.from(password, 'utf16le').swap16()
  return createHash('sha1').update(characters).update(SALT).update(content).digest()
}
