// The page that stands in for the origin, as the edge really makes it (`examples/away.rs`), in front of an edge that is
// played by the test: what its script does, what it never does, and what axe has to say about every one of its kinds.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser, until, visit } from './harness.mjs';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };
const NARROW = { width: 320, height: 700 };

let chrome, edge, dir, pages, policy;
before(async () => {
  dir = process.env.AWAY_PAGES ?? await mkdtemp(path.join(os.tmpdir(), 'stillhere-away-'));
  if (!process.env.AWAY_PAGES) execFileSync('cargo', ['run', '-q', '-p', 'stillhere-edge', '--example', 'away', '--', dir], { cwd: ROOT, stdio: 'inherit' });
  pages = (await readdir(dir)).filter(n => n.endsWith('.html'));
  policy = await readFile(path.join(dir, 'policy.txt'), 'utf8');
  edge = await Edge.up();
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  edge?.server.closeAllConnections();
  edge?.server.close();
  if (!process.env.AWAY_PAGES) await rm(dir, { recursive: true, force: true });
});

/** Answers every address with the page it is told to, and every probe as it is told to; keeps what it was asked. */
class Edge {
  static async up() {
    const it = new Edge();
    it.reset();
    it.server = http.createServer((q, r) => it.answer(q, r));
    await new Promise(resolve => it.server.listen(0, '127.0.0.1', resolve));
    it.origin = `http://127.0.0.1:${it.server.address().port}`;
    return it;
  }
  reset(page = 'all-out.en') {
    Object.assign(this, { page, back: undefined, lost: false, notice: undefined, action: undefined, asked: [], headers: {} });
  }
  async answer(q, r) {
    this.asked.push(`${q.method} ${q.url}${q.headers['stillhere-probe'] ? ' probe' : ''}`);
    if (q.method === 'HEAD' && this.lost) return q.socket.destroy();
    if (q.url === '/.well-known/stillhere/notice') return this.notice ? r.end(JSON.stringify(this.notice)) : r.writeHead(404).end();
    if (q.url.startsWith('/.well-known/stillhere/action/')) return r.end(JSON.stringify({ state: this.action }));
    if (q.method === 'HEAD') {
      return this.back === undefined
        ? r.writeHead(503, { 'stillhere-why': 'all-out', ...this.headers }).end()
        : r.writeHead(204, { 'stillhere-return': this.back }).end();
    }
    if (q.url === '/form') return r.writeHead(200, { 'content-type': 'text/html' }).end('<form method=post action=/order><input name=a value=1><button>Send</button></form>');
    if (this.back !== undefined) return r.writeHead(200, { 'content-type': 'text/html' }).end('<title>The shop</title>');
    const html = await readFile(path.join(dir, `${this.page}.html`));
    r.writeHead(503, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy, 'cache-control': 'no-store' }).end(html);
  }
  count(what) { return this.asked.filter(a => a === what).length; }
}

const noticeOf = (seq, said) => ({
  notice: Buffer.from(JSON.stringify({
    v: 1, epoch: 1, seq, next_update_by: '2026-11-22T03:30:00Z',
    incidents: [
      { title: { en: 'Search is slow' }, said: { en: 'Of no concern here.' }, said_at: '2026-11-22T02:20:00Z', services: ['search'] },
      { title: { en: 'Checkout: down' }, said: { en: said }, said_at: '2026-11-22T02:20:00Z', services: ['checkout'] },
    ],
  })).toString('base64url'),
});

/** Errors of the page's own loading (503) are what it is about; anything else is wrong. */
const bad = wrong => wrong.filter(w => !/status of (503|404)|ERR_EMPTY_RESPONSE|ERR_SOCKET|ERR_CONNECTION/.test(w));

test('a GET is loaded again in the slot that it is given, with its whole address, and only when the origin is back', async () => {
  edge.reset();
  const { page, wrong, close } = await visit(chrome, `${edge.origin}/cart?item=1#sum`, { clock: true });
  assert.match(await page.locator('#say').innerText(), /keeps looking/);
  await until('it asks whether the origin is back', async () => {
    await page.clock.runFor(1_000);
    return edge.count('HEAD /cart?item=1 probe') >= 3;
  });
  assert.equal(edge.count('GET /cart?item=1'), 1, 'no reload while it is away');
  assert.match(await page.locator('#ago').innerText(), /Last looked at \d\d:\d\d:\d\d/);
  edge.back = 7;
  await until('it is told that the origin is back', async () => {
    await page.clock.runFor(1_000);
    return await page.locator('#say').innerText() === 'It answers again.';
  });
  const probes = edge.asked.length;
  await page.clock.runFor(4_000);
  assert.match(await page.locator('#ago').innerText(), /You are back in [1-4] s\./);
  assert.equal(edge.count('GET /cart?item=1'), 1, 'not before its slot');
  assert.equal(edge.asked.filter(a => a.endsWith('probe')).length, edge.asked.slice(0, probes).filter(a => a.endsWith('probe')).length, 'it need not ask any more');
  await until('it is back', async () => {
    await page.clock.runFor(1_000);
    return await page.title() === 'The shop';
  });
  assert.equal(page.url(), `${edge.origin}/cart?item=1#sum`);
  assert.equal(edge.count('GET /cart?item=1'), 2);
  assert.deepEqual(bad(wrong), []);
  await close();
});

test('a form is never sent again, whatever happens; the person is told and can go back', async () => {
  for (const kind of ['outcome-unknown.en', 'all-out-post.en', 'kept.en']) {
    edge.reset(kind);
    const { page, wrong, close } = await visit(chrome, `${edge.origin}/form`, { clock: true });
    await page.getByRole('button').click();
    await page.waitForURL(`${edge.origin}/order`);
    assert.equal(edge.count('POST /order'), 1);
    assert.equal(await page.locator('#go').isHidden(), true);
    edge.back = 1;
    await until('it says that the origin is back', async () => {
      await page.clock.runFor(1_000);
      return await page.locator('#say').innerText() === 'It answers again.';
    });
    await page.clock.runFor(600_000);
    assert.equal(edge.count('POST /order'), 1, `${kind}: sent twice`);
    assert.equal(edge.count('GET /order'), 0, `${kind}: left the page by itself`);
    await page.locator('#go').click();
    await page.waitForURL(`${edge.origin}/form`);
    assert.equal(edge.count('POST /order'), 1);
    assert.deepEqual(bad(wrong), []);
    await close();
  }
});

test('what is kept is told as it changes, and when it is settled the page stops asking', async () => {
  edge.reset('kept.en');
  edge.action = 'saved';
  const { page, close } = await visit(chrome, `${edge.origin}/order`, { clock: true });
  const said = () => page.locator('#kept p').innerText();
  for (const [state, words] of [['sending', /being passed on right now/], ['unknown', /We are checking/], ['done', /received and done/]]) {
    edge.action = state;
    await until(state, async () => { await page.clock.runFor(1_000); return words.test(await said()); });
  }
  const asked = edge.asked.filter(a => a.includes('/action/')).length;
  await page.clock.runFor(120_000);
  assert.equal(edge.asked.filter(a => a.includes('/action/')).length, asked);
  await close();
});

test('case s: when the device reaches nobody, the page does not blame the shop, and goes on when it can', async () => {
  edge.reset();
  const { page, close } = await visit(chrome, `${edge.origin}/`, { clock: true });
  edge.lost = true;
  await until('it says so', async () => {
    await page.clock.runFor(1_000);
    return /cannot reach us right now. That may be your own connection/.test(await page.locator('#say').innerText());
  });
  edge.lost = false;
  await until('and takes it back', async () => {
    await page.clock.runFor(1_000);
    return /keeps looking/.test(await page.locator('#say').innerText());
  });
  await close();
});

test('news of a newer notice come in as text, those of an older one do not, nor those of another service', async () => {
  edge.reset();
  const { page, wrong, close } = await visit(chrome, `${edge.origin}/`, { clock: true });
  const news = page.locator('#news');
  assert.match(await news.innerText(), /disk of the database/);
  edge.notice = noticeOf(1, 'Old words.');
  await until('the notice was read', async () => { await page.clock.runFor(1_000); return edge.count('GET /.well-known/stillhere/notice') > 1; });
  assert.match(await news.innerText(), /disk of the database/);
  edge.notice = noticeOf(9, '<img src=x onerror="window.hit=1"><script>window.hit=1</script> 10 minutes more.');
  await until('the news', async () => { await page.clock.runFor(1_000); return /10 minutes more/.test(await news.innerText()); });
  assert.doesNotMatch(await news.innerText(), /no concern/);
  assert.equal(await news.locator('img,script').count(), 0);
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.match(await page.locator('#f-next dd').innerText(), /by 11:30/);
  assert.match(await news.locator('.dim').innerText(), /Written at 10:20/);
  assert.deepEqual(bad(wrong), []);
  await close();
});

test('in the waiting room the number before one goes down', async () => {
  edge.reset('waiting-room.en');
  edge.headers = { 'stillhere-ahead': 1234 };
  const { page, close } = await visit(chrome, `${edge.origin}/`, { clock: true });
  assert.equal(await page.locator('#f-ahead dd').innerText(), '12,345');
  await until('the number', async () => { await page.clock.runFor(1_000); return await page.locator('#f-ahead dd').innerText() === '1,234'; });
  await close();
});

test('without script a GET loads again by itself, and a form does not', async () => {
  edge.reset();
  const get = await visit(chrome, `${edge.origin}/a?b`, { javaScriptEnabled: false });
  assert.match(await get.page.locator('body').innerText(), /loads again by itself in about \d+ s/);
  assert.equal(await get.page.locator('#live').isHidden(), true);
  await until('it loads again', () => edge.count('GET /a?b') > 1, 60_000);
  await get.close();
  edge.reset('outcome-unknown.en');
  const post = await visit(chrome, `${edge.origin}/order`, { javaScriptEnabled: false });
  assert.equal(await post.page.locator('meta[http-equiv=refresh]').count(), 0);
  assert.match(await post.page.locator('body').innerText(), /do not simply send it again/);
  await post.close();
});

/** Between them they show everything that a page can show. */
const SAMPLE = /^(all-out|core-dead|outcome-unknown|kept|waiting-room|paused|banned)\.en/;

test('axe finds nothing on any of the pages, nor on a desktop or in the dark; none scrolls sideways', async () => {
  assert.ok(pages.length >= 48, `${pages.length} pages`);
  for (const colorScheme of ['light', 'dark']) for (const viewport of Object.values(SIZES)) {
    const { page, wrong, close } = await visit(chrome, `${edge.origin}/`, { colorScheme, viewport, deviceScaleFactor: 1 });
    const first = colorScheme === 'light' && viewport === SIZES.phone;
    for (const name of pages.filter(n => first || SAMPLE.test(n))) {
      edge.reset(name.replace(/\.html$/, ''));
      await page.goto(`${edge.origin}/`);
      await page.evaluate(axe.source);
      const { violations, passes } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(v => `${v.id}: ${v.help}\n  ${v.nodes.map(n => n.html.slice(0, 200)).join('\n  ')}`), [], `${name} ${colorScheme}`);
      assert.ok(passes.length > 10);
    }
    assert.deepEqual(bad(wrong), []);
    await close();
  }
  const { page, close } = await visit(chrome, `${edge.origin}/`, { viewport: NARROW });
  for (const name of pages) {
    edge.reset(name.replace(/\.html$/, ''));
    await page.goto(`${edge.origin}/`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), NARROW.width, `${name} scrolls sideways`);
  }
  await close();
});
