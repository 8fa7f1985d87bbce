/**
 * The second step of CREATE: the bytes go to the DataNode as one chunked PUT. What is wrong with the file (it exists, permission,
 * quota) is said by the DataNode before the first byte, in the middle while we still send, or at the end. In the middle its
 * answer races with the reset of a connection that has unread bytes, so the beginning is waited for (`opened`). The file is
 * promised once the DataNode has answered 201.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { FileWriter } from '#core/fs/file-system.js'
import type { Environment } from '#core/time/environment.js'
import { errorOfAnswer } from '../rest/remote-exception.js'
import type { TlsOptions } from '../rest/tls.js'
import { beginRequest, readBody, SILENCE_TIMEOUT_MS, unreachable } from './http-exchange.js'

const OPEN_PATIENCE_MS = 5_000
const ABORT_PATIENCE_MS = 5_000
const MAX_WRITE_BYTES = 128 * 1024
const MAX_ERROR_BYTES = 1024 * 1024

export interface UploadEnd {
  /** The error to tell for a failed upload. */
  translate(error: unknown): Error
  /** Removes what there is of the file, where it is ours after that failure (undefined: it was closed). Never throws. */
  remove(failure: unknown): Promise<void>
}

export class WebHdfsUpload implements FileWriter {
  readonly #url: string
  readonly #end: UploadEnd
  readonly #request: ClientRequest
  /** 'open' until the DataNode has answered or the connection is gone. */
  #state: 'open' | 'done' | 'failed' = 'open'
  /** As it came, and as it is told. */
  #failure: { readonly cause: unknown; readonly error: Error } | undefined
  #answering = false
  /** Who waits for the end, or for the next bytes to be sent. */
  #settled: () => void = () => undefined

  /** `url`: the DataNode's, from the NameNode's answer. May hold a token: never shown. */
  constructor(url: string, tls: TlsOptions, end: UploadEnd) {
    this.#url = url
    this.#end = end
    this.#request = beginRequest({
      method: 'PUT',
      url,
      headers: { 'Content-Type': 'application/octet-stream', 'Transfer-Encoding': 'chunked', Expect: '100-continue' },
      connection: tls,
    })
    this.#request.flushHeaders()
    this.#request.on('response', (response: IncomingMessage) => {
      this.#answering = true
      this.#readAnswer(response).then(
        () => this.#settle('done'),
        (error: unknown) => this.#settle('failed', error),
      )
    })
    // Once an answer has begun, how the connection ends no longer matters: reading the answer tells.
    this.#request.on('error', (error) => {
      if (!this.#answering) this.#settle('failed', unreachable(url, error))
    })
    this.#request.on('close', () => {
      if (!this.#answering) this.#settle('failed', unreachable(url, new Error('the connection was closed')))
    })
  }

  /**
   * Resolves when the DataNode has opened the file, as `isThere` finds out: only an answer before the first byte is sure to reach us.
   * Servers that open a file later (gateways that buffer) are not waited for longer than OPEN_PATIENCE_MS.
   * @throws the DataNode's refusal
   */
  async opened(isThere: () => Promise<boolean>, environment: Environment): Promise<void> {
    const deadline = environment.clock.monotonic() + OPEN_PATIENCE_MS
    for (let delay = 2; this.#state === 'open' && environment.clock.monotonic() < deadline; delay = Math.min(2 * delay, 100)) {
      await this.#within((resolve) => environment.timers.after(delay, resolve))
      if (this.#state === 'open' && !this.#answering && (await isThere())) return
    }
    if (this.#answering) await this.#settlement()
    this.#check()
  }

  /** Resolves when the bytes are handed to the system: that bounds memory, and the caller may use its buffer again. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#check()
    for (let from = 0; from < bytes.length; from += MAX_WRITE_BYTES) {
      await this.#turn()
      if (this.#answering || this.#request.destroyed) break
      await this.#within((resolve) => this.#request.write(bytes.subarray(from, from + MAX_WRITE_BYTES), () => resolve()))
    }
    // The DataNode answers before the end only to refuse: its reason is on the way.
    if (this.#answering || this.#request.destroyed) await this.#settlement()
    this.#check()
  }

  async close(): Promise<void> {
    this.#check()
    if (!this.#request.writableEnded) this.#request.end()
    await this.#settlement()
    this.#check()
  }

  async abort(): Promise<void> {
    if (this.#state === 'open') {
      // Somebody may have been faster by a moment: whether the file is ours is told by the DataNode's answer only.
      if (!this.#request.writableEnded) this.#request.end()
      const patience = setTimeout(() => this.#request.destroy(), ABORT_PATIENCE_MS)
      await this.#settlement()
      clearTimeout(patience)
    }
    this.#request.destroy()
    await this.#end.remove(this.#failure?.cause)
  }

  /**
   * A DataNode that refuses answers and closes at once, with bytes of ours unread, so the connection is reset. Writing to it then would
   * destroy the socket with the answer unread: a turn of the event loop before each piece reads what has come.
   */
  #turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #settle(state: 'done' | 'failed', error?: unknown): void {
    if (this.#state !== 'open') return
    this.#state = state
    if (state === 'failed') this.#failure = { cause: error, error: this.#end.translate(error) }
    this.#settled()
  }

  async #settlement(): Promise<void> {
    if (this.#state === 'open') await this.#within(() => undefined)
  }

  /** Ends when `begin` resolves or the upload is settled. An idle writer may wait for ever, one that waits for the DataNode may not. */
  #within(begin: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.#request.destroy(new Error(`nothing came for ${SILENCE_TIMEOUT_MS / 1000} s`)),
        SILENCE_TIMEOUT_MS,
      )
      const end = (): void => {
        clearTimeout(timer)
        this.#settled = () => undefined
        resolve()
      }
      this.#settled = end
      begin(end)
      if (this.#state !== 'open') end()
    })
  }

  async #readAnswer(response: IncomingMessage): Promise<void> {
    const status = response.statusCode ?? 0
    const body = await readBody(response, this.#url, MAX_ERROR_BYTES)
    this.#request.destroy()
    if (status !== 201 && status !== 200) throw errorOfAnswer({ method: 'PUT', url: this.#url, status, body, call: 'CREATE' })
  }
}
