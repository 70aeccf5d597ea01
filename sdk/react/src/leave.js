/** The end of a component, told apart from the moment for which StrictMode takes it away. */

import { useEffect, useRef } from 'react';

/**
 * Calls `enter` when the component is there, and `leave` when it is gone and did not come back at once.
 * @param {() => void} enter
 * @param {() => void} leave
 */
export function usePresence(enter, leave) {
  const there = useRef(false);
  const last = useRef(leave);
  useEffect(() => {
    last.current = leave;
  });
  useEffect(() => {
    there.current = true;
    enter();
    return () => {
      there.current = false;
      setTimeout(() => {
        if (!there.current) last.current();
      });
    };
    // What is entered belongs to the component, not to one of its renders.
  }, []);
}
