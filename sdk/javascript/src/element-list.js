/** Which files of `<valetkey-upload>` have a place in the page: all, or of thousands those that somebody would look for. */

/** The most that are shown. */
export const MOST = 100;

/** What is looked for first: what is under way, what failed, what comes next, what is over. */
const RANKS = { preparing: 0, uploading: 0, offline: 0, paused: 0, verifying: 0, failed: 1, waiting: 2, done: 3, aborted: 3 };

/**
 * Those that are shown, in the order of the list.
 * @template {{ state: keyof typeof RANKS }} T
 * @param {T[]} rows
 * @param {T} [focused] Is among them, wherever it stands.
 * @param {number} [most]
 */
export function choose(rows, focused, most = MOST) {
  if (rows.length <= most) return rows;
  const chosen = new Set(focused && [focused]);
  for (let rank = 0; rank <= 3 && chosen.size < most; rank++) {
    // Of what is over, the latest.
    for (let i = 0; i < rows.length && chosen.size < most; i++) {
      const row = rows[rank === 3 ? rows.length - 1 - i : i];
      if (RANKS[row.state] === rank) chosen.add(row);
    }
  }
  return rows.filter((row) => chosen.has(row));
}

/**
 * Brings the page in line with what is to be shown.
 * @param {HTMLElement} list
 * @param {import('./element-row.js').Row[]} rows
 */
export function draw(list, rows) {
  const root = /** @type {ShadowRoot | Document} */ (list.getRootNode());
  const focused = root.activeElement?.closest('li');
  const shown = choose(rows, focused ? rows.find((row) => row.isShown && row.view.item === focused) : undefined);
  if (shown.length < rows.length) {
    const kept = new Set(shown);
    for (const row of rows) if (row.isShown && !kept.has(row)) row.hide();
  }
  let at = list.firstElementChild;
  for (const row of shown) {
    const { item } = row.view;
    if (item === at) at = at.nextElementSibling;
    else list.insertBefore(item, at);
  }
  return rows.length - shown.length;
}
