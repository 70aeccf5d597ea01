/** The icons: strokes on a grid of 20, drawn for this page. */

import { svg } from './dom.js';

/** @type {Record<string, string>} */
const PATHS = {
  files: 'M3 5.5A1.5 1.5 0 0 1 4.5 4H8l2 2.2h5.5A1.5 1.5 0 0 1 17 7.7v6.8a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 14.5z',
  usage: 'M4 16.5V10M10 16.5V3.5M16 16.5v-9',
  events: 'M3 10h3l2.2-5.5 3.6 11L14 10h3',
  upload: 'M10 13V3.5M6 7.3l4-3.8 4 3.8M3.5 12.5v2a2 2 0 0 0 2 2h9a2 2 0 0 0 2-2v-2',
  download: 'M10 3.5V13M6 9.2l4 3.8 4-3.8M3.5 14.5v0a2 2 0 0 0 2 2h9a2 2 0 0 0 2-2',
  receive: 'M10 3v7.500M6.800 7.600 10 10.500l3.200-2.900M3 11.500h3.600l1.200 2h4.400l1.200-2H17v3.500a1.500 1.500 0 0 1-1.500 1.500h-11A1.500 1.500 0 0 1 3 15z',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13.2 13.2 17 17',
  close: 'M5 5l10 10M15 5 5 15',
  trash: 'M4 5.5h12M8 5.5V4h4v1.5M5.5 5.5l.7 10a1.2 1.2 0 0 0 1.2 1h5.2a1.2 1.2 0 0 0 1.2-1l.7-10M8.5 9v4.5M11.5 9v4.5',
  link: 'M8.5 11.5a3 3 0 0 0 4.2 0l2.9-2.9a3 3 0 0 0-4.2-4.2l-1 1M11.5 8.5a3 3 0 0 0-4.2 0l-2.9 2.9a3 3 0 0 0 4.2 4.2l1-1',
  edit: 'M4 16l.7-3.2L13 4.500a1.6 1.6 0 0 1 2.3 0l.2.2a1.6 1.6 0 0 1 0 2.300L7.2 15.300z',
  copy: 'M7.5 7.500v-2A1.5 1.5 0 0 1 9 4h5.500A1.5 1.5 0 0 1 16 5.500V11a1.5 1.5 0 0 1-1.5 1.500h-2M5.5 7.500H11A1.5 1.5 0 0 1 12.5 9v5.500A1.5 1.5 0 0 1 11 16H5.500A1.5 1.5 0 0 1 4 14.500V9a1.5 1.5 0 0 1 1.5-1.500z',
  pause: 'M7 4.500v11M13 4.500v11',
  play: 'M6.5 4.500v11l9-5.500z',
  retry: 'M15.5 8A6 6 0 1 0 16 11.500M15.8 4v4h-4',
  check: 'M4.5 10.500l3.7 3.7 7.3-8',
  alert: 'M10 6.500v4.500M10 13.600v.1M10 2.800l7.5 13.400h-15z',
  chevron: 'M8 5.500l4.5 4.500L8 14.5',
  down: 'M5.5 8l4.5 4.500L14.5 8',
  folder: 'M3 5.500A1.5 1.5 0 0 1 4.5 4H8l2 2.200h5.500A1.5 1.5 0 0 1 17 7.700v6.800a1.5 1.5 0 0 1-1.5 1.500h-11A1.5 1.5 0 0 1 3 14.500z',
  offline: 'M3 3l14 14M6 11.300a6 6 0 0 1 2.3-1.200M3.5 8.300a10 10 0 0 1 3-1.800M10 6a10 10 0 0 1 6.5 2.300M14 11.300a6 6 0 0 0-1-.7M10 15v.1',
  leave: 'M8.5 4H5.500A1.5 1.5 0 0 0 4 5.500v9A1.5 1.5 0 0 0 5.5 16h3M12 6.500l3.5 3.5-3.5 3.500M15.5 10H8',
  seal: 'M10 2.700l2 1.5 2.5-.1.7 2.4 2.1 1.4-.9 2.3.9 2.3-2.1 1.4-.7 2.4-2.5-.1-2 1.5-2-1.5-2.5.1-.7-2.4-2.1-1.4.9-2.3-.9-2.3 2.1-1.4.7-2.4 2.5.1zM7 10.100l2.2 2.2 3.9-4.3',
};

/** @param {string} name */
export function icon(name) {
  return svg(
    'svg',
    { viewBox: '0 0 20 20', class: `icon icon-${name}`, 'aria-hidden': 'true', focusable: 'false' },
    svg('path', { d: PATHS[name] }),
  );
}

/** @param {string} className */
export function mark(className) {
  const image = document.createElement('img');
  image.src = '/console/mark.svg';
  image.alt = '';
  image.className = className;
  return image;
}
