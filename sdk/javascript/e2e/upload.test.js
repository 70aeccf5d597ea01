import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { open, until } from './world.js';

const PART = 5 * 1024 * 1024;
const MIB = 1024 * 1024;
let world;

before(async () => (world = await open()));
after(() => world.close());
beforeEach(() => world.proxy.reset());

const parts = () => world.proxy.stored().map((it) => it.part).sort((a, b) => a - b);
const upTo = (count) => Array.from({ length: count }, (_, i) => i + 1);

test('twenty photos go up together, and what is reported never goes back', async () => {
  const page = await world.page();
  const found = await page.evaluate(async () => {
    const photos = Array.from({ length: 20 }, (_, i) => file(`photo ${i}.jpg`, 400_000 + i, 'image/jpeg', i + 1));
    const seen = watch();
    const results = await (await client.uploadAll(photos, { path: 'photos', onProgress: seen.onProgress })).done;
    return { seen: { ...seen }, names: results.map((it) => it.file?.filename ?? it.error.message), total: photos.reduce((sum, it) => sum + it.size, 0) };
  });
  assert.deepEqual(found.names, upTo(20).map((i) => `photo ${i - 1}.jpg`));
  assert.equal(found.seen.back, false);
  assert.equal(found.seen.loaded, found.total);
  assert.equal(world.proxy.stored().length, 20);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test('300 MiB go up in parts, and what is reported never goes back', async () => {
  const page = await world.page();
  // From the disk, as people choose it: what a page holds in memory itself is limited.
  const folder = mkdtempSync(join(tmpdir(), 'valetkey-large-'));
  const path = join(folder, 'large.bin');
  writeFileSync(path, randomBytes(30 * MIB));
  const piece = readFileSync(path);
  for (let i = 1; i < 10; i++) appendFileSync(path, piece);
  await page.evaluate(() => document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'choose' })));
  await page.setInputFiles('#choose', path);
  const found = await page.evaluate(async () => {
    const [large] = document.querySelector('#choose').files;
    const seen = watch();
    let longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((it) => (longest = Math.max(longest, it.duration)))).observe({ type: 'longtask' });
    const it = await outcome(client.upload(large, { onProgress: seen.onProgress }).done);
    return { it, seen: { ...seen }, longest };
  });
  assert.equal(found.it.size, 300 * MIB, JSON.stringify(found.it));
  assert.equal(found.it.integrity, 'checksum');
  assert.equal(found.seen.back, false);
  assert.equal(found.seen.loaded, 300 * MIB);
  assert.ok(found.seen.count > 20, `${found.seen.count} reports`);
  assert.deepEqual(found.seen.states, ['uploading', 'verifying', 'done']);
  assert.ok(found.longest < 200, `the main thread was busy for ${found.longest} ms`);
  assert.deepEqual(parts(), upTo(60));
  await page.close();
  rmSync(folder, { recursive: true });
});

test('after a reload in the middle only the missing parts are sent', async () => {
  const page = await world.page();
  world.proxy.rule = ({ part }) => (part > 3 ? { wait: 60_000 } : undefined);
  await page.evaluate(() => void (client.upload(file('reload.bin', 6 * 5 * 1024 * 1024, undefined, 7)).done.catch(() => {})));
  await until(() => world.proxy.stored().length === 3);
  await new Promise((resolve) => setTimeout(resolve, 200));
  world.proxy.reset();
  await world.reload(page);
  const found = await page.evaluate(async () => {
    const seen = watch();
    const it = await outcome(client.upload(file('reload.bin', 6 * 5 * 1024 * 1024, undefined, 7), { onProgress: seen.onProgress }).done);
    return { it, seen: { ...seen } };
  });
  assert.equal(found.it.integrity, 'checksum');
  assert.deepEqual(parts(), [4, 5, 6]);
  assert.equal(found.seen.back, false);
  await page.close();
});

test('five seconds without a network are waited out', async () => {
  const page = await world.page();
  world.proxy.rule = () => ({ wait: 150 });
  const done = page.evaluate(async () => {
    const seen = watch();
    window.upload = client.upload(file('offline.bin', 8 * 5 * 1024 * 1024, undefined, 8), { onProgress: seen.onProgress });
    const it = await outcome(window.upload.done);
    return { it, seen: { ...seen } };
  });
  await until(() => world.proxy.stored().length >= 2);
  await world.context.setOffline(true);
  await new Promise((resolve) => setTimeout(resolve, 5000));
  assert.equal(await page.evaluate(() => window.upload.state), 'offline');
  await world.context.setOffline(false);
  const found = await done;
  assert.equal(found.it.integrity, 'checksum', JSON.stringify(found.it));
  assert.equal(found.seen.back, false);
  assert.ok(found.seen.states.includes('offline'));
  assert.deepEqual([...new Set(parts())], upTo(8));
  await page.close();
});

test('URLs that have expired are signed again', async () => {
  const page = await world.page();
  let held = 0;
  world.proxy.rule = () => (held++ < 3 ? { wait: 3100 } : undefined);
  const it = await page.evaluate(() => outcome(client.upload(file('expired.bin', 3 * 5 * 1024 * 1024, undefined, 9), { expiresIn: 2 }).done));
  assert.equal(it.integrity, 'checksum', JSON.stringify(it));
  assert.ok(world.proxy.requests.some((request) => request.status === 403));
  await page.close();
});

test('what is aborted stops at once and is gone at the service', async () => {
  const page = await world.page();
  world.proxy.rule = ({ part }) => (part > 1 ? { wait: 60_000 } : undefined);
  const begun = page.evaluate(async () => {
    window.upload = client.upload(file('abort.bin', 4 * 5 * 1024 * 1024, undefined, 10));
    const it = await outcome(window.upload.done);
    return { it, state: window.upload.state, there: (await client.getUpload(window.upload.id)).state };
  });
  await until(() => world.proxy.stored().length === 1);
  await page.evaluate(() => window.upload.abort());
  assert.deepEqual(await begun, { it: { code: 'aborted', message: 'aborted' }, state: 'aborted', there: 'aborted' });
  await page.close();
});

test('a pause stops the bytes, and a resume goes on', async () => {
  const page = await world.page();
  world.proxy.rule = () => ({ wait: 100 });
  const done = page.evaluate(() => {
    window.upload = client.upload(file('pause.bin', 6 * 5 * 1024 * 1024, undefined, 11));
    return outcome(window.upload.done);
  });
  await until(() => world.proxy.stored().length >= 1);
  assert.equal(await page.evaluate(() => (window.upload.pause(), window.upload.state)), 'paused');
  // What was under way when it was paused may arrive; nothing else does, for as long as two more would have taken.
  await new Promise((resolve) => setTimeout(resolve, 150));
  const before = world.proxy.stored().length;
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(world.proxy.stored().length, before);
  await page.evaluate(() => window.upload.resume());
  assert.equal((await done).integrity, 'checksum');
  await page.close();
});

test('a wrong type is refused before any request', async () => {
  const page = await world.page();
  const asked = [];
  page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
  const it = await page.evaluate(() => outcome(client.upload(file('a.txt', 10, 'text/plain'), { bucket: 'pictures' }).done));
  assert.equal(it.code, 'content_type_not_allowed');
  assert.match(it.message, /image\/\*/);
  assert.deepEqual(asked.filter((it) => it.includes('/v1/')), ['GET /v1/buckets']);
  await page.close();
});

test('three tabs send at the same time, the same file too', async () => {
  const pages = await Promise.all([world.page(), world.page(), world.page()]);
  const found = await Promise.all(pages.map((page) => page.evaluate(async () => ({
    it: await outcome(client.upload(file('tabs.bin', 3 * 5 * 1024 * 1024, undefined, 12)).done),
  }))));
  assert.ok(found.every(({ it }) => it.integrity === 'checksum'), JSON.stringify(found));
  assert.equal(new Set(found.map(({ it }) => it.id)).size, 3);
  for (const page of pages) await page.close();
});

test('an image gets smaller, and a photo keeps the right way up', async () => {
  const page = await world.page();
  const found = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(1600, 1200);
    const context = canvas.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, 1600, 1200);
    context.fillStyle = '#f00';
    context.fillRect(0, 0, 1600, 100); // Red along the top, before it is turned.
    const jpeg = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg', quality: 1 })).arrayBuffer());
    // EXIF: "turn a quarter to the right".
    const exif = [0xff, 0xe1, 0, 34, 0x45, 0x78, 0x69, 0x66, 0, 0, 0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
    const photo = new File([jpeg.slice(0, 2), new Uint8Array(exif), jpeg.slice(2)], 'photo.jpg', { type: 'image/jpeg' });
    const it = await client.upload(photo, { compress: { maxEdge: 800, quality: 0.8 } }).done;
    const back = await createImageBitmap(await (await client.download(it.id)).done);
    const small = new OffscreenCanvas(back.width, back.height).getContext('2d');
    small.drawImage(back, 0, 0);
    const [red, green] = small.getImageData(back.width - 10, back.height / 2, 1, 1).data;
    const text = await client.upload(file('a.txt', 100, 'text/plain'), { compress: true }).done;
    return { it, before: photo.size, width: back.width, height: back.height, right: [red > 200, green < 60], text: text.size };
  });
  assert.equal(found.it.content_type, 'image/webp');
  assert.equal(found.it.filename, 'photo.webp');
  assert.ok(found.it.size < found.before);
  assert.deepEqual([found.width, found.height], [600, 800]);
  assert.deepEqual(found.right, [true, true], 'the red edge is on the right');
  assert.equal(found.text, 100);
  await page.close();
});
