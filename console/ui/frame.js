/** Drawing once for many changes. */

/** So many milliseconds lie between two pictures at least. */
const GAP = 200;

/** Has work done before the next picture is shown, however often it is asked for. @param {() => void} work */
export function soon(work) {
  let asked = false;
  let last = -Infinity;
  const now = () => {
    asked = false;
    last = performance.now();
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    setTimeout(() => requestAnimationFrame(now), Math.max(0, last + GAP - performance.now()));
  };
}
