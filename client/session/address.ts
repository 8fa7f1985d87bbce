/** The address of a session as users give it. A file of its own: every `weft run` loads it. */
import { REST_ADDRESS, REST_PORT } from '#core/config/options/rest.js'
import { AddressInvalid } from './errors.js'

/** `-m host:port`, as the options that it stands for. @throws SESSION_ADDRESS_INVALID */
export function addressOptions(address: string): Record<string, string> {
  const [, host, port] = /^(?:https?:\/\/)?(\[[0-9a-fA-F:]+\]|[^:/\s]+):(\d{1,5})\/?$/.exec(address) ?? []
  if (host === undefined || port === undefined || Number(port) < 1 || Number(port) > 65535) throw new AddressInvalid({ address })
  return { [REST_ADDRESS.key]: host, [REST_PORT.key]: port }
}
