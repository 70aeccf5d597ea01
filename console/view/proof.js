/** What was proved of a file before anybody could see it: its claim ticket. */

import { h } from '../ui/dom.js';
import { full } from '../ui/format.js';
import { icon } from '../ui/icon.js';
import { copy } from '../ui/notice.js';

/** @type {Record<string, [string, string]>} */
const PROVED = {
  checksum: ['Verified by checksum', 'Storage computed the checksum of the whole file, and it is the one that was declared.'],
  rehash: ['Verified by reading back', 'The service read the file back from storage, and its checksum is the one that was declared.'],
  size: ['Verified by size', 'No checksum was declared: length, ETag and type were checked.'],
};
/** @type {Record<string, string>} */
const NAMES = { sha256: 'SHA-256', crc64nvme: 'CRC-64/NVME', crc32c: 'CRC-32C' };

/** @param {import('/sdk/types.js').FileInfo} file */
export function proof(file) {
  const [title, how] = PROVED[file.integrity] ?? ['Verified', ''];
  return h('section.ticket.proof', { 'aria-labelledby': 'proof-title' },
    h('div.ticket-head', null, icon('seal'), h('h3', { id: 'proof-title' }, title), h('p', null, how)),
    h('dl.ticket-body.facts', null,
      file.checksum && fact(NAMES[file.checksum.algorithm] ?? file.checksum.algorithm, file.checksum.value, 'checksum',
        `${file.checksum.algorithm}:${file.checksum.value}`),
      fact('ETag', file.etag.replace(/"/g, ''), 'ETag', file.etag),
      file.receipt && fact('Receipt', `${file.receipt.slice(0, 24)}…`, 'receipt', file.receipt),
      receiptDate(file.receipt)));
}

/** @param {string} name @param {string} value @param {string} word @param {string} copied */
export const fact = (name, value, word, copied) =>
  h('div.fact', null, h('dt', null, name), h('dd.mono', null, h('span.fact-value', { title: value }, value),
    h('button.button.bare', { type: 'button', 'aria-label': `Copy ${word}`, title: `Copy ${word}`, onclick: () => copy(copied, `${cap(word)} copied.`) }, icon('copy'))));

/** When the receipt says it was verified. @param {string | undefined} receipt */
function receiptDate(receipt) {
  try {
    const payload = (receipt ?? '').split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const { verified_at, iat } = JSON.parse(atob(payload));
    const at = verified_at ?? iat;
    return at ? h('div.fact', null, h('dt', null, 'Signed'), h('dd', null, full(typeof at === 'number' ? at * 1000 : at))) : null;
  } catch {
    return null;
  }
}

/** @param {string} word */
const cap = (word) => word.charAt(0).toUpperCase() + word.slice(1);
