import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, describe, journalKey, matches } from '../src/check.js';
import { isRefused } from '../src/error.js';

const bucket = (fields) => ({ name: 'files', default: true, content_types: ['*/*'], max_size: 100, ...fields });
const code = (work) => {
  try {
    work();
  } catch (error) {
    assert.ok(isRefused(error));
    return error.code;
  }
};

test('patterns of types are those of the service', () => {
  assert.ok(matches('image/png', '*/*') && matches('image/png', 'image/*') && matches('IMAGE/PNG', 'image/png'));
  assert.ok(matches('text/plain; charset=utf-8', 'text/plain'));
  assert.ok(!matches('image/png', 'image/jpeg') && !matches('video/mp4', 'image/*') && !matches('imagex/png', 'image/*'));
});

test('a wrong type, too many bytes and an unknown bucket are refused with the code of the service', () => {
  const intent = { filename: 'a', content_type: 'text/plain', size: 100 };
  assert.equal(check(intent, [bucket({})]).name, 'files');
  assert.equal(code(() => check(intent, [bucket({ content_types: ['image/*'] })])), 'content_type_not_allowed');
  assert.equal(code(() => check({ ...intent, size: 101 }, [bucket({})])), 'file_too_large');
  assert.equal(code(() => check({ ...intent, bucket: 'other' }, [bucket({})])), 'invalid_request');
  assert.equal(code(() => check(intent, [bucket({ default: false })])), 'invalid_request');
});

test('a file says of itself what the options do not', () => {
  const file = new File(['abc'], 'a.txt', { type: 'text/plain' });
  const told = describe(file, {});
  assert.deepEqual([told.filename, told.content_type, told.size, told.path], ['a.txt', 'text/plain', 3, undefined]);
  assert.equal(describe(file, { filename: 'b', contentType: 'x/y' }).content_type, 'x/y');
  assert.equal(describe(new File([], 'a'), {}).content_type, 'application/octet-stream');
  assert.throws(() => describe(new Blob(['x']), {}), isRefused);
});

test('the folders of a chosen directory are kept below the path', () => {
  const file = Object.assign(new File(['x'], 'a.jpg'), { webkitRelativePath: 'holiday/day 1/a.jpg' });
  assert.equal(describe(file, {}).path, 'holiday/day 1');
  assert.equal(describe(file, { path: '2026' }).path, '2026/holiday/day 1');
  assert.equal(describe(new File(['x'], 'a'), { path: '2026' }).path, '2026');
});

test('files that differ in anything have keys of their own', () => {
  const key = (fields, lastModified = 1, base = 'http://a') =>
    journalKey(base, new File(['x'], 'a', { lastModified }), { filename: 'a', content_type: 't', size: 1, ...fields });
  const keys = [key({}), key({ size: 2 }), key({ bucket: 'b' }), key({ path: 'p' }), key({}, 2), key({}, 1, 'http://b')];
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(key({}), key({}));
});
