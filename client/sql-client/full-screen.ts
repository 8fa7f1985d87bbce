/** Draws a ResultView over the whole terminal while pages come, and takes keys until the user leaves. */
import { emitKeypressEvents } from 'node:readline'
import type { ReadStream, WriteStream } from 'node:tty'
import type { ResultPage } from './gateway-client.js'
import type { ResultView } from './result-view.js'

const REDRAW_MS = 100
const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'

interface Key {
  readonly name?: string
  readonly ctrl?: boolean
}

/** Resolves when the user has left: the rest of the query is not wanted. A failure of the query is shown first and thrown afterwards. */
export async function watchFullScreen(
  view: ResultView,
  pages: AsyncGenerator<ResultPage, void>,
  input: ReadStream,
  output: WriteStream,
): Promise<void> {
  // A terminal that does not know its size says 0.
  const size = () => ({ columns: output.columns || 80, lines: output.rows || 24 })
  const draw = () => void output.write(`\x1b[H${view.draw(size()).join('\x1b[K\n')}\x1b[K`)
  let failure: unknown
  let failed = false
  let left = false
  const reading = (async () => {
    try {
      for await (const { rows } of pages) {
        if (left) break
        view.add(rows)
      }
      view.end('finished')
    } catch (error) {
      failure = error
      failed = true
      view.end('failed: Q tells why')
    }
  })()
  let onKey: ((text: unknown, key: Key) => void) | undefined
  emitKeypressEvents(input)
  output.write(ENTER)
  input.setRawMode(true)
  input.resume()
  const timer = setInterval(draw, REDRAW_MS)
  output.on('resize', draw)
  try {
    await new Promise<void>((resolve) => {
      onKey = (_, { name, ctrl }) => {
        if ((ctrl === true && (name === 'c' || name === 'd')) || !view.key(name ?? '', size())) resolve()
        else draw()
      }
      input.on('keypress', onKey)
      draw()
    })
  } finally {
    clearInterval(timer)
    output.off('resize', draw)
    if (onKey !== undefined) input.off('keypress', onKey)
    input.setRawMode(false)
    input.pause()
    output.write(LEAVE)
    left = true
    await reading
  }
  if (failed) throw failure
}
