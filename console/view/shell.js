/** What is around every page: the rail, the page itself, the details beside it, the transfers below. */

import { listen } from '../drop.js';
import { href, place } from '../route.js';
import { h, replace, spoken } from '../ui/dom.js';
import { icon, mark } from '../ui/icon.js';
import { explain } from '../ui/notice.js';
import { details } from './details.js';
import { eventsPage } from './events.js';
import { filesPage } from './files.js';
import { tray } from './tray.js';
import { usagePage } from './usage.js';

/** @typedef {import('../app.js').App} App */

const PAGES = { files: filesPage, usage: usagePage, events: eventsPage };
/** @type {Record<string, string>} */
const TITLES = { files: 'Files', usage: 'Usage', events: 'Events' };

/** @param {HTMLElement} root @param {App} app */
export async function shell(root, app) {
  const main = h('main.main', { id: 'main', tabindex: '-1' });
  const nav = h('div.rail-nav');
  const buckets = h('div.rail-buckets');
  const panel = h('aside.panel', { hidden: true, 'aria-label': 'Details of a file' });
  const veil = h('div.veil', { hidden: true });
  replace(root,
    h('a.skip', { href: '#main', onclick: (/** @type {Event} */ event) => (event.preventDefault(), main.focus()) }, 'Skip to content'),
    h('div.frame', null, rail(app, nav, buckets), main, panel),
    tray(app), offline(), veil);
  if (!(await ready(main, app))) return;
  replace(veil, h('p', null, icon('upload'), 'Drop to upload'));
  listen(veil, (files) => app.transfers.add(files, app.bucket(), place().page === 'files' ? place().path : ''));
  details(panel, app);
  follow(app, main, nav, buckets);
}

/** Asks what there is before anything is shown. @param {HTMLElement} main @param {App} app */
async function ready(main, app) {
  for (;;) {
    replace(main, h('div.loading', { role: 'status' }, h('span.spinner'), 'Opening…'));
    try {
      app.buckets = await app.call(() => app.client.buckets());
      return true;
    } catch (error) {
      await new Promise((again) => replace(main, failure('The service cannot be reached', error, () => again(undefined))));
    }
  }
}

/** What is shown in place of what cannot be. @param {string} title @param {unknown} error @param {() => void} again */
export const failure = (title, error, again) =>
  h('div.blank', { role: 'alert' }, icon('alert'), h('h2', null, title), h('p', null, explain(error)), reference(error),
    h('button.button', { type: 'button', onclick: again }, icon('retry'), 'Try again'));

/** Under which id the log has it. @param {any} error */
const reference = (error) =>
  error?.problem?.request_id ? h('p.hint', null, 'Reference ', h('code', null, error.problem.request_id)) : null;

/** @param {App} app @param {HTMLElement} nav @param {HTMLElement} buckets */
function rail(app, nav, buckets) {
  const { sub } = app.session.claims;
  return h('header.rail', null,
    h('a.brand', { href: '#/files' }, mark('mark'), h('span', null, 'Valetkey')),
    h('nav', { 'aria-label': 'Pages' }, nav),
    buckets,
    h('div.rail-foot', null,
      h('p.who', null, spoken('Signed in as '), h('span.who-name', { title: sub }, sub ?? 'signed in')),
      h('button.button.bare', { type: 'button', 'aria-label': 'Sign out', title: 'Sign out', onclick: app.leave }, icon('leave'))));
}

function links() {
  const now = place();
  /** @param {'files' | 'usage' | 'events'} page */
  const link = (page) => h('a.rail-link', {
    href: href({ page, path: '', file: undefined, q: undefined, type: undefined, checksum: undefined, sort: undefined }),
    'aria-current': now.page === page && 'page', 'data-key': `page-${page}`,
  }, icon(page), TITLES[page]);
  return h('ul', null, [link('files'), link('usage'), link('events')].map((it) => h('li', null, it)));
}

/** @param {App} app */
function bucketLinks(app) {
  if (app.buckets.length < 2) return [];
  const link = (/** @type {string} */ name) => h('a.rail-link.small', {
    href: href({ page: 'files', path: '', bucket: name, file: undefined, q: undefined }),
    'aria-current': app.bucket() === name && 'true', 'data-key': `bucket-${name}`,
  }, name);
  return [h('h2.rail-title', { id: 'buckets' }, 'Buckets'),
    h('ul', { 'aria-labelledby': 'buckets' }, app.buckets.map(({ name }) => h('li', null, link(name))))];
}

/** Shows the page of each address. @param {App} app @param {HTMLElement} main @param {HTMLElement} nav @param {HTMLElement} buckets */
function follow(app, main, nav, buckets) {
  /** @type {{ page: string, update(): void, close(): void } | null} */
  let open = null;
  const turn = () => {
    const { page, path } = place();
    replace(nav, links());
    replace(buckets, bucketLinks(app));
    document.title = `${path.split('/').pop() || TITLES[page]} · Valetkey`;
    if (open?.page === page) return open.update();
    open?.close();
    main.replaceChildren();
    main.scrollTo(0, 0);
    open = { page, ...PAGES[page](main, app) };
  };
  addEventListener('hashchange', turn);
  turn();
}

/** Says when there is no connection. */
function offline() {
  const bar = h('div.offline', { role: 'status' });
  const turn = () => {
    bar.hidden = navigator.onLine;
    replace(bar, navigator.onLine ? [] : [icon('offline'), 'Offline. Uploads wait and go on by themselves.']);
  };
  addEventListener('online', turn);
  addEventListener('offline', turn);
  turn();
  return bar;
}
