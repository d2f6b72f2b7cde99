/** The two questions: does the origin answer, and does anybody else? What comes back is an event for `truth`. */
import { isGateway } from './gateway.js';
import { NOTICE_MAX_BYTES, type Notice, read } from './notice.js';
import type { Mirror, Origin } from './truth.js';

const ORIGIN_WITHIN_MS = 3_000;
const MIRROR_WITHIN_MS = 4_000;
/** The report of a blocked request may come after its failure. */
const BLOCK_REPORT_MS = 50;

/** Own answers of the edge (`Stillhere-Why`): the origin is short of room; it is out. All others are about this visitor alone. */
const BUSY = /^(overloaded|queue-full|waiting-room|too-slow)$/;
const OUT = /^(all-out|not-forwarded|outcome-unknown|broken)$/;

const blocked = new Set<string>();
if (typeof document !== 'undefined') {
  addEventListener('securitypolicyviolation', e => {
    if (e.effectiveDirective === 'connect-src' && e.disposition === 'enforce') blocked.add(e.blockedURI);
  });
}

/** Seconds or a date, as ms from now. */
function after(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? +header * 1e3 : Date.parse(header) - Date.now();
  return ms >= 0 ? ms : undefined;
}

export interface OriginAnswer { answer: Origin; slotMs?: number; waitMs?: number; date?: number }

/** Never throws. The edge answers alone, so that an origin that is ill is not bothered. */
export async function askOrigin(url: string): Promise<OriginAnswer> {
  try {
    const r = await fetch(url, {
      method: 'HEAD', headers: { 'Stillhere-Probe': '1' }, cache: 'no-store', credentials: 'omit', redirect: 'manual', signal: AbortSignal.timeout(ORIGIN_WITHIN_MS),
    });
    const why = r.headers.get('stillhere-why'), slotMs = after(r.headers.get('stillhere-return')), date = Date.parse(r.headers.get('date') ?? '');
    const answer: Origin = why === null
      // Over plain HTTP anybody in between may have said it.
      ? isGateway(r.status) ? isSecureContext ? 'sorry' : 'none' : 'heard'
      : why === 'paused' ? why : BUSY.test(why) ? 'busy' : OUT.test(why) ? 'sorry' : 'heard';
    const waitMs = why === null && answer !== 'heard' ? after(r.headers.get('retry-after')) : undefined;
    return { answer, ...slotMs !== undefined && { slotMs }, ...waitMs !== undefined && { waitMs }, ...date && { date } };
  } catch {
    return { answer: 'none' };
  }
}

async function text(r: Response): Promise<string> {
  const reader = r.body?.getReader(), decoder = new TextDecoder();
  let out = '', size = 0;
  for (;;) {
    const { done, value } = await reader?.read() ?? { done: true };
    if (done || !value) return out;
    size += value.length;
    if (size > NOTICE_MAX_BYTES) {
      void reader?.cancel();
      throw new RangeError(`longer than ${NOTICE_MAX_BYTES} bytes`);
    }
    out += decoder.decode(value, { stream: true });
  }
}

const told = new Set<string>();
/** Said once for each address and reason: for whoever runs the site, not for the visitor. */
function say(url: string, what: unknown): void {
  const line = `stillhere: ${url}: ${String(what)}`;
  if (told.has(line)) return;
  told.add(line);
  console.warn(line);
}

/**
 * Asks a mirror. Never throws. `own`: it is the page's own edge, which is believed as the page is.
 * Without a key a mirror only proves that the connection works.
 */
export async function askNotice(url: string, key: Uint8Array<ArrayBuffer> | null, own: boolean): Promise<{ answer: Mirror; notice?: Notice }> {
  const signal = AbortSignal.timeout(MIRROR_WITHIN_MS);
  const how: RequestInit = { cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer', signal };
  let r: Response;
  try {
    r = await fetch(url, how);
  } catch {
    try {
      // An answer without CORS looks like none.
      if (!own && !signal.aborted) {
        await fetch(url, { ...how, mode: 'no-cors' });
        say(url, 'answers, but without Access-Control-Allow-Origin');
        return { answer: 'other' };
      }
    } catch { /* no answer at all, or not allowed to ask */ }
    await new Promise(done => setTimeout(done, BLOCK_REPORT_MS));
    if (blocked.has(url) || blocked.has(new URL(url).origin)) {
      say(url, `blocked by the Content-Security-Policy of this page: add ${new URL(url).origin} to connect-src`);
      return { answer: 'blocked' };
    }
    return { answer: 'none' };
  }
  if (!r.ok || !key && !own) return { answer: 'other' };
  try {
    return { answer: 'notice', notice: await read(await text(r), key) };
  } catch (error) {
    say(url, error);
    return { answer: 'other' };
  }
}
