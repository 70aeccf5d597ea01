/** CRC-64/NVME and CRC-32C, eight bytes at a time ("slicing by 8"), in plain JavaScript. */

/** A reflected polynomial, as its high and low half; CRC-32C leaves the high one 0. */
const POLYNOMIALS = { crc64nvme: [0x9a6c9329, 0xac4bc9b5], crc32c: [0, 0x82f63b78] };

/** @type {Record<string, { low: Int32Array, high: Int32Array }>} */
const made = {};

/**
 * Eight tables of 256 values: table k has what a byte becomes k bytes later.
 * @param {'crc64nvme' | 'crc32c'} algorithm
 */
function tables(algorithm) {
  if (made[algorithm]) return made[algorithm];
  const [polyHigh, polyLow] = POLYNOMIALS[algorithm];
  const low = new Int32Array(2048);
  const high = new Int32Array(2048);
  for (let byte = 0; byte < 256; byte++) {
    let l = byte;
    let h = 0;
    for (let bit = 0; bit < 8; bit++) {
      const odd = l & 1;
      l = (l >>> 1) | (h << 31);
      h >>>= 1;
      if (odd) {
        l ^= polyLow;
        h ^= polyHigh;
      }
    }
    low[byte] = l;
    high[byte] = h;
  }
  for (let i = 256; i < 2048; i++) {
    const [l, h] = [low[i - 256], high[i - 256]];
    low[i] = ((l >>> 8) | (h << 24)) ^ low[l & 255];
    high[i] = (h >>> 8) ^ high[l & 255];
  }
  return (made[algorithm] = { low, high });
}

/** A checksum that is fed piece by piece. */
export class Crc {
  #low = -1;
  #high;
  #algorithm;

  /** @param {'crc64nvme' | 'crc32c'} algorithm */
  constructor(algorithm) {
    this.#algorithm = algorithm;
    this.#high = algorithm === 'crc32c' ? 0 : -1;
  }

  /** @param {Uint8Array} bytes */
  update(bytes) {
    const { low, high } = tables(this.#algorithm);
    let l = this.#low;
    let h = this.#high;
    let at = 0;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (const end = bytes.length - 7; at < end; at += 8) {
      l ^= view.getInt32(at, true);
      h ^= view.getInt32(at + 4, true);
      const a = 1792 + (l & 255), b = 1536 + ((l >>> 8) & 255), c = 1280 + ((l >>> 16) & 255), d = 1024 + (l >>> 24);
      const e = 768 + (h & 255), f = 512 + ((h >>> 8) & 255), g = 256 + ((h >>> 16) & 255), i = h >>> 24;
      l = low[a] ^ low[b] ^ low[c] ^ low[d] ^ low[e] ^ low[f] ^ low[g] ^ low[i];
      h = high[a] ^ high[b] ^ high[c] ^ high[d] ^ high[e] ^ high[f] ^ high[g] ^ high[i];
    }
    for (; at < bytes.length; at++) {
      const i = (l ^ bytes[at]) & 255;
      l = ((l >>> 8) | (h << 24)) ^ low[i];
      h = (h >>> 8) ^ high[i];
    }
    this.#low = l;
    this.#high = h;
  }

  /** The big-endian bytes of what was fed. */
  digest() {
    const short = this.#algorithm === 'crc32c';
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, ~this.#high);
    view.setUint32(4, ~this.#low);
    return new Uint8Array(view.buffer, short ? 4 : 0);
  }
}
