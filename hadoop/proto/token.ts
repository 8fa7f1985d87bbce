import { type Infer, bytes, message, required, string } from './message.js'

/**
 * hadoop.common.TokenProto. `identifier` and `password` are opaque: they are sent back byte for byte. The password never goes
 * into a log.
 */
export const Token = message('hadoop.common.TokenProto', {
  identifier: required(1, bytes),
  password: required(2, bytes),
  kind: required(3, string),
  service: required(4, string),
})
export type Token = Infer<typeof Token>
