/**
 * What an answer, or the word of the edge, means for an action. Pure: no clock, no I/O.
 *
 * ```text
 *   saved ──▶ sending ──▶ done │ refused │ needs you
 *     ▲          │ └────▶ unknown ──asks──▶ done │ refused │ expired │ needs you
 *     └──────────┴──────────┘  only with the server's word that nothing reached the origin,
 *     └─ too late ─▶ expired    or where the origin does a request once for each key
 * ```
 */
import type { ActionState } from '../bus.js';

export interface Verdict {
  state: ActionState;
  /** It surely did not reach the origin: sending it (again) is safe. */
  unsent?: boolean;
  /** The server has it and finishes it by itself. */
  held?: boolean;
  /** Nobody will ever know more. */
  final?: boolean;
  /** Nobody there keeps actions: what we know ourselves is all that is known. */
  alone?: boolean;
}

type Head = Pick<Headers, 'get'>;

/** Words in a path that say "log in first": a redirection there is not an order that was taken. */
const LOGIN = /(^|\/)((log|sign)[-_]?(in|on)|auth|authorize|oauth2?|sso|saml|authenticate)(\/|\.|$)/i;
const RETRY_MAX_MS = 3_600_000;

/** The answer to the request itself. `path`: where it ended, if it was redirected. */
export function answered(status: number, head: Head, path?: string): Verdict {
  // On every answer of the edge's own, and on no other.
  const why = head.get('stillhere-why');
  const outcome = head.get('stillhere-outcome');
  if (outcome === 'unknown') return { state: 'unknown' };
  if (why) {
    if (status === 202) return { state: 'saved', held: true };
    if (why === 'key-in-flight') return { state: 'sending', held: true };
    // Nothing was sent, and it passes; what does not pass is wrong with the request itself.
    if (outcome === 'not-forwarded' && (status >= 500 || status === 429)) return { state: 'saved', unsent: true };
    if (status === 408) return { state: 'unknown' };
    return status >= 500 ? { state: 'unknown' } : { state: 'refused' };
  }
  if (path !== undefined) {
    if (LOGIN.test(path)) return { state: 'needs you' };
    // The page behind a redirection failed; of the request nothing is known.
    return status < 400 ? { state: 'done' } : { state: 'unknown' };
  }
  if (status === 401 || status === 403 || status === 407) return { state: 'needs you' };
  if (status === 425 || status === 429) return { state: 'saved', unsent: true };
  if (status === 409 && head.get('retry-after')) return { state: 'sending', held: true };
  if (status === 408 || status >= 500) return { state: 'unknown' };
  return status >= 400 ? { state: 'refused' } : { state: 'done' };
}

/**
 * What `GET /.well-known/stillhere/action/<key>` says. `failed`: the origin's own answer to it was an error (5xx), which
 * the edge calls done because it was answered. `age`: seconds since it was taken in.
 */
export function told(status: number, head: Head, view: unknown, failed: boolean, age: number): Verdict {
  // Not the edge: nobody here can say.
  if (status === 404 || status >= 400) {
    if (!head.get('stillhere-why')) return status < 500 ? { state: 'unknown', alone: true } : { state: 'unknown' };
    // Requests to that path are kept, for so many seconds, and this one never came. A 404 alone says none of that.
    const never = status === 404 && Number(head.get('stillhere-never') ?? 0) > age;
    return never ? { state: 'saved', unsent: true } : { state: 'unknown' };
  }
  const { state, checking } = (view ?? {}) as { state?: string; checking?: boolean };
  switch (state) {
    case 'saved':
    case 'sending': return { state, held: true };
    case 'done': return failed ? { state: 'unknown', final: true } : { state };
    case 'refused':
    case 'expired': return { state };
    case 'needs_you': return { state: 'needs you' };
    case 'unknown': return checking ? { state, held: true } : { state, final: true };
    default: return { state: 'unknown', alone: true };
  }
}

/** When the server wants to be asked again, in ms from now; undefined: it does not say. */
export function retryAfter(head: Head, now: number): number | undefined {
  const said = head.get('stillhere-return') ?? head.get('retry-after');
  if (!said) return;
  const ms = /^\d+(\.\d+)?$/.test(said.trim()) ? Number(said) * 1_000 : Date.parse(said) - now;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), RETRY_MAX_MS) : undefined;
}
