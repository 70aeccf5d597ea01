/** Without a window: what a server renders, and what it refuses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '@valetkey/client';
import { createElement as h } from 'react';
import { renderToString } from 'react-dom/server';
import { ValetkeyUpload, useUploads } from '../src/index.js';

const client = createClient({ url: 'https://files.example.com', token: 'a token' });

test('there is no window here', () => {
  assert.equal(typeof window, 'undefined');
  assert.equal(typeof HTMLElement, 'undefined');
});

test('a server renders a list that is empty', () => {
  function List() {
    const { uploads, active, total, add } = useUploads({ client });
    return h('p', null, `${uploads.length} ${active} ${total} ${typeof add}`);
  }
  assert.equal(renderToString(h(List)), '<p>0 false 0 function</p>');
});

test('a server renders the element with its attributes, and no secret', () => {
  const html = renderToString(h(ValetkeyUpload, {
    client, token: 'a secret', url: 'https://files.example.com', path: 'photos', accept: 'image/*', multiple: true, disabled: false,
    className: 'wide', 'aria-label': 'Photos', onUploaded: () => {},
  }));
  assert.equal(html, '<valetkey-upload url="https://files.example.com" path="photos" accept="image/*" aria-label="Photos" class="wide" multiple=""></valetkey-upload>');
});

test('without a client it says what to pass', () => {
  const Wrong = () => useUploads(/** @type {any} */ ({})).uploads.length;
  assert.throws(() => renderToString(h(Wrong)), /needs a client: useUploads\(\{ client \}\)/);
});
