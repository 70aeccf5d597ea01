/** Links and drop links in a real browser: made in the console, used by somebody who has nothing but the link. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { enter, faults, launch, shoot, start, tab } from './world.js';

const SCREENS = [[1280, 800, 'light'], [1280, 800, 'dark'], [360, 740, 'light'], [360, 740, 'dark']];

let service, browser, token;

before(async () => {
  service = await start();
  browser = await launch();
  token = /token=(\S+)/.exec(service.said)[1];
  await uploaded('a <b> report.txt', 'the report');
});
after(async () => {
  await browser.close();
  await service.stop();
});

async function api(method, path, body) {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${service.url}/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

async function uploaded(filename, text) {
  const upload = await api('POST', '/uploads', { filename, content_type: 'text/plain', size: text.length });
  await fetch(upload.request.url, { method: 'PUT', headers: upload.request.headers, body: text });
  return api('POST', `/uploads/${upload.id}/complete`, {});
}

const first = async () => (await api('GET', '/files?limit=1&order=oldest')).files[0];

/** Looks at a page on every screen. */
async function look(url, name, work = async () => {}) {
  for (const [width, height, scheme] of SCREENS) {
    const page = await tab(browser, service, { width, height, scheme });
    page.expected.push(/401|410|404/);
    await page.goto(url);
    await work(page);
    assert.deepEqual(await faults(page), [], name);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${name} is ${wide} pixels wide`);
    await shoot(page, `${width}-${scheme}-${name}`);
    assert.deepEqual(page.wrong, []);
    await page.leave();
  }
}

test('a link is made, used, counted and revoked', async () => {
  const page = await tab(browser, service, { permissions: ['clipboard-read', 'clipboard-write'] });
  page.expected.push(/410/);
  await enter(page, service);
  await page.locator('.row-link', { hasText: 'report' }).click();
  await page.getByRole('button', { name: 'New link' }).click();
  await page.getByLabel('Note').fill('for Bob');
  await page.getByLabel('Downloads at most').fill('2');
  await page.getByLabel('Password').fill('open sesame');
  await page.getByLabel('Show a page').check();
  await page.getByRole('button', { name: 'Make the link' }).click();
  const url = await page.getByLabel('The link', { exact: true }).inputValue();
  await page.getByRole('button', { name: 'Copy the link' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), url);
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByText('0 of 2 downloads').waitFor();
  for (const [width, height, scheme] of SCREENS) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    await page.locator('.link').scrollIntoViewIfNeeded();
    assert.deepEqual(await faults(page), []);
    await shoot(page, `${width}-${scheme}-links`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });

  const bob = await tab(browser, service);
  bob.expected.push(/401/);
  await bob.goto(url);
  await bob.getByLabel('Password').fill('guess');
  await bob.keyboard.press('Enter');
  await bob.getByText('This is not the password').waitFor();
  await bob.getByLabel('Password').fill('open sesame');
  const [download] = await Promise.all([bob.waitForEvent('download'), bob.keyboard.press('Enter')]);
  assert.equal(download.suggestedFilename().endsWith('report.txt'), true);
  assert.deepEqual(bob.wrong, []);
  await bob.leave();

  await page.reload();
  await page.getByText('1 of 2 downloads').waitFor();
  await page.getByRole('button', { name: 'Revoke for Bob' }).click();
  await page.locator('.dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.locator('.link.over').waitFor();
  assert.equal((await fetch(url)).status, 410);
  assert.deepEqual(page.wrong, []);
  await page.leave();
});

test('the pages of links are fit for everybody, and what is in them is text', async () => {
  const { id: file } = await first();
  const landing = await api('POST', '/links', { file, landing: true });
  const locked = await api('POST', '/links', { file, password: 'x' });
  const over = await api('POST', '/links', { file });
  await api('DELETE', `/links/${over.id}`);
  await look(landing.url, 'link-page', async (page) => {
    assert.equal(await page.getByRole('heading').textContent(), 'a <b> report.txt');
  });
  await look(locked.url, 'link-password', async (page) => {
    await page.getByLabel('Password').fill('y');
    await page.keyboard.press('Enter');
    await page.getByText('This is not the password').waitFor();
  });
  await look(over.url, 'link-over', (page) => page.getByRole('heading', { name: 'This link is over' }).waitFor());
  const page = await tab(browser, service);
  await page.goto(landing.url);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
  assert.equal(await download.failure(), null);
  assert.deepEqual(page.wrong, []);
  await page.leave();
});

test('a stranger drops two files and sends a third with curl, and the maker sees them', async () => {
  const page = await tab(browser, service);
  await enter(page, service, '#/files/from/bob');
  await page.getByText('This folder is empty').waitFor();
  await page.getByRole('button', { name: 'Receive files here' }).click();
  await page.getByLabel('Title of its page').fill('Photos & more');
  await page.getByLabel('Files at most').fill('3');
  await page.getByRole('button', { name: 'Make a drop link' }).click();
  await page.getByAltText('QR code of the link').waitFor();
  const url = await page.getByLabel('The link', { exact: true }).inputValue();
  assert.equal(await page.getByLabel('Command').textContent(), `curl -LT FILE ${url}/`);
  for (const [width, height, scheme] of SCREENS) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    assert.deepEqual(await faults(page), []);
    await shoot(page, `${width}-${scheme}-drop-made`);
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('button', { name: 'Done' }).click();

  const [one, two] = ['one', 'two'].map((name) => ({ name: `${name}.txt`, mimeType: 'text/plain', buffer: Buffer.from(name) }));
  const bob = await tab(browser, service);
  await bob.goto(url);
  await bob.getByRole('heading', { name: 'Photos & more' }).waitFor();
  const ended = bob.evaluate(() => new Promise((resolve) => document.addEventListener('finished', (event) => resolve(event.detail.files.length))));
  await bob.locator('valetkey-upload input[type=file]').first().setInputFiles([one, two]);
  assert.equal(await ended, 2);
  assert.deepEqual(await faults(bob), []);
  assert.deepEqual(bob.wrong, []);
  await bob.leave();

  const folder = mkdtempSync(join(tmpdir(), 'valetkey-curl-'));
  const path = join(folder, 'three.bin');
  writeFileSync(path, Buffer.alloc(1_500_000, 'x'));
  execFileSync('curl', ['-sSfLT', path, `${url}/`]);
  rmSync(folder, { recursive: true });
  const names = async () => (await api('GET', '/files?path=from%2Fbob')).files.map((file) => file.filename).sort();
  for (const end = Date.now() + 30_000; (await names()).length < 3 && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 250));
  assert.deepEqual(await names(), ['one.txt', 'three.bin', 'two.txt']);
  await page.reload();
  await page.locator('.row-link', { hasText: 'three.bin' }).waitFor();
  assert.deepEqual(page.wrong, []);
  await page.leave();
  assert.throws(() => execFileSync('curl', ['-sSfLT', '/etc/hostname', `${url}/`], { stdio: 'pipe' }));
  await look(url, 'drop-full', (it) => it.getByText('as many files as it may').waitFor());
  const open = await api('POST', '/drops', { name: 'Photos & more', max_size: 5_000_000, content_types: ['image/*'] });
  await look(open.url, 'drop-page', (it) => it.getByText('Takes image/*, up to 5.0 MB each').waitFor());
});
