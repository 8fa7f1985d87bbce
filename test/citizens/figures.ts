/** What the rounds measured, and what is demanded of it. */
export interface Aim {
  readonly figure: string
  readonly is: string
  readonly met: boolean
}

/** Of one scenario: every round's figures by name, its failures, and the aims that the figures are held against. */
export interface ScenarioReport {
  readonly name: string
  readonly rounds: number
  readonly passed: number
  readonly failures: readonly string[]
  readonly lines: readonly string[]
  readonly aims: readonly Aim[]
  readonly seconds: number
}

export class Figures {
  readonly #values = new Map<string, number[]>()

  add(name: string, value: number): void {
    const values = this.#values.get(name)
    if (values === undefined) this.#values.set(name, [value])
    else values.push(value)
  }

  values(name: string): readonly number[] {
    return this.#values.get(name) ?? []
  }

  sum(name: string): number {
    return this.values(name).reduce((sum, value) => sum + value, 0)
  }

  /** Infinity where nothing was measured: no aim is met by silence. */
  quantile(name: string, share: number): number {
    const sorted = [...this.values(name)].sort((a, b) => a - b)
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Infinity
  }

  /** `name: p50 2.1, p95 3.4, most 3.6 (10)` of each. */
  lines(): string[] {
    return [...this.#values].map(([name, values]) => {
      const most = Math.max(...values)
      return `${name}: p50 ${shown(this.quantile(name, 0.5))}, p95 ${shown(this.quantile(name, 0.95))}, most ${shown(most)} (${values.length})`
    })
  }
}

export function atMost(figure: string, value: number, limit: number): Aim {
  return { figure, is: `${shown(value)} ≤ ${limit}`, met: value <= limit }
}

export function atLeast(figure: string, value: number, limit: number): Aim {
  return { figure, is: `${shown(value)} ≥ ${limit}`, met: value >= limit }
}

export function exactly(figure: string, value: number, wanted: number): Aim {
  return { figure, is: `${shown(value)} = ${wanted}`, met: value === wanted }
}

function shown(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2)
}
