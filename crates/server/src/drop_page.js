/** The page of a drop link: what `<valetkey-upload>` sends files with, and a line to copy. */

import '/sdk/element.js';

const here = location.pathname.replace(/\/+$/, '');
const element = /** @type {any} */ (document.querySelector('valetkey-upload'));
element.token = async () => {
  const answer = await fetch(here, { method: 'POST' });
  if (!answer.ok) {
    const said = document.querySelector('#said');
    if (said) said.textContent = answer.status === 410 ? 'This link takes no more files.' : 'Files cannot be sent at the moment. Try again later.';
    return '';
  }
  return (await answer.json()).token;
};
const line = document.querySelector('#line');
if (line) line.textContent = `curl -LT FILE ${location.origin}${here}/`;
document.querySelector('#copy')?.addEventListener('click', async (event) => {
  const button = /** @type {HTMLElement} */ (event.currentTarget);
  await navigator.clipboard?.writeText(line?.textContent ?? '');
  button.textContent = 'Copied';
});
