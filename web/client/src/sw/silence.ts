/** Silence is not death: is the origin slow, or does anybody confirm that it is gone? */
import { askNotice, askOrigin } from '../diagnose.js';
import { keyOf } from '../notice.js';
import { initial, says } from '../truth.js';
import type { Config } from './config.js';

/** Without a word from anybody this much silence is enough, beside the second after which it is asked. */
const DEAD_MS = 7_000;
const OWN_NOTICE = '/.well-known/stillhere/notice';

/** Who answers here goes before whatever mirrors say: an origin that is only slow; an edge, which holds what it can still bring
 * through and tells of the rest itself. */
const HERE_WITHIN_MS = 250;

export function silence(url: string, config: Config): Promise<null> {
  return new Promise(dead => {
    let slow = false;
    const enough = (): void => { if (!slow) dead(null); };
    setTimeout(enough, DEAD_MS);
    const asked = askOrigin(config.ping ?? new URL(url).pathname).then(({ answer }) => {
      if (answer === 'heard' || answer === 'busy' || answer !== 'none' && config.edge) slow = true;
      else if (answer !== 'none') enough();
    });
    const here = Promise.race([asked, new Promise(done => setTimeout(done, HERE_WITHIN_MS))]);
    for (const from of [...config.edge ? [OWN_NOTICE] : [], ...config.mirrors]) {
      void askNotice(from, publicKey(config), from === OWN_NOTICE).then(async ({ notice }) => {
        const now = { mono: performance.now(), wall: Date.now() };
        if (!notice || !/down|part|work/.test(says({ ...initial, held: { notice, at: now.mono } }, now, { mirrors: [], ...config.service && { service: config.service } }) ?? '')) return;
        await here;
        enough();
      });
    }
  });
}

function publicKey({ key }: Config): Uint8Array<ArrayBuffer> | null {
  try {
    return key ? keyOf(key) : null;
  } catch {
    return null;
  }
}
