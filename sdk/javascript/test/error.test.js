import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as errors from '../src/error.js';
import { createClient, isNetwork, isProblem, isRefused, isUnexpected } from '../src/index.js';
import { errorCode } from '../src/transfer.js';

const retry = { attempts: 1 };
const answering = (status, body, headers = {}) =>
  createClient({ url: 'http://service.example', token: 'secret-token', retry, fetch: async () => new Response(body, { status, headers }) });

test('a problem document becomes an error with its code, and says what to do', async () => {
  const problem = { type: '/problems/quota_exceeded', code: 'quota_exceeded', status: 413, title: 'The quota is used up', detail: 'delete something', limit: 5, request_id: 'abc' };
  const error = await answering(413, JSON.stringify(problem)).list().catch((it) => it);
  assert.ok(isProblem(error) && isProblem(error, 'quota_exceeded') && !isProblem(error, 'forbidden'));
  assert.equal(error.message, 'delete something');
  assert.equal(error.problem.limit, 5);
  assert.equal(error.problem.request_id, 'abc');
  assert.equal(error.name, 'ProblemError');
});

test('Retry-After of the header is taken when the problem has none', async () => {
  const body = JSON.stringify({ code: 'rate_limited', status: 429, title: 't', detail: 'd' });
  const error = await answering(429, body, { 'retry-after': '7' }).list().catch((it) => it);
  assert.equal(error.retryAfter, 7000);
});

test('an answer that is no problem document is unexpected', async () => {
  for (const body of ['<html>', '', '{"error": 1}', '[]', 'null']) {
    assert.ok(isUnexpected(await answering(404, body).list().catch((it) => it)), body);
  }
});

test('no message and no cause shows a URL or a token', async () => {
  const fetch = async (url) => {
    throw new TypeError(`Failed to parse URL from ${url}?X-Amz-Signature=secret`);
  };
  const client = createClient({ url: 'http://service.example', token: 'secret-token', retry, fetch });
  const error = await client.list().catch((it) => it);
  assert.ok(isNetwork(error));
  const { inspect } = await import('node:util');
  assert.doesNotMatch(inspect(error, { depth: 9 }).split('\n').filter((line) => !line.includes('    at ')).join('\n'), /secret|http/);
});

test('an address that is none is refused at once', () => {
  for (const url of ['', 'localhost:8080', 'ftp://h.example', undefined]) {
    assert.throws(() => createClient({ url, token: '' }), isRefused);
  }
});

test('each guard knows its own class alone', () => {
  const problem = { code: 'internal', status: 500, title: '', detail: '' };
  const made = {
    isProblem: new errors.ProblemError(problem), isRefused: new errors.RefusedError('x', 'x'),
    isStorage: new errors.StorageError(500), isUnexpected: new errors.UnexpectedError(500),
    isNetwork: new errors.NetworkError('storage'), isAborted: new errors.AbortedError(),
    isChanged: new errors.ChangedError(), isDamaged: new errors.ChecksumError(),
  };
  for (const [guard, own] of Object.entries(made)) {
    assert.ok(errors.isValetkey(own));
    const known = Object.values(made).filter((error) => errors[guard](error));
    assert.deepEqual(known, [own], guard);
    assert.equal(errors[guard](new Error('x')), false);
  }
});

test('what may do better later is told from what may not', () => {
  const problem = (code) => new errors.ProblemError({ code, status: 0, title: '', detail: '' });
  assert.ok(['rate_limited', 'overloaded', 'clock_skew', 'internal', 'limits_unavailable'].every((code) => errors.isTransient(problem(code))));
  assert.ok(!['forbidden', 'too_many_uploads', 'checksum_mismatch', 'storage_full'].some((code) => errors.isTransient(problem(code))));
  assert.ok(errors.isTransient(new errors.StorageError(503)));
  assert.ok(errors.isTransient(new errors.StorageError(400, 'RequestTimeout')));
  assert.ok(!errors.isTransient(new errors.StorageError(400, 'BadDigest')));
  assert.ok(!errors.isTransient(new errors.StorageError(403)));
});

test('only a plain word is taken for a code of storage', () => {
  assert.equal(errorCode('<Error><Code>SlowDown</Code></Error>'), 'SlowDown');
  assert.equal(errorCode('<Error><Code>https://b/?X-Amz-Signature=1</Code></Error>'), undefined);
  assert.equal(errorCode('<html>'), undefined);
});

test('a token that has expired is asked for again, once', async () => {
  const asked = [];
  const fetch = async (_, { headers }) => headers.authorization === 'Bearer new'
    ? new Response('{"files":[]}')
    : new Response('{"code":"token_expired","status":401,"title":"t","detail":"d"}', { status: 401 });
  const token = ({ expired }) => (asked.push(expired), expired ? 'new' : 'old');
  assert.deepEqual(await createClient({ url: 'http://h', token, fetch, retry }).list(), { files: [] });
  assert.deepEqual(asked, [false, true]);
  const stuck = createClient({ url: 'http://h', token: () => 'old', fetch, retry });
  assert.ok(isProblem(await stuck.list().catch((it) => it), 'token_expired'));
});

test('the clock of the service is known from its answers', async () => {
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  const client = createClient({ url: 'http://h', token: 't', fetch: async () => new Response('{"files":[]}', { headers: { date } }) });
  await client.list();
  assert.ok(Math.abs(client.now() - Date.now() - 3_600_000) < 2000, `${client.skew}`);
});
