/** The console in a real browser, on a real service: what people do with it. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { enter, film, launch, picture, start, tab, tone } from './world.js';

/** What the browser fetches before it shows anything, gzipped, in bytes. */
const FIRST_LOAD = 120_000;

let service, browser, folder;

before(async () => {
  service = await start();
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), 'valetkey-files-'));
});
after(async () => {
  await browser.close();
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A test with a tab of its own, in which nothing may go wrong unseen. */
const visit = (name, work, options) =>
  test(name, async () => {
    const page = await tab(browser, service, options);
    try {
      await work(page);
      assert.deepEqual(page.wrong, []);
    } finally {
      await page.leave();
    }
  });

function make(name, bytes) {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

const row = (page, name) => page.locator('.row-link', { hasText: name });
const settled = (page) => page.locator('.tray-title', { hasText: 'verified' }).waitFor();

/** Uploads files by the button. */
async function upload(page, paths) {
  await page.locator('[data-role=files]').setInputFiles(paths);
  await settled(page);
}

visit('the link of `valetkey dev` signs in, and the token stays out of the address and in the tab', async (page) => {
  const seen = [];
  page.on('request', (request) => seen.push(request.url()));
  await enter(page, service);
  assert.equal(await page.evaluate(() => location.href.includes('token')), false);
  assert.equal(await page.locator('.who-name').textContent(), 'dev');
  assert.match(await page.evaluate(() => sessionStorage.getItem('valetkey.token')), /^ey/);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.equal(seen.some((url) => url.includes('eyJ')), false);
  await page.reload();
  await page.locator('.head').waitFor();
});

visit('without a token it asks for one, and a wrong one is told', async (page) => {
  page.expected.push(/401/);
  await page.goto(service.url);
  await page.getByLabel('Token').fill('nonsense');
  await page.keyboard.press('Enter');
  await page.locator('#token-error', { hasText: 'token does not hold' }).waitFor();
  await page.getByLabel('Token').fill(service.mint('carol', 0, 600));
  await page.keyboard.press('Enter');
  await page.locator('.who-name', { hasText: 'carol' }).waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

visit('the first load is small', async (page) => {
  const bodies = [];
  page.on('response', (response) => /\/(console\/|sdk\/|$)/.test(new URL(response.url()).pathname) && bodies.push(response.body()));
  await enter(page, service);
  await page.waitForLoadState('networkidle');
  const total = (await Promise.all(bodies)).reduce((sum, body) => sum + gzipSync(body).length, 0);
  assert.ok(bodies.length > 20, `${bodies.length} files`);
  assert.ok(total <= FIRST_LOAD, `${total} bytes`);
  console.log(`first load: ${bodies.length} files, ${total} bytes gzipped`);
});

visit('files go up by button and by drop, and folders keep their shape', async (page) => {
  await enter(page, service);
  await upload(page, [make('one.txt', 'one'), make('two.txt', 'two')]);
  await row(page, 'one.txt').waitFor();
  make('holiday/beach/sand.txt', 'sand');
  make('holiday/road.txt', 'road');
  await page.locator('[data-role=folder]').setInputFiles(join(folder, 'holiday'));
  await row(page, 'holiday').waitFor();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }));
    for (const type of ['dragenter', 'dragover', 'drop']) dispatchEvent(new DragEvent(type, { dataTransfer: data, cancelable: true }));
  });
  await row(page, 'dropped.txt').waitFor();
  await row(page, 'holiday').click();
  await row(page, 'road.txt').waitFor();
  await row(page, 'beach').click();
  await row(page, 'sand.txt').waitFor();
  assert.equal(await page.locator('.crumbs').innerText().then((text) => text.replace(/\s+/g, ' ')), 'Files holiday beach');
  await page.goBack();
  await row(page, 'road.txt').waitFor();
  await page.locator('.crumbs a').first().click();
  await row(page, 'one.txt').waitFor();
});

visit('names are searched below the folder, and types and checksums are asked of the service', async (page) => {
  await enter(page, service);
  await upload(page, [make('Übersicht.csv', 'a,b'), make('shot.png', Buffer.from(await picture(page)))]);
  const search = page.getByRole('searchbox');
  await search.fill('ubersicht');
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 1);
  await row(page, 'Übersicht.csv').waitFor();
  await search.fill('nowhere');
  await page.getByText('Nothing found').waitFor();
  await page.getByRole('link', { name: 'Show all files' }).click();
  const asked = page.waitForRequest((request) => request.url().includes('content_type=image'));
  await page.getByLabel('Type').selectOption('image/*');
  await asked;
  await row(page, 'shot.png').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 1);
  await page.getByLabel('Type').selectOption('');
  await row(page, 'Übersicht.csv').click();
  const sum = await page.locator('.proof dd').first().innerText();
  await page.getByRole('button', { name: 'Close the details' }).click();
  await search.fill(`crc64nvme:${sum.trim()}`);
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 1);
  await row(page, 'Übersicht.csv').waitFor();
});

visit('the largest come first when that is asked for', async (page) => {
  await enter(page, service, '#/files/sizes');
  await upload(page, [make('small.bin', Buffer.alloc(10)), make('large.bin', Buffer.alloc(9000)), make('mid.bin', Buffer.alloc(500))]);
  await row(page, 'mid.bin').waitFor();
  await page.getByRole('button', { name: 'Size' }).click();
  await page.waitForFunction(() => document.querySelector('.row-name')?.textContent === 'large.bin');
  assert.deepEqual(await page.locator('.row-name').allTextContents(), ['large.bin', 'mid.bin', 'small.bin']);
  assert.equal(await page.locator('th[aria-sort=descending]').innerText(), 'Size');
});

visit('pictures, films, sound and text are shown, and films and sound can be gone about in', async (page) => {
  await enter(page, service, '#/files/previews');
  await upload(page, [
    make('shot.png', Buffer.from(await picture(page))), make('walk.webm', Buffer.from(await film(page))), make('tone.wav', tone()),
    make('notes.txt', 'line one\n'.repeat(20_000)), make('report.pdf', '%PDF-1.7\n'),
  ]);
  await row(page, 'shot.png').click();
  await page.waitForFunction(() => document.querySelector('.preview img')?.naturalWidth === 320);
  for (const [name, tag] of [['walk.webm', 'video'], ['tone.wav', 'audio']]) {
    await row(page, name).click();
    await page.waitForFunction((tag) => document.querySelector(`.preview ${tag}`)?.readyState > 1, tag);
    const at = await page.evaluate(async (tag) => {
      const player = document.querySelector(`.preview ${tag}`);
      await new Promise((resolve) => (player.onseeked = resolve, player.currentTime = 1));
      return player.currentTime;
    }, tag);
    assert.ok(Math.abs(at - 1) < 0.1, `${name} at ${at}`);
  }
  await row(page, 'notes.txt').click();
  await page.locator('.preview-text', { hasText: 'line one' }).waitFor();
  assert.equal((await page.locator('.preview-text').textContent()).length, 65_536);
  await row(page, 'report.pdf').click();
  await page.getByText('There is no preview of this type').waitFor();
});

visit('details tell what was proved, and a change is kept', async (page) => {
  await enter(page, service, '#/files/details');
  await upload(page, [make('draft.txt', 'draft')]);
  await row(page, 'draft.txt').click();
  await page.getByText('Verified by checksum').waitFor();
  await page.getByRole('button', { name: 'Copy receipt' }).waitFor();
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Name', { exact: true }).fill('final.txt');
  await page.getByRole('button', { name: 'Add a note' }).click();
  await page.getByLabel('Key', { exact: true }).fill('project');
  await page.getByLabel('Value', { exact: true }).fill('harbour');
  await page.getByRole('button', { name: 'Save' }).click();
  await row(page, 'final.txt').waitFor();
  await page.locator('.panel').getByText('harbour').waitFor();
  await page.reload();
  await page.locator('.panel h2', { hasText: 'final.txt' }).waitFor();
  await page.getByRole('button', { name: 'Edit' }).click();
  page.expected.push(/422/);
  await page.getByLabel('Folder', { exact: true }).fill('../outside');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.dialog .field-error:not(:empty)').waitFor();
});

visit('a link is copied and downloads without a token', async (page) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await enter(page, service, '#/files/links');
  await upload(page, [make('gift.txt', 'a gift')]);
  await row(page, 'gift.txt').click();
  await page.getByRole('button', { name: 'Copy link' }).click();
  await page.getByText('Link copied').waitFor();
  const answer = await fetch(await page.evaluate(() => navigator.clipboard.readText()));
  assert.equal(await answer.text(), 'a gift');
  const downloading = page.waitForEvent('download');
  await page.locator('.panel').getByRole('button', { name: 'Download' }).click();
  assert.equal((await downloading).suggestedFilename(), 'gift.txt');
});

visit('everything is done by keyboard: upload, open, delete, undo, delete', async (page) => {
  await enter(page, service, '#/files/keys');
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Upload', exact: true }).focus();
  await page.keyboard.press('Enter');
  await (await chooser).setFiles([make('first.txt', '1'), make('second.txt', '2')]);
  await settled(page);
  await tabTo(page, '.row-link');
  const name = (await page.evaluate(() => document.activeElement.textContent)).includes('first') ? 'first.txt' : 'second.txt';
  await page.keyboard.press('Enter');
  await page.locator('.panel h2:focus', { hasText: name }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.row-link:focus', { hasText: name }).waitFor();
  await page.keyboard.press('Delete');
  await page.locator('.dialog button:focus', { hasText: 'Keep it' }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 1);
  await tabTo(page, '.notice .quiet');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 2);
  await tabTo(page, '.row-link');
  await page.keyboard.press('Delete');
  await page.keyboard.press('Tab');
  const gone = page.waitForResponse((response) => response.request().method() === 'DELETE');
  await page.keyboard.press('Enter');
  assert.equal((await gone).status(), 204);
  assert.equal(await page.locator('.row').count(), 1);
});

/** Presses Tab until something has the focus. */
async function tabTo(page, selector) {
  for (let pressed = 0; pressed < 60; pressed++) {
    if (await page.evaluate((it) => document.activeElement?.matches(it), selector)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab never comes to ${selector}`);
}

visit('a transfer is paused, resumed, and given up', async (page) => {
  await enter(page, service, '#/files/transfers');
  let slow = true;
  await page.route(`${service.store}/**`, async (route) => {
    while (slow && route.request().method() === 'PUT') await new Promise((resolve) => setTimeout(resolve, 20));
    await route.continue().catch(() => {});
  });
  await page.locator('[data-role=files]').setInputFiles([make('slow.bin', Buffer.alloc(100_000)), make('never.bin', Buffer.alloc(100_000))]);
  await page.getByRole('button', { name: 'Pause slow.bin' }).click();
  await page.locator('.tray-row.paused', { hasText: 'slow.bin' }).waitFor();
  await page.getByRole('button', { name: 'Cancel never.bin' }).click();
  await page.locator('.tray-row', { hasText: 'never.bin' }).waitFor({ state: 'detached' });
  slow = false;
  await page.getByRole('button', { name: 'Resume slow.bin' }).click();
  await settled(page);
  assert.deepEqual(await page.locator('.row-name').allTextContents(), ['slow.bin']);
});

visit('a transfer that failed says why, and is tried again', async (page) => {
  await enter(page, service, '#/files/failures');
  page.expected.push(/403|ERR_FAILED/);
  let broken = true;
  await page.route(`${service.store}/**`, (route) =>
    (broken && route.request().method() === 'PUT' ? route.fulfill({ status: 403, headers: { 'access-control-allow-origin': '*' } }) : route.continue()));
  await page.locator('[data-role=files]').setInputFiles(make('again.txt', 'again'));
  await page.locator('.tray-row.failed', { hasText: 'torage answered 403' }).waitFor({ timeout: 60_000 });
  broken = false;
  await page.getByRole('button', { name: 'Retry again.txt' }).click();
  await settled(page);
});

visit('an expired token is asked for again, and what was under way goes on', async (page) => {
  page.expected.push(/401/);
  await enter(page, service, '#/usage');
  await page.locator('.tiles').waitFor();
  const expired = service.mint('dev', -7200, -3600);
  await page.evaluate((token) => sessionStorage.setItem('valetkey.token', token), expired);
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in again' }).waitFor();
  await page.getByText('Your token has expired').waitFor();
  await page.getByLabel('Token').fill(service.mint('dev', 0, 600));
  await page.keyboard.press('Enter');
  await page.locator('.tiles').waitFor();
  assert.match(page.url(), /#\/usage$/);
});

visit('what cannot be shown says why, in the words of the service', async (page) => {
  page.expected.push(/507/);
  const problem = { type: '/problems/storage_full', title: 'full', status: 507, code: 'storage_full', detail: 'the disk is full; make room', request_id: 'abc123' };
  let full = true;
  await page.route('**/v1/usage', (route) => (full ? route.fulfill({ status: 507, json: problem }) : route.continue()));
  await enter(page, service, '#/usage');
  await page.getByText('The disk is full; make room.').waitFor();
  await page.getByText('abc123').waitFor();
  full = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.tiles').waitFor();
});

visit('without a connection it says so, and goes on when there is one', async (page) => {
  page.expected.push(/ERR_INTERNET_DISCONNECTED/);
  await enter(page, service, '#/files/offline');
  await page.context().setOffline(true);
  await page.getByText('Offline. Uploads wait').waitFor();
  await page.locator('[data-role=files]').setInputFiles(make('later.txt', 'later'));
  await page.locator('.tray-row').waitFor();
  await page.context().setOffline(false);
  await settled(page);
  assert.equal(await page.locator('.offline:visible').count(), 0);
});

visit('a name that is markup stays a name', async (page) => {
  await enter(page, service, '#/files/names');
  const name = '<img src=x onerror=alert(1)>.txt';
  await page.evaluate((name) => {
    const data = new DataTransfer();
    data.items.add(new File(['x'], name, { type: 'text/plain' }));
    dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }));
  }, name);
  await row(page, name).click();
  await page.locator('.panel h2', { hasText: name }).waitFor();
  assert.equal(await page.locator('img[src=x]').count(), 0);
});
