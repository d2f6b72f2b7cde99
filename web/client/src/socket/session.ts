/**
 * One session of `stillhere.resume.v1` as the client keeps it: numbers, what must be sent again, what nobody knows.
 * Pure: no clock, no I/O. The wire format is in docs/socket-resume.md.
 */

export type Payload = string | ArrayBuffer | Blob;

/** What the edge keeps in each direction; our own limit too, until it has said something else. */
export interface Limits { messages: number; bytes: number }
const LIMITS: Limits = { messages: 1_000, bytes: 256 * 1024 };
/** What a message costs apart from its bytes. */
const OVERHEAD = 64;
/** An acknowledgement is due after so many messages at the latest. */
const ACK_EVERY = 32;

/** What a frame from the edge means to the application and the connection. */
export type Said =
  | { is: 'message'; data: Payload }
  | { is: 'welcome'; resumed: boolean; origin: 'opening' | 'open' | 'away' }
  | { is: 'origin'; open: boolean; fresh: boolean; uncertain: Payload[] | undefined; count: number }
  | { is: 'gap'; lost: number }
  | { is: 'notice'; notice: unknown }
  | { is: 'ping' }
  | { is: 'bye'; within: number };

interface Kept { n: number; data: Payload; cost: number }
/** What outlives the page in this tab. Binary of the kind Blob cannot be written down at once and becomes a gap. */
export interface Saved { id: string; token: string; got: number; next: number; acked: number; read: number; began: boolean; protocol: string; kept: [number, string, boolean][] }

export class Session {
  id = '';
  token = '';
  /** An origin has had the socket already; the subprotocol it chose. */
  began = false;
  protocol = '';
  limits = LIMITS;
  paused = false;
  welcomed = false;
  /** Number of the last message that counts from the edge, and of the last that it was told about. */
  got = 0;
  private told = 0;
  private next = 1;
  /** Up to here the edge has them; up to `read` the origin's WebSocket has read them. */
  private acked = 0;
  private read = 0;
  /** The last number put on the present connection, and on any. */
  private wired = 0;
  private ever = 0;
  /** Up to here it was told what is lost. */
  private missing = 0;
  /** Everything above `read`, oldest first: what the edge has may still die with it. */
  private kept: Kept[] = [];
  private cost = 0;

  hello(): string {
    this.welcomed = false;
    this.told = this.got;
    return say(this.id ? { c: 'hello', v: 1, session: this.id, token: this.token, got: this.got } : { c: 'hello', v: 1 });
  }

  /** Takes a message. It is on its way when {@link flush} has returned it. */
  send(data: Payload): void {
    const cost = (typeof data === 'string' ? data.length : 'size' in data ? data.size : data.byteLength) + OVERHEAD;
    this.kept.push({ n: this.next++, data, cost });
    this.cost += cost;
    while (this.kept.length > 1 && (this.kept.length > this.limits.messages || this.cost > this.limits.bytes)) this.drop();
  }

  /** What goes on the wire now, in order; `lost`: so many that could not be kept and that the edge does not have. */
  flush(): { frames: Payload[]; lost: number } {
    const frames: Payload[] = [];
    let lost = 0;
    if (this.welcomed && !this.paused) {
      for (const { n, data } of this.kept) {
        if (n <= this.wired) continue;
        if (n > this.wired + 1) {
          // The same gap may have to be said on several connections, and is one.
          lost += Math.max(0, n - 1 - Math.max(this.wired, this.missing));
          this.missing = n - 1;
          frames.push(say({ c: 'gap', next: n }));
        }
        frames.push(typeof data === 'string' ? '>' + data : data);
        this.wired = n;
      }
      this.ever = Math.max(this.ever, this.wired);
    }
    return { frames, lost };
  }

  /** Bytes that the edge does not have yet. */
  get waiting(): number {
    return this.kept.reduce((sum, k) => k.n > this.acked ? sum + k.cost - OVERHEAD : sum, 0);
  }

  /** One WebSocket message. Undefined: nothing for anybody (or of a later version). */
  take(frame: Payload): Said | undefined {
    if (typeof frame !== 'string') return this.message(frame);
    if (frame[0] === '>') return this.message(frame.slice(1));
    let m: Record<string, unknown>;
    try { m = JSON.parse(frame); } catch { return; }
    switch (m.c) {
      case 'welcome': {
        if (typeof m.token === 'string') this.token = m.token;
        this.id = String(m.session);
        this.limits = { ...LIMITS, ...m.limits as object };
        this.paused = m.paused === true;
        this.welcomed = true;
        this.wired = num(m.got);
        this.confirm(m);
        return { is: 'welcome', resumed: m.resumed === true, origin: m.origin as 'open' };
      }
      case 'ack': this.confirm(m); return;
      case 'slow': this.paused = m.pause === true; return;
      case 'ping': return { is: 'ping' };
      case 'bye': return { is: 'bye', within: num(m.within_ms) };
      case 'notice': return { is: 'notice', notice: m.notice };
      case 'gap': this.got = Math.max(this.got, num(m.next) - 1); return { is: 'gap', lost: num(m.lost) };
      case 'origin': {
        this.got += 1;
        const open = m.state === 'open';
        const fresh = open && (m.new === true || !this.began);
        this.began ||= open;
        const doubt = Array.isArray(m.uncertain) ? m.uncertain.map(num) as [number, number] : undefined;
        if (open) this.protocol = typeof m.protocol === 'string' ? m.protocol : '';
        return {
          is: 'origin', open, fresh,
          uncertain: doubt && this.kept.filter(k => k.n >= doubt[0] && k.n <= doubt[1]).map(k => k.data),
          count: doubt ? doubt[1] - doubt[0] + 1 : 0,
        };
      }
    }
    return;
  }

  /** Messages that the edge was not told of. */
  get untold(): number { return this.got - this.told; }
  get ackNow(): boolean { return this.untold >= Math.max(1, Math.min(ACK_EVERY, this.limits.messages / 4)); }
  ack(): string {
    this.told = this.got;
    return say({ c: 'ack', got: this.got });
  }

  /** The session is gone. What may have reached an origin (`count` of them, not all are kept), what surely never left,
   * and how many of those could not be kept (and that was not told yet). */
  end(): { uncertain: Payload[]; count: number; unsent: Payload[]; lost: number } {
    const sent = Math.max(this.ever, this.acked);
    const first = this.kept[0]?.n ?? this.next;
    return {
      count: Math.max(0, sent - this.read),
      lost: Math.max(0, first - 1 - Math.max(sent, this.read, this.missing)),
      uncertain: this.kept.filter(k => k.n <= sent).map(k => k.data),
      unsent: this.kept.filter(k => k.n > sent).map(k => k.data),
    };
  }

  save(): Saved | undefined {
    if (!this.id) return;
    const kept = this.kept.filter(k => !(typeof k.data === 'object' && 'size' in k.data))
      .map(({ n, data }): [number, string, boolean] => typeof data === 'string' ? [n, data, false]
        : [n, String.fromCharCode(...new Uint8Array(data as ArrayBuffer)), true]);
    return { id: this.id, token: this.token, got: this.got, next: this.next, acked: this.acked, read: this.read, began: this.began, protocol: this.protocol, kept };
  }

  static load(s: Saved): Session {
    const it = new Session();
    const { kept, ...rest } = s;
    Object.assign(it, rest);
    it.told = s.got;
    it.ever = s.next - 1;
    for (const [n, text, binary] of kept) {
      const data = binary ? Uint8Array.from(text, c => c.charCodeAt(0)).buffer : text;
      it.kept.push({ n, data, cost: text.length + OVERHEAD });
      it.cost += text.length + OVERHEAD;
    }
    return it;
  }

  private message(data: Payload): Said {
    this.got += 1;
    return { is: 'message', data };
  }

  private confirm(m: Record<string, unknown>): void {
    this.acked = Math.max(this.acked, num(m.got));
    this.read = Math.max(this.read, num(m.read));
    while (this.kept[0] && this.kept[0].n <= this.read) this.drop();
  }

  private drop(): void {
    this.cost -= this.kept.shift()!.cost;
  }
}

const say = (m: object) => JSON.stringify(m);
const num = (x: unknown) => typeof x === 'number' && x > 0 ? x : 0;
