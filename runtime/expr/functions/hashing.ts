/** Digests of a text's UTF-8 bytes, in lower-case hexadecimal. */
import { createHash } from 'node:crypto'
import { STRING } from '#core/types/logical-type.js'
import { strict, type FunctionDefinition } from './definition.js'

function digest(name: string, algorithm: string, length: number): FunctionDefinition {
  return strict(
    name,
    'S',
    { ...STRING, kind: 'VARCHAR', length },
    () => (text: string) => createHash(algorithm).update(text, 'utf8').digest('hex'),
  )
}

export const HASHING: readonly FunctionDefinition[] = [
  digest('MD5', 'md5', 32),
  digest('SHA1', 'sha1', 40),
  digest('SHA224', 'sha224', 56),
  digest('SHA256', 'sha256', 64),
  digest('SHA384', 'sha384', 96),
  digest('SHA512', 'sha512', 128),
]
