/** How the console looks and whether everybody can use it. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enter, faults, launch, picture, shoot, start, tab } from './world.js';

let service, browser;

before(async () => {
  service = await start();
  browser = await launch();
  const page = await tab(browser, service);
  await enter(page, service);
  const image = Buffer.from(await picture(page));
  const files = [
    { name: 'harbour at dusk.png', mimeType: 'image/png', buffer: image },
    { name: 'a rather long name that goes on and on until there is no room for it any more, wherever it is shown.txt', mimeType: 'text/plain', buffer: Buffer.from('text') },
    { name: 'report.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(250_000, 'x') },
  ];
  await page.locator('[data-role=files]').setInputFiles(files);
  await page.locator('.tray-title', { hasText: 'verified' }).waitFor();
  await page.evaluate(() => (location.hash = '#/files/photos/2026/harbour'));
  await page.locator('[data-role=files]').setInputFiles(files.slice(0, 1));
  await page.locator('.row-link').waitFor();
  await page.leave();
});
after(async () => {
  await browser.close();
  await service.stop();
});

/** Each state by its name, and how to come to it. */
const STATES = {
  files: async (page) => page.locator('.row-link', { hasText: 'report.pdf' }).waitFor(),
  folder: async (page) => {
    await page.evaluate(() => (location.hash = '#/files/photos/2026/harbour'));
    await page.locator('.crumbs h1', { hasText: 'harbour' }).waitFor();
  },
  empty: async (page) => {
    await page.evaluate(() => (location.hash = '#/files/nothing/here'));
    await page.getByText('This folder is empty').waitFor();
  },
  found: async (page) => {
    await page.getByRole('searchbox').fill('harbour');
    await page.waitForFunction(() => document.querySelectorAll('.row-path').length === 1);
  },
  'nothing-found': async (page) => {
    await page.getByRole('searchbox').fill('zzz');
    await page.getByText('Nothing found').waitFor();
  },
  details: async (page) => {
    await page.locator('.row-link', { hasText: 'dusk' }).click();
    await page.locator('.preview img').waitFor();
    await page.getByRole('button', { name: 'Copy receipt' }).waitFor();
  },
  edit: async (page) => {
    await STATES.details(page);
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('button', { name: 'Add a note' }).click();
  },
  delete: async (page) => {
    await STATES.details(page);
    await page.locator('.panel').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'Delete this file?' }).waitFor();
  },
  usage: async (page) => {
    await page.evaluate(() => (location.hash = '#/usage'));
    await page.locator('.chart').waitFor();
  },
  events: async (page) => {
    await page.evaluate(() => (location.hash = '#/events'));
    await page.locator('.blank, .events').first().waitFor();
  },
  uploading: async (page) => {
    await page.route(`${service.store}/**`, (route) => (route.request().method() === 'PUT' ? undefined : route.continue()));
    await page.locator('[data-role=files]').setInputFiles({ name: 'slow.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(900_000) });
    await page.locator('.tray').waitFor();
    const fold = page.getByRole('button', { name: 'Show the uploads' });
    if ((await fold.getAttribute('aria-expanded')) === 'false') await fold.click();
    await page.locator('.tray-row.uploading').waitFor();
  },
  offline: async (page) => {
    await page.context().setOffline(true);
    await page.getByText('Offline.').waitFor();
  },
};

/** A state is looked at in all four without coming to it again: as when a window is made narrow, or the evening comes. */
const WAYS = [[1280, 800, 'light'], [1280, 800, 'dark'], [360, 740, 'light'], [360, 740, 'dark']];

async function look(page, name) {
  for (const [width, height, scheme] of WAYS) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    assert.deepEqual(await faults(page), [], `${name}, ${width}, ${scheme}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${name} is ${wide} pixels wide`);
    await shoot(page, `${width}-${scheme}-${name}`);
  }
}

test('every state is fit for everybody, wide and narrow, light and dark: sign-in', async () => {
  const door = await tab(browser, service);
  await door.goto(service.url);
  await door.getByLabel('Token').waitFor();
  await look(door, 'sign-in');
  await door.leave();
});

for (const [name, come] of Object.entries(STATES)) {
  test(`every state is fit for everybody, wide and narrow, light and dark: ${name}`, async () => {
    const page = await tab(browser, service);
    await enter(page, service);
    await come(page);
    await look(page, name);
    await page.leave();
  });
}
