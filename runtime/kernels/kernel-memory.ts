/** A WebAssembly module of `make kernels` and its memory, which each thread has once. */

/** The part used here; TypeScript knows it from browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

interface WithMemory {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
}

const PAGE_BYTES = 65536
/** Kernels load and store by 16 bytes: as many lie behind every region. */
export const SLACK = 16

export const aligned = (size: number): number => (size + 15) & ~15

/** `Exports`: the module's functions. It is compiled when it is first used. */
export class KernelMemory<Exports> {
  readonly #base64: string
  #loaded: (WithMemory & Exports) | undefined
  /** Views of all the memory; new ones after each `reserve`. */
  bytes = new Uint8Array(0)
  words = new Int32Array(0)

  constructor(base64: string) {
    this.#base64 = base64
  }

  get exports(): Exports {
    return this.#module()
  }

  /** Makes the memory hold `size` bytes, and the views fit it. It never shrinks. */
  reserve(size: number): void {
    const { memory } = this.#module()
    if (memory.buffer.byteLength < size) memory.grow(Math.ceil((size - memory.buffer.byteLength) / PAGE_BYTES))
    if (this.bytes.buffer === memory.buffer) return
    this.bytes = new Uint8Array(memory.buffer)
    this.words = new Int32Array(memory.buffer)
  }

  #module(): WithMemory & Exports {
    this.#loaded ??= new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(this.#base64, 'base64'))).exports as WithMemory & Exports
    return this.#loaded
  }
}
