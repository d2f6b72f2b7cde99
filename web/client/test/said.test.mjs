// What is said: the rules of docs/client-behaviour.md ("Words") for every state there is, and the languages against each other.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import fc from 'fast-check';
import { say } from '../dist/esm/said.js';
import { choose, whole } from '../dist/esm/words.js';
import en from '../dist/esm/words/en.js';
import { incident, notice } from './world.mjs';

/** Words whose text is their name: what was said can be told without any language. */
const marks = Object.fromEntries(Object.keys(en).map(k => [k, k === 'lang' ? 'en' : `<${k}>`]));
const NAMES = ['ok', 'slow', 'down', 'unknown', 'you', 'maintenance', 'recovering'];
const ACTIONS = ['saved', 'sending', 'unknown', 'done', 'refused', 'needs you', 'expired'];
const now = Date.now();
// Before the first test: what is registered after a wait may come too late for the runner.
const files = (await readdir(new URL('../dist/words/', import.meta.url))).filter(f => f.endsWith('.json')).sort();

const anyState = fc.record({
  name: fc.constantFrom(...NAMES), since: fc.constant(now), unreachableSince: fc.constantFrom(null, now - 60_000), slot: fc.constantFrom(null, now + 5_000), offline: fc.boolean(),
  notice: fc.option(fc.record({
    incidents: fc.array(fc.record({
      next_update_by: fc.constantFrom(null, new Date(now + 60_000).toISOString(), new Date(now - 60_000).toISOString(), 'never'),
      over_by: fc.constantFrom(undefined, null, new Date(now + 60_000).toISOString(), new Date(now - 60_000).toISOString(), 'never'),
      over_by_said: fc.constantFrom('computed', 'team'), over_by_passed: fc.boolean(),
    }).map(incident), { maxLength: 3 }),
    maintenances: fc.array(fc.record({ title: fc.constant({ en: 'Work' }), ends_at: fc.constantFrom(null, new Date(now + 60_000).toISOString(), new Date(now - 60_000).toISOString()) }), { maxLength: 2 }),
  }).map(more => notice('major', more)), { nil: null }),
  inForce: fc.boolean(), says: fc.constantFrom('fine', 'slow', 'part', 'some', 'down', 'work', 'unclear', null),
}).map(s => ({ ...s, inForce: s.inForce && s.notice !== null, says: s.inForce && s.notice ? s.says : null }));
const anyAction = fc.record({ key: fc.uuid(), state: fc.constantFrom(...ACTIONS), at: fc.constant(now - 10_000), receipt: fc.boolean(), memoryOnly: fc.boolean(), label: fc.constantFrom(undefined, 'Your order') });

test('for every state: whose fault, times and promises are only said where they are known', () => {
  fc.assert(fc.property(anyState, fc.array(anyAction, { maxLength: 6 }), fc.boolean(), (state, actions, back) => {
    const said = say(state, actions, marks, { site: 'Shop', back, now });
    if (!said) { assert.equal(state.name, 'ok'); return; }
    const all = [said.title, said.lead, ...said.lines.flatMap(l => [l.text, l.note ?? ''])].join(' ');
    const has = k => all.includes(`<${k}>`);
    assert.ok(said.title, 'nothing is shown without a title');
    assert.equal(has('ours'), ['down', 'slow'].includes(state.name));
    for (const k of ['yours', 'noNet', 'check', 'you', 'offline']) assert.ok(!has(k) || state.name === 'you', `${k} in ${state.name}`);
    if (state.name === 'you') for (const k of ['next', 'missed', 'noEta', 'likely', 'expected', 'longer', 'ours', 'down', 'plannedTo', 'overdue', 'turn']) assert.ok(!has(k), `${k} in you`);
    for (const k of ['plannedTo', 'overdue']) assert.ok(!has(k) || state.name === 'maintenance' && state.inForce && state.notice.maintenances.some(m => m.ends_at), k);
    for (const k of ['next', 'missed']) assert.ok(!has(k) || state.inForce && state.notice.incidents.some(i => i.next_update_by), k);
    assert.ok(!has('next') || !has('missed'));
    const times = state.inForce ? state.notice.incidents.map(i => ({ ...i, at: Date.parse(i.over_by ?? '') })) : [];
    const about = ['noEta', 'likely', 'expected', 'longer'].filter(has);
    assert.ok(about.length <= 1, 'one thing about the end');
    if (about.length && about[0] !== 'noEta') assert.ok(times.every(i => i.at), 'a time while another incident has none');
    if (has('likely') || has('expected')) assert.ok(times.some(i => i.at > now && !i.over_by_passed), 'a time that has passed is still promised');
    if (has('expected')) assert.ok(times.some(i => i.over_by_said === 'team'));
    if (!state.inForce) assert.ok(!said.lines.some(l => l.kind === 'news'), 'old news without its age');
    assert.ok(!has('old') || state.notice && !state.inForce);
    assert.ok(!has('fine') || state.says === 'fine');
    assert.ok(!has('seen') || state.unreachableSince !== null);
    assert.ok(!has('turn') || state.slot !== null);
    assert.ok(!has('saved') || actions.some(a => a.state === 'saved' && a.receipt), 'called saved without a receipt');
    assert.ok(!has('memory') || actions.some(a => a.memoryOnly));
    for (const [k, s] of [['done', 'done'], ['refused', 'refused'], ['expired', 'expired'], ['unsure', 'unknown'], ['sending', 'sending']]) assert.ok(!has(k) || actions.some(a => a.state === s), k);
    assert.ok(said.lines.filter(l => l.kind === 'action').length <= 4);
    assert.ok(!/undefined|NaN|Invalid|null/.test(all), all);
  }), { numRuns: 3_000 });
});

test("case_t_notices' texts are cut, on one line, and cannot turn the text around them over", () => {
  const evil = `<img src=x onerror=alert(1)>\r\n\u202e${'x'.repeat(10_000)}`;
  const n = notice('major', { incidents: [incident({ title: { en: evil }, said: { en: evil } })], site: { name: { en: evil }, url: 'javascript:alert(1)' } });
  const said = say({ name: 'down', since: now, unreachableSince: null, slot: null, offline: false, notice: n, inForce: true, says: 'down' }, [{ key: 'k', state: 'unknown', at: now, receipt: true, label: evil }], en, { site: 'Shop', back: false, now });
  assert.equal(said.href, null);
  assert.ok(said.title.length < 120);
  for (const l of said.lines) {
    assert.ok(l.text.length < 600);
    assert.doesNotMatch(l.text, /[\r\n]/);
  }
  assert.doesNotMatch(said.title, /\u202e/);
});

test('without a service only what is said of it; with one only its own incidents', () => {
  const n = notice('major', { incidents: [incident({ services: ['other'] })] });
  const state = { name: 'down', since: now, unreachableSince: null, slot: null, offline: false, notice: n, inForce: true, says: 'down' };
  assert.equal(say(state, [], en, { site: 'S', service: 'checkout', back: false, now }).lines.filter(l => l.kind === 'news').length, 0);
  assert.equal(say(state, [], en, { site: 'S', back: false, now }).lines.filter(l => l.kind === 'news').length, 1);
});

test('every language is whole, keeps what is filled in, and is known to the one-tag build', async () => {
  assert.equal(files.length, 12);
  const tag = await readFile(new URL('../src/face.ts', import.meta.url), 'utf8');
  for (const file of files) {
    const lang = file.replace('.json', ''), words = JSON.parse(await readFile(new URL(`../dist/words/${file}`, import.meta.url), 'utf8'));
    assert.equal(words.lang, lang);
    assert.ok(whole(words, en), lang);
    assert.deepEqual(Object.keys(words).sort(), Object.keys(en).sort());
    for (const k of Object.keys(en)) {
      const slots = t => [...new Set(t.match(/\{\w+\}/g) ?? [])].sort().join();
      assert.equal(slots(words[k]), slots(en[k]), `${lang}.${k}`);
      assert.ok(k === 'lang' || lang === 'en' || words[k] !== en[k], `${lang}.${k} is English`);
      assert.doesNotMatch(words[k], /!|oops|whoops|uh-oh|<|>/i);
    }
    if (lang !== 'en') assert.ok(tag.includes(`'${lang}'`), lang);
  }
});

test('case_l_what_is_said_of_the_end: the time of the last to end, whose it is, and that it has passed', () => {
  const soon = new Date(now + 600_000).toISOString(), later = new Date(now + 900_000).toISOString();
  const of = (...incidents) => say({ name: 'down', since: now, unreachableSince: null, slot: null, offline: false, notice: notice('major', { incidents: incidents.map(incident) }), inForce: true, says: 'down' }, [], en, { site: 'S', back: false, now }).lines.find(l => l.kind === 'fact').text;
  const by = t => new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(Date.parse(t));
  assert.equal(of({ over_by: null, next_update_by: soon }), `No estimate yet. Next update by ${by(soon)}.`);
  assert.equal(of({ over_by: later, over_by_said: 'computed', next_update_by: soon }), `Most outages like this are over by ${by(later)} (4 of 5). Next update by ${by(soon)}.`);
  assert.equal(of({ over_by: soon, over_by_said: 'computed', next_update_by: null }, { over_by: later, over_by_said: 'team', next_update_by: null }), `Our team expects it to be over by ${by(later)}.`);
  assert.equal(of({ over_by: later, over_by_said: 'computed', next_update_by: null }, { over_by: null, next_update_by: null }), 'No estimate yet.');
  assert.equal(of({ over_by: soon, over_by_said: 'computed', over_by_passed: true, next_update_by: null }), `It was expected to be over by ${by(soon)} and is taking longer.`);
});

test('a language is chosen as people mean it', () => {
  const there = ['en', 'zh-CN', 'de'];
  for (const [wanted, is] of [[['de-AT'], 'de'], [['zh-Hant-TW'], 'zh-CN'], [['xx', 'EN-us'], 'en'], [['xx'], null], [[], null]]) assert.equal(choose(wanted, there), is);
});

test('a service is called by its name, whether the notice says that it works or not', () => {
  const of = (more, service) => say({ name: 'down', since: now, unreachableSince: now, slot: null, offline: false, notice: notice('operational', more), inForce: true, says: 'fine' }, [], en, { site: 'a.example', service, back: false, now }).site;
  const named = { operational: [{ id: 'checkout', name: { en: 'Checkout' } }], site: { name: { en: 'Lantern Shop' }, url: 'https://s.example' } };
  assert.equal(of(named, 'checkout'), 'Checkout');
  assert.equal(of(named, 'search'), 'Lantern Shop', 'what has no name there goes by the site');
  assert.equal(of({ ...named, operational: undefined }, 'checkout'), 'Lantern Shop', 'a notice of an older core');
});
