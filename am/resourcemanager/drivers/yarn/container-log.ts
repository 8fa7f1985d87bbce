/** The last lines of a container's log, from its NodeManager's web server. */
import { request } from 'node:http'

const TAIL_BYTES = 4096
const TAIL_LINES = 15
const TIMEOUT_MS = 2_500
const MAX_BODY_BYTES = 256 * 1024

/** Undefined when the log is empty or cannot be had: the node may be gone with it, or wants Kerberos. Never throws. */
export async function containerLogTail(nodeHttpAddress: string, containerId: string, file: string): Promise<string | undefined> {
  if (nodeHttpAddress === '') return undefined
  const body = await get(`http://${nodeHttpAddress}/ws/v1/node/containers/${containerId}/logs/${file}?size=-${TAIL_BYTES}`)
  return body === undefined ? undefined : lastLines(logContents(body))
}

function get(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request(url, { headers: { accept: 'text/plain' }, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > MAX_BODY_BYTES) response.destroy()
        else chunks.push(chunk)
      })
      response.on('error', () => resolve(undefined))
      response.on('close', () => resolve(undefined))
      response.on('end', () => resolve(response.statusCode === 200 ? Buffer.concat(chunks).toString('utf8') : undefined))
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve(undefined))
    sent.end()
  })
}

/** The NodeManager wraps a file's text: `LogType:…`, `LogLength:…`, `Log Contents:` before, `End of LogType:…` after. */
export function logContents(body: string): string {
  const begin = /^Log ?Contents:[^\n]*\n/m.exec(body)
  const text = begin === null ? body : body.slice(begin.index + begin[0].length)
  return text.replace(/\n?End of LogType:[\s\S]*$/, '')
}

export function lastLines(text: string): string | undefined {
  const lines = text.split('\n').map((line) => line.trimEnd())
  while (lines.at(-1) === '') lines.pop()
  return lines.length === 0 ? undefined : lines.slice(-TAIL_LINES).join('\n')
}
