/** One file of `<valetkey-upload>`: its picture, its name, how far it is, and what can be done with it. */

import { size, time } from './element-words.js';

const ICONS = {
  pause: 'M8 5v14M16 5v14',
  resume: 'M8 5l11 7-11 7z',
  retry: 'M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6',
  cancel: 'M6 6l12 12M18 6L6 18',
};
/** Larger pictures would cost more to decode than they show. */
const MAX_THUMBNAIL = 30_000_000;

/**
 * @param {string} path
 * @returns {SVGElement}
 */
export function icon(path) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  const line = document.createElementNS(space, 'path');
  for (const [name, value] of Object.entries({ viewBox: '0 0 24 24', fill: 'none', stroke: 'currentColor', 'stroke-width': '2', 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' })) {
    svg.setAttribute(name, value);
  }
  line.setAttribute('d', path);
  svg.append(line);
  return svg;
}

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** @typedef {{ state: import('./types.js').UploadState | 'waiting', loaded?: number, total?: number, bytesPerSecond?: number, secondsLeft?: number | null, why?: string, final?: boolean }} Now */

/** What is known of a file. It has a place in the page only while it is shown: most of thousands have none. */
export class Row {
  /** @type {import('./upload.js').Upload | null} */
  upload = null;
  /** @type {import('./types.js').UploadState | 'waiting'} */
  state = 'waiting';
  /** @type {import('./types.js').FileInfo | null} */
  result = null;
  loaded = 0;
  speed = 0;
  /** Whether it has given its place among those that are open to another. */
  rests = false;
  /** @type {View | null} */
  #view = null;
  /** @type {Now} */
  #now = { state: 'waiting' };
  #words;
  #language;
  #actions;

  /**
   * @param {File} file
   * @param {import('./element-words.js').Messages} words
   * @param {string | undefined} language
   * @param {{ retry: () => void, cancel: () => void }} actions
   */
  constructor(file, words, language, actions) {
    this.file = file;
    this.#words = words;
    this.#language = language;
    this.#actions = actions;
  }

  /** Its place in the page, made when it is asked for. */
  get view() {
    if (!this.#view) {
      this.#view = new View(this, this.#words, this.#language, this.#actions);
      this.#view.show(this.#now);
    }
    return this.#view;
  }

  get isShown() {
    return this.#view !== null;
  }

  /** @param {Now} now */
  show(now) {
    this.#now = now;
    this.loaded = now.loaded ?? this.loaded;
    this.speed = now.bytesPerSecond ?? 0;
    this.state = now.state;
    this.#view?.show(now);
  }

  /** Gives its place in the page up, until it is asked for again. */
  hide() {
    this.#view?.remove();
    this.#view = null;
  }
}

/** How a file looks, and what can be done with it. */
class View {
  #row;
  #picture = '';
  #state = '';
  #bar;
  #status;
  #words;
  #language;

  /**
   * @param {Row} row
   * @param {import('./element-words.js').Messages} words
   * @param {string | undefined} language
   * @param {{ retry: () => void, cancel: () => void }} actions
   */
  constructor(row, words, language, { retry, cancel }) {
    const { file } = row;
    this.#row = row;
    this.#words = words;
    this.#language = language;
    this.#bar = make('progress', { max: '1', value: '0', part: 'progress', 'aria-label': words.progress(file.name) });
    this.#status = make('span', { part: 'status' });
    this.buttons = {
      pause: button('pause', () => row.upload?.pause()),
      resume: button('resume', () => row.upload?.resume()),
      retry: button('retry', retry),
      cancel: button('cancel', cancel),
    };
    this.item = make('li', { part: 'item' },
      this.#thumbnail(file),
      make('span', { part: 'name', title: file.name }, file.webkitRelativePath || file.name),
      make('span', { part: 'actions' }, ...Object.values(this.buttons)),
      this.#status,
      this.#bar,
    );
  }

  /** @param {File} file */
  #thumbnail(file) {
    const holder = make('span', { part: 'thumbnail', 'aria-hidden': 'true' });
    const ending = /\.([A-Za-z0-9]{1,4})$/.exec(file.name)?.[1] ?? 'file';
    if (!file.type.startsWith('image/') || file.size > MAX_THUMBNAIL) {
      holder.append(ending);
      return holder;
    }
    this.#picture = URL.createObjectURL(file);
    const image = make('img', { src: this.#picture, alt: '', decoding: 'async', loading: 'lazy' });
    image.onerror = () => image.replaceWith(ending);
    holder.append(image);
    return holder;
  }

  /** @param {Now} now */
  show({ state, total = this.#row.file.size, bytesPerSecond = 0, secondsLeft = null, why, final = false }) {
    const words = this.#words;
    const { loaded, result, file: { name } } = this.#row;
    this.#bar.value = total ? loaded / total : state === 'done' ? 1 : 0;
    const moving = state === 'uploading';
    const facts = [
      state === 'done' ? size(result?.size ?? total, this.#language) : moving || state === 'paused' ? `${size(loaded, this.#language)} / ${size(total, this.#language)}` : size(total, this.#language),
      moving && bytesPerSecond > 0 ? `${size(bytesPerSecond, this.#language)}/s` : '',
      moving && secondsLeft !== null ? words.left(time(secondsLeft, this.#language)) : '',
    ];
    this.#status.textContent = why ?? [moving && bytesPerSecond > 0 ? '' : words[state], ...facts].filter(Boolean).join(' · ');
    if (state === this.#state) return;
    this.#state = state;
    this.item.setAttribute('part', `item item-${state}`);
    const { pause, resume, retry, cancel } = this.buttons;
    const over = ['done', 'failed', 'aborted'].includes(state);
    const root = /** @type {ShadowRoot | Document} */ (this.item.getRootNode());
    const focused = Object.values(this.buttons).find((it) => it === root.activeElement);
    offer(pause, ['preparing', 'uploading', 'offline'].includes(state), words.pause(name));
    offer(resume, state === 'paused', words.resume(name));
    offer(retry, !final && (state === 'failed' || state === 'aborted'), words.retry(name));
    offer(cancel, state !== 'verifying', over ? words.remove(name) : words.cancel(name));
    // A button that goes leaves its focus to the one that came in its place.
    if (focused?.hidden) Object.values(this.buttons).find((it) => !it.hidden)?.focus();
  }

  /** Goes from the page, and lets the picture go. */
  remove() {
    this.item.remove();
    if (this.#picture) URL.revokeObjectURL(this.#picture);
  }
}

/** @param {keyof typeof ICONS} name @param {() => void} act */
function button(name, act) {
  const made = make('button', { type: 'button', part: `action ${name}` }, icon(ICONS[name]));
  made.addEventListener('click', act);
  return made;
}

/**
 * Shows a button, or hides it.
 * @param {HTMLButtonElement} it
 * @param {boolean} offered
 * @param {string} label
 */
function offer(it, offered, label) {
  it.hidden = !offered;
  it.setAttribute('aria-label', label);
  it.title = label;
}
