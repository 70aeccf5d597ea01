/** How `<valetkey-upload>` looks: custom properties and CSS parts change it. A sheet that is made here passes a strict CSP. */

const CSS = `
:host {
  --_accent: var(--valetkey-accent, light-dark(#2b59d9, #8fb0ff));
  --_on-accent: var(--valetkey-on-accent, light-dark(#fff, #0d1426));
  --_text: var(--valetkey-text, light-dark(#1b2133, #eceff7));
  --_muted: var(--valetkey-muted, light-dark(#596178, #a5adc2));
  --_surface: var(--valetkey-surface, light-dark(#fff, #171b26));
  --_sunken: var(--valetkey-sunken, light-dark(#f4f6fb, #1f2431));
  --_line: var(--valetkey-line, light-dark(#d5dae6, #353c4e));
  --_good: var(--valetkey-good, light-dark(#13734a, #6fd6a4));
  --_bad: var(--valetkey-bad, light-dark(#b3261e, #ff9d94));
  --_radius: var(--valetkey-radius, 14px);
  color-scheme: light dark;
  display: block;
  color: var(--_text);
  font: 400 15px/1.45 var(--valetkey-font, system-ui, sans-serif);
  container-type: inline-size;
  text-align: start;
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
.hidden {
  position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
[part~="dropzone"] {
  display: grid; justify-items: center; gap: 6px;
  padding: 28px 20px 24px;
  border: 2px dashed color-mix(in srgb, var(--_muted) 45%, var(--_line)); border-radius: var(--_radius);
  background: var(--_sunken);
  transition: border-color .15s, background-color .15s;
}
[part~="dropzone"]:hover { border-color: color-mix(in srgb, var(--_accent) 45%, var(--_line)); }
:host(:state(over)) [part~="dropzone"], .over[part~="dropzone"] {
  border-color: var(--_accent); border-style: solid;
  background: color-mix(in srgb, var(--_accent) 9%, var(--_surface));
}
[part~="picture"] { width: 40px; height: 40px; color: var(--_accent); }
[part~="choices"] { display: flex; flex-wrap: wrap; justify-content: center; gap: 8px; margin-top: 6px; }
[part~="hint"] { margin: 2px 0 0; color: var(--_muted); font-size: 14px; text-align: center; }
button {
  font: inherit; color: inherit; cursor: pointer; border: 0; background: none; padding: 0; border-radius: 9px;
}
button:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
button:disabled { opacity: .55; cursor: default; }
[part~="choose"] {
  min-height: 42px; padding: 0 18px; font-weight: 600;
  background: var(--_accent); color: var(--_on-accent);
}
[part~="choose"]:not(:disabled):hover { background: color-mix(in srgb, var(--_accent) 88%, var(--_text)); }
[part~="other"] {
  min-height: 42px; padding: 0 16px; font-weight: 550;
  border: 1px solid var(--_line); background: var(--_surface);
}
[part~="other"]:not(:disabled):hover { border-color: var(--_muted); }
[part~="camera"] { display: none; }
@media (pointer: coarse) { [part~="camera"] { display: inline-block; } }
[part~="summary"] { display: flex; justify-content: space-between; gap: 12px; margin: 18px 2px 8px; font-size: 14px; }
[part~="summary"] strong { font-weight: 600; }
[part~="summary"] span { color: var(--_muted); font-variant-numeric: tabular-nums; text-align: end; }
[part~="list"] {
  list-style: none; margin: 0; padding: 0; overflow: hidden;
  border: 1px solid var(--_line); border-radius: var(--_radius); background: var(--_surface);
}
[part~="list"]:empty, [part~="summary"][hidden], [part~="more"][hidden] { display: none; }
[part~="more"] { margin: 8px 2px 0; color: var(--_muted); font-size: 14px; }
[part~="item"] {
  display: grid; grid-template-columns: 44px minmax(0, 1fr) auto; gap: 2px 12px; align-items: center;
  padding: 12px;
  /* What is scrolled away costs nothing; the size is that of a row. */
  content-visibility: auto; contain-intrinsic-size: auto 70px;
}
[part~="item"] + [part~="item"] { border-top: 1px solid var(--_line); }
[part~="thumbnail"] {
  grid-row: span 2; width: 44px; height: 44px; border-radius: 9px; overflow: hidden;
  display: grid; place-items: center; background: var(--_sunken); color: var(--_muted);
  font-size: 11px; font-weight: 650; letter-spacing: .02em; text-transform: uppercase;
}
[part~="thumbnail"] img { width: 100%; height: 100%; object-fit: cover; display: block; }
[part~="name"] { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 550; }
[part~="status"] {
  color: var(--_muted); font-size: 13.5px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
[part~="item-done"] [part~="status"] { color: var(--_good); }
[part~="item-failed"] [part~="status"] { color: var(--_bad); }
[part~="actions"] { grid-column: 3; grid-row: 1 / span 2; display: flex; gap: 2px; margin-inline-end: -6px; }
[part~="action"] { width: 40px; height: 40px; display: grid; place-items: center; color: var(--_muted); }
[part~="action"]:hover { background: var(--_sunken); color: var(--_text); }
[part~="action"] svg { width: 20px; height: 20px; }
[part~="action"][hidden] { display: none; }
progress {
  grid-column: 2 / -1; width: 100%; height: 5px; margin-top: 6px;
  appearance: none; border: 0; border-radius: 3px; overflow: hidden; background: var(--_line);
}
progress::-webkit-progress-bar { background: var(--_line); }
progress::-webkit-progress-value { background: var(--_accent); border-radius: 3px; transition: width .2s linear; }
progress::-moz-progress-bar { background: var(--_accent); border-radius: 3px; }
[part~="item-paused"] progress::-webkit-progress-value, [part~="item-offline"] progress::-webkit-progress-value { background: var(--_muted); }
[part~="item-done"] progress, [part~="item-failed"] progress, [part~="item-aborted"] progress { display: none; }
@container (max-width: 420px) {
  [part~="dropzone"] { padding: 22px 14px 18px; }
  [part~="choices"], [part~="choices"] button { width: 100%; }
  [part~="summary"] { flex-direction: column; gap: 0; }
  [part~="summary"] span { text-align: start; }
  [part~="item"] { column-gap: 10px; padding: 12px 10px; }
  [part~="actions"] { gap: 0; margin-inline-end: -8px; }
  [part~="action"] { width: 44px; height: 44px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media (forced-colors: active) {
  [part~="dropzone"], [part~="other"], [part~="choose"] { border: 1px solid ButtonText; }
  progress { border: 1px solid CanvasText; }
}
`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** The one sheet that all elements of a page share. */
export function style() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
