/** `<ValetkeyUpload>`: the element `<valetkey-upload>` with props and callbacks. */

import { createElement, forwardRef, useEffect, useImperativeHandle, useRef } from 'react';
import '@valetkey/client/element';
import { usePresence } from './leave.js';

/** @typedef {import('@valetkey/client/element').ValetkeyUpload} Element */
/** @typedef {import('@valetkey/client').FileInfo} FileInfo */

/**
 * @typedef {object} OwnProps
 * @property {import('@valetkey/client').Client} [client] The client it uses; one of `url` and `token` when absent.
 * @property {string} [url] The service.
 * @property {Element['token']} [token] A token, or a function that gives one.
 * @property {string} [bucket]
 * @property {string} [path]
 * @property {string} [accept] As of `<input type="file">`.
 * @property {boolean} [multiple]
 * @property {boolean} [directories] Also offers to choose a folder.
 * @property {boolean} [compress] Makes images smaller first.
 * @property {boolean} [disabled]
 * @property {string} [name] The ids of the files go into the form it stands in.
 * @property {Element['options']} [options] Passed to every upload.
 * @property {Element['messages']} [messages] What it says, if not in English.
 * @property {(file: FileInfo) => void} [onUploaded]
 * @property {(error: Error, source: File) => void} [onFailed]
 * @property {(files: FileInfo[]) => void} [onFinished]
 * @property {boolean} [keep] Goes on with what is under way when the component goes; otherwise that is aborted.
 * @property {string} [className]
 * @property {import('react').CSSProperties} [style]
 * @property {string} [id]
 * @property {string} [slot]
 * @property {string} [title]
 * @property {string} [lang]
 */

/** @typedef {OwnProps & import('react').AriaAttributes & { [data: `data-${string}`]: string }} ValetkeyUploadProps */

/** @param {boolean | undefined} is An attribute that is there or not: so for React 18 as well. */
const flag = (is) => (is ? '' : undefined);

/** @type {import('react').ForwardRefExoticComponent<ValetkeyUploadProps & import('react').RefAttributes<Element>>} */
export const ValetkeyUpload = forwardRef(function ValetkeyUpload(/** @type {ValetkeyUploadProps} */ props, ref) {
  const {
    client, token, options, messages, onUploaded, onFailed, onFinished, keep,
    multiple, directories, compress, disabled, className, ...attributes
  } = props;
  const element = useRef(/** @type {Element | null} */ (null));
  const stop = useRef(/** @type {AbortController | null} */ (null));
  useImperativeHandle(ref, () => /** @type {Element} */ (element.current), []);
  usePresence(
    () => {
      if (!stop.current || stop.current.signal.aborted) stop.current = new AbortController();
    },
    () => {
      if (!keep) stop.current?.abort();
    },
  );
  useEffect(() => {
    if (element.current) configure(element.current, props, stop.current?.signal);
  });
  useEvents(element, { uploaded: onUploaded, failed: onFailed, finished: onFinished });
  return createElement('valetkey-upload', {
    ...attributes, ref: element, class: className,
    multiple: flag(multiple), directories: flag(directories), compress: flag(compress), disabled: flag(disabled),
  });
});

/**
 * Sets what cannot be an attribute.
 * @param {Element} element @param {ValetkeyUploadProps} props @param {AbortSignal} [gone]
 */
function configure(element, { client, token, options = {}, messages = {} }, gone) {
  // One that the element has made itself, of `url` and `token`, stays.
  if (client) element.client = client;
  if (token !== undefined) element.token = token;
  const signals = [options.signal, gone].filter((it) => it !== undefined);
  element.options = { ...options, signal: AbortSignal.any(signals) };
  element.messages = messages;
}

/**
 * Listens once; what is called is what the last render gave.
 * @param {import('react').RefObject<Element | null>} element
 * @param {{ uploaded?: ValetkeyUploadProps['onUploaded'], failed?: ValetkeyUploadProps['onFailed'], finished?: ValetkeyUploadProps['onFinished'] }} given
 */
function useEvents(element, given) {
  const last = useRef(given);
  useEffect(() => {
    last.current = given;
  });
  useEffect(() => {
    const it = element.current;
    const off = new AbortController();
    /** @param {string} type @param {(detail: any) => void} tell */
    const on = (type, tell) =>
      it?.addEventListener(type, (event) => tell(/** @type {CustomEvent} */ (event).detail), { signal: off.signal });
    on('uploaded', ({ file }) => last.current.uploaded?.(file));
    on('failed', ({ error, source }) => last.current.failed?.(error, source));
    on('finished', ({ files }) => last.current.finished?.(files));
    return () => off.abort();
  }, [element]);
}
