/** Charts, drawn as SVG by hand. Every one says in words what it shows. */

import { h, svg } from '../ui/dom.js';

const DATE = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const WIDTH = 640;
const HEIGHT = 160;
const FLOOR = 132;
const TOP = 10;

/** How full something is: what is stored, what is kept free for uploads, and the rest. @param {number} stored @param {number} reserved @param {number} quota @param {string} label */
export function meter(stored, reserved, quota, label) {
  const width = (/** @type {number} */ value) => Math.min(100, (100 * value) / Math.max(quota, 1));
  const least = (/** @type {number} */ value) => (value > 0 ? Math.max(0.6, width(value)) : 0);
  const first = least(stored);
  return svg('svg', { class: 'meter', viewBox: '0 0 100 4', preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    svg('rect', { class: 'meter-all', width: 100, height: 4 }),
    svg('rect', { class: 'meter-stored', width: first, height: 4 }),
    svg('rect', { class: 'meter-reserved', x: first, width: Math.min(100 - first, least(reserved)), height: 4 }));
}

/** Columns by day. @param {{ at: Date, value: number }[]} days @param {(value: number) => string} format */
export function columns(days, format) {
  const most = Math.max(1, ...days.map((it) => it.value));
  const step = WIDTH / days.length;
  const marks = days.map(({ at, value }, index) => {
    const height = value ? Math.max(2, ((FLOOR - TOP) * value) / most) : 0;
    const x = index * step + 2;
    return svg('g', { class: 'column' },
      svg('title', {}, `${DATE.format(at)}: ${format(value)}`),
      svg('rect', { class: 'column-hit', x: index * step, y: 0, width: step, height: FLOOR }),
      svg('rect', { class: 'column-bar', x, y: FLOOR - height, width: step - 4, height, rx: 2 }));
  });
  const busiest = days.reduce((best, it) => (it.value > best.value ? it : best));
  const label = busiest.value ? `Bytes added by day. The most on ${DATE.format(busiest.at)}: ${format(busiest.value)}.` : 'Nothing was added in these days.';
  return h('figure.chart', null,
    svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': label },
      svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: TOP, y2: TOP }), svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: (TOP + FLOOR) / 2, y2: (TOP + FLOOR) / 2 }),
      svg('line', { class: 'axis', x1: 0, x2: WIDTH, y1: FLOOR, y2: FLOOR }), ...marks),
    h('figcaption', null, h('span', null, DATE.format(days[0].at)), h('span', null, `Most: ${format(busiest.value)}`), h('span', null, 'Today')));
}
