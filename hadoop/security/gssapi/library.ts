/**
 * MIT Kerberos' GSSAPI library, called through koffi: the only file that knows either. RFC 2744, and MIT's gss_acquire_cred_from. What comes from
 * the library is copied out, its size checked, and released at once. Calls that may ask a KDC run on a thread of Node's pool.
 *
 * koffi is an optional package: it is looked for beside the bundles (koffi.node, in YARN's containers) and among the installed packages.
 */
import { createRequire } from 'node:module'
import { KerberosLibraryMissing } from '../errors.js'

/** Addresses. */
export type Handle = bigint

/** What a call came to. Both 0 when it succeeded; `major` may be CONTINUE. */
export interface GssStatus {
  readonly major: number
  readonly minor: number
  /** The library's words for both. */
  readonly text: string
}

export class GssError extends Error {
  readonly status: GssStatus
  constructor(status: GssStatus) {
    super(status.text)
    this.status = status
  }
}

export const GSS_CONTINUE = 1
export const GssFlag = { mutual: 2, replay: 4, sequence: 8, confidentiality: 16, integrity: 32 } as const

export interface Gssapi {
  /** `service@host` or, with a realm, `service/host@REALM`. Freed with the process: there are few. @throws GssError */
  serviceName(service: string): Handle
  /** A ticket cache, the default one when unnamed; asks nobody. @throws GssError */
  acquireFromCache(cache: string | undefined): Credential
  /** Asks the KDC. The tickets lie in this process's memory. @throws GssError */
  acquireFromKeytab(keytab: string, principal: string, memoryCache: string): Promise<Credential>
  releaseCredential(credential: Handle): void
  /** One step; `context` undefined begins. @throws GssError */
  initialize(options: {
    readonly credential: Handle
    readonly context: Handle | undefined
    readonly target: Handle
    readonly flags: number
    readonly input: Uint8Array | undefined
  }): Promise<{ context: Handle; output: Buffer; done: boolean; flags: number }>
  deleteContext(context: Handle): void
  /** @throws GssError */
  wrap(context: Handle, confidential: boolean, clear: Uint8Array): Buffer
  /** @throws GssError */
  unwrap(context: Handle, wrapped: Uint8Array): { clear: Buffer; confidential: boolean }
  /** Most clear bytes that become at most `wrappedLimit` bytes. @throws GssError */
  wrapSizeLimit(context: Handle, confidential: boolean, wrappedLimit: number): number
}

export interface Credential {
  readonly handle: Handle
  /** `alice@REALM` */
  readonly principal: string
  readonly lifetimeSeconds: number
}

const LIBRARY = 'libgssapi_krb5.so.2'
/** Far above any ticket or RPC answer. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024
/** The resolver's modules want more stack than koffi's 128 KiB. */
const ASYNC_STACK_BYTES = 1024 * 1024
const INITIATE = 1
const INDEFINITE = 0xffffffff
const MAX_STATUS_LINES = 8

const OID = {
  kerberos: '2a864886f712010202',
  hostBasedService: '2a864886f71201020104',
  principal: '2a864886f71201020201',
}

interface GssBuffer {
  length: number | bigint
  value: Handle | Uint8Array | null
}
type Call = ((...args: unknown[]) => number) & { async: (...args: unknown[]) => void }
/** The part of koffi that is used; its own types are not there when it is not. */
interface Koffi {
  config(settings: Record<string, number>): unknown
  load(path: string): { func(name: string, result: unknown, args: unknown[]): Call }
  struct(members: Record<string, unknown>): unknown
  pointer(type: unknown): unknown
  array(type: unknown, length: number): unknown
  out(type: unknown): unknown
  inout(type: unknown): unknown
  sizeof(type: unknown): number
  alloc(type: unknown, length: number): Handle
  encode(at: Handle, type: unknown, value: unknown): void
  view(at: Handle, length: number): ArrayBuffer
}

let loaded: Gssapi | undefined

/** @throws KERBEROS_LIBRARY_MISSING */
export function gssapi(): Gssapi {
  return (loaded ??= bind(loadKoffi()))
}

function loadKoffi(): Koffi {
  const require = createRequire(import.meta.url)
  const problems: string[] = []
  for (const name of ['./koffi.node', 'koffi']) {
    try {
      const koffi = require(name) as Koffi & { default?: Koffi }
      return koffi.default ?? koffi
    } catch (error) {
      problems.push((error as NodeJS.ErrnoException).code ?? String(error))
    }
  }
  throw new KerberosLibraryMissing({ missing: 'koffi', name: 'koffi', reason: problems.at(-1) ?? '' })
}

function bind(koffi: Koffi): Gssapi {
  try {
    koffi.config({ async_stack_size: ASYNC_STACK_BYTES, async_heap_size: ASYNC_STACK_BYTES })
  } catch {
    // It has been used before in this process, with its own sizes.
  }
  let library
  try {
    library = koffi.load(LIBRARY)
  } catch (error) {
    throw new KerberosLibraryMissing({ missing: 'library', name: LIBRARY, reason: error instanceof Error ? error.message : String(error) })
  }
  const u32 = 'uint32_t'
  const handle = 'void *'
  const bufferType = koffi.struct({ length: 'size_t', value: handle })
  const oidType = koffi.struct({ length: u32, elements: handle })
  const entryType = koffi.struct({ key: 'const char *', value: 'const char *' })
  const storeType = koffi.struct({ count: u32, elements: koffi.pointer(entryType) })
  for (const type of [bufferType, oidType, entryType, storeType]) {
    if (koffi.sizeof(type) !== 16)
      throw new KerberosLibraryMissing({ missing: 'symbol', name: LIBRARY, reason: 'its structures have another size on this platform' })
  }
  const inBuffer = koffi.pointer(bufferType)
  const outBuffer = koffi.out(koffi.pointer(bufferType))
  const inoutBuffer = koffi.inout(koffi.pointer(bufferType))
  const outHandle = koffi.out(koffi.pointer(handle))
  const inoutHandle = koffi.inout(koffi.pointer(handle))
  const outU32 = koffi.out(koffi.pointer(u32))
  const inoutU32 = koffi.inout(koffi.pointer(u32))
  const oidPointer = koffi.pointer(oidType)
  const find = (name: string, args: unknown[]): Call => {
    try {
      return library.func(name, u32, [outU32, ...args])
    } catch (error) {
      throw new KerberosLibraryMissing({ missing: 'symbol', name: LIBRARY, reason: `it lacks ${name}` }, { cause: error })
    }
  }
  const gss = {
    importName: find('gss_import_name', [inBuffer, oidPointer, outHandle]),
    displayName: find('gss_display_name', [handle, outBuffer, handle]),
    releaseName: find('gss_release_name', [inoutHandle]),
    acquire: find('gss_acquire_cred_from', [handle, u32, handle, 'int', koffi.pointer(storeType), outHandle, handle, outU32]),
    inquire: find('gss_inquire_cred', [handle, outHandle, outU32, handle, handle]),
    releaseCredential: find('gss_release_cred', [inoutHandle]),
    initialize: find('gss_init_sec_context', [
      handle,
      inoutHandle,
      handle,
      oidPointer,
      u32,
      u32,
      handle,
      inBuffer,
      handle,
      outBuffer,
      outU32,
      handle,
    ]),
    deleteContext: find('gss_delete_sec_context', [inoutHandle, handle]),
    wrap: find('gss_wrap', [handle, 'int', u32, inBuffer, koffi.out(koffi.pointer('int')), outBuffer]),
    unwrap: find('gss_unwrap', [handle, inBuffer, outBuffer, koffi.out(koffi.pointer('int')), outU32]),
    wrapSizeLimit: find('gss_wrap_size_limit', [handle, 'int', u32, u32, outU32]),
    displayStatus: find('gss_display_status', [u32, 'int', oidPointer, inoutU32, outBuffer]),
    releaseBuffer: find('gss_release_buffer', [inoutBuffer]),
  }

  /** Stays for the life of the process: the library keeps pointers to the bytes. */
  const oid = (hex: string): { length: number; elements: Handle } => {
    const bytes = Buffer.from(hex, 'hex')
    const at = koffi.alloc('uint8_t', bytes.length)
    koffi.encode(at, koffi.array('uint8_t', bytes.length), [...bytes])
    return { length: bytes.length, elements: at }
  }
  const kerberos = oid(OID.kerberos)
  const hostBasedService = oid(OID.hostBasedService)
  const principalName = oid(OID.principal)

  const input = (bytes: Uint8Array): GssBuffer => ({ length: bytes.length, value: Buffer.from(bytes) })
  const take = (buffer: Partial<GssBuffer>): Buffer => {
    const { value } = buffer
    const length = Number(buffer.length ?? 0)
    if (typeof value !== 'bigint' || value === 0n) return Buffer.alloc(0)
    try {
      if (length > MAX_OUTPUT_BYTES) throw new Error(`the Kerberos library gave ${length} bytes`)
      return length === 0 ? Buffer.alloc(0) : Buffer.from(new Uint8Array(koffi.view(value, length)))
    } finally {
      gss.releaseBuffer([0], { length, value })
    }
  }
  const words = (code: number, type: 1 | 2): string => {
    const lines: string[] = []
    const more = [0]
    do {
      const out: Partial<GssBuffer> = {}
      if (gss.displayStatus([0], code, type, type === 2 ? kerberos : null, more, out) !== 0) break
      lines.push(take(out).toString('utf8').trim())
    } while (more[0] !== 0 && lines.length < MAX_STATUS_LINES)
    return lines.filter((line) => line !== '').join('; ')
  }
  const check = (major: number, minor: number[]): void => {
    const result = major >>> 0
    // Below the routine errors there is only supplementary information.
    if (result >>> 16 === 0) return
    const code = (minor[0] ?? 0) >>> 0
    const text = code === 0 ? words(result, 1) : words(code, 2) || words(result, 1)
    throw new GssError({ major: result, minor: code, text })
  }
  const inUse = new Set<unknown>()
  const onPool = (call: Call, ...args: unknown[]): Promise<number> =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: Error | null, result: number) =>
        error === null || error === undefined ? resolve(result) : reject(error),
      )
    })
  const nameOf = (name: Handle): string => {
    const minor = [0]
    const out: Partial<GssBuffer> = {}
    check(gss.displayName(minor, name, out, null), minor)
    return take(out).toString('utf8')
  }
  const imported = (text: string, type: unknown): Handle => {
    const minor = [0]
    const name: (Handle | null)[] = [null]
    check(gss.importName(minor, input(Buffer.from(text, 'utf8')), type, name), minor)
    return name[0] as Handle
  }
  const described = (credential: Handle): Credential => {
    const minor = [0]
    const name: (Handle | null)[] = [null]
    const lifetime = [0]
    check(gss.inquire(minor, credential, name, lifetime, null, null), minor)
    const principal = nameOf(name[0] as Handle)
    gss.releaseName([0], name)
    return { handle: credential, principal, lifetimeSeconds: (lifetime[0] ?? 0) >>> 0 }
  }
  const storeOf = (entries: Record<string, string>) => ({
    count: Object.keys(entries).length,
    elements: Object.entries(entries).map(([key, value]) => ({ key, value })),
  })

  return {
    serviceName: (service) => imported(service, service.includes('/') ? principalName : hostBasedService),
    acquireFromCache(cache) {
      const minor = [0]
      const credential: (Handle | null)[] = [null]
      const store = cache === undefined ? null : storeOf({ ccache: cache })
      check(gss.acquire(minor, null, INDEFINITE, null, INITIATE, store, credential, null, [0]), minor)
      return described(credential[0] as Handle)
    },
    async acquireFromKeytab(keytab, principal, memoryCache) {
      const minor = [0]
      const credential: (Handle | null)[] = [null]
      const name = imported(principal, principalName)
      const store = storeOf({ client_keytab: `FILE:${keytab}`, ccache: `MEMORY:${memoryCache}` })
      try {
        check(await onPool(gss.acquire, minor, name, INDEFINITE, null, INITIATE, store, credential, null, [0]), minor)
      } finally {
        gss.releaseName([0], [name])
      }
      return described(credential[0] as Handle)
    },
    releaseCredential: (credential) => void gss.releaseCredential([0], [credential]),
    async initialize({ credential, context, target, flags, input: token }) {
      const minor = [0]
      const state: (Handle | null)[] = [context ?? null]
      const out: Partial<GssBuffer> = {}
      const granted = [0]
      const given = token === undefined ? null : input(token)
      // The library reads the token on another thread: the collector must not have it meanwhile.
      inUse.add(given)
      let major: number
      try {
        major = await onPool(gss.initialize, minor, credential, state, target, kerberos, flags, 0, null, given, null, out, granted, null)
      } finally {
        inUse.delete(given)
      }
      const output = take(out)
      try {
        check(major, minor)
      } catch (error) {
        if (typeof state[0] === 'bigint') gss.deleteContext([0], state, null)
        throw error
      }
      return { context: state[0] as Handle, output, done: ((major >>> 0) & GSS_CONTINUE) === 0, flags: granted[0] ?? 0 }
    },
    deleteContext: (context) => void gss.deleteContext([0], [context], null),
    wrap(context, confidential, clear) {
      const minor = [0]
      const out: Partial<GssBuffer> = {}
      const was = [0]
      check(gss.wrap(minor, context, confidential ? 1 : 0, 0, input(clear), was, out), minor)
      const wrapped = take(out)
      if (confidential && was[0] === 0) throw new Error('the Kerberos library did not encrypt')
      return wrapped
    },
    unwrap(context, wrapped) {
      const minor = [0]
      const out: Partial<GssBuffer> = {}
      const was = [0]
      check(gss.unwrap(minor, context, input(wrapped), out, was, [0]), minor)
      return { clear: take(out), confidential: was[0] !== 0 }
    },
    wrapSizeLimit(context, confidential, wrappedLimit) {
      const minor = [0]
      const limit = [0]
      check(gss.wrapSizeLimit(minor, context, confidential ? 1 : 0, 0, wrappedLimit, limit), minor)
      return limit[0] ?? 0
    },
  }
}
