/** Numbers and instants as people read them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes with three digits at most, in powers of a thousand. @param {number} bytes */
export function size(bytes) {
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}\u00a0${UNITS[unit]}`;
}

/** @param {number} value */
export const count = (value) => value.toLocaleString('en');

/** @param {number} many @param {string} one @param {string} [more] */
export const plural = (many, one, more = `${one}s`) => `${count(many)}\u00a0${many === 1 ? one : more}`;

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))}\u00a0s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}\u00a0min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)}\u00a0h`;
  return `${Math.round(seconds / 86_400)}\u00a0days`;
}

const DAY = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** @param {string | number} instant */
export const full = (instant) => FULL.format(new Date(instant));
/** @param {string | number} instant */
export const time = (instant) => TIME.format(new Date(instant));

/** Today, yesterday, or the date. @param {string | number} instant @param {number} [now] */
export function day(instant, now = Date.now()) {
  const at = new Date(instant);
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (at.getTime() >= midnight && at.getTime() < midnight + 86_400_000) return 'Today';
  if (at.getTime() >= midnight - 86_400_000 && at.getTime() < midnight) return 'Yesterday';
  return DAY.format(at);
}

/** The time of today, the date of other days. @param {string} instant */
export function when(instant) {
  const text = day(instant);
  return text === 'Today' ? time(instant) : text;
}

/** Up to four letters that say what a file is. @param {{ filename: string, content_type?: string }} file */
export function extension({ filename, content_type }) {
  const dot = filename.lastIndexOf('.');
  const own = dot > 0 ? filename.slice(dot + 1) : '';
  if (/^[A-Za-z0-9]{1,4}$/.test(own)) return own.toUpperCase();
  return (content_type?.split('/')[1] ?? '').replace(/[^a-z0-9].*$/i, '').slice(0, 4).toUpperCase() || 'FILE';
}

/** The family a media type belongs to. @param {string | undefined} type */
export function family(type = '') {
  const [major, minor = ''] = type.toLowerCase().split(';')[0].split('/');
  if (['image', 'video', 'audio'].includes(major)) return major;
  if (minor === 'pdf' || /word|document|presentation|spreadsheet|sheet/.test(minor)) return 'document';
  if (major === 'text' || /(^|\+)(json|xml|yaml|toml)$|javascript|^sql$/.test(minor)) return 'text';
  if (/zip|tar|compress|gzip|7z|rar|zstd/.test(minor)) return 'archive';
  return 'other';
}
