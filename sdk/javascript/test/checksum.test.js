import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { checksum, compute } from '../src/checksum.js';
import { Crc } from '../src/crc.js';
import { isAborted, isChanged, isRefused } from '../src/error.js';
import { bytes } from './server.js';

const hex = (base64) => Buffer.from(base64, 'base64').toString('hex');
const never = new AbortController().signal;

/** The definition, bit by bit. */
function bitwise(polynomial, width, data) {
  const ones = (1n << BigInt(width)) - 1n;
  let crc = ones;
  for (const byte of data) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
  }
  return (crc ^ ones).toString(16).padStart(width / 4, '0');
}

test('the check values of the catalogue of CRCs come out', async () => {
  const blob = new Blob(['123456789']);
  assert.equal(hex(await compute(blob, 'crc64nvme')), 'ae8b14860a799888');
  assert.equal(hex(await compute(blob, 'crc32c')), 'e3069283');
  assert.equal(hex(await compute(blob, 'sha256')), createHash('sha256').update('123456789').digest('hex'));
});

test('the empty file has a checksum', async () => {
  assert.equal(hex(await compute(new Blob([]), 'crc64nvme')), '0000000000000000');
  assert.equal(hex(await compute(new Blob([]), 'crc32c')), '00000000');
});

test('the tables agree with the definition at every length and alignment', () => {
  const data = bytes(256, 7);
  for (let from = 0; from < 9; from++) {
    for (let length = 0; length < 40; length++) {
      const piece = data.subarray(from, from + length);
      for (const [algorithm, polynomial, width] of [['crc64nvme', 0x9a6c9329ac4bc9b5n, 64], ['crc32c', 0x82f63b78n, 32]]) {
        const crc = new Crc(algorithm);
        crc.update(piece);
        assert.equal(Buffer.from(crc.digest()).toString('hex'), bitwise(polynomial, width, piece), `${algorithm} ${from} ${length}`);
      }
    }
  }
});

test('pieces add up to the whole', () => {
  const data = bytes(10_001, 3);
  const [whole, pieces] = [new Crc('crc64nvme'), new Crc('crc64nvme')];
  whole.update(data);
  for (let at = 0; at < data.length; at += 333) pieces.update(data.subarray(at, at + 333));
  assert.deepEqual(pieces.digest(), whole.digest());
});

test('a file longer than one piece is read to its end', async () => {
  const data = bytes(5 * 1024 * 1024 + 3);
  const crc = new Crc('crc64nvme');
  crc.update(data);
  const { value } = await checksum(new Blob([data]), 'crc64nvme', never);
  assert.equal(hex(value), Buffer.from(crc.digest()).toString('hex'));
});

test('it stops when it is aborted', async () => {
  const stop = new AbortController();
  stop.abort();
  await assert.rejects(compute(new Blob(['x']), 'crc64nvme', stop.signal), isAborted);
});

test('a file that cannot be read any more says so', async () => {
  const gone = { size: 1, slice: () => ({ arrayBuffer: () => Promise.reject(new DOMException('', 'NotReadableError')) }) };
  await assert.rejects(compute(gone, 'crc64nvme'), isChanged);
});

test('SHA-256 of what does not fit into memory is refused', async () => {
  await assert.rejects(compute({ size: 2 ** 30 }, 'sha256'), isRefused);
});
