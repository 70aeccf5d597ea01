/** What happened to a file. */

import { h, replace } from '../ui/dom.js';
import { full } from '../ui/format.js';
import { explain } from '../ui/notice.js';

/** @type {Record<string, string>} */
export const TOLD = {
  'upload.completed': 'Uploaded and verified', 'upload.failed': 'Upload failed', 'upload.aborted': 'Upload given up',
  'upload.expired': 'Upload expired', 'file.deleted': 'Deleted', 'download.issued': 'Download issued',
};

/** @param {import('../app.js').App} app @param {import('/sdk/types.js').FileInfo} file */
export function chronicle(app, file) {
  const list = h('div');
  const section = h('section.panel-section', { hidden: true }, h('h3', null, 'History'), list);
  app.call(() => app.client.call('GET', `/events?file_id=${file.id}&limit=50`)).then(
    ({ events }) => {
      section.hidden = !events.length;
      replace(list, h('ol.chronicle', null, events.map(line)));
    },
    (error) => {
      section.hidden = false;
      replace(list, h('p.hint', null, explain(error)));
    },
  );
  return section;
}

/** @param {{ type: string, timestamp: string }} event */
const line = (event) =>
  h(`li.${event.type.replace('.', '-')}`, null, h('span', null, TOLD[event.type] ?? event.type), h('time', { datetime: event.timestamp }, full(event.timestamp)));
