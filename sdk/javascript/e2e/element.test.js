import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { bytes } from '../test/server.js';
import { open, until } from './world.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = new URL('../../../target/screenshots/', import.meta.url).pathname;
let world, folder;

before(async () => {
  world = await open();
  folder = mkdtempSync(join(tmpdir(), 'valetkey-element-'));
  mkdirSync(SHOTS, { recursive: true });
});
after(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => world.proxy.reset());

/** A page with one element, and what it tells. */
async function element(attributes = 'multiple', page) {
  page ??= await world.page();
  await page.evaluate(async ({ attributes, url }) => {
    await import(`${url}/sdk/element.js`);
    document.querySelector('main').innerHTML = `<h1>Your files</h1><valetkey-upload ${attributes}></valetkey-upload>`;
    window.element = document.querySelector('valetkey-upload');
    element.client = client;
    window.told = [];
    for (const type of ['uploaded', 'failed', 'finished']) {
      element.addEventListener(type, ({ detail }) => told.push([type, detail.file?.filename ?? detail.error?.code ?? detail.files.length]));
    }
  }, { attributes, url: world.service.url });
  return page;
}

const rows = (page) => page.locator('valetkey-upload li').evaluateAll((items) => items.map((it) => [
  it.querySelector('[part=name]').textContent, it.getAttribute('part'), it.querySelector('[part=status]').textContent,
]));
const finished = (page) => page.waitForFunction(() => told.some(([type]) => type === 'finished'));

async function accessible(page, what) {
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const bad = violations.map((it) => `${it.impact} ${it.id}: ${it.nodes.map((node) => node.target).join(' ')}`);
  assert.deepEqual(bad, [], what);
}

function photo(name, size = 3000) {
  const path = join(folder, name);
  writeFileSync(path, bytes(size, name.length));
  return path;
}

test('chosen files go up, and each says how it is', async () => {
  const page = await element('multiple path="chosen"');
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.locator('valetkey-upload [part=choose]').click()]);
  assert.ok(chooser.isMultiple());
  await chooser.setFiles([photo('a.txt'), photo('b.bin')]);
  await finished(page);
  assert.deepEqual((await rows(page)).map(([name, part]) => [name, part]), [['a.txt', 'item item-done'], ['b.bin', 'item item-done']]);
  assert.deepEqual((await page.evaluate(() => told)).sort(), [['finished', 2], ['uploaded', 'a.txt'], ['uploaded', 'b.bin']]);
  assert.match(await page.locator('valetkey-upload [role=status]').textContent(), /2 of 2 uploaded/);
  const listed = await page.evaluate(() => client.list({ path: 'chosen' }));
  assert.equal(listed.files.length, 2);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test('files are dropped, folders and their names included', async () => {
  const page = await element('multiple');
  await page.evaluate(() => {
    const zone = element.shadowRoot.querySelector('[part=dropzone]');
    const data = new DataTransfer();
    data.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }));
    const send = (type) => zone.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, composed: true, cancelable: true }));
    send('dragenter');
    window.hint = element.shadowRoot.querySelector('[part=hint]').textContent;
    send('dragover');
    send('drop');
  });
  assert.equal(await page.evaluate(() => window.hint), 'Drop to upload');
  await finished(page);
  const folders = await page.evaluate(async (url) => {
    const { filesOf } = await import(`${url}/sdk/element-drop.js`);
    const entry = (name) => ({ isFile: true, name, file: (done) => done(new File(['x'], name)) });
    const directory = (name, ...pages) => ({ isFile: false, name, createReader: () => ({ readEntries: (done) => done(pages.shift() ?? []) }) });
    const top = directory('holiday', [entry('a.jpg')], [entry('b.jpg'), directory('day 1', [entry('c.jpg')])]);
    const found = await filesOf({ items: [{ kind: 'string' }, { kind: 'file', webkitGetAsEntry: () => top }] });
    return found.map((it) => it.webkitRelativePath);
  }, world.service.url);
  assert.deepEqual(folders, ['holiday/a.jpg', 'holiday/b.jpg', 'holiday/day 1/c.jpg']);
  await page.close();
});

test('files are pasted, but not into a text field', async () => {
  const page = await element('multiple');
  const paste = (selector) => page.evaluate((selector) => {
    const data = new DataTransfer();
    data.items.add(new File(['pasted'], 'pasted.png', { type: 'image/png' }));
    document.querySelector(selector).dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, composed: true, cancelable: true }));
  }, selector);
  await page.evaluate(() => document.querySelector('main').append(document.createElement('textarea')));
  await paste('textarea');
  assert.deepEqual(await rows(page), []);
  await paste('body');
  await finished(page);
  assert.equal((await rows(page))[0][0], 'pasted.png');
  await page.close();
});

test('all of it works by keyboard: pause, resume, cancel, try again, remove', async () => {
  const page = await element('multiple');
  world.proxy.rule = ({ part }) => (part > 1 ? { wait: 300 } : undefined);
  await page.evaluate(() => element.add([file('keys.bin', 8 * 5 * 1024 * 1024, undefined, 20)]));
  await until(() => world.proxy.stored().length > 0);
  const focused = () => page.evaluate(() => element.shadowRoot.activeElement?.getAttribute('aria-label') ?? element.shadowRoot.activeElement?.textContent);
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Choose files');
  for (let i = 0; i < 4 && (await focused()) !== 'Pause keys.bin'; i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => element.shadowRoot.querySelector('li').part.contains('item-paused'));
  assert.equal(await focused(), 'Resume keys.bin');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => element.shadowRoot.querySelector('li').part.contains('item-uploading'));
  assert.equal(await focused(), 'Pause keys.bin');
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Cancel keys.bin');
  await page.keyboard.press('Space');
  await page.waitForFunction(() => element.shadowRoot.querySelector('li').part.contains('item-aborted'));
  world.proxy.reset();
  await page.keyboard.press('Shift+Tab');
  assert.equal(await focused(), 'Try keys.bin again');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => element.shadowRoot.querySelector('li').part.contains('item-done'), null, { timeout: 60_000 });
  await page.locator('valetkey-upload').getByRole('button', { name: 'Remove keys.bin from this list' }).focus();
  await page.keyboard.press('Enter');
  assert.deepEqual(await rows(page), []);
  assert.equal(await focused(), 'Choose files');
  await page.close();
});

test('what is not taken says why, and keeps nothing else from going up', async () => {
  const page = await element('multiple bucket="pictures" accept="image/*"');
  await page.evaluate(() => element.add([
    file('a.txt', 10, 'text/plain'), file('large.png', 1_000_001, 'image/png'), file('ok.png', 10, 'image/png'),
  ]));
  await finished(page);
  const [text, large, ok] = await rows(page);
  assert.match(text[2], /text\/plain is not taken here/);
  assert.match(large[2], /at most 1000000/);
  assert.equal(ok[1], 'item item-done');
  assert.equal(await page.locator('valetkey-upload [part~=retry]:visible').count(), 0);
  await page.close();
});

test('one file is one file, and its id goes into the form it stands in', async () => {
  const page = await element('name="photo"');
  await page.evaluate(() => {
    const form = document.createElement('form');
    document.querySelector('main').append(form);
    form.append(element);
    element.add([file('one', 5), file('two', 5)]);
  });
  await finished(page);
  const { ids, files } = await page.evaluate(() => ({ ids: new FormData(document.querySelector('form')).getAll('photo'), files: element.files.map((it) => it.id) }));
  assert.equal(ids.length, 1);
  assert.deepEqual(ids, files);
  await page.close();
});

test('another address is another client, unless the page has set one', async () => {
  const page = await world.page();
  const asked = [];
  await page.route('**/v1/buckets', (route) => (asked.push(new URL(route.request().url()).host), route.abort()));
  await page.evaluate(async (url) => {
    await import(`${url}/sdk/element.js`);
    document.querySelector('main').innerHTML = '<valetkey-upload multiple url="http://one.localhost"></valetkey-upload>';
    window.element = document.querySelector('valetkey-upload');
    element.options = { signal: AbortSignal.timeout(60_000) };
    element.add([file('one', 1)]);
    element.setAttribute('url', 'http://two.localhost');
    element.add([file('two', 2)]);
    element.client = sdk.createClient({ url: 'http://three.localhost', token: 'x' });
    element.setAttribute('url', 'http://four.localhost');
    element.add([file('three', 3)]);
  }, world.service.url);
  await until(() => new Set(asked).size === 3);
  assert.deepEqual([...new Set(asked)].sort(), ['one.localhost', 'three.localhost', 'two.localhost']);
  await page.close();
});

test('those that are paused give their places to others', async () => {
  const page = await element('multiple');
  world.proxy.rule = () => ({ wait: 60_000 });
  await page.evaluate(() => {
    const { upload } = client;
    window.held = [];
    client.upload = (...it) => (held.push(upload.apply(client, it)), held.at(-1));
    element.add(Array.from({ length: 72 }, (_, i) => file(`${i}.bin`, 10, undefined, i + 1)));
  });
  await page.waitForFunction(() => held.length === 64);
  await page.evaluate(() => held.slice(0, 64).forEach((it) => it.pause()));
  assert.equal(await page.evaluate(() => held.length), 72);
  world.proxy.reset();
  // What storage holds already is sent anew.
  await page.evaluate(() => held.slice(64).forEach((it) => (it.pause(), it.resume())));
  await page.waitForFunction(() => told.filter(([type]) => type === 'uploaded').length === 8);
  await page.evaluate(() => held.forEach((it) => it.resume()));
  await finished(page);
  assert.equal(await page.evaluate(() => element.files.length), 72);
  await page.close();
});

test('of many files those are shown that matter, and the others are counted', async () => {
  const page = await element('multiple');
  const shown = await page.evaluate(() => {
    element.add(Array.from({ length: 110 }, (_, i) => file(`${i}.bin`, 10, undefined, i + 1)));
    return [element.shadowRoot.querySelectorAll('li').length, element.shadowRoot.querySelector('[part=more]').textContent];
  });
  assert.deepEqual(shown, [100, '10 more files are not shown']);
  await finished(page);
  await page.waitForFunction(() => element.shadowRoot.querySelectorAll('[part~=item-done]').length === 100);
  await accessible(page, 'many files');
  assert.deepEqual((await rows(page)).map(([name]) => name), Array.from({ length: 100 }, (_, i) => `${i + 10}.bin`));
  assert.equal(await page.evaluate(() => element.files.length), 110);
  await page.locator('valetkey-upload').getByRole('button', { name: 'Remove 60.bin from this list' }).click();
  await page.waitForFunction(() => element.shadowRoot.querySelector('li [part=name]').textContent === '9.bin');
  await page.close();
});

test('it is accessible and looks right, at every width and in both schemes', async () => {
  const page = await world.page();
  await page.addStyleTag({ content: ':root{color-scheme:light dark;font-family:system-ui,sans-serif}body{margin:0;background:Canvas;color:CanvasText}main{max-width:680px;margin:0 auto;padding:24px 16px}h1{font-size:22px;margin:0 0 16px}' });
  await element('multiple directories bucket="pictures"', page);
  const look = async (what) => {
    for (const [width, scheme] of [[360, 'light'], [360, 'dark'], [1280, 'light'], [1280, 'dark']]) {
      await page.setViewportSize({ width, height: 900 });
      // Colours that are still on their way to others are none of either scheme.
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await accessible(page, `${what} ${width} ${scheme}`);
      await page.screenshot({ path: join(SHOTS, `${what}-${width}-${scheme}.png`) });
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the page');
    }
  };
  await look('empty');
  await page.evaluate(async () => {
    element.client = sdk.createClient({ url: client.base, token: window.token, connections: 6, journal: false });
    const picture = async (name, from, to) => {
      const canvas = new OffscreenCanvas(600, 600);
      const context = canvas.getContext('2d');
      const fill = context.createLinearGradient(0, 0, 600, 600);
      fill.addColorStop(0, from);
      fill.addColorStop(1, to);
      context.fillStyle = fill;
      context.fillRect(0, 0, 600, 600);
      return new File([await canvas.convertToBlob({ type: 'image/jpeg' })], name, { type: 'image/jpeg' });
    };
    element.add([await picture('Sunrise over the harbour.jpg', '#f9b16e', '#b24592'), await picture('forest.jpg', '#a8e063', '#2d6a35'), await picture('sea.jpg', '#89d4f5', '#1f4e8c')]);
  });
  await finished(page);
  // What comes now stays under way: storage takes two parts, and holds the others back.
  world.proxy.rule = () => (world.proxy.stored().length > 4 ? { wait: 60_000 } : undefined);
  await page.evaluate(() => {
    element.add([file('notes of the meeting.txt', 4000, 'text/plain')]);
    element.setAttribute('bucket', 'files');
    element.add([file('A film with a rather long name that does not fit.mp4', 60 * 1024 * 1024, 'video/mp4', 30), file('archive.zip', 30 * 1024 * 1024, 'application/zip', 31)]);
  });
  await page.waitForFunction(() => element.shadowRoot.querySelectorAll('[part~=item-uploading]').length === 2);
  await page.waitForFunction(() => [...element.shadowRoot.querySelectorAll('[part~=item-uploading] progress')].some((it) => it.value > 0.1));
  await page.evaluate(() => [...element.shadowRoot.querySelectorAll('[part~=pause]')].filter((it) => !it.hidden).at(-1).click());
  await page.waitForFunction(() => element.shadowRoot.querySelector('[part~=item-paused]'));
  await look('full');
  await page.close();
});
