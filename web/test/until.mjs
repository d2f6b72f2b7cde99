// What the tests of every part of web/ wait with: nothing sleeps for an effect, it is asked for again until it is there.
import { setTimeout as pause } from 'node:timers/promises';

/** A page that goes elsewhere in the middle of a question may never answer it; it is asked again then. */
const ANSWER_MS = 5_000;

/** An `until` that asks each `poll` ms until the answer is a yes (a count of 0 is none), and gives up after `deadline` ms unless told otherwise. */
export const asking = (poll, usual) => async function until(what, ask, deadline = usual) {
  const end = Date.now() + deadline;
  let last;
  for (;;) {
    try {
      const answer = await Promise.race([ask(), pause(ANSWER_MS, undefined, { ref: false }).then(() => { throw new Error('no answer'); })]);
      if (answer) return answer;
      last = undefined;
    } catch (e) { last = e; }
    if (Date.now() > end) throw new Error(`not within ${deadline / 1000} s: ${what}${last ? `; last: ${last.message}` : ''}`, { cause: last });
    await pause(poll);
  }
};
