// The session's state machine against an edge that is played by the test, over a link that loses whatever is on it
// when it is cut: nothing is lost, doubled or reordered, or exactly that is said.
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session } from '../dist/esm/socket/session.js';

const LIMITS = { messages: 1_000, bytes: 262_144, message: 262_144, linger_ms: 60_000, beat_ms: 5_000 };

/** The edge's half, as docs/socket-resume.md has it. */
class Edge {
  constructor(limits = LIMITS) { Object.assign(this, { limits, got: 0, read: 0, out: [], first: 1, counted: 0, taken: [], lost: 0, down: [], up: [], live: false }); }
  say(m) { if (this.live) this.down.push(typeof m === 'string' ? m : JSON.stringify(m)); }
  push(frame) {
    this.out.push(frame);
    while (!this.live && this.out.length > this.limits.messages) { this.out.shift(); this.first += 1; }
    this.flush();
  }
  flush() {
    if (!this.live) return;
    if (this.counted + 1 < this.first) {
      this.say({ c: 'gap', next: this.first, lost: this.first - this.counted - 1 });
      this.counted = this.first - 1;
    }
    for (; this.counted - this.first + 1 < this.out.length; this.counted += 1) this.say(this.out[this.counted - this.first + 1]);
  }
  forget(got) { while (this.first <= got && this.out.length) { this.out.shift(); this.first += 1; } }
  hear(frame) {
    if (frame[0] === '>') { this.got += 1; this.taken.push(frame.slice(1)); return; }
    const m = JSON.parse(frame);
    if (m.c === 'hello') {
      assert.equal(m.session ?? '', this.id ?? '', 'the client goes on with the session that it was given');
      assert.ok((m.got ?? 0) <= this.first + this.out.length - 1, 'the client has nothing that was never sent');
      const resumed = Boolean(m.session);
      this.id = 's';
      this.live = true;
      this.counted = m.got ?? 0;
      this.forget(this.counted);
      this.say({ c: 'welcome', v: 1, session: 's', ...resumed ? {} : { token: 't' }, resumed, got: this.got, read: this.read, origin: 'open', paused: false, limits: this.limits });
      this.flush();
    } else if (m.c === 'ack') {
      assert.ok(m.got <= this.counted, 'nobody acknowledges what was not sent');
      this.forget(m.got);
    } else if (m.c === 'gap') {
      assert.ok(m.next > this.got, 'a gap goes forward');
      this.lost += m.next - this.got - 1;
      this.got = m.next - 1;
    }
  }
}

/** The client's half: a session, and what the application got. */
class Client {
  constructor() { Object.assign(this, { session: new Session(), heard: [], gone: 0, lost: 0, out: undefined }); }
  flush() {
    const { frames, lost } = this.session.flush();
    this.lost += lost;
    if (this.out) this.out.push(...frames);
  }
  hear(frame) {
    const said = this.session.take(frame);
    if (said?.is === 'message') this.heard.push(said.data);
    if (said?.is === 'gap') this.gone += said.lost;
    if (this.session.ackNow && this.out) this.out.push(this.session.ack());
    this.flush();
  }
}

/** Plays a list of steps; each takes an index. */
function play(steps, edge, client, { reload = false } = {}) {
  let sent = 0, said = 0;
  const connect = () => {
    edge.live = false;
    edge.up = []; edge.down = [];
    client.out = edge.up;
    client.out.push(client.session.hello());
  };
  const settle = () => {
    for (let i = 0; (edge.up.length || edge.down.length) && i < 100_000; i += 1) {
      if (edge.up.length) edge.hear(edge.up.shift());
      else client.hear(edge.down.shift());
    }
  };
  // The first welcome comes: a session that was never welcomed is nobody's.
  connect();
  settle();
  for (const [what, n] of steps) {
    if (what === 'send') for (let i = 0; i <= n % 5; i += 1) { client.session.send(`c${++sent}`); client.flush(); }
    else if (what === 'origin') for (let i = 0; i <= n % 5; i += 1) edge.push(`>o${++said}`);
    else if (what === 'up') for (let i = 0; i <= n && edge.up.length; i += 1) edge.hear(edge.up.shift());
    else if (what === 'down') for (let i = 0; i <= n && edge.down.length; i += 1) client.hear(edge.down.shift());
    else if (what === 'read') { edge.read = Math.max(edge.read, Math.min(edge.got, n * 3)); edge.say({ c: 'ack', got: edge.got, read: edge.read }); }
    else if (what === 'slow') edge.say({ c: 'slow', pause: n % 2 === 0 });
    else if (what === 'cut') { edge.live = false; client.session.welcomed = false; edge.up = []; edge.down = []; client.out = undefined; if (n % 2) connect(); }
    else if (what === 'reload' && reload) {
      const saved = client.session.save();
      if (saved) client.session = Session.load(JSON.parse(JSON.stringify(saved)));
      connect();
    }
  }
  edge.say({ c: 'slow', pause: false });
  connect();
  settle();
  return { sent, said };
}

const step = fc.tuple(fc.constantFrom('send', 'origin', 'up', 'down', 'read', 'slow', 'cut', 'cut', 'reload'), fc.nat(12));
const steps = fc.array(step, { maxLength: 120 });
const upTo = (letter, n) => Array.from({ length: n }, (_, i) => `${letter}${i + 1}`);

test('over any cuts both sides get everything once and in order', () => {
  fc.assert(fc.property(steps, list => {
    const edge = new Edge(), client = new Client();
    const { sent, said } = play(list, edge, client);
    assert.deepEqual(edge.taken, upTo('c', sent));
    assert.deepEqual(client.heard, upTo('o', said));
    assert.equal(client.gone + client.lost + edge.lost, 0);
  }), { numRuns: 2_000 });
});

test('a reload of the page goes on where the page before was', () => {
  fc.assert(fc.property(steps, list => {
    const edge = new Edge(), client = new Client();
    const { sent, said } = play(list, edge, client, { reload: true });
    assert.deepEqual(edge.taken, upTo('c', sent));
    assert.deepEqual(client.heard, upTo('o', said));
  }), { numRuns: 1_000 });
});

test('where the buffers are too small, exactly what is missing is said to be lost', () => {
  fc.assert(fc.property(steps, list => {
    const edge = new Edge({ ...LIMITS, messages: 3 }), client = new Client();
    client.session.limits = edge.limits;
    const { sent, said } = play(list, edge, client);
    assert.equal(edge.taken.length + client.lost, sent);
    assert.equal(client.lost, edge.lost);
    assert.equal(client.heard.length + client.gone, said);
    const order = x => x.map(m => Number(m.slice(1)));
    for (const got of [order(edge.taken), order(client.heard)]) assert.deepEqual(got, [...new Set(got)].sort((a, b) => a - b));
  }), { numRuns: 2_000 });
});

test('a session that ends tells what may have been read apart from what never left', () => {
  const session = new Session();
  session.hello();
  session.take(JSON.stringify({ c: 'welcome', session: 's', token: 't', resumed: false, got: 0, read: 0, origin: 'opening', paused: false, limits: LIMITS }));
  for (const m of ['a', 'b', 'c']) session.send(m);
  assert.deepEqual(session.flush().frames, ['>a', '>b', '>c']);
  // The edge has all three, an origin one of them: what the edge has dies with the edge.
  session.take('{"c":"ack","got":3,"read":1}');
  assert.equal(session.waiting, 0);
  session.take('{"c":"slow","pause":true}');
  session.send('d');
  assert.deepEqual(session.flush().frames, []);
  assert.equal(session.waiting, 1);
  assert.deepEqual(session.end(), { uncertain: ['b', 'c'], count: 2, unsent: ['d'], lost: 0 });
  session.limits = { ...LIMITS, messages: 2 };
  for (const m of ['e', 'f', 'g']) session.send(m);
  assert.deepEqual(session.end(), { uncertain: [], count: 2, unsent: ['f', 'g'], lost: 2 }, 'd and e are gone; of b and c nothing is known');
});

test('nonsense from the wire is ignored', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json().map(j => `{"c":${j}}`), fc.constantFrom('{', '{}', '{"c":"welcome"}', '{"c":"origin","uncertain":[1,"x"]}', '{"c":"gap","next":-4}', '{"c":"ack","got":1e99}')), text => {
    const session = new Session();
    if (text[0] !== '>') session.take(text);
    session.send('m');
    session.flush();
  }));
});
