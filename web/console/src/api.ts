// Calls of the API, typed by its description (`docs/openapi.json`), and what can come of them.
import type { components } from './api.gen';

export type Schemas = components['schemas'];
export type Status = Schemas['StatusWord'];
export type IncidentStatus = Schemas['IncidentWord'];
export type Brief = Schemas['IncidentBrief'];
export type Words = string | Partial<Record<string, string>>;

/** An answer that is a refusal, or that did not come. */
export class Trouble extends Error {
  constructor(
    /** `offline`: no answer at all. Else the last part of the problem's type. */
    readonly kind: string,
    readonly status: number,
    message: string,
    /** Which fields were not right. */
    readonly fields: { field: string; problem: string }[] = [],
    readonly retryAfterS = 0,
    readonly operation = '',
  ) {
    super(message);
  }
  /** Whether it is known that nothing was done. Of a call without an answer nobody knows. */
  get changedNothing(): boolean { return this.status >= 400 && this.status < 500; }
}

/** A call that takes longer than this is given up, unless it waits on purpose. */
const ANSWER_WITHIN_MS = 15_000;
const CSRF_HEADER = 'stillhere-csrf';

let csrf = '';
let onSignedOut = () => {};

/** What each write carries, so that no other site can use this browser to write. */
export function setCsrf(token: string): void { csrf = token; }
/** Called when the server does not know us any more. */
export function whenSignedOut(then: () => void): void { onSignedOut = then; }

export interface Asked { method?: string; body?: unknown; key?: string; /** The version that a change is made from; `null`: it is new. */ from?: number | null; query?: Record<string, string | number | boolean | undefined>; within?: number; signal?: AbortSignal }

export async function call<T>(path: string, asked: Asked = {}): Promise<T> {
  const { method = asked.body === undefined ? 'GET' : 'POST', body, key, from, query, within = ANSWER_WITHIN_MS, signal } = asked;
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && csrf) headers[CSRF_HEADER] = csrf;
  if (key) headers['idempotency-key'] = `"${key}"`;
  if (from === null) headers['if-none-match'] = '*';
  else if (from !== undefined) headers['if-match'] = `"${from}"`;
  const enough = AbortSignal.timeout(within);
  let answer: Response;
  try {
    answer = await fetch(url, {
      method, headers, cache: 'no-store', credentials: 'same-origin',
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, enough]) : enough,
    });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Trouble('offline', 0, String(e));
  }
  if (!answer.ok) throw await refused(answer);
  if (answer.status === 204) return undefined as T;
  try {
    return await answer.json() as T;
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Trouble('offline', 0, String(e));
  }
}

/** Who is asked for a password again and mistypes it is still signed in. */
const NOT_PROVED = ['wrong-credentials', 'code-needed'];

async function refused(answer: Response): Promise<Trouble> {
  const problem = await answer.json().catch(() => ({})) as Partial<Schemas['Problem']>;
  const kind = problem.type?.split(':').at(-1) ?? `http-${answer.status}`;
  if (answer.status === 401 && !NOT_PROVED.includes(kind)) onSignedOut();
  return new Trouble(
    kind, answer.status, problem.detail ?? answer.statusText, problem.errors ?? [],
    Number(answer.headers.get('retry-after') ?? 0), problem.operation_id ?? '',
  );
}
