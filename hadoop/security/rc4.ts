/**
 * RC4, which DIGEST-MD5 names as a cipher and OpenSSL 3 no longer offers. The keystream continues from call to call.
 * Only a fallback: 3DES is preferred when the server offers it.
 */
export class Rc4 {
  readonly #state = new Uint8Array(256)
  #i = 0
  #j = 0

  constructor(key: Uint8Array) {
    const state = this.#state
    for (let i = 0; i < 256; i++) state[i] = i
    for (let i = 0, j = 0; i < 256; i++) {
      j = (j + state[i]! + key[i % key.length]!) & 255
      const swap = state[i]!
      state[i] = state[j]!
      state[j] = swap
    }
  }

  update(input: Uint8Array): Uint8Array {
    const state = this.#state
    const output = new Uint8Array(input.length)
    for (let n = 0; n < input.length; n++) {
      this.#i = (this.#i + 1) & 255
      const a = state[this.#i]!
      this.#j = (this.#j + a) & 255
      const b = state[this.#j]!
      state[this.#i] = b
      state[this.#j] = a
      output[n] = input[n]! ^ state[(a + b) & 255]!
    }
    return output
  }
}
