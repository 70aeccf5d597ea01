/** Where the page is, in the address behind the `#`: it can be bookmarked and gone back to. */

/**
 * @typedef {object} Place
 * @property {'files' | 'usage' | 'events'} page
 * @property {string} path The folder.
 * @property {string} [bucket]
 * @property {string} [file] The file whose details are shown.
 * @property {string} [q] What names are searched for.
 * @property {string} [type] A media type such as `image/*`.
 * @property {string} [checksum] `algorithm:base64`.
 * @property {string} [sort]
 */

/** @type {('bucket' | 'file' | 'q' | 'type' | 'checksum' | 'sort')[]} */
const FIELDS = ['bucket', 'file', 'q', 'type', 'checksum', 'sort'];

/** @returns {Place} */
export function place() {
  const [way, query = ''] = location.hash.slice(1).split('?');
  const [, page = 'files', ...folders] = way.split('/');
  const fields = new URLSearchParams(query);
  /** @type {any} */
  const it = { page: ['usage', 'events'].includes(page) ? page : 'files', path: folders.filter(Boolean).map(decode).join('/') };
  for (const field of FIELDS) if (fields.get(field)) it[field] = fields.get(field);
  return it;
}

/** The address of a place: what is not said stays as it is. @param {Partial<Place>} change */
export function href(change) {
  const it = { ...place(), ...change };
  const fields = new URLSearchParams();
  for (const field of FIELDS) if (it[field]) fields.set(field, it[field]);
  const folders = it.page === 'files' && it.path ? `/${it.path.split('/').map(encodeURIComponent).join('/')}` : '';
  const query = fields.toString();
  return `#/${it.page}${folders}${query && `?${query}`}`;
}

/** Goes somewhere. @param {Partial<Place>} change @param {{ instead?: boolean }} [how] */
export function go(change, { instead = false } = {}) {
  const to = href(change);
  if (to === location.hash) return;
  if (!instead) {
    location.hash = to;
    return;
  }
  history.replaceState(null, '', to);
  dispatchEvent(new HashChangeEvent('hashchange'));
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
