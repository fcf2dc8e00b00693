/** The Castagnoli sum of the `crc-32` package, which describes only its main module. */
declare module 'crc-32/crc32c.js' {
  interface Castagnoli {
    /** CRC-32C as signed 32 bits; pass the sum of what went before as `seed` to continue it. */
    buf(bytes: Uint8Array, seed?: number): number;
  }
  const castagnoli: Castagnoli;
  export default castagnoli;
}
