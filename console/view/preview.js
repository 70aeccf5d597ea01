/** A look at a file: pictures, films, sound and text. The bytes come from storage, as they do for everybody. */

import { h, replace, spoken } from '../ui/dom.js';
import { family, size } from '../ui/format.js';
import { explain } from '../ui/notice.js';
import { lifetime } from './actions.js';
import { glyph } from './glyph.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('/sdk/types.js').FileInfo} File */

/** How long an address is good for at most, in seconds: a long film has to be seen to its end. */
const LIFE = 3 * 3600;
/** So much of a text is shown. */
const TEXT = 64 * 1024;
/** What every browser shows as a picture. */
const PICTURES = ['png', 'jpeg', 'jpg', 'gif', 'webp', 'avif', 'bmp', 'svg+xml', 'x-icon', 'vnd.microsoft.icon'];

/** @param {App} app @param {File} file @param {AbortSignal} signal Ends it. */
export function preview(app, file, signal) {
  const frame = h('div.preview');
  const type = (file.detected_type ?? file.content_type).toLowerCase().split(';')[0];
  const kind = family(file.content_type.startsWith('text/') ? file.content_type : type);
  const address = async () => {
    const expires_in = lifetime(app, file, LIFE);
    // By the name this page was opened under, which may be another one of the same service.
    const { pathname } = new URL(await app.call(() => app.client.contentUrl(file.id, { disposition: 'inline', expires_in })));
    return pathname;
  };
  /** @type {Record<string, () => Promise<void>>} */
  const shows = {
    image: () => picture(frame, file, address, signal),
    video: () => film(frame, file, 'video', address, signal),
    audio: () => film(frame, file, 'audio', address, signal),
    text: () => text(frame, app, file, signal),
  };
  const shown = kind === 'image' && !PICTURES.includes(type.split('/')[1]) ? undefined : shows[kind];
  if (!shown || !file.size) {
    replace(frame, nothing(file, file.size ? 'There is no preview of this type. Download it to open it.' : 'This file has no bytes.'));
    return frame;
  }
  replace(frame, h('span.spinner'), spoken('Loading the preview…'));
  shown().catch((error) => !signal.aborted && replace(frame, nothing(file, explain(error))));
  return frame;
}

/** @param {File} file @param {string} why */
const nothing = (file, why) => h('div.preview-none', null, glyph(file), h('p', null, why));

/** @param {HTMLElement} frame @param {File} file @param {() => Promise<string>} address @param {AbortSignal} signal */
async function picture(frame, file, address, signal) {
  const image = new Image();
  image.alt = `Preview of ${file.filename}`;
  image.decoding = 'async';
  const url = await address();
  if (signal.aborted) return;
  image.src = url;
  await image.decode().catch(() => {
    throw new Error('This picture cannot be shown. Download it to open it.');
  });
  if (!signal.aborted) replace(frame, h('div.preview-picture', null, image));
}

/**
 * Plays while it comes, and seeks by ranges. When its address has expired, it gets another and goes on where it was.
 * @param {HTMLElement} frame @param {File} file @param {'video' | 'audio'} tag @param {() => Promise<string>} address @param {AbortSignal} signal
 */
async function film(frame, file, tag, address, signal) {
  const player = /** @type {HTMLMediaElement} */ (h(tag, { controls: true, preload: 'metadata', playsinline: true, 'aria-label': `Preview of ${file.filename}` }));
  let started = false;
  player.addEventListener('loadeddata', () => (started = true));
  player.addEventListener('error', async () => {
    if (signal.aborted) return;
    if (!started) return replace(frame, nothing(file, 'This browser cannot play it. Download it to open it.'));
    started = false;
    const [at, playing] = [player.currentTime, !player.paused];
    player.src = await address();
    player.currentTime = at;
    if (playing) player.play();
  });
  const url = await address();
  if (signal.aborted) return;
  signal.addEventListener('abort', () => (player.removeAttribute('src'), player.load()));
  player.src = url;
  replace(frame, player);
}

/** @param {HTMLElement} frame @param {App} app @param {File} file @param {AbortSignal} signal */
async function text(frame, app, file, signal) {
  const { url, headers } = await app.call(() => app.client.createDownload(file.id, { disposition: 'inline' }));
  const range = file.size > TEXT ? { range: `bytes=0-${TEXT - 1}` } : undefined;
  const answer = await fetch(url, { headers: { ...headers, ...range }, signal, referrerPolicy: 'no-referrer' });
  if (!answer.ok) throw new Error('Storage does not give it. Download it to open it.');
  const read = new TextDecoder().decode(await answer.arrayBuffer());
  if (signal.aborted) return;
  replace(frame, h('pre.preview-text', { tabindex: '0', 'aria-label': `Text of ${file.filename}` }, read),
    file.size > TEXT && h('p.hint', null, `The first ${size(TEXT)} of ${size(file.size)}.`));
}
