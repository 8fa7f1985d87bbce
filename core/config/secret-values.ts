/**
 * The values of a configuration that are secrets, apart from the rest: what a process is told in its environment or in a file of the cluster's holds none.
 * They travel beside the application's secret, in the credentials that only its containers get.
 */
import * as z from '../zod.js'
import { isSecretKey } from './configuration.js'

/** Alias among the credentials' secrets: JSON of the secret values by key. */
export const SECRET_VALUES_ALIAS = 'weft.configuration'

const SecretValues = z.record(z.string(), z.string())

export type ConfigurationValues = Readonly<Record<string, string>>

export function withoutSecretValues(values: ConfigurationValues): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !isSecretKey(key)))
}

/** For the credentials; undefined: there are no secrets among the values. */
export function secretValues(values: ConfigurationValues): Buffer | undefined {
  const secret = Object.entries(values).filter(([key]) => isSecretKey(key))
  return secret.length === 0 ? undefined : Buffer.from(JSON.stringify(Object.fromEntries(secret)), 'utf8')
}

/** All together again. `bytes`: from the credentials. @throws Error: they are no such values; their text is not in it */
export function withSecretValues(values: ConfigurationValues, bytes: Uint8Array | undefined): Record<string, string> {
  if (bytes === undefined) return { ...values }
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    parsed = undefined
  }
  const result = SecretValues.safeParse(parsed)
  if (!result.success) throw new Error(`the secret '${SECRET_VALUES_ALIAS}' among its credentials holds no values of a configuration`)
  return { ...values, ...result.data }
}
