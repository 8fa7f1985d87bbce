/**
 * The principals in a keytab, for messages. MIT's format, versions 1 (host order, read as little endian) and 2:
 *
 *   05 01|02 | entries { int32 size (negative: a hole) | int16 components | int16 length, realm | components × (int16 length, text) | … }
 *
 * Keys are not looked at: logging in is the Kerberos library's business.
 */
import { readFileSync, statSync } from 'node:fs'

const MAX_KEYTAB_BYTES = 4 * 1024 * 1024

/** @throws an Error that says in a few words what is wrong with the file */
export function keytabPrincipals(path: string): string[] {
  let bytes: Buffer
  try {
    const found = statSync(path)
    if (!found.isFile()) throw new Error('it is no file')
    if (found.size > MAX_KEYTAB_BYTES) throw new Error(`it has ${found.size} bytes`)
    bytes = readFileSync(path)
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new Error('there is no such file', { cause: error })
      case 'EACCES':
      case 'EPERM':
        throw new Error('it may not be read by this user', { cause: error })
      default:
        throw error
    }
  }
  return parseKeytab(bytes)
}

/** Each once, in the order of the file. @throws Error */
export function parseKeytab(bytes: Buffer): string[] {
  if (bytes.length < 2 || bytes[0] !== 5 || (bytes[1] !== 1 && bytes[1] !== 2)) throw new Error('it is no keytab')
  const big = bytes[1] === 2
  const int16 = (at: number): number => (big ? bytes.readInt16BE(at) : bytes.readInt16LE(at))
  const found = new Set<string>()
  try {
    for (let at = 2; at + 4 <= bytes.length;) {
      const size = big ? bytes.readInt32BE(at) : bytes.readInt32LE(at)
      at += 4
      if (size === 0) break
      const end = at + Math.abs(size)
      if (end > bytes.length) throw new RangeError()
      if (size > 0) found.add(readPrincipal(at, end))
      at = end
    }
  } catch (error) {
    throw error instanceof RangeError ? new Error('it is cut off or damaged', { cause: error }) : error
  }
  return [...found]

  function readPrincipal(from: number, end: number): string {
    let at = from
    const text = (): string => {
      const length = int16(at)
      if (length < 0 || at + 2 + length > end) throw new RangeError()
      const value = bytes.toString('utf8', at + 2, at + 2 + length)
      at += 2 + length
      return value
    }
    // Version 1 counts the realm among the components.
    let count = int16(at) - (big ? 0 : 1)
    at += 2
    const realm = text()
    const components: string[] = []
    for (; count > 0; count--) components.push(text())
    return `${components.join('/')}@${realm}`
  }
}
