/** What `<valetkey-upload>` says, and how it says sizes and times. Set `element.messages` to say it otherwise. */

export const MESSAGES = {
  choose: 'Choose files',
  chooseOne: 'Choose a file',
  folder: 'Choose a folder',
  camera: 'Take a photo',
  hint: 'or drop them here, or paste',
  hintOne: 'or drop it here, or paste',
  drop: 'Drop to upload',
  files: 'Files',
  pause: (/** @type {string} */ name) => `Pause ${name}`,
  resume: (/** @type {string} */ name) => `Resume ${name}`,
  retry: (/** @type {string} */ name) => `Try ${name} again`,
  cancel: (/** @type {string} */ name) => `Cancel ${name}`,
  remove: (/** @type {string} */ name) => `Remove ${name} from this list`,
  progress: (/** @type {string} */ name) => `Progress of ${name}`,
  waiting: 'Waiting',
  preparing: 'Preparing',
  uploading: 'Uploading',
  offline: 'Waiting for a network',
  paused: 'Paused',
  verifying: 'Checking',
  done: 'Uploaded',
  failed: 'Failed',
  aborted: 'Cancelled',
  left: (/** @type {string} */ time) => `${time} left`,
  added: (/** @type {number} */ count) => (count === 1 ? '1 file added' : `${count} files added`),
  uploaded: (/** @type {string} */ name) => `${name} is uploaded`,
  notUploaded: (/** @type {string} */ name, /** @type {string} */ why) => `${name} was not uploaded: ${why}`,
  more: (/** @type {number} */ count) => (count === 1 ? '1 more file is not shown' : `${count} more files are not shown`),
  summary: (/** @type {number} */ done, /** @type {number} */ count) => `${done} of ${count} uploaded`,
  notAccepted: (/** @type {string} */ type, /** @type {string} */ accept) => `${type || 'this type'} is not taken here: choose ${accept}`,
  onlyOne: 'only one file can be uploaded here',
};

/** @typedef {typeof MESSAGES} Messages */

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

/**
 * Bytes for a person, in the language of the page: `12.3 MB`.
 * @param {number} bytes
 * @param {string} [language]
 */
export function size(bytes, language) {
  const power = bytes < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  const digits = power === 0 || value >= 100 ? 0 : 1;
  return new Intl.NumberFormat(language, {
    style: 'unit', unit: UNITS[power], unitDisplay: power === 0 ? 'long' : 'short', maximumFractionDigits: digits,
  }).format(value);
}

/**
 * A time for a person, rounded to what matters: `8 sec`, `3 min`.
 * @param {number} seconds
 * @param {string} [language]
 */
export function time(seconds, language) {
  const [value, unit] = seconds < 60 ? [Math.max(1, seconds), 'second'] : seconds < 5400 ? [seconds / 60, 'minute'] : [seconds / 3600, 'hour'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 }).format(Math.ceil(value));
}
