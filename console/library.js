/** The files of a bucket, read page by page. Folders, names and orders the service does not list by are found in it. */

/** The first page is short, so that something is there soon. */
const FIRST = 100;
const PAGE = 1000;
/** So many files are read without being asked for. */
const WALK = 20_000;

/** @typedef {import('/sdk/types.js').FileInfo} File */
/** @typedef {{ bucket?: string, content_type?: string, checksum?: string, order?: 'newest' | 'oldest' }} Query */

/** @type {('bucket' | 'content_type' | 'checksum')[]} */
const KEYS = ['bucket', 'content_type', 'checksum'];

export class Library extends EventTarget {
  /** @type {Map<string, File>} */
  files = new Map();
  /** @type {'idle' | 'loading' | 'ready' | 'failed'} */
  state = 'idle';
  /** @type {unknown} */
  error = null;
  /** Whether every file is there. */
  complete = false;
  /** @type {Query} */
  query = {};
  #list;
  /** @type {string | undefined} */
  #cursor;
  #walk = 0;
  /** Files that are to vanish, while that can be taken back. @type {Set<string>} */
  #hidden = new Set();

  /** @param {(query: Query & { limit: number, cursor?: string }) => Promise<{ files: File[], next_cursor?: string }>} list */
  constructor(list) {
    super();
    this.#list = list;
  }

  /** Reads what a query finds, unless it was read already. @param {Query} query */
  open(query) {
    const same = KEYS.every((it) => query[it] === this.query[it]);
    // What is there as a whole is put in order here; of the rest the service has to send the right end first.
    if (this.state !== 'idle' && same && (this.complete || query.order === this.query.order)) return;
    this.query = query;
    this.reload();
  }

  reload() {
    this.files = new Map();
    this.#cursor = undefined;
    this.complete = false;
    this.more();
  }

  /** Goes on reading. */
  async more() {
    const walk = ++this.#walk;
    const until = this.files.size + WALK;
    this.#enter('loading');
    try {
      do {
        const limit = this.files.size ? PAGE : FIRST;
        const page = await this.#list({ ...this.query, limit, cursor: this.#cursor });
        if (walk !== this.#walk) return;
        for (const file of page.files) this.files.set(file.id, file);
        this.#cursor = page.next_cursor;
        this.complete = !this.#cursor;
        this.#enter(this.complete ? 'ready' : 'loading');
      } while (!this.complete && this.files.size < until);
      this.#enter('ready');
    } catch (error) {
      if (walk !== this.#walk) return;
      this.error = error;
      this.#enter('failed');
    }
  }

  /** A file that came or changed. @param {File} file */
  put(file) {
    if (this.query.bucket && file.bucket !== this.query.bucket) return;
    if (!this.files.has(file.id) && !fits(file, this.query)) return;
    this.files.set(file.id, file);
    this.#tell();
  }

  /** @param {string} id */
  remove(id) {
    this.#hidden.delete(id);
    if (this.files.delete(id)) this.#tell();
  }

  /** @param {string} id @param {boolean} hidden */
  hide(id, hidden) {
    if (hidden) this.#hidden.add(id);
    else this.#hidden.delete(id);
    this.#tell();
  }

  /** @param {string} id */
  get(id) {
    return this.#hidden.has(id) ? undefined : this.files.get(id);
  }

  /** Every file that is not about to vanish. */
  *all() {
    for (const file of this.files.values()) if (!this.#hidden.has(file.id)) yield file;
  }

  /** What is in a folder: its folders, with what is in them, and its files. @param {string} path */
  folder(path) {
    const prefix = path ? `${path}/` : '';
    /** @type {Map<string, { name: string, path: string, files: number, size: number, newest: string }>} */
    const folders = new Map();
    const files = [];
    for (const file of this.all()) {
      if (file.path === path) files.push(file);
      else if (file.path.startsWith(prefix)) count(folders, prefix, file);
    }
    return { folders: [...folders.values()], files };
  }

  /** The files below a folder whose name or folder has all these words. @param {string} path @param {string} words */
  search(path, words) {
    const wanted = fold(words).split(/\s+/).filter(Boolean);
    const inside = (/** @type {File} */ file) => !path || file.path === path || file.path.startsWith(`${path}/`);
    return [...this.all()].filter((file) => {
      const text = fold(`${file.path}/${file.filename}`);
      return inside(file) && wanted.every((word) => text.includes(word));
    });
  }

  /** @param {Library['state']} state */
  #enter(state) {
    this.state = state;
    if (state !== 'failed') this.error = null;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {Map<string, any>} folders @param {string} prefix @param {File} file */
function count(folders, prefix, file) {
  const name = file.path.slice(prefix.length).split('/')[0];
  const it = folders.get(name) ?? { name, path: prefix + name, files: 0, size: 0, newest: '' };
  it.files++;
  it.size += file.size;
  if (file.created_at > it.newest) it.newest = file.created_at;
  folders.set(name, it);
}

/** @param {string} text */
const fold = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/** @param {File} file @param {Query} query */
function fits(file, { content_type, checksum }) {
  const pattern = content_type?.toLowerCase();
  const type = file.content_type.toLowerCase();
  const typed = !pattern || (pattern.endsWith('/*') ? type.startsWith(pattern.slice(0, -1)) : type.split(';')[0] === pattern);
  return typed && (!checksum || (file.checksum && `${file.checksum.algorithm}:${file.checksum.value}` === checksum));
}

/** @type {Record<string, (a: File, b: File) => number>} */
const ORDERS = {
  newest: (a, b) => (a.id < b.id ? 1 : -1),
  oldest: (a, b) => (a.id < b.id ? -1 : 1),
  name: (a, b) => a.filename.localeCompare(b.filename, undefined, { numeric: true }),
  '-name': (a, b) => b.filename.localeCompare(a.filename, undefined, { numeric: true }),
  size: (a, b) => b.size - a.size,
  '-size': (a, b) => a.size - b.size,
  type: (a, b) => a.content_type.localeCompare(b.content_type) || ORDERS.name(a, b),
};

/** @param {File[]} files @param {string} order */
export const sorted = (files, order) => files.sort(ORDERS[order] ?? ORDERS.newest);
