// The outbox and the form guard in Chromium, through the real edge: reload, crash, two tabs, offline, an origin that dies
// after it did what it was asked. The judge is the origin's own ledger.
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Edge, Link, Origin, until } from './kit/edge.mjs';

const ESM = path.join(fileURLToPath(new URL('..', import.meta.url)), process.env.STILLHERE_DIST ?? 'dist', 'esm');
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update'];
/** How many orders, and at least how many faults, the longest of them goes on for. */
const ORDERS = Number(process.env.ORDERS ?? 40);
const FAULTS = Number(process.env.FAULTS ?? 0);
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** What an order is at the origin: by key, how often it came and how often it was done. */
let ledger, how, came;
/** Answers that wait for {@link how} to change. */
let stalled;
const executed = text => [...ledger.values()].filter(o => o.body.includes(text)).reduce((n, o) => n + o.done, 0);
const attempts = text => came.filter(body => body.includes(text)).length;

const page = (body, script = '') => `<!doctype html><html lang=en><title>Shop</title><link rel=icon href=data:,>${body}<script type=module>import * as client from '/client.mjs'; window.client = client; window.said = []; client.on('action', a => said.push(a.label + ' ' + a.state)); ${script}; window.ready = true</script>`;
const FORM = `<form id=order method=post action=/order data-stillhere="Your order" data-stillhere-next="#thanks"><label>Name <input name=name></label><label>Note <textarea name=note></textarea></label>
  <label>Size <select name=size><option>S<option>M<option>L</select></label><label><input type=checkbox name=gift> Gift</label><input type=hidden name=token value=fresh><label>Code <input name=code data-stillhere=off></label>
  <label>Password <input type=password name=secret></label><button>Pay</button></form>`;

let edge, origin, link, chrome, script;
before(async () => {
  script = (await build({ stdin: { contents: ['outbox', 'form', 'bus'].map(f => `export * from ${JSON.stringify(path.join(ESM, f + '.js'))};`).join('\n'), resolveDir: ESM }, bundle: true, format: 'esm', write: false })).outputFiles[0].text;
  origin = await Origin.up(answer);
  edge = await Edge.up({ routes: [{ path: '/plain', keyed: {}, nodes: [origin.at] }, { path: '/loose', nodes: [origin.at] }, { keyed: { origin_honours: true }, nodes: [origin.at] }] }, origin.at);
  link = await Link.to(edge.port);
  chrome = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
});
after(async () => { await chrome?.close(); await link?.down(); await edge?.down(); await origin?.kill(); });
beforeEach(() => { ledger = new Map(); came = []; stalled = []; how = 'ok'; link.refuse = false; });

function answer(q, r) {
  if (q.method !== 'POST') {
    if (q.url === '/client.mjs') return r.setHeader('content-type', 'text/javascript').end(script);
    r.setHeader('content-type', 'text/html');
    return r.end(q.url.startsWith('/form') ? page(FORM, 'client.guardForms()') : page('<h1>Shop</h1>', 'client.actions()'));
  }
  let body = '';
  q.on('data', d => { body += d; }).on('end', () => {
    came.push(body);
    const key = q.headers['idempotency-key'];
    assert.ok(key, 'every action has its key');
    if (how === '401') return r.writeHead(401).end();
    if (how === '503') return r.writeHead(503).end();
    // Under `/order` the origin honours the key; elsewhere it does whatever comes as often as it comes.
    const order = ledger.get(key) ?? ledger.set(key, { body, done: 0 }).get(key);
    if (!(q.url === '/order' && order.done)) order.done += 1;
    if (how === 'die') return void origin.kill();
    const say = () => r.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ order: 17 }));
    if (how === 'stall') stalled.push(say); else say();
  });
}

async function tab(context, at = '/') {
  const it = await context.newPage();
  it.setDefaultTimeout(15_000);
  it.on('pageerror', e => { throw e; });
  await it.goto(link.origin + at);
  await it.waitForFunction(() => window.ready);
  return it;
}
const fresh = async (t, at) => {
  const context = await chrome.newContext();
  t.after(() => context.close());
  return { context, page: await tab(context, at) };
};
/** Sends from the page and waits until it is on disk. */
const send = (p, text, to = '/order', more = {}) => p.evaluate(async ([text, to, more]) => {
  const sent = await client.send(to, { body: JSON.stringify({ text }), headers: { 'content-type': 'application/json' }, label: text, ...more });
  window.ends ??= {};
  sent.settled.then(async s => { ends[text] = { state: s.state, ...s.response && { status: s.response.status, order: (await s.response.json()).order }, ...s.final && { final: true } }; });
  return { state: sent.state, receipt: sent.receipt, key: sent.key };
}, [text, to, more]);
const state = (p, text) => p.evaluate(async text => (await client.actions()).find(a => a.label === text)?.state, text);
const becomes = (p, text, want) => until(`${text} is ${want}`, async () => {
  const is = await state(p, text);
  if (is !== want) throw new Error(`it is ${is}`);
  return true;
});

/** The page hears of it a moment after it is so. */
async function offline({ context, page }) {
  await context.setOffline(true);
  await until('the page knows', () => page.evaluate(() => !navigator.onLine));
}

test('an action is saved, sent once, and its answer comes back', async t => {
  const it = await fresh(t);
  assert.deepEqual({ ...await send(it.page, 'plain'), key: 0 }, { state: 'saved', receipt: true, key: 0 });
  await until('the end', () => it.page.evaluate(() => window.ends?.plain));
  assert.deepEqual(await it.page.evaluate(() => ends.plain), { state: 'done', status: 201, order: 17 });
  assert.deepEqual(await it.page.evaluate(() => said), ['plain saved', 'plain sending', 'plain done']);
  assert.equal(executed('plain'), 1);
});

test('case o: the origin dies after it did it and before the answer: done once, and the page says so', async t => {
  const it = await fresh(t);
  how = 'die';
  await send(it.page, 'order-o');
  await until('the origin did it and is dead', () => executed('order-o') === 1);
  how = 'ok';
  await origin.start();
  await becomes(it.page, 'order-o', 'done');
  assert.equal(executed('order-o'), 1);
  assert.ok((await it.page.evaluate(() => said)).includes('order-o done'));
});

test('case o: where the origin does not honour the key nobody claims to know, and nothing is sent again', async t => {
  const it = await fresh(t);
  how = 'die';
  await send(it.page, 'order-p', '/plain');
  await until('the origin did it and is dead', () => executed('order-p') === 1);
  how = 'ok';
  await origin.start();
  await until('it ends', () => it.page.evaluate(() => window.ends?.['order-p']));
  assert.deepEqual(await it.page.evaluate(() => ends['order-p']), { state: 'unknown', final: true });
  await send(it.page, 'later');
  await becomes(it.page, 'later', 'done');
  assert.equal(attempts('order-p'), 1);
});

test("case o: the client's own connection swallows the answer: the edge knows it", async t => {
  const it = await fresh(t);
  how = 'stall';
  await send(it.page, 'swallowed', '/plain');
  await until('it is at the origin', () => attempts('swallowed') === 1);
  link.cutAll();
  await until('it was told so', () => it.page.evaluate(() => said.filter(s => s !== 'swallowed saved').length > 1));
  stalled.splice(0).forEach(say => say());
  await becomes(it.page, 'swallowed', 'done');
  assert.deepEqual([attempts('swallowed'), executed('swallowed')], [1, 1]);
});

test('where nobody keeps actions, what may have been done is never repeated', async t => {
  const it = await fresh(t);
  how = 'stall';
  await send(it.page, 'loose', '/loose');
  await until('it is at the origin', () => attempts('loose') === 1);
  // Chromium itself sends a POST again when a connection that it had used before is cut: that one is cut as well.
  await until('loose is unknown', () => { link.cutAll(); return it.page.evaluate(() => said.includes('loose unknown')); });
  how = 'ok';
  // It goes on asking, and gets no word that would allow it.
  const asked = await it.page.evaluate(() => new Promise(done => new PerformanceObserver((list, o) => {
    if (list.getEntries().some(e => e.name.includes('/action/'))) { o.disconnect(); done(true); }
  }).observe({ type: 'resource', buffered: true })));
  assert.ok(asked);
  await send(it.page, 'other');
  await becomes(it.page, 'other', 'done');
  // We have not sent it again.
  assert.equal((await it.page.evaluate(() => said)).filter(s => s === 'loose sending').length, 1);
});

test('a reload in the middle: the next page ends it, once', async t => {
  const it = await fresh(t);
  how = 'stall';
  await send(it.page, 'reloaded');
  await until('it is at the origin', () => attempts('reloaded') === 1);
  await it.page.reload();
  await it.page.waitForFunction(() => window.ready);
  how = 'ok';
  stalled.splice(0).forEach(say => say());
  await becomes(it.page, 'reloaded', 'done');
  assert.equal(executed('reloaded'), 1);
});

test('a browser that is killed right after "saved" sends it when it is opened again, once', { timeout: 120_000 }, async () => {
  for (const kind of ['refused', 'stalled', 'unsaid']) {
    const dir = await mkdtemp(path.join(os.tmpdir(), 'stillhere-profile-'));
    const open = () => chromium.launchPersistentContext(dir, { executablePath: CHROMIUM, args: ARGS });
    let context = await open();
    let p = await tab(context);
    const pid = await pidOf(p, context);
    how = kind === 'stalled' ? 'stall' : 'ok';
    link.refuse = kind === 'refused';
    const text = `crash-${kind}`;
    if (kind === 'refused') link.cutAll();
    await send(p, text);
    if (kind === 'stalled') await until('it is at the origin', () => attempts(text) === 1);
    const gone = new Promise(resolve => context.once('close', resolve));
    process.kill(pid, 'SIGKILL');
    await gone;
    how = 'ok';
    link.refuse = false;
    stalled.splice(0).forEach(say => say());
    context = await open();
    p = await tab(context);
    await becomes(p, text, 'done');
    assert.equal(executed(text), 1, kind);
    await context.close();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
});

/** The browser's main process. */
async function pidOf(p, context) {
  const cdp = await context.browser()?.newBrowserCDPSession() ?? await context.newCDPSession(p);
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  return processInfo.find(x => x.type === 'browser').id;
}

test('two tabs: one sends, both are told', async t => {
  const it = await fresh(t);
  const other = await tab(it.context);
  how = 'stall';
  await send(it.page, 'two');
  await until('it is at the origin', () => attempts('two') === 1);
  // The other tab looks again and again, and finds it taken.
  await other.evaluate(() => { for (let i = 0; i < 20; i += 1) dispatchEvent(new Event('online')); });
  assert.equal(await state(other, 'two'), 'sending');
  how = 'ok';
  stalled.splice(0).forEach(say => say());
  await becomes(other, 'two', 'done');
  await until('told', () => other.evaluate(() => said.includes('two done')));
  assert.deepEqual([attempts('two'), executed('two')], [1, 1]);
  // A tab that is closed in the middle leaves it to the other one.
  how = 'stall';
  await send(it.page, 'left');
  await until('it is at the origin', () => attempts('left') === 1);
  await it.page.close();
  how = 'ok';
  stalled.splice(0).forEach(say => say());
  await becomes(other, 'left', 'done');
  assert.equal(executed('left'), 1);
});

test('offline it is saved and not called unknown; back online it goes', async t => {
  const it = await fresh(t);
  await offline(it);
  await send(it.page, 'off');
  assert.equal(await state(it.page, 'off'), 'saved');
  await it.context.setOffline(false);
  await becomes(it.page, 'off', 'done');
  assert.ok(!(await it.page.evaluate(() => said)).includes('off unknown'));
  assert.equal(executed('off'), 1);
});

test('with all nodes dead the edge keeps it and sends it by itself', async t => {
  const it = await fresh(t);
  await origin.kill();
  await send(it.page, 'kept');
  await until('the edge was asked', async () => (await it.page.evaluate(() => said)).some(s => s === 'kept sending'));
  await origin.start();
  await becomes(it.page, 'kept', 'done');
  assert.equal(executed('kept'), 1);
});

test('one intent pressed twice is one action; another content is another', async t => {
  const it = await fresh(t);
  how = 'stall';
  const [a, b, c] = [await send(it.page, 'twice', '/order', { intent: 'cart' }), await send(it.page, 'twice', '/order', { intent: 'cart' }), await send(it.page, 'thrice', '/order', { intent: 'cart' })];
  assert.equal(a.key, b.key);
  assert.notEqual(a.key, c.key);
  await until('both are there', () => attempts('twice') === 1 && attempts('thrice') === 1);
  stalled.splice(0).forEach(say => say());
  for (const text of ['twice', 'thrice']) await becomes(it.page, text, 'done');
  how = 'ok';
  const d = await send(it.page, 'twice', '/order', { intent: 'cart' });
  assert.notEqual(a.key, d.key, 'an intent that is over does not swallow the next one');
  await until('it is done too', () => executed('twice') === 2);
});

test('what is on disk cannot be read without the key, and the key cannot be taken out', async t => {
  const it = await fresh(t);
  await offline(it);
  await send(it.page, 'Ada Lovelace', '/order', { headers: { authorization: 'Bearer hunter2' } });
  const { text, extractable } = await it.page.evaluate(async () => {
    const db = await new Promise(done => { const o = indexedDB.open('stillhere'); o.onsuccess = () => done(o.result); });
    const all = name => new Promise(done => { const r = db.transaction(name).objectStore(name).getAll(); r.onsuccess = () => done(r.result); });
    const rows = await all('action'), [key] = await all('key');
    const flat = v => v instanceof ArrayBuffer ? new TextDecoder('latin1').decode(v) : v && typeof v === 'object' ? Object.values(v).map(flat).join(' ') : String(v);
    return { text: rows.map(flat).join(' '), extractable: key.extractable };
  });
  assert.equal(extractable, false);
  for (const secret of ['Ada', 'Lovelace', '/order', 'hunter2', 'authorization']) assert.ok(!text.includes(secret), secret);
  await it.page.evaluate(() => client.forget());
  assert.equal(await state(it.page, 'Ada Lovelace'), undefined);
});

test('where the disk is denied or full it is sent all the same, and nobody is told that it is kept', async () => {
  for (const breaking of ["Object.defineProperty(window, 'indexedDB', { get() { throw new DOMException('denied', 'SecurityError') } })", "IDBObjectStore.prototype.put = function () { throw new DOMException('full', 'QuotaExceededError') }"]) {
    const context = await chrome.newContext();
    await context.addInitScript(breaking);
    const p = await tab(context);
    const sent = await send(p, 'memory');
    assert.equal(sent.receipt, false);
    await until('the end', () => p.evaluate(() => window.ends?.memory?.state === 'done'));
    await context.close();
  }
});

test('who has to log in first does, and it goes under the same key', async t => {
  const it = await fresh(t);
  how = '401';
  const { key } = await send(it.page, 'login');
  await becomes(it.page, 'login', 'needs you');
  how = 'ok';
  await it.page.evaluate(key => client.retry(key), key);
  await becomes(it.page, 'login', 'done');
  assert.deepEqual([executed('login'), [...ledger.keys()].length], [1, 1]);
});

test('what never left can be taken back, what may have left cannot', async t => {
  const it = await fresh(t);
  await offline(it);
  const off = await send(it.page, 'back');
  assert.equal(await it.page.evaluate(key => client.cancel(key), off.key), true);
  await it.context.setOffline(false);
  how = 'stall';
  const on = await send(it.page, 'gone');
  await until('it is at the origin', () => attempts('gone') === 1);
  assert.equal(await it.page.evaluate(key => client.cancel(key), on.key), false);
  how = 'ok';
  stalled.splice(0).forEach(say => say());
  await becomes(it.page, 'gone', 'done');
  assert.equal(attempts('back'), 0);
});

test('what was not sent in time is not sent unasked', async t => {
  const it = await fresh(t);
  await offline(it);
  await send(it.page, 'late', '/order', { expires: 1 });
  await it.context.setOffline(false);
  await becomes(it.page, 'late', 'expired');
  assert.equal(attempts('late'), 0);
});

test('what was not sent in time is not promised any more, though nobody answers', async t => {
  const it = await fresh(t);
  await it.page.evaluate(() => client.configureOutbox({ ready: () => false }));
  await send(it.page, 'promised', '/order', { expires: 300 });
  await becomes(it.page, 'promised', 'expired');
  assert.equal(attempts('promised'), 0);
});

test('what must not be sent is refused with a reason', async t => {
  const it = await fresh(t);
  const why = (url, init) => it.page.evaluate(([url, init]) => client.send(url, init).then(() => 'sent', e => e.message), [url, init]);
  assert.match(await why('https://pay.example/charge', {}), /another origin and not listed/);
  assert.match(await why('/order', { method: 'get' }), /changes nothing/);
  assert.match(await why('/order', { body: 'x'.repeat(1024 * 1024 + 1) }), /bytes are more than/);
});

test('what was typed is there after a reload, but for what is secret; the form is sent once and says what became of it', async t => {
  const it = await fresh(t, '/form');
  const p = it.page, status = p.locator('[data-stillhere-status]');
  assert.equal(await status.getAttribute('role'), 'status');
  assert.equal(await status.textContent(), '');
  await p.getByLabel('Name').fill('Grace');
  await p.getByLabel('Note').fill('by the door');
  await p.getByLabel('Size').selectOption('L');
  await p.getByLabel('Gift').check();
  await p.getByLabel('Code').fill('1234');
  // Whatever is written after this has all that was typed before.
  const typed = Date.now();
  await p.getByLabel('Password').fill('hunter2');
  await until('the draft is on disk', () => p.evaluate(typed => new Promise(done => {
    const o = indexedDB.open('stillhere');
    o.onsuccess = () => { const r = o.result.transaction('draft').objectStore('draft').getAll(); r.onsuccess = () => done(r.result[0]?.at > typed); };
  }), typed));
  await p.reload();
  await p.waitForFunction(() => window.ready);
  await until('it is restored', async () => await p.getByLabel('Name').inputValue() === 'Grace');
  assert.deepEqual([await p.getByLabel('Note').inputValue(), await p.getByLabel('Size').inputValue(), await p.getByLabel('Gift').isChecked(), await p.getByLabel('Code').inputValue(), await p.getByLabel('Password').inputValue()],
    ['by the door', 'L', true, '', '']);
  how = 'stall';
  await p.getByRole('button').dblclick();
  await until('it is at the origin', () => attempts('Grace') === 1);
  assert.equal(await p.locator('form').getAttribute('aria-busy'), 'true');
  assert.equal(await status.textContent(), '\u2068Your order\u2069: being sent. Do not send it again.');
  await p.reload();
  await p.waitForFunction(() => window.ready);
  await until('the next page knows of it', async () => await p.locator('form').getAttribute('aria-busy') === 'true');
  await p.getByRole('button').click();
  how = 'ok';
  stalled.splice(0).forEach(say => say());
  await until('it says so', async () => /Your order\u2069: received at \d\d:\d\d\./.test(await status.textContent()));
  await p.waitForURL(/#thanks$/);
  assert.deepEqual([executed('Grace'), ledger.size], [1, 1]);
  await p.reload();
  await p.waitForFunction(() => window.ready);
  await p.evaluate(() => client.actions());
  assert.equal(await p.getByLabel('Name').inputValue(), '', 'what is done is over');
});

test('a form with a secret in it is sent, and the secret is on no disk', async t => {
  const it = await fresh(t, '/form');
  const p = it.page;
  await offline(it);
  await p.getByLabel('Name').fill('Joan');
  await p.getByLabel('Password').fill('hunter2');
  await p.getByRole('button').click();
  await until('it says so', async () => /kept as long as this tab stays open/.test(await p.locator('[data-stillhere-status]').textContent()));
  await it.context.setOffline(false);
  await until('done', () => executed('Joan') === 1);
  assert.ok([...ledger.values()][0].body.includes('secret=hunter2'));
});

test('orders over a link that is cut all the time, with reloads and a dying origin: each of them once', { timeout: 400_000 + 400 * FAULTS }, async t => {
  const it = await fresh(t);
  const from = link.cuts;
  let deaths = 0, over = false;
  // No connection lives long, and most of them not long enough.
  link.lives = () => Math.random() * (Math.random() < .6 ? 60 : 600);
  const faults = (async () => {
    while (!over) {
      await new Promise(resolve => setTimeout(resolve, 1_000 + Math.random() * 2_000));
      deaths += 1;
      await origin.kill();
      await origin.start();
    }
  })();
  let orders = 0;
  for (; orders < ORDERS || link.cuts - from + deaths < FAULTS; orders += 1) {
    const n = orders;
    // A browser keeps 50 that wait.
    await until('there is room', () => it.page.evaluate(async () => (await client.actions()).filter(a => a.state !== 'done').length < 40), 120_000);
    await until('the page takes it', () => send(it.page, `no ${n}.`));
    if (n % 10 === 9) await until('reloaded', async () => { await it.page.reload(); await it.page.waitForFunction(() => window.ready, undefined, { timeout: 2_000 }); return true; });
  }
  await until('all are over', () => it.page.evaluate(async () => (await client.actions()).every(a => a.state === 'done')), 300_000);
  over = true;
  link.lives = undefined;
  await faults;
  for (let n = 0; n < orders; n += 1) assert.equal(executed(`no ${n}.`), 1, `order ${n}`);
  assert.equal(ledger.size, orders);
  console.log(`# ${orders} orders, ${link.cuts - from} cut connections, ${deaths} deaths of the origin: 0 lost, 0 doubled`);
});

test('a form with nobody to guard it posts as it always did', async t => {
  const it = await fresh(t, '/form');
  const p = it.page;
  await p.evaluate(() => { document.querySelector('form').target = '_blank'; });
  assert.equal(await p.evaluate(() => document.querySelector('form').dispatchEvent(new SubmitEvent('submit', { cancelable: true }))), true, 'another window is not ours');
  assert.equal(attempts(''), 0);
});
