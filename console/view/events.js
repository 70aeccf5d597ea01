/** What happened lately to uploads and files. */

import { href } from '../route.js';
import { h, replace } from '../ui/dom.js';
import { day, full, size, time } from '../ui/format.js';
import { icon } from '../ui/icon.js';
import { TOLD } from './chronicle.js';
import { failure } from './shell.js';

/** The service tells the oldest first: so many are read to come to the newest. */
const PAGES = 20;
const PAGE = 1000;
const SHOWN = 200;
/** How often it is asked what is new, in milliseconds. */
const EVERY = 5000;
/** @type {Record<string, string>} */
const SYMBOLS = { 'upload.completed': 'check', 'upload.failed': 'alert', 'upload.aborted': 'close', 'upload.expired': 'close', 'file.deleted': 'trash', 'download.issued': 'download' };

/** @typedef {{ id: string, type: string, timestamp: string, data: any }} Told */

/** @param {HTMLElement} main @param {import('../app.js').App} app */
export function eventsPage(main, app) {
  const body = h('div.page-body');
  main.append(h('div.head', null, h('h1', null, 'Events')), body);
  /** @type {Told[]} */
  let told = [];
  let cursor = '';
  let timer = 0;
  let over = false;
  const read = async () => {
    for (let page = 0; page < PAGES; page++) {
      const query = new URLSearchParams({ limit: String(PAGE), ...(cursor ? { cursor } : { from: 'oldest' }) });
      const answer = await app.call(() => app.client.call('GET', `/events?${query}`));
      told = [...told, ...answer.events].slice(-SHOWN);
      cursor = answer.next_cursor;
      if (!answer.has_more) return;
    }
  };
  const load = async (first = false) => {
    if (first) replace(body, h('div.loading', { role: 'status' }, h('span.spinner'), 'Reading…'));
    const last = told.at(-1);
    try {
      if (document.visibilityState === 'visible' || first) await read();
      if (over) return;
      if (first || told.at(-1) !== last) replace(body, told.length ? list(told) : empty());
      timer = window.setTimeout(load, EVERY);
    } catch (error) {
      if (over) return;
      if (forgotten(error)) {
        [told, cursor] = [[], ''];
        return load(true);
      }
      if (first) replace(body, failure('The events cannot be read', error, () => load(true)));
      else timer = window.setTimeout(load, 3 * EVERY);
    }
  };
  load(true);
  return {
    update() {},
    close() {
      over = true;
      clearTimeout(timer);
    },
  };
}

/** What came after the last place is not remembered any more: begin anew. @param {any} error */
const forgotten = (error) => error?.code === 'events_forgotten';

/** The newest first, by day. @param {Told[]} told */
function list(told) {
  /** @type {Map<string, Told[]>} */
  const days = new Map();
  for (const event of [...told].reverse()) {
    const name = day(event.timestamp);
    days.set(name, [...(days.get(name) ?? []), event]);
  }
  return [...days].map(([name, events]) => h('section.day', null, h('h2', null, name), h('ol.events', null, events.map(line))));
}

/** @param {Told} event */
function line({ type, timestamp, data }) {
  const name = data.filename ?? data.id;
  const there = type === 'upload.completed' || type === 'download.issued';
  return h(`li.event.${type.replace('.', '-')}`, null, h('span.event-mark', null, icon(SYMBOLS[type] ?? 'events')),
    h('div.event-text', null,
      h('p', null, there ? h('a', { href: href({ page: 'files', path: data.path ?? '', bucket: data.bucket, file: data.id }), 'data-key': `event-${type}-${data.id}` }, name) : h('span.event-name', null, name)),
      h('p.event-sub', null, [TOLD[type] ?? type, data.size !== undefined && size(data.size), data.path, data.problem?.detail].filter(Boolean).join(' · '))),
    h('time', { datetime: timestamp, title: full(timestamp) }, time(timestamp)));
}

const empty = () => h('div.blank', null, icon('events'), h('h2', null, 'Nothing has happened yet'), h('p', null, 'Uploads and deletions appear here as they happen.'));
