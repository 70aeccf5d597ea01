/** What is taken and what may be, and what came in lately. */

import { href } from '../route.js';
import { h, replace } from '../ui/dom.js';
import { count, family, plural, size } from '../ui/format.js';
import { soon } from '../ui/frame.js';
import { columns, meter } from './chart.js';
import { failure } from './shell.js';

/** @typedef {import('../app.js').App} App */

const DAYS = 30;
/** @type {[string, string][]} */
const FAMILIES = [['image', 'Images'], ['video', 'Videos'], ['audio', 'Audio'], ['document', 'Documents'], ['text', 'Text'], ['archive', 'Archives'], ['other', 'Other']];

/** @param {HTMLElement} main @param {App} app */
export function usagePage(main, app) {
  const body = h('div.page-body');
  const lately = h('div.lately');
  main.append(h('div.head', null, h('h1', null, 'Usage')), body);
  const drawLately = soon(() => replace(lately, recent(app)));
  const load = async () => {
    replace(body, h('div.loading', { role: 'status' }, h('span.spinner'), 'Counting…'));
    try {
      const { buckets } = await app.call(() => app.client.call('GET', '/usage'));
      replace(body, buckets.length ? [totals(buckets), buckets.map(account), lately] : h('div.blank', null, h('h2', null, 'No bucket is yours to use')));
    } catch (error) {
      replace(body, failure('The usage cannot be read', error, load));
    }
  };
  const update = () => app.library.open({ bucket: app.bucket() });
  app.library.addEventListener('change', drawLately);
  update();
  drawLately();
  load();
  return { update, close: () => app.library.removeEventListener('change', drawLately) };
}

/** @param {any[]} buckets */
function totals(buckets) {
  const sum = (/** @type {string} */ key) => buckets.reduce((all, it) => all + it[key], 0);
  const tile = (/** @type {string} */ name, /** @type {string} */ value) => h('div.tile', null, h('dt', null, name), h('dd', null, value));
  return h('dl.tiles', null, tile('Stored', size(sum('stored_bytes'))), tile('Files', count(sum('files'))),
    tile('Under way', size(sum('reserved_bytes'))), tile('Open uploads', count(sum('open_uploads'))));
}

/** @param {any} it */
function account(it) {
  return h('section.card', { 'aria-label': `Bucket ${it.bucket}` },
    h('h2', null, h('a', { href: href({ page: 'files', path: '', bucket: it.bucket }) }, it.bucket)), who(it, 'You'),
    it.everybody && who(it.everybody, 'Everybody'));
}

/** @param {any} it @param {string} name */
function who(it, name) {
  const used = it.stored_bytes + it.reserved_bytes;
  const quota = it.quota ?? null;
  const told = quota === null ? `${size(used)}, no quota` : `${size(used)} of ${size(quota)}`;
  return h('div.account', null,
    h('p.account-head', null, h('span', null, name), h('strong', null, told)),
    quota !== null && meter(it.stored_bytes, it.reserved_bytes, quota, `${name}: ${told}`),
    h('ul.legend', null,
      h('li.stored', null, `${size(it.stored_bytes)} in ${plural(it.files, 'file')}`),
      (it.reserved_bytes > 0 || it.open_uploads > 0) && h('li.reserved', null, `${size(it.reserved_bytes)} kept for ${plural(it.open_uploads, 'open upload')}`),
      quota !== null && h('li.free', null, `${size(Math.max(0, quota - used))} free`)));
}

/** @param {App} app */
function recent(app) {
  const { library } = app;
  if (!library.files.size) return [];
  const days = perDay(library.all());
  const total = days.reduce((sum, it) => sum + it.value, 0);
  const partly = library.complete ? '' : ` Counted are the newest ${plural(library.files.size, 'file')}.`;
  return [
    h('section.card', { 'aria-labelledby': 'lately' }, h('h2', { id: 'lately' }, `Added in ${DAYS} days`),
      h('p.card-sub', null, `${size(total)} in the bucket “${app.bucket()}”.${partly}`), columns(days, size)),
    h('section.card', { 'aria-labelledby': 'kinds' }, h('h2', { id: 'kinds' }, 'What takes the room'),
      h('p.card-sub', null, `Files in “${app.bucket()}”, by what they are.${partly}`), kinds(library.all())),
  ];
}

/** @param {Iterable<import('/sdk/types.js').FileInfo>} files */
function perDay(files) {
  const today = new Date().setHours(12, 0, 0, 0);
  const days = Array.from({ length: DAYS }, (_, at) => ({ at: new Date(today - (DAYS - 1 - at) * 86_400_000), value: 0 }));
  for (const file of files) {
    const noon = new Date(file.created_at).setHours(12, 0, 0, 0);
    const day = days[DAYS - 1 - Math.round((today - noon) / 86_400_000)];
    if (day) day.value += file.size;
  }
  return days;
}

/** @param {Iterable<import('/sdk/types.js').FileInfo>} files */
function kinds(files) {
  /** @type {Record<string, { size: number, files: number }>} */
  const by = {};
  for (const file of files) {
    const it = (by[family(file.content_type)] ??= { size: 0, files: 0 });
    it.size += file.size;
    it.files++;
  }
  const most = Math.max(1, ...Object.values(by).map((it) => it.size));
  const rows = FAMILIES.filter(([key]) => by[key]).sort(([a], [b]) => by[b].size - by[a].size);
  return h('ul.kinds', null, rows.map(([key, name]) => h(`li.${key}`, null, h('span', null, name),
    h('progress.kind-bar', { value: by[key].size, max: most, 'aria-hidden': 'true' }),
    h('span.kind-size', null, `${size(by[key].size)} · ${plural(by[key].files, 'file')}`))));
}
