/**
 * `<valetkey-upload>`: choose, drop, paste or photograph files, and see them go up.
 *
 *     <valetkey-upload url="https://files.example.com" path="photos" accept="image/*" multiple></valetkey-upload>
 *     document.querySelector('valetkey-upload').token = () => fetch('/token').then((it) => it.text());
 *
 * Attributes: `url`, `token`, `bucket`, `path`, `accept`, `multiple`, `directories`, `compress`, `disabled`, `name`.
 * Events: `uploaded` (`detail.file`), `failed` (`detail.error`, `detail.source`), `finished` (`detail.files`).
 */

import { createClient } from './client.js';
import { filesOf } from './element-drop.js';
import { MOST, draw } from './element-list.js';
import { Row, icon, make } from './element-row.js';
import { style } from './element-style.js';
import { MESSAGES, size, time } from './element-words.js';
import { RefusedError, isAborted, isRefused } from './error.js';

/** How many uploads are open at one time. */
const OPEN = 64;
/** How often a list is drawn of which only a part is shown, in milliseconds. */
const DRAW_EVERY = 100;
/** No screen reader is told more at a time, in characters. */
const LONGEST = 300;
const CLOUD = 'M7 18a4.5 4.5 0 0 1-.6-8.96 6 6 0 0 1 11.5 1.2A3.9 3.9 0 0 1 17.5 18M12 20v-8M8.8 14.6 12 11.4l3.2 3.2';

/** On a server there is nothing to extend, and nothing to show. */
const Base = typeof HTMLElement === 'function' ? HTMLElement : /** @type {typeof HTMLElement} */ (/** @type {unknown} */ (class {}));

export class ValetkeyUpload extends Base {
  static formAssociated = true;
  static observedAttributes = ['url', 'accept', 'multiple', 'directories', 'disabled'];

  /** The client it uses; one of `url` and `token` when none is set. @type {import('./client.js').Client | null} */
  client = null;
  /** What is passed to every upload besides the attributes. @type {import('./types.js').UploadOptions} */
  options = {};
  /** What it says, if not in English. @type {Partial<import('./element-words.js').Messages>} */
  messages = {};

  /** @type {string | import('./types.js').TokenSource | null} */
  #token = null;
  /** One that was made here, of `url` and `token`. @type {import('./client.js').Client | null} */
  #own = null;
  /** @type {Row[]} */
  #rows = [];
  /** Those that wait; some of them may have been cancelled meanwhile. @type {Row[]} */
  #queue = [];
  #running = 0;
  #over = 0;
  #built = false;
  #internals;
  #root;
  #input = make('input', { type: 'file', class: 'hidden', tabindex: '-1', 'aria-hidden': 'true' });
  #folder = make('input', { type: 'file', class: 'hidden', tabindex: '-1', 'aria-hidden': 'true', webkitdirectory: '' });
  #camera = make('input', { type: 'file', class: 'hidden', tabindex: '-1', 'aria-hidden': 'true', capture: 'environment', accept: 'image/*' });
  #choose = make('button', { type: 'button', part: 'choose' });
  #chooseFolder = make('button', { type: 'button', part: 'other folder' });
  #takePhoto = make('button', { type: 'button', part: 'other camera' });
  #hint = make('p', { part: 'hint', id: 'hint' });
  #zone = make('div', { part: 'dropzone' });
  #summary = make('div', { part: 'summary', hidden: '' });
  #list = make('ul', { part: 'list' });
  #more = make('p', { part: 'more', hidden: '' });
  #live = make('div', { class: 'hidden', role: 'status' });

  constructor() {
    super();
    this.#internals = this.attachInternals();
    this.#root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    this.#root.adoptedStyleSheets = [style()];
  }

  /** The token, or a function that gives one. */
  get token() {
    return this.#token ?? this.getAttribute('token') ?? '';
  }

  set token(token) {
    this.#token = token;
  }

  /** What was uploaded. @returns {import('./types.js').FileInfo[]} */
  get files() {
    return this.#rows.flatMap((row) => row.result ?? []);
  }

  connectedCallback() {
    if (!this.#built) this.#build();
    this.#built = true;
    this.#label();
    document.addEventListener('paste', this.#paste);
  }

  disconnectedCallback() {
    document.removeEventListener('paste', this.#paste);
  }

  /** @param {string} name */
  attributeChangedCallback(name) {
    // What is under way goes on with the service it was begun with.
    if (name === 'url') this.#own = null;
    if (this.#built) this.#label();
  }

  /**
   * Adds files, as if they had been dropped.
   * @param {Iterable<File>} files
   */
  add(files) {
    if (this.hasAttribute('disabled')) return;
    const added = [...files];
    const many = this.hasAttribute('multiple') || this.hasAttribute('directories');
    for (const [index, file] of added.entries()) {
      const row = this.#row(file);
      if (index > 0 && !many) this.#fail(row, new RefusedError('invalid_request', this.#say.onlyOne));
      else if (!this.#accepts(file)) this.#fail(row, new RefusedError('content_type_not_allowed', this.#say.notAccepted(file.type, this.getAttribute('accept') ?? '')));
    }
    if (added.length > 0) this.#announce(this.#say.added(added.length));
    this.#next();
    this.#draw();
  }

  get #say() {
    return { ...MESSAGES, ...this.messages };
  }

  get #language() {
    return this.closest('[lang]')?.getAttribute('lang') || undefined;
  }

  #client() {
    this.#own ??= this.client ? null : createClient({
      url: this.getAttribute('url') ?? location.origin,
      token: (why) => (typeof this.token === 'function' ? this.token(why) : this.token),
    });
    return /** @type {import('./client.js').Client} */ (this.client ?? this.#own);
  }

  #build() {
    const cloud = icon(CLOUD);
    cloud.setAttribute('part', 'picture');
    this.#zone.append(cloud, make('div', { part: 'choices' }, this.#choose, this.#chooseFolder, this.#takePhoto), this.#hint);
    this.#root.append(this.#zone, this.#input, this.#folder, this.#camera, this.#summary, this.#list, this.#more, this.#live);
    for (const [button, input] of /** @type {const} */ ([[this.#choose, this.#input], [this.#chooseFolder, this.#folder], [this.#takePhoto, this.#camera]])) {
      button.addEventListener('click', () => input.click());
      input.addEventListener('change', () => {
        this.add(input.files ?? []);
        input.value = ''; // So that the same file can be chosen again.
      });
    }
    this.#choose.setAttribute('aria-describedby', 'hint');
    this.#listen();
  }

  #listen() {
    let depth = 0;
    /** @param {boolean} over */
    const mark = (over) => {
      this.#zone.classList.toggle('over', over);
      this.#hint.textContent = over ? this.#say.drop : this.#hintText;
    };
    /** @param {DragEvent} event */
    const takes = (event) => !this.hasAttribute('disabled') && Boolean(event.dataTransfer?.types.includes('Files'));
    this.#zone.addEventListener('dragenter', (event) => {
      if (takes(event) && ++depth === 1) mark(true);
    });
    this.#zone.addEventListener('dragleave', (event) => {
      if (takes(event) && --depth === 0) mark(false);
    });
    this.#zone.addEventListener('dragover', (event) => {
      if (!takes(event) || !event.dataTransfer) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'copy';
    });
    this.#zone.addEventListener('drop', async (event) => {
      if (!takes(event) || !event.dataTransfer) return;
      event.preventDefault();
      depth = 0;
      mark(false);
      this.add(await filesOf(event.dataTransfer));
    });
  }

  #paste = async (/** @type {ClipboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    if (target.isContentEditable || /^(INPUT|TEXTAREA)$/.test(target.tagName)) return;
    // With several elements on a page it goes to the one that is being used, or to the first.
    const used = document.activeElement?.closest('valetkey-upload') ?? document.querySelector('valetkey-upload');
    if (used !== this || !event.clipboardData?.types.includes('Files')) return;
    event.preventDefault();
    this.add(await filesOf(event.clipboardData));
  };

  get #hintText() {
    return this.hasAttribute('multiple') || this.hasAttribute('directories') ? this.#say.hint : this.#say.hintOne;
  }

  /** Puts words and attributes where they belong. */
  #label() {
    const say = this.#say;
    const many = this.hasAttribute('multiple') || this.hasAttribute('directories');
    const accept = this.getAttribute('accept') ?? '';
    this.#choose.textContent = many ? say.choose : say.chooseOne;
    this.#chooseFolder.textContent = say.folder;
    this.#takePhoto.textContent = say.camera;
    this.#hint.textContent = this.#hintText;
    this.#list.setAttribute('aria-label', say.files);
    this.#input.multiple = many;
    this.#input.accept = accept;
    this.#chooseFolder.hidden = !this.hasAttribute('directories');
    this.#takePhoto.hidden = accept !== '' && !/image/.test(accept);
    for (const button of [this.#choose, this.#chooseFolder, this.#takePhoto]) button.disabled = this.hasAttribute('disabled');
  }

  /** @param {File} file */
  #accepts(file) {
    const wanted = (this.getAttribute('accept') ?? '').toLowerCase().split(',').map((it) => it.trim()).filter(Boolean);
    const [name, type] = [file.name.toLowerCase(), file.type.toLowerCase()];
    return wanted.length === 0 || wanted.some((it) =>
      it.startsWith('.') ? name.endsWith(it) : it.endsWith('/*') ? type.startsWith(it.slice(0, -1)) : type === it || it === '*');
  }

  /** @param {File} file */
  #row(file) {
    const row = new Row(file, this.#say, this.#language, {
      retry: () => {
        row.upload = null;
        row.show({ state: 'waiting', loaded: 0 });
        this.#over--;
        this.#queue.push(row);
        this.#next();
      },
      cancel: () => this.#cancel(row),
    });
    this.#rows.push(row);
    this.#queue.push(row);
    return row;
  }

  /** @param {Row} row */
  #cancel(row) {
    if (row.upload && !['done', 'failed', 'aborted'].includes(row.state)) {
      row.upload.abort();
      return;
    }
    const index = this.#rows.indexOf(row);
    if (row.state !== 'waiting') this.#over--;
    row.show({ state: 'aborted' });
    this.#rows.splice(index, 1);
    // The focus goes to the neighbour, not to the top of the page.
    const neighbour = this.#rows.slice(index).find((it) => it.isShown) ?? this.#rows.slice(0, index).findLast((it) => it.isShown);
    (neighbour ? neighbour.view.buttons.cancel : this.#choose).focus();
    row.hide();
    this.#summarise();
  }

  /** Begins what waits, as far as there is room. */
  #next() {
    while (this.#running < OPEN && this.#queue.length > 0) {
      const row = /** @type {Row} */ (this.#queue.shift());
      if (row.state === 'waiting' && !row.upload) this.#begin(row);
    }
    this.#summarise();
  }

  /** One that is paused gives its place to another. @param {Row} row @param {boolean} paused */
  #rest(row, paused) {
    if (row.rests === paused) return;
    row.rests = paused;
    this.#running += paused ? -1 : 1;
    if (paused) this.#next();
  }

  /** @param {Row} row */
  async #begin(row) {
    this.#running++;
    try {
      row.upload = this.#client().upload(row.file, {
        bucket: this.getAttribute('bucket') ?? undefined,
        path: this.getAttribute('path') ?? undefined,
        compress: this.hasAttribute('compress') || undefined,
        ...this.options,
        onProgress: (progress) => {
          // How it ended is said below, with what came of it.
          if (!['done', 'failed', 'aborted'].includes(progress.state)) row.show(progress);
          this.#rest(row, progress.state === 'paused');
          this.#summarise();
        },
      });
      row.show({ state: 'preparing' });
      row.result = await row.upload.done;
      row.show({ state: 'done', loaded: row.file.size });
      this.#over++;
      // Of thousands nobody wants to hear each.
      if (this.#rows.length <= MOST) this.#announce(this.#say.uploaded(row.file.name));
      this.#emit('uploaded', { file: row.result });
    } catch (error) {
      this.#fail(row, /** @type {Error} */ (error));
    }
    row.upload = null; // It knows more than is needed any longer.
    this.#running--;
    this.#next();
    if (this.#over === this.#rows.length) this.#finish();
  }

  /** @param {Row} row @param {Error} error */
  #fail(row, error) {
    this.#over++;
    if (isAborted(error)) return row.show({ state: 'aborted' });
    row.show({ state: 'failed', why: `${this.#say.failed}: ${error.message}`, final: isRefused(error) });
    this.#announce(this.#say.notUploaded(row.file.name, error.message));
    this.#emit('failed', { error, source: row.file });
  }

  #finish() {
    const name = this.getAttribute('name');
    const value = new FormData();
    if (name) for (const file of this.files) value.append(name, file.id);
    this.#internals.setFormValue(name ? value : null);
    this.#announce(this.#say.summary(this.files.length, this.#rows.length));
    this.#emit('finished', { files: this.files });
  }

  #summarise() {
    const plan = this.#rows.length > MOST ? (/** @type {() => void} */ now) => setTimeout(now, DRAW_EVERY) : requestAnimationFrame;
    this.#planned ??= plan(() => {
      this.#planned = undefined;
      this.#draw();
    });
  }
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #planned;

  #draw() {
    const more = draw(this.#list, this.#rows);
    this.#more.hidden = more === 0;
    this.#more.textContent = more === 0 ? '' : this.#say.more(more);
    this.#drawSummary();
  }

  #drawSummary() {
    const rows = this.#rows;
    this.#summary.hidden = rows.length < 2;
    if (rows.length < 2) return;
    const [loaded, total, speed] = rows.reduce(
      ([a, b, c], row) => [a + row.loaded, b + row.file.size, c + (row.state === 'uploading' ? row.speed : 0)], [0, 0, 0]);
    const facts = [`${size(loaded, this.#language)} / ${size(total, this.#language)}`];
    if (speed > 0) facts.push(`${size(speed, this.#language)}/s`, this.#say.left(time((total - loaded) / speed, this.#language)));
    const text = this.#say.summary(rows.filter((row) => row.result).length, rows.length);
    this.#summary.replaceChildren(make('strong', {}, text), make('span', {}, facts.join(' · ')));
  }

  /** Tells those who do not see it. @param {string} text */
  #announce(text) {
    // What is said at the same time is said together.
    const before = this.#live.textContent;
    const both = before && performance.now() - this.#announced < 500 ? `${before}. ${text}` : text;
    this.#live.textContent = both.length > LONGEST ? text : both;
    this.#announced = performance.now();
  }
  #announced = 0;

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

if (typeof customElements === 'object' && !customElements.get('valetkey-upload')) {
  customElements.define('valetkey-upload', ValetkeyUpload);
}
