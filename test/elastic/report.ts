/** The report of `make elastic`: one HTML file, the plot drawn as SVG, nothing loaded from anywhere. Pure. */
import type { ElasticSample, Step } from './figures.js'

export interface ReportInput {
  readonly begin: number
  readonly end: number
  readonly steps: readonly Step[]
  readonly samples: readonly ElasticSample[]
  /** Rows per second, by whole second since `begin`. */
  readonly output: readonly number[]
  readonly rescales: readonly { readonly at: number; readonly before: number; readonly after: number; readonly pause: number }[]
  /** What was checked. */
  readonly checks: readonly { readonly what: string; readonly figure: string; readonly good: boolean }[]
}

const WIDTH = 1000
const HEIGHT = 170
const LEFT = 60
const TOP = 24
const GAP = 56

export function renderReport(input: ReportInput): string {
  const { steps, samples, output, rescales, checks, begin } = input
  const rates = steps.flatMap(({ from, to, rate }): [number, number][] => [
    [from, rate],
    [to, rate],
  ])
  const produced = output.map((rows, second): [number, number] => [begin + 1000 * second, rows])
  const parallelism = samples.map(({ at, parallelism: value }): [number, number] => [at, value])
  const containers = samples.map(({ at, containers: value }): [number, number] => [at, value])
  const panels = [
    panel(input, 0, 'load and output, rows/s', [
      { name: 'load', color: '#d62728', points: rates },
      { name: 'output', color: '#9aa7b5', points: produced },
    ]),
    panel(input, 1, 'parallelism', [{ name: 'subtasks', color: '#1f77b4', points: stairs(parallelism) }]),
    panel(input, 2, 'containers at the ResourceManager', [{ name: 'containers', color: '#2ca02c', points: stairs(containers) }]),
  ]
  const height = TOP + 3 * (HEIGHT + GAP)
  const rows = checks.map(
    ({ what, figure, good }) =>
      `<tr><td>${escape(what)}</td><td>${escape(figure)}</td><td class="${good ? 'good' : 'bad'}">${good ? 'yes' : 'NO'}</td></tr>`,
  )
  const switches = rescales.map(
    ({ at, before, after, pause }) =>
      `<tr><td>${seconds(at - begin)}</td><td>${before} → ${after}</td><td>${Math.round(pause)} ms</td></tr>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Weft: containers follow the load</title><style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: ${WIDTH + LEFT + 40}px; color: #222 }
table { border-collapse: collapse; margin: 1em 0 } td, th { border: 1px solid #ccc; padding: 3px 10px; text-align: left }
.good { color: #197019 } .bad { color: #b00020; font-weight: bold } text { font: 12px system-ui, sans-serif; fill: #444 }
</style></head><body>
<h1>Containers follow the load</h1>
<svg viewBox="0 0 ${WIDTH + LEFT + 20} ${height}" role="img">
${panels.join('\n')}
</svg>
<table><tr><th>check</th><th>figure</th><th>holds</th></tr>
${rows.join('\n')}
</table>
<table><tr><th>rescale at</th><th>subtasks</th><th>output paused</th></tr>
${switches.join('\n')}
</table>
</body></html>
`
}

interface Line {
  readonly name: string
  readonly color: string
  readonly points: readonly (readonly [at: number, value: number])[]
}

function panel({ begin, end, steps, rescales }: ReportInput, index: number, title: string, lines: readonly Line[]): string {
  const top = TOP + index * (HEIGHT + GAP)
  const most = Math.max(1, ...lines.flatMap(({ points }) => points.map(([, value]) => value))) * 1.05
  const x = (at: number) => (LEFT + (WIDTH * (at - begin)) / Math.max(1, end - begin)).toFixed(1)
  const y = (value: number) => (top + HEIGHT * (1 - value / most)).toFixed(1)
  const parts = [`<text x="${LEFT}" y="${top - 8}">${escape(title)}</text>`]
  parts.push(`<rect x="${LEFT}" y="${top}" width="${WIDTH}" height="${HEIGHT}" fill="none" stroke="#bbb"/>`)
  for (const value of [0, most / 2 / 1.05, most / 1.05])
    parts.push(`<text x="${LEFT - 6}" y="${y(value)}" text-anchor="end" dominant-baseline="middle">${Number(value.toFixed(1))}</text>`)
  for (const { from, factor } of steps) {
    parts.push(`<line x1="${x(from)}" x2="${x(from)}" y1="${top}" y2="${top + HEIGHT}" stroke="#ccc" stroke-dasharray="3 3"/>`)
    parts.push(`<text x="${x(from)}" y="${top + HEIGHT + 16}">${seconds(from - begin)}: ${factor}x</text>`)
  }
  for (const { at } of rescales)
    parts.push(`<line x1="${x(at)}" x2="${x(at)}" y1="${top}" y2="${top + HEIGHT}" stroke="#f0b400" stroke-width="1.5"/>`)
  for (const { color, points } of lines)
    parts.push(
      `<polyline fill="none" stroke="${color}" stroke-width="2" points="${points.map(([at, value]) => `${x(at)},${y(value)}`).join(' ')}"/>`,
    )
  lines.forEach(({ name, color }, i) => {
    parts.push(`<text x="${LEFT + WIDTH - 8}" y="${top + 16 + 16 * i}" text-anchor="end" style="fill:${color}">${escape(name)}</text>`)
  })
  return parts.join('\n')
}

function stairs(points: readonly [number, number][]): [number, number][] {
  return points.flatMap(([at, value], i): [number, number][] => {
    const before = points[i - 1]
    return before === undefined || before[1] === value ? [[at, value]] : [[at, before[1]], [at, value]] // prettier-ignore
  })
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(0)} s`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
