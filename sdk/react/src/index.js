/** Valetkey's uploads in React: a hook with the list of them, and the component of `<valetkey-upload>`. */

export { ValetkeyUpload } from './element.js';
export { useUploads } from './uploads.js';

/** @typedef {import('./store.js').UploadItem} UploadItem */
/** @typedef {import('./store.js').UploadsState} UploadsState */
/** @typedef {import('./store.js').UploadsOptions} UploadsOptions */
/** @typedef {import('./uploads.js').Uploads} Uploads */
/** @typedef {import('./element.js').ValetkeyUploadProps} ValetkeyUploadProps */
