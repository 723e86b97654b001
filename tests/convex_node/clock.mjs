// A clock that only moves when it is told to, in place of the one convex-test would use.
// To be imported before convex-test, which keeps the timers it finds.

let now = 0;
let order = 0;
let timers = [];

globalThis.setTimeout = (run, ms = 0) => {
  const timer = { due: now + Math.max(0, ms), order: order++, run };
  timers.push(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => {
  timers = timers.filter((other) => other !== timer);
};
Date.now = () => now;

/** Forget every timer and begin at a time. */
export function restart(at) {
  now = at;
  timers = [];
}

/**
 * Let time pass; what is due runs at its own time, each to its end before the next begins.
 *
 * @param {number} ms how long
 * @param {() => Promise<unknown>} settled resolves when what a timer began has ended
 */
export async function advance(ms, settled) {
  const until = now + ms;
  for (;;) {
    const due = timers
      .filter((timer) => timer.due <= until)
      .sort((a, b) => a.due - b.due || a.order - b.order)[0];
    if (due === undefined) break;
    clearTimeout(due);
    now = Math.max(now, due.due);
    due.run();
    await settled();
  }
  now = until;
}
