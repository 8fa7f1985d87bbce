/**
 * SPNEGO's first message (RFC 4178, 4.2) around a Kerberos token, with Kerberos as the only mechanism, so that nothing is left to negotiate:
 *
 *   [APPLICATION 0] { OID SPNEGO | [0] SEQUENCE { [0] SEQUENCE { OID Kerberos } | [2] OCTET STRING token } }
 *
 * Made here and not by the library: its SPNEGO maps the error numbers of the mechanism below to numbers of its own.
 */
const SPNEGO = Buffer.from('06062b0601050502', 'hex')
const KERBEROS = Buffer.from('06092a864886f712010202', 'hex')

export function spnegoToken(kerberosToken: Uint8Array): Buffer {
  const mechanisms = tlv(0xa0, tlv(0x30, KERBEROS))
  const token = tlv(0xa2, tlv(0x04, kerberosToken))
  return tlv(0x60, Buffer.concat([SPNEGO, tlv(0xa0, tlv(0x30, Buffer.concat([mechanisms, token])))]))
}

/** Tag, DER length, value. */
function tlv(tag: number, value: Uint8Array): Buffer {
  const digits: number[] = []
  for (let rest = value.length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256)
  const head = value.length < 0x80 ? [tag, value.length] : [tag, 0x80 | digits.length, ...digits]
  return Buffer.concat([Buffer.from(head), value])
}
