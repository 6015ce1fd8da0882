/** IEEE 754 binary16: 1 sign bit, 5 exponent bits with bias 15, 10 bits of mantissa. Every value is a float32 too.
 *
 * The steps between neighbours are 2^-24 below 2^-14, and from there on 2^-10 of the power of two below. */

/** Halves as float32, exactly. The bytes start at a multiple of 2. */
export function readHalf(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const floats = new Float32Array(halves.length);
  const words = new Uint32Array(floats.buffer);
  for (let i = 0; i < halves.length; i++) {
    const sign = halves[i] & 0x8000;
    const exponent = (halves[i] >>> 10) & 31;
    const mantissa = halves[i] & 1023;
    if (exponent === 0) {
      floats[i] = (sign ? -mantissa : mantissa) / 0x1000000; // zeros and subnormals
    } else {
      // 112 turns bias 15 into bias 127; the exponent of infinities and NaN stays all ones.
      words[i] = (sign << 16) | ((exponent === 31 ? 255 : exponent + 112) << 23) | (mantissa << 13);
    }
  }
  return floats;
}

/** The nearest half of each finite number, of two that are equally near the even one. What is too large becomes infinite. */
export function toHalf(data: ArrayLike<number>): Uint16Array {
  const floats = new Float32Array(1);
  const words = new Uint32Array(floats.buffer);
  return Uint16Array.from(data, (x) => {
    floats[0] = x;
    const sign = (words[0]! >>> 16) & 0x8000;
    const word = words[0]! & 0x7fffffff;
    if (word >= 0x47800000) return sign | 0x7c00; // from 2^16 on
    // 112 is the difference of the biases. A mantissa that is rounded up to the next power carries into the exponent.
    if (word >= 0x38800000) return sign | ((word - (112 << 23) + 0xfff + ((word >>> 13) & 1)) >>> 13);
    floats[0] = Math.abs(x) + 0.5; // the steps of float32 from 0.5 to 1 are 2^-24 as well
    return sign | (words[0]! - 0x3f000000);
  });
}
