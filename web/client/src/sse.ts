/**
 * An `EventSource` that outlives a bad answer: every browser's own is dead for ever after one 503. It reads the stream
 * itself, comes back paced (never all at once), goes on from the last event's id, and says when it is away.
 *
 * As with an `EventSource`, only 204 ends it from the other side.
 */
import { emit } from './bus.js';
import { retryAfter } from './outbox/judge.js';
import { spread } from './pace.js';

/** A stream that never says a comment may be silent for long; one that does (the edge: every 15 s) is not. */
const SILENCE_MS = 45_000;
const DIAL_MS = 15_000;
const LINE_MAX = 1024 * 1024;

export interface EventStreamOptions {
  withCredentials?: boolean;
  headers?: () => HeadersInit;
  /** Ms of silence after which the connection is taken for dead. Default: 45 s once a comment was heard, else never. */
  silence?: number;
}

export class EventStream extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSED = 2;
  readonly url: string;
  readonly withCredentials: boolean;
  readyState = 0;
  onopen: ((event: Event) => unknown) | null = null;
  onmessage: ((event: MessageEvent) => unknown) | null = null;
  onerror: ((event: Event) => unknown) | null = null;

  #options: EventStreamOptions;
  #last = '';
  #retry: number | undefined;
  /** It has been away since; 0: it is not. */
  #gone = 0;
  /** A person's own act counts from then on. */
  #half = 0;
  #deaf = new AbortController();
  #talks = false;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string | URL, options: EventStreamOptions = {}) {
    super();
    this.url = new URL(url, globalThis.location?.href).href;
    this.withCredentials = options.withCredentials ?? false;
    this.#options = options;
    for (const name of ['open', 'message', 'error'] as const) {
      this.addEventListener(name, event => (this[`on${name}`] as ((e: Event) => unknown) | null)?.(event as never));
    }
    const hear = (kind: string, handler: () => void) => globalThis.addEventListener?.(kind, () => { if (!this.#abort) handler(); }, { signal: this.#deaf.signal });
    const act = () => { if (performance.now() > this.#half) this.#wait(0); };
    hear('online', () => { this.#gone = 0; this.#wait(0); });
    hear('pointerdown', act);
    hear('keydown', act);
    if (typeof fetch === 'function') void this.#run();
  }

  close(): void {
    this.readyState = 2;
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#deaf.abort();
  }

  async #run(): Promise<void> {
    const abort = this.#abort = new AbortController();
    this.#alive(DIAL_MS);
    let own = 0, all = 0;
    try {
      const headers = new Headers(this.#options.headers?.());
      headers.set('accept', 'text/event-stream');
      if (this.#last) headers.set('last-event-id', this.#last);
      const response = await fetch(this.url, { headers, cache: 'no-store', credentials: this.withCredentials ? 'include' : 'same-origin', signal: abort.signal });
      if (response.status === 204) return this.close();
      const after = retryAfter(response.headers, Date.now()) ?? 0;
      if (response.headers.has('stillhere-why')) own = after;
      else all = after;
      if (response.ok && response.body && response.headers.get('content-type')?.startsWith('text/event-stream')) {
        // What the edge says while the origin is away is a stream as well, and not the origin's.
        emit('seen', response.headers.has('stillhere-why') ? 'failed' : 'heard');
        this.readyState = 1;
        this.#gone = 0;
        this.dispatchEvent(new Event('open'));
        this.#alive();
        await this.#read(response.body);
      } else {
        emit('seen', response.status >= 502 ? 'failed' : 'heard');
        await response.body?.cancel();
      }
    } catch {
      if (this.readyState < 2) emit('seen', 'failed');
    }
    abort.abort();
    clearTimeout(this.#timer);
    this.#abort = undefined;
    if (this.readyState === 2) return;
    this.readyState = 0;
    this.dispatchEvent(new Event('error'));
    // An edge gives each their own time. Without one, and in `retry:`, it is one number for all; the crowd is spread over as much again.
    const at = performance.now(), least = Math.max(own, Math.max(all, this.#retry ?? 0) * (1 + Math.random())), ms = Math.max(least, spread(at - (this.#gone ||= at)));
    this.#half = at + Math.max(least, ms / 2);
    this.#wait(ms);
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    if ((this.readyState as number) < 2) this.#timer = setTimeout(() => void this.#run(), ms);
  }

  #alive(ms = this.#options.silence ?? (this.#talks ? SILENCE_MS : undefined)): void {
    clearTimeout(this.#timer);
    if (ms !== undefined) this.#timer = setTimeout(() => this.#abort?.abort(), ms);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
    let rest = '', data: string[] = [], kind = '', id = this.#last;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#alive();
      // A lone CR at the end may be half of a CRLF.
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop()!;
      if (rest.length > LINE_MAX) throw new Error('a line without end');
      for (const line of lines) {
        if (line === '') {
          this.#last = id;
          if (data.length) this.dispatchEvent(new MessageEvent(kind || 'message', { data: data.join('\n'), lastEventId: id, origin: new URL(this.url).origin }));
          data = [];
          kind = '';
          if (this.readyState === 2) return;
          continue;
        }
        const colon = line.indexOf(':');
        if (colon === 0) {
          this.#talks = true;
          continue;
        }
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'data') data.push(text);
        else if (field === 'event') kind = text;
        else if (field === 'id' && !text.includes('\0')) id = text;
        else if (field === 'retry' && /^\d+$/.test(text)) this.#retry = Number(text);
      }
    }
  }
}
