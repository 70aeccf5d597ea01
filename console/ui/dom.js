/** Elements in one call. Text is always text: nothing here reads markup. */

/**
 * @param {string} tag Such as `button` or `button.quiet.small`.
 * @param {Record<string, any> | null} [given] Attributes; `onclick` and its like are listeners, `false` and `null` are left out.
 * @param {...any} children Elements, texts, lists of them; `null` and `false` are left out.
 */
export function h(tag, given, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name || 'div');
  if (classes.length) element.className = classes.join(' ');
  for (const [key, value] of Object.entries(given ?? {})) set(element, key, value);
  element.append(...children.flat(Infinity).filter((it) => it !== null && it !== undefined && it !== false));
  return element;
}

/** @param {HTMLElement} element @param {string} key @param {any} value */
function set(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
  else if (key === 'value') /** @type {any} */ (element).value = value;
  else element.setAttribute(key, value === true ? '' : String(value));
}

const SVG = 'http://www.w3.org/2000/svg';

/** @param {string} tag @param {Record<string, any>} [attributes] @param {...any} children */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children.flat().filter((it) => it !== null && it !== undefined));
  return element;
}

/** What only screen readers are told. @param {string} text */
export const spoken = (text) => h('span.spoken', null, text);

/**
 * Puts children in place of those there, and gives the focus back to what has the same `data-key`.
 * @param {Element} parent
 * @param {...any} children
 */
export function replace(parent, ...children) {
  const focused = /** @type {HTMLElement | null} */ (parent.contains(document.activeElement) ? document.activeElement : null);
  const key = focused?.dataset.key;
  parent.replaceChildren(...children.flat(Infinity).filter((it) => it !== null && it !== undefined && it !== false));
  if (!key) return;
  const again = parent.querySelector(`[data-key="${CSS.escape(key)}"]`);
  /** @type {HTMLElement | null} */ (again)?.focus({ preventScroll: true });
}
