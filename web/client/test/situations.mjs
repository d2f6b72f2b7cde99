// What can be wrong between a person and a service, and what may be said of it: the verdict, and nobody blamed who is not known to be
// at fault. Each is lived through by a page that has been well for a moment.
import https from 'node:https';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Mirror, Origin, Signer, incident, notice, until } from './world.mjs';

const OURS = /our fault/, YOURS = /your connection/;
const SAYS_DOWN = { incidents: [incident()] };
const down = w => w.mirrors.forEach(m => m.says(w.signer, notice('major', SAYS_DOWN)));
const mirrorsDie = w => Promise.all(w.mirrors.map(m => m.kill()));
/** Before everything else of the page. */
const script = text => w => { w.before = `<script>${text}</script>`; };
/** A portal gives everybody its own page, whatever was asked. */
const portal = w => w.mirrors.forEach(m => { m.text = '<html>Please sign in to this network</html>'; m.cors = false; });

/**
 * `before`: ahead of the first page. `unproven`: mirrors have never answered this browser. `then`: what happens. `is`: the verdict.
 * `blames`: the only fault that may be named.
 */
export const SITUATIONS = [
  { name: 'all is well', then: () => {}, is: 'ok' },
  { name: 'the origin refuses, a mirror says that it is down', then: async w => { down(w); await w.origin.kill(); }, is: 'down', blames: OURS },
  { name: 'the origin stalls, a mirror says that it is down', then: w => { down(w); w.origin.mode = 'frozen'; }, is: 'down', blames: OURS },
  { name: 'the origin refuses, the mirrors say that all is well', then: w => w.origin.kill(), is: 'unknown' },
  { name: 'the origin stalls, the mirrors say that all is well', then: w => { w.origin.mode = 'frozen'; }, is: 'unknown' },
  { name: 'a server of the provider answers 503', then: w => { w.origin.mode = '503'; }, is: 'down', blames: OURS },
  { name: 'the edge lives, everything behind it is out', then: w => { w.origin.mode = 'sorry'; }, is: 'down', blames: OURS },
  { name: 'the edge says that there are too many requests', then: w => { w.origin.mode = 'busy'; }, is: 'slow', blames: OURS },
  { name: 'a person has paused the service', then: w => { w.origin.mode = 'paused'; }, is: 'maintenance' },
  { name: 'the service is slow, and says so', then: w => w.mirrors.forEach(m => m.says(w.signer, notice('degraded'))), is: 'slow', blames: OURS },
  {
    name: 'planned work, and nothing answers but the mirrors', is: 'maintenance',
    then: async w => { w.mirrors.forEach(m => m.says(w.signer, notice('maintenance', { maintenances: [{ title: { en: 'New storage' }, ends_at: new Date(Date.now() + 1_800_000).toISOString() }] }))); await w.origin.kill(); },
  },
  { name: 'the status hosts are dead, the origin lives', then: mirrorsDie, is: 'ok' },
  { name: 'nothing answers, and the mirrors used to', then: async w => { await mirrorsDie(w); await w.origin.kill(); }, is: 'you', blames: YOURS },
  { name: 'nothing answers, and no mirror ever did', unproven: true, then: w => w.origin.kill(), is: 'unknown' },
  { name: 'the machine says that it is offline, and nothing answers', unproven: true, then: async (w, page) => { await w.origin.kill(); await page.evaluate(() => { window.dispatchEvent(new Event('offline')); }); }, is: 'you', blames: YOURS },
  { name: "a portal's page instead of the mirrors, no origin", then: async w => { portal(w); await w.origin.kill(); }, is: 'unknown' },
  { name: "one mirror's name is not known, the other says that it is down", before: w => { w.more = ['http://mirror.invalid/notice']; }, then: async w => { down(w); await w.origin.kill(); }, is: 'down', blames: OURS },
  { name: "the mirror's certificate is nobody's, no origin", only: true, before: async w => { w.more = [await w.tls()]; }, unproven: true, then: w => w.origin.kill(), is: 'unknown' },
  { name: "the page's policy forbids the mirrors, no origin", before: w => { w.origin.headers = { 'content-security-policy': "default-src 'self' 'unsafe-inline'" }; }, proven: true, then: w => w.origin.kill(), is: 'unknown' },
  {
    name: 'an extension blocks the mirrors, no origin', unproven: true, is: 'unknown',
    before: script('{ const was = window.fetch; window.fetch = (u, ...r) => String(u?.url ?? u).includes("/notice") ? Promise.reject(new TypeError("blocked")) : was(u, ...r); }'),
    then: w => w.origin.kill(),
  },
  { name: 'the notice is forged', then: async w => { w.mirrors.forEach(m => m.says(new Signer(), notice('major', SAYS_DOWN))); await w.origin.kill(); }, is: 'unknown' },
  { name: 'the notice is a replayed one', then: async w => { w.mirrors.forEach(m => m.says(w.signer, { ...notice('major', SAYS_DOWN), seq: 1 })); await w.origin.kill(); }, is: 'unknown' },
  { name: 'the notice is stale', then: async w => { w.mirrors.forEach(m => m.says(w.signer, notice('major', { ...SAYS_DOWN, made_at: '2026-01-01T00:00:00Z', fresh_until: '2026-01-01T00:03:00Z' }))); await w.origin.kill(); }, is: 'unknown' },
  { name: "this device's clock is an hour behind", before: script('{ const D = Date; const off = -3600e3; window.Date = class extends D { constructor(...a) { a.length ? super(...a) : super(D.now() + off); } static now() { return D.now() + off; } }; }'), then: async w => { down(w); await w.origin.kill(); }, is: 'down', blames: OURS },
  { name: 'it is over', then: async (w, page, see) => { down(w); await w.origin.kill(); await use(page); await see('down'); w.mirrors.forEach(m => m.says(w.signer, notice())); await w.origin.up(); }, is: 'ok' },
];

/** The page asks its origin for something, as pages do. */
const use = page => page.evaluate(() => { void fetch('/api').then(() => 0, () => 0); });
const seen = page => page.evaluate(() => {
  const root = document.querySelector('stillhere-status')?.shadowRoot;
  return { state: window.stillhere?.state().name, text: [...root?.querySelectorAll('.t, [part=lead], li') ?? []].map(e => e.textContent).join(' ').replace(/[\u2066-\u2069]/g, '') };
});

/** Lives through one in a page of `open`, a browser of its own; throws where the verdict is another one, or somebody is blamed. */
export async function live(situation, open) {
  const w = { signer: new Signer(), origin: await new Origin().listen(), mirrors: [await new Mirror().listen(), await new Mirror().listen()], more: [], before: '', tls };
  const ends = [w.origin, ...w.mirrors];
  async function tls() {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'stillhere-tls-'));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${dir}/key`, '-out', `${dir}/crt`, '-days', '1', '-subj', '/CN=127.0.0.1'], { stdio: 'ignore' });
    const server = https.createServer({ key: readFileSync(`${dir}/key`), cert: readFileSync(`${dir}/crt`) }, (q, r) => r.end('{}'));
    rmSync(dir, { recursive: true });
    await new Promise(done => server.listen(0, '127.0.0.1', done));
    ends.push({ stop: () => server.close() });
    return `https://127.0.0.1:${server.address().port}/notice`;
  }
  const page = await open();
  try {
    w.mirrors.forEach(m => m.says(w.signer, notice()));
    await situation.before?.(w);
    w.origin.tag([...situation.only ? [] : w.mirrors, ...w.more.map(url => ({ url }))], w.signer);
    w.origin.head = w.before + w.origin.head;
    if (situation.unproven && !situation.only) await mirrorsDie(w);
    await page.goto(`${w.origin.origin}/`);
    await until('the client', () => page.evaluate(() => window.stillhere?.state().name === 'ok' && !!document.querySelector('stillhere-status')?.shadowRoot));
    if (!situation.unproven && !situation.proven) await until('the mirrors have answered', async () => {
      await page.evaluate(() => { void window.stillhere.diagnose(); });
      return w.mirrors.every(m => m.asked.length) && await page.evaluate(() => !!JSON.parse(localStorage.stillhere ?? '{}').held);
    });
    if (situation.proven) {
      await page.evaluate(ms => { localStorage.stillhere = JSON.stringify({ ...JSON.parse(localStorage.stillhere ?? '{}'), held: null, polled: 1e9, wall: Date.now(), proven: Object.fromEntries(ms.map(m => [m, Date.now()])) }); }, w.mirrors.map(m => m.url));
      await page.goto(`${w.origin.origin}/?again`);
      await until('the client', () => page.evaluate(() => !!window.stillhere));
    }
    const see = is => until(`the verdict ${is}`, async () => {
      const now = await seen(page);
      if (now.state !== is) throw new Error(`it is ${now.state}`);
      return true;
    });
    await situation.then(w, page, see);
    await use(page);
    await page.evaluate(() => { void window.stillhere.diagnose(); });
    await see(situation.is);
    // It is not only passing through it.
    await page.evaluate(() => window.stillhere.diagnose().then(() => 0));
    await see(situation.is);
    const { text } = await seen(page);
    for (const blame of [OURS, YOURS]) {
      const said = text.match(blame);
      if (said && String(blame) !== String(situation.blames) && !(situation.blames === OURS && /not your connection/.test(text))) throw new Error(`it blames somebody: ${text}`);
    }
  } finally {
    await page.close();
    ends.forEach(s => s.stop());
  }
}
