// The one-tag build in a real browser, against an origin and mirrors that really die: what it concludes, how fast, and what it asks.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Mirror, Origin, Signer, browser, incident, names, notice, shown, until } from './world.mjs';

let chrome, context, origin, mirrors, signer;
before(async () => { chrome = await browser(); });
after(() => chrome?.close());
afterEach(async () => {
  await context?.close();
  for (const s of [origin, ...mirrors]) s.stop();
});

/** A page that has been well for a moment, with mirrors that have answered. */
async function open({ more, options, prepare, init, proven = true } = {}) {
  signer = new Signer();
  origin = await new Origin().listen();
  mirrors = [await new Mirror().listen(), await new Mirror().listen()];
  mirrors.forEach(m => m.says(signer, notice()));
  await prepare?.();
  origin.tag(mirrors, signer, more);
  context = await chrome.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  if (init) await page.addInitScript(init);
  const errors = [];
  page.on('pageerror', e => errors.push(e.message));
  page.errors = errors;
  await page.goto(origin.origin + '/?secret=1');
  await until('the client', () => page.evaluate(() => window.stillhere?.state().name === 'ok' && !!document.querySelector('stillhere-status')?.shadowRoot));
  if (proven) {
    await until('a first poll', () => mirrors.some(m => m.asked.length));
    await page.evaluate(() => window.stillhere.diagnose());
    await until('both mirrors', () => mirrors.every(m => m.asked.length));
    await page.waitForFunction(() => JSON.parse(localStorage.stillhere ?? '{}').held);
  }
  return page;
}
/** The page asks its origin for something, as pages do. */
const use = page => page.evaluate(() => fetch('/api').then(r => r.status, () => 0));

test('the origin is killed: first words within 0.3 s, the full truth within 1 s of what the mirror says', async () => {
  const page = await open();
  await page.evaluate(() => { window.log = []; document.addEventListener('stillhere:state', e => log.push([e.detail.name, performance.now() - window.t0])); });
  mirrors.forEach(m => m.says(signer, notice('major', { incidents: [incident()] })));
  await until('a second since it was last asked', () => performance.now() - origin.asked.findLast(q => q.method === 'HEAD').at > 1_000);
  await origin.kill();
  await page.evaluate(async () => { window.t0 = performance.now(); await fetch('/api').catch(() => 0); });
  await names(page, 'down');
  const log = await page.evaluate(() => window.log);
  assert.equal(log[0][0] === 'unknown' || log[0][0] === 'down', true);
  assert.ok(log[0][1] < 300, `first words after ${log[0][1]} ms`);
  assert.ok(log.find(l => l[0] === 'down')[1] < 1_000, `down after ${log.find(l => l[0] === 'down')[1]} ms`);
  console.log(`killed: first words after ${log[0][1].toFixed()} ms, the truth after ${log.find(l => l[0] === 'down')[1].toFixed()} ms`);
  const s = await shown(page);
  assert.equal(s.title, 'Lantern is down');
  assert.equal(s.lead, 'It is our fault, not your connection.');
  assert.match(s.lines.join('\n'), /Payments are down: The database failed over[^]*Next update by \d\d:\d\d/);
  assert.deepEqual(page.errors, []);
});

test('it comes back in its slot, says so, and then is gone', async () => {
  const page = await open();
  mirrors.forEach(m => m.says(signer, notice('major')));
  await origin.kill();
  await use(page);
  await names(page, 'down');
  await origin.up();
  origin.back = 2;
  mirrors.forEach(m => m.says(signer, notice()));
  await names(page, 'recovering');
  assert.match((await shown(page)).lead, /Your turn is at \d\d:\d\d:\d\d/);
  await names(page, 'ok');
  assert.equal((await shown(page)).title, 'Lantern is back');
  await until('the end', async () => (await shown(page)).tone === 'e', 20_000);
});

test('the origin freezes: noticed within 8 s of the first request that stalls for the client', async () => {
  const page = await open();
  origin.mode = 'frozen';
  mirrors.forEach(m => m.says(signer, notice('major')));
  const began = performance.now();
  await page.evaluate(() => { void window.stillhere.diagnose(); });
  await names(page, 'down', 8_000);
  assert.ok(performance.now() - began < 8_000);
});

test('case_s_the visitor is cut off: your connection, no fault of ours, no time at which it ends', async () => {
  const page = await open();
  mirrors.forEach(m => m.says(signer, notice('major', { incidents: [incident()] })));
  await context.setOffline(true);
  await names(page, 'you');
  const s = await shown(page), all = [s.title, s.lead, ...s.lines].join(' ');
  assert.doesNotMatch(all, /our fault|update|Payments|\d\d:\d\d/);
  await context.setOffline(false);
  await until('ok or what the notice says', async () => ['ok', 'down'].includes((await shown(page)).state));
});

test('case_s_all servers are silent though the machine says it is online: most likely your connection', async () => {
  const page = await open();
  await Promise.all([origin.kill(), ...mirrors.map(m => m.kill())]);
  await use(page);
  await names(page, 'you');
  assert.match((await shown(page)).lead, /Most likely it is your connection/);
  await origin.up();
  await names(page, 'ok');
  await Promise.all(mirrors.map(m => m.up()));
});

test('an edge says that everything behind it is out: down, though no notice does', async () => {
  const page = await open();
  origin.mode = 'sorry';
  await use(page);
  await names(page, 'down');
});

const STRANGE = {
  'forged': m => m.says(new Signer(), notice('major')),
  'replayed': m => m.says(signer, { ...notice('major'), seq: 1 }),
  'old': m => m.says(signer, notice('major', { made_at: '2026-01-01T00:00:00Z', fresh_until: '2026-01-01T00:03:00Z' })),
  'oversized': m => m.says(signer, notice('major', { junk: 'x'.repeat(20_000) })),
  'of another version': m => m.says(signer, notice('major', { v: 2 })),
  'without its parts': m => m.says(signer, { v: 1, epoch: 1, seq: 1e15, state: 'major' }),
  'not JSON': m => { m.text = '<html>Please sign in</html>'; },
  'an error': m => { m.status = 500; },
  'without CORS': m => { m.cors = false; },
};
for (const [kind, make] of Object.entries(STRANGE)) {
  test(`a notice that is ${kind} confirms nothing, and its mirror is an answer: unknown`, async () => {
    const page = await open();
    mirrors.forEach(make);
    await origin.kill();
    await use(page);
    await names(page, 'unknown');
    await page.evaluate(() => window.stillhere.diagnose());
    const s = await shown(page);
    assert.equal(s.state, 'unknown');
    assert.doesNotMatch([s.title, s.lead, ...s.lines].join(' '), /our fault|your connection/);
    assert.deepEqual(page.errors, []);
    await origin.up();
  });
}

test('mirrors that the Content-Security-Policy blocks are not taken for silence, and the console says what to add', async () => {
  const said = [];
  const page = await open({ proven: false, prepare: () => { origin.headers = { 'content-security-policy': "default-src 'self'; style-src 'self' 'unsafe-inline'" }; } });
  page.on('console', m => said.push(m.text()));
  await page.evaluate(ms => { const s = JSON.parse(localStorage.stillhere ?? '{}'); localStorage.stillhere = JSON.stringify({ ...s, held: null, polled: 1e9, wall: Date.now(), proven: Object.fromEntries(ms.map(m => [m, Date.now()])) }); }, mirrors.map(m => m.url));
  await page.reload();
  await until('the client', () => page.evaluate(() => !!window.stillhere));
  await origin.kill();
  await use(page);
  await names(page, 'unknown');
  await page.evaluate(() => window.stillhere.diagnose());
  assert.equal((await shown(page)).state, 'unknown');
  await until('the hint', () => said.some(t => /add http:\/\/127\.0\.0\.1:\d+ to connect-src/.test(t)));
});

test('privacy: no cookies, no referrer, no query, nothing of the page to a mirror; nothing to anybody else', async () => {
  const page = await open();
  await page.evaluate(() => { document.cookie = 'a=b'; });
  const all = [];
  page.on('request', r => all.push(new URL(r.url())));
  await origin.kill();
  await use(page);
  await names(page, 'unknown');
  for (const m of mirrors) for (const q of m.asked) {
    assert.equal(q.url, '/notice');
    for (const h of ['cookie', 'referer', 'authorization', 'stillhere-probe']) assert.equal(q.headers[h], undefined, h);
  }
  assert.ok(!origin.asked.some(q => q.headers['stillhere-probe'] && q.url !== '/'));
  const hosts = new Set([origin, ...mirrors].map(s => `127.0.0.1:${s.port}`));
  assert.deepEqual(all.filter(u => !hosts.has(u.host)).map(String), []);
  await origin.up();
});

test('many tabs ask as one: the others show the same, and the lead passes on when its tab is closed', async () => {
  const first = await open();
  const before = mirrors.reduce((n, m) => n + m.asked.length, 0);
  const tabs = [];
  for (let i = 0; i < 3; i++) {
    const tab = await context.newPage();
    await tab.goto(origin.origin);
    await until('the client', () => tab.evaluate(() => !!window.stillhere));
    tabs.push(tab);
  }
  assert.equal(mirrors.reduce((n, m) => n + m.asked.length, 0), before, 'a new tab asks nothing within the minute');
  mirrors.forEach(m => m.says(signer, notice('major')));
  await origin.kill();
  await use(tabs[2]);
  for (const tab of [first, ...tabs]) await names(tab, 'down');
  const at = origin.asked.length;
  await origin.up();
  origin.mode = 'sorry';
  await first.close();
  await until('another one that asks', () => origin.asked.length > at);
  const locks = await tabs[0].evaluate(async () => (await navigator.locks.query()).held.filter(l => l.name === 'stillhere').length);
  assert.equal(locks, 1);
});

test('what fails before any tab leads is looked into by the one that comes to lead', async () => {
  const page = await open({ proven: false, init: () => {
    const { locks } = navigator, request = locks.request.bind(locks), open = new Promise(done => { window.letLead = done; });
    locks.request = (...all) => open.then(() => request(...all));
  } });
  await origin.kill();
  await use(page);
  await page.evaluate(() => { window.letLead(); });
  await names(page, 'unknown');
  assert.deepEqual(page.errors, []);
});

test('a page whose storage is denied, and one without locks and channels, still tells the truth', async () => {
  const page = await open({ proven: false, prepare: () => { origin.body += '<script>delete Navigator.prototype.locks; delete window.BroadcastChannel; Object.defineProperty(window, "localStorage", { get() { throw new Error("denied"); } })</script>'; } });
  mirrors.forEach(m => m.says(signer, notice('major')));
  await origin.kill();
  await use(page);
  await names(page, 'down');
  assert.deepEqual(page.errors, []);
});

test('without a key no mirror is believed', async () => {
  const page = await open({ proven: false, prepare: () => { signer.hex = 'not a key'; } });
  mirrors.forEach(m => m.says(signer, notice('major')));
  await origin.kill();
  await use(page);
  await names(page, 'unknown');
  await page.evaluate(() => window.stillhere.diagnose());
  assert.equal((await shown(page)).state, 'unknown');
  assert.deepEqual(page.errors, []);
});

test("the edge's own notice is believed as the page is", async () => {
  const page = await open({ prepare: () => { origin.edgeNotice = signer.envelope(notice()); }, proven: false });
  origin.edgeNotice = signer.envelope(notice('major', { incidents: [incident()] }));
  await page.evaluate(() => window.stillhere.diagnose());
  assert.equal((await shown(page)).state, 'down');
});

for (const how of ['fetch', 'XMLHttpRequest']) {
  test(`where the browser's record leaves failures out, as WebKit's does, a failed ${how} is noticed, and the page gets what it would have had`, async () => {
    const page = await open({ prepare: () => { origin.body += '<script>delete PerformanceResourceTiming.prototype.responseStatus; window.left = 0; addEventListener("unhandledrejection", () => { window.left += 1; })</script>'; } });
    const ask = () => page.evaluate(how => how === 'fetch' ? fetch('/api').then(r => r.status, e => e.name) : new Promise(done => {
      const x = new XMLHttpRequest();
      x.open('GET', '/api');
      x.onload = () => done(x.status);
      x.onerror = () => done('TypeError');
      x.send();
    }), how);
    assert.equal(await ask(), 200);
    await origin.kill();
    assert.equal(await ask(), 'TypeError');
    await names(page, 'unknown');
    assert.equal(await page.evaluate(() => fetch('/api', { signal: AbortSignal.abort() }).catch(e => e.name)), 'AbortError');
    assert.equal(await page.evaluate(() => fetch.call(undefined, 'http://[').catch(e => e.name)), 'TypeError');
    assert.deepEqual(page.errors, []);
    // What the page itself does not catch is still told to whoever listens for that.
    await page.evaluate(() => { void fetch('/api'); });
    await until('a failure that nobody caught', () => page.evaluate(() => window.left === 1));
    await origin.up();
    await names(page, 'ok');
  });
}
