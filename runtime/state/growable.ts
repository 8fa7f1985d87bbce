/** Typed arrays that grow by doubling. */
type TypedArray = Uint8Array | Int8Array | Int32Array | BigInt64Array | Float64Array

/** The array, or a longer copy with room for `length` elements; new elements are 0. */
export function grown<A extends TypedArray>(array: A, length: number): A {
  if (array.length >= length) return array
  const bigger = new (array.constructor as new (length: number) => A)(Math.max(length, array.length * 2, 16))
  bigger.set(array as never)
  return bigger
}

let identity = Int32Array.from({ length: 1024 }, (_, i) => i)

/** 0, 1, 2, … with at least `length` elements. Shared: read only. */
export function identityPositions(length: number): Int32Array {
  if (identity.length < length) identity = Int32Array.from({ length: Math.max(length, identity.length * 2) }, (_, i) => i)
  return identity
}
