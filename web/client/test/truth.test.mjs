// The state machine of the truth, without a browser: the tables of docs/client-behaviour.md, and what must hold for every
// order of events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { POLL_MS, initial, inForce, says, step, view } from '../dist/esm/truth.js';

const M1 = 'https://a.example/n', M2 = 'https://b.example/n', EDGE = 'https://shop.example/.well-known/stillhere/notice';
const T0 = Date.parse('2026-11-22T10:00:00Z');
const text = t => ({ en: t });
const notice = (seq, state = 'operational', more = {}) => ({
  v: 1, epoch: 1, seq, made_at: new Date(T0 + seq * 1000).toISOString(), fresh_until: new Date(T0 + seq * 1000 + 180_000).toISOString(),
  site: { name: text('Shop'), url: 'https://status.example/' }, state, headline: text(state), services: [], incidents: [], maintenances: [], ...more,
});
const service = (id, status) => ({ services: [{ id, name: text(id), status }] });

/** Plays a client with a network that the test sets: `origin` and what each source answers. */
class Play {
  constructor(config = { mirrors: [M1, M2] }, model = initial) {
    Object.assign(this, { config, model, mono: 0, wall: T0, asked: [], names: [model.name], origin: { answer: 'heard' }, answers: {}, dice: .5 });
  }
  now() { return { mono: this.mono, wall: this.wall }; }
  send(event) {
    const { model, effects } = step(this.model, event, this.now(), this.dice, this.config);
    this.model = model;
    if (this.names.at(-1) !== model.name) this.names.push(model.name);
    for (const e of effects) {
      this.asked.push({ ...e, at: this.mono });
      if (this.mute) continue;
      if (e.ask === 'origin') { if (this.origin) this.send({ t: 'origin', round: e.round, ...this.origin }); }
      else this.send({ t: 'mirror', round: e.round, url: e.url, answer: 'none', ...this.answers[e.url] });
    }
    return this;
  }
  /** Lets time go by; the timer rings when it is due. */
  pass(ms) {
    const end = this.mono + ms;
    while (this.model.due <= end) {
      const to = Math.max(this.model.due, this.mono + 1);
      this.wall += to - this.mono;
      this.mono = to;
      this.send({ t: 'time' });
    }
    this.wall += end - this.mono;
    this.mono = end;
    return this;
  }
  says(n, ...urls) { for (const u of urls.length ? urls : [M1, M2]) this.answers[u] = { answer: 'notice', notice: n }; return this; }
  dies(answer = 'none') { this.origin = { answer }; return this; }
  get name() { return this.model.name; }
}
/** One that has been well for a while, so that both mirrors have answered. */
const well = (config, n = notice(1)) => {
  const p = new Play(config);
  p.says(n).send({ t: 'start' }).pass(200_000);
  assert.equal(p.name, 'ok');
  p.asked = [];
  return p;
};

test('the origin does not answer and a fresh notice says so: down, at once', () => {
  const p = well().says(notice(200, 'major')).dies().send({ t: 'failed' });
  assert.deepEqual(p.names, ['ok', 'unknown', 'down']);
  assert.equal(view(p.model, p.now(), p.config).unreachableSince, p.wall);
});

test('the origin does not answer and the notice says that all is well: unknown, and nobody is blamed', () => {
  const p = well().says(notice(200)).dies().send({ t: 'failed' }).pass(60_000);
  assert.deepEqual(p.names, ['ok', 'unknown']);
});

test('case_s_nothing answers, and a mirror has answered before: your connection', () => {
  const p = well();
  p.answers = {};
  p.dies().send({ t: 'failed' });
  assert.deepEqual(p.names, ['ok', 'unknown', 'you']);
  p.pass(30_000);
  assert.equal(p.name, 'you');
  p.origin = { answer: 'heard' };
  p.pass(10_000);
  assert.deepEqual(p.names, ['ok', 'unknown', 'you', 'ok'], 'no slot: there is no crowd');
});

test('case_s_while one mirror answers anything at all, it is not your connection', () => {
  const p = well();
  p.answers = { [M2]: { answer: 'other' } };
  p.dies().send({ t: 'failed' }).pass(60_000);
  assert.deepEqual(p.names, ['ok', 'unknown']);
});

test('mirrors that never answered prove nothing by their silence', () => {
  const p = new Play().send({ t: 'start' }).pass(5_000).dies().send({ t: 'failed' }).pass(60_000);
  assert.deepEqual(p.names, ['ok', 'unknown']);
});

test('a machine that says that it is offline, and nothing answers: your connection', () => {
  const p = new Play({ mirrors: [] }).send({ t: 'start' }).dies().pass(2_000).send({ t: 'offline' }).pass(3_000);
  assert.equal(p.name, 'you');
});

test('offline alone, while the origin answers, changes nothing', () => {
  const p = well().send({ t: 'offline' }).pass(10_000);
  assert.equal(p.name, 'ok');
});

test('mirrors that the page may not ask are no evidence', () => {
  const p = well();
  p.answers = { [M1]: { answer: 'blocked' }, [M2]: { answer: 'blocked' } };
  p.dies().send({ t: 'failed' }).pass(60_000);
  assert.equal(p.name, 'unknown');
});

test("the edge's own word confirms without any notice", () => {
  for (const [answer, name] of [['sorry', 'down'], ['busy', 'slow'], ['paused', 'maintenance']]) {
    const p = new Play({ mirrors: [], edge: EDGE }).send({ t: 'start' }).pass(3_000).dies(answer).send({ t: 'failed' });
    assert.equal(p.name, name);
  }
});

const SAYS = [
  // notice                                        service     origin heard   origin none
  [notice(9), undefined, 'ok', 'unknown'],
  [notice(9, 'degraded'), undefined, 'slow', 'unknown'],
  [notice(9, 'partial'), undefined, 'slow', 'unknown'],
  [notice(9, 'major'), undefined, 'down', 'down'],
  [notice(9, 'unknown'), undefined, 'ok', 'unknown'],
  [notice(9, 'maintenance'), undefined, 'maintenance', 'maintenance'],
  [notice(9, 'a word of later versions'), undefined, 'ok', 'unknown'],
  [notice(9, 'partial', service('pay', 'major_outage')), 'pay', 'down', 'down'],
  [notice(9, 'partial', service('pay', 'partial_outage')), 'pay', 'slow', 'down'],
  [notice(9, 'degraded', service('pay', 'degraded_performance')), 'pay', 'slow', 'unknown'],
  [notice(9, 'unknown', service('pay', 'unknown')), 'pay', 'ok', 'unknown'],
  [notice(9, 'maintenance', service('pay', 'under_maintenance')), 'pay', 'maintenance', 'maintenance'],
  [notice(9, 'major', service('other', 'major_outage')), 'pay', 'ok', 'unknown'],
];
for (const [n, id, heard, none] of SAYS) {
  test(`notice ${n.state}, ${id ? `${n.services[0].id} is ${n.services[0].status}, this page is ${id}` : 'no service named'}: ${heard} while the origin answers, ${none} when not`, () => {
    const config = { mirrors: [M1], ...id && { service: id } };
    const a = new Play(config).says(n).send({ t: 'start' });
    assert.equal(a.name, heard);
    const b = new Play(config).says(n).dies().send({ t: 'start' }).pass(1_500).send({ t: 'ask' }).pass(3_000);
    assert.equal(b.name, none);
  });
}

test('a notice that is old confirms nothing', () => {
  const p = well(undefined, notice(1, 'operational'));
  p.says(notice(2, 'major')).dies();
  p.wall += 3_600_000;
  p.send({ t: 'failed' });
  assert.equal(p.name, 'unknown');
  assert.equal(view(p.model, p.now(), p.config).inForce, false);
});

test('a notice is in force no longer than it was meant to be, by a clock that cannot be set', () => {
  const p = new Play({ mirrors: [M1] }).says(notice(1, 'major')).send({ t: 'start' });
  assert.equal(p.name, 'down');
  p.mono += 181_000; // the visitor sets the clock back meanwhile: wall stands still
  p.answers = {};
  assert.equal(inForce(p.model, p.now()), false);
});

test('case_r_a clock that is an hour behind: a signed time proves it, and fresh news are fresh', () => {
  const p = new Play({ mirrors: [M1] });
  p.wall -= 3_600_000;
  p.says(notice(1, 'major')).dies().send({ t: 'start' });
  assert.equal(p.name, 'down');
});

test('case_r_a clock that is an hour ahead: nothing is confirmed, until the origin has told the time', () => {
  const p = new Play({ mirrors: [M1] });
  p.wall += 3_600_000;
  p.says(notice(1, 'major')).send({ t: 'start' });
  assert.equal(says(p.model, p.now(), p.config), null);
  p.origin = { answer: 'heard', date: T0 };
  p.pass(2_000).send({ t: 'ask' });
  assert.equal(says(p.model, p.now(), p.config), 'down');
});

test('a replayed notice is not taken, a restored backup is', () => {
  const p = well(undefined, notice(50));
  p.says(notice(49, 'major')).send({ t: 'ask' });
  assert.equal(p.model.held.notice.seq, 50);
  p.pass(2_000).says({ ...notice(3), epoch: 2 }).send({ t: 'ask' });
  assert.deepEqual([p.model.held.notice.epoch, p.model.held.notice.seq], [2, 3]);
});

test('it comes back in its slot, and asks nothing before', () => {
  const p = well().says(notice(200, 'major')).dies().send({ t: 'failed' }).pass(20_000);
  p.origin = { answer: 'heard', slotMs: 7_000 };
  p.says(notice(230));
  p.pass(8_100);
  assert.equal(p.name, 'recovering');
  const before = p.asked.length, slot = p.model.slot;
  p.pass(slot - p.mono - 10);
  assert.equal(p.name, 'recovering');
  assert.equal(p.asked.length, before);
  p.pass(20);
  assert.equal(p.name, 'ok');
});

test('what a notice said before the origin was heard again is over; what a newer one says counts', () => {
  const p = well().says(notice(200, 'major')).dies().send({ t: 'failed' }).pass(20_000);
  p.origin = { answer: 'heard', slotMs: 1_000 };
  p.pass(20_000);
  assert.deepEqual(p.names, ['ok', 'unknown', 'down', 'recovering', 'ok']);
  p.says(notice(260, 'major')).pass(70_000);
  assert.equal(p.name, 'down');
});

test('without an edge the way back is spread over half the length of the outage', () => {
  for (const [away, most] of [[2_000, 1_000], [20_000, 14_100], [600_000, 30_000]]) {
    for (const dice of [0, .999]) {
      const p = well().dies().send({ t: 'failed' }).pass(away);
      p.origin = { answer: 'heard' };
      p.dice = dice;
      p.pass(8_100);
      if (p.model.slot === null) continue;
      assert.ok(p.model.slot - p.model.since <= most, `${away}: ${p.model.slot - p.model.since}`);
    }
  }
});

test('a first failure after waking is asked again before it counts', () => {
  const p = well();
  p.send({ t: 'stop' }).pass(600_000);
  p.dies().send({ t: 'start' }).pass(1_500).send({ t: 'wake', offline: false }).send({ t: 'failed' });
  p.pass(500);
  assert.equal(p.name, 'ok');
  p.origin = { answer: 'heard' };
  p.pass(2_000);
  assert.deepEqual(p.names, ['ok']);
});

test('silence for a second is enough where the notice says that it is down', () => {
  const p = well().says(notice(200, 'major'));
  p.origin = undefined;
  p.send({ t: 'failed' });
  assert.equal(p.name, 'down', 'the notice alone says it');
  const q = well({ mirrors: [M1], service: 'pay' }).says(notice(200, 'partial', service('pay', 'partial_outage')));
  q.origin = undefined;
  q.send({ t: 'failed' });
  assert.equal(q.name, 'slow');
  q.send({ t: 'silent', round: q.model.round });
  assert.equal(q.name, 'down');
});

test('when all is well: one source in turn, at most one request a minute, the origin never', () => {
  const p = well();
  p.pass(3_600_000);
  assert.ok(p.asked.every(a => a.ask === 'notice'));
  assert.ok(p.asked.length >= 50 && p.asked.length <= 60, `${p.asked.length} an hour`);
  assert.deepEqual(new Set(p.asked.map(a => a.url)), new Set([M1, M2]));
  for (let i = 1; i < p.asked.length; i++) assert.ok(p.asked[i].at - p.asked[i - 1].at >= POLL_MS);
});

test('hints that prove wrong are believed more and more slowly', () => {
  const p = well();
  for (let s = 0; s < 3_600; s++) p.send({ t: 'hint' }).pass(1_000);
  assert.ok(p.asked.filter(a => a.ask === 'origin').length <= 20);
});

test('during an outage it asks often, never at a beat, and obeys Retry-After', () => {
  const p = well().dies().send({ t: 'failed' });
  p.asked = [];
  p.pass(600_000);
  const at = p.asked.filter(a => a.ask === 'origin').map(a => a.at), gaps = at.slice(1).map((a, i) => a - at[i]);
  assert.ok(Math.min(...gaps) >= 1_500 && Math.max(...gaps) <= 10_000, `${Math.min(...gaps)} to ${Math.max(...gaps)} ms`);
  p.origin = { answer: 'sorry', waitMs: 45_000 };
  p.pass(10_000);
  p.asked = [];
  p.pass(30_000);
  assert.equal(p.asked.length, 0);
});

test('a tab that does not lead asks nothing', () => {
  const p = new Play();
  for (const t of ['failed', 'heard', 'hint', 'ask', 'time', 'offline']) p.send({ t });
  p.send({ t: 'wake', offline: true }).pass(600_000);
  assert.equal(p.asked.length, 0);
});

// --- for every order of events ---

const anyNotice = fc.record({ seq: fc.integer({ min: 1, max: 30 }), state: fc.constantFrom('operational', 'degraded', 'partial', 'major', 'maintenance', 'unknown', '?'), epoch: fc.integer({ min: 1, max: 2 }) }).map(({ seq, state, epoch }) => ({ ...notice(seq, state), epoch }));
const anyEvent = fc.oneof(
  fc.constantFrom({ t: 'start' }, { t: 'stop' }, { t: 'failed' }, { t: 'heard' }, { t: 'hint' }, { t: 'ask' }, { t: 'offline' }, { t: 'time' }),
  fc.record({ t: fc.constant('wake'), offline: fc.boolean() }),
  fc.record({ t: fc.constant('silent'), late: fc.nat(2) }),
  fc.record({ t: fc.constant('origin'), late: fc.nat(2), answer: fc.constantFrom('heard', 'sorry', 'busy', 'paused', 'none'), slotMs: fc.option(fc.integer({ min: -5, max: 1e9 }), { nil: undefined }), waitMs: fc.option(fc.nat(1e9), { nil: undefined }), date: fc.option(fc.integer({ min: T0 - 1e8, max: T0 + 1e8 }), { nil: undefined }) }),
  fc.record({ t: fc.constant('mirror'), late: fc.nat(2), url: fc.constantFrom(M1, M2, 'https://nobody.example/'), answer: fc.constantFrom('notice', 'other', 'none', 'blocked'), notice: fc.option(anyNotice, { nil: undefined }) }),
);
const story = fc.array(fc.record({ event: anyEvent, mono: fc.nat(100_000), jump: fc.constantFrom(0, 0, 0, 3_600_000, -3_600_000), dice: fc.double({ min: 0, max: .999, noNaN: true }) }), { maxLength: 80 });

test('whatever happens in whatever order: no fault without confirmation, no blame while anything answers, no old news, no flood', () => {
  fc.assert(fc.property(story, fc.constantFrom(undefined, 'pay'), (events, id) => {
    const config = { mirrors: [M1, M2], ...id && { service: id } };
    let m = initial, mono = 0, wall = T0, asks = [];
    for (const { event, mono: passed, jump, dice } of events) {
      mono += passed; wall += passed + jump;
      const e = 'late' in event ? { ...event, round: m.round - (event.late === 2 ? 1 : 0) } : event;
      const before = m, { model, effects } = step(m, e, { mono, wall }, dice, config);
      m = model;
      const now = { mono, wall }, said = says(m, now, config);
      if (m.name === 'down') assert.ok(m.origin === 'sorry' || said === 'down' || said === 'part', 'down, and nobody confirmed it');
      if (m.name === 'you') {
        assert.equal(m.origin, 'none');
        for (const url of config.mirrors) assert.ok(['none', 'blocked'].includes(m.mirrors[url]?.answer), 'you, though something answered');
        assert.ok(m.offline || config.mirrors.some(u => m.proven[u] !== undefined));
      }
      if (m.name === 'recovering') assert.ok(m.slot !== null && m.slot - mono <= 600_000);
      if (before.held && m.held) assert.ok(m.held.notice.epoch > before.held.notice.epoch || m.held.notice.epoch === before.held.notice.epoch && m.held.notice.seq >= before.held.notice.seq, 'older news replaced newer');
      assert.ok(!Number.isNaN(m.due));
      if (m.leads && (m.origin !== 'heard' || m.name === 'you' || m.name === 'down')) assert.ok(m.due < Infinity, `nothing would ever be asked again in ${m.name}`);
      if (!m.leads) assert.equal(effects.length, 0);
      asks.push(...effects.filter(f => f.ask === 'origin').map(() => mono));
      const view1 = view(m, now, config);
      assert.ok(Number.isFinite(view1.since));
    }
    for (let i = 1; i < asks.length; i++) if (asks[i] - asks[i - 1] < 500) asks.quick = (asks.quick ?? 0) + 1;
    assert.ok((asks.quick ?? 0) <= events.filter(({ event }) => ['start', 'stop'].includes(event.t)).length + 1, 'rounds follow one another too fast');
  }), { numRuns: 3_000 });
});
