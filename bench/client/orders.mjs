// People order through one of the rivals, or through ours, while everything fails: `node orders.mjs WHO FAULTS [SEED]`. One line of JSON for each fact.
//
// Eight people with a browser profile each, up to six orders of each under way. Whoever is told that it failed, or told nothing and finds no trace
// of it, presses again, up to eight times; whoever was told "done", "kept" or "nobody knows" does not. Every tenth press is followed by a reload.
import { Edge } from '../../web/client/test/kit/edge.mjs';
import { browser } from '../../web/client/test/world.mjs';
import { bundle } from './bundle.mjs';
import { Road, Shop, dice } from './road.mjs';

const [, , who, wanted, seed = '1'] = process.argv;
const FAULTS = Number(wanted), PEOPLE = 8, AT_ONCE = 6, PRESSES = 8;
const SYNC_MS = 2_000, POLL_MS = 200;
/** After the last press: how long what was kept may still take, which is more than any of them waits between two attempts here. */
const PATIENCE_MS = 120_000;
const SAY_MS = 10_000;
const say = what => console.log(JSON.stringify(what));
const pause = ms => new Promise(done => setTimeout(done, ms));

const js = async file => ({ type: 'text/javascript', text: await bundle(file) });
const html = body => ({ type: 'text/html', text: `<!doctype html><html lang=en><meta charset=utf-8><title>Shop</title><link rel=icon href=data:,>${body}` });
const files = { '/': html('<h1>Shop</h1><script type=module>import "/app.js"; window.ready = true</script>'), '/app.js': await js(who.replace('-alone', '')), '/offline.html': html('<h1>Offline</h1>'), ...who === 'workbox' && { '/sw.js': { ...await js('workbox-worker'), type: 'text/javascript' } } };

const shop = await new Shop(seed, files).up();
const edge = who === 'stillhere' ? await Edge.up({ routes: [{ keyed: { origin_honours: true }, nodes: [`http://127.0.0.1:${shop.port}`] }] }, `http://127.0.0.1:${shop.port}`) : undefined;
const road = await new Road(seed, edge?.origin ?? `http://127.0.0.1:${shop.port}`, () => shop.dies()).up();
const chrome = await browser();
const met = () => road.faults + shop.faults + shop.deaths;

const asked = { presses: 0, reloads: 0, late: 0 };
/** What each person was told last of each order. */
const said = new Map();
let next = 0, stop = false;

async function person() {
  const context = await chrome.newContext(), page = await context.newPage(), mine = new Map();
  // A network of its own may have nothing but the loopback interface, which a browser calls offline.
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'onLine', { get: () => true }));
  // A page that is in the middle of a reload does not answer; it is asked again.
  const ask = async (f, arg) => { for (;;) { try { return await page.evaluate(f, arg); } catch (e) { if (stop) throw e; await load(); } } };
  const load = async () => { for (;;) { try { await page.goto(road.origin); await page.waitForFunction(() => window.ready, undefined, { timeout: 10_000 }); return; } catch { await pause(100); } } };
  await load();
  const sync = who === 'workbox' && await syncing(context, page);
  const press = async n => {
    mine.set(n, mine.get(n) + 1);
    asked.presses += 1;
    await ask(n => { window.order(n); }, n);
    if (dice(seed, 'reload', n, mine.get(n)) < 0.1) { asked.reloads += 1; await load(); }
  };
  for (;;) {
    const told = await ask(async ns => { const all = await window.states(); return ns.map(n => [n, all[n]]); }, [...mine.keys()]);
    for (const [n, what] of told) {
      said.set(n, what ?? 'nothing');
      if (what === 'done' || what === 'unknown') mine.delete(n);
      else if ((what === undefined || what === 'failed') && mine.get(n) < PRESSES) await press(n);
      else if (what === 'failed' || what === undefined) mine.delete(n);
      // Whoever is told that it will be sent goes on with something else.
      else if (what === 'kept' && who === 'workbox') mine.delete(n);
    }
    while (mine.size < AT_ONCE && met() < FAULTS) { const n = next++; mine.set(n, 0); await press(n); }
    if (!mine.size && met() >= FAULTS) break;
    await pause(POLL_MS);
  }
  const end = Date.now() + PATIENCE_MS;
  let quiet = 0;
  while (quiet < 3 && Date.now() < end) { quiet = await ask(() => window.pending()) ? 0 : quiet + 1; await pause(POLL_MS); }
  asked.late += quiet < 3 ? await ask(() => window.pending()) : 0;
  if (sync) clearInterval(sync);
  await context.close();
}

/** Chromium tries a sync when it likes, after 5 and 15 minutes; here it is asked to every two seconds, which is to the rival's good. */
async function syncing(context, page) {
  const cdp = await context.newCDPSession(page), found = new Set();
  cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => registrations.forEach(r => found.add(r.registrationId)));
  await cdp.send('ServiceWorker.enable');
  return setInterval(() => { for (const registrationId of found) void cdp.send('ServiceWorker.dispatchSyncEvent', { origin: road.origin, registrationId, tag: 'workbox-background-sync:orders', lastChance: false }).catch(() => {}); }, SYNC_MS);
}

const began = Date.now();
const facts = () => {
  const all = [...Array(next).keys()], times = n => shop.done.get(n) ?? 0, of = f => all.filter(f).length;
  return {
    who, orders: next, faults: met(), seconds: Math.round((Date.now() - began) / 1000), ...asked,
    // What is still kept may yet be sent.
    lost: Math.max(0, of(n => !times(n) && ['done', 'kept', 'waiting'].includes(said.get(n))) - asked.late), confirmed: of(n => !times(n) && said.get(n) === 'done'),
    doubled: of(n => times(n) > 1), unknown: of(n => said.get(n) === 'unknown'), failed: of(n => ['failed', 'nothing'].includes(said.get(n))),
  };
};
const progress = setInterval(() => say({ progress: `${met()} of ${FAULTS} faults, ${next} orders` }), SAY_MS);
await Promise.all(Array.from({ length: PEOPLE }, person));
clearInterval(progress);
stop = true;
say({ result: facts() });
await chrome.close();
road.down();
await shop.down();
await edge?.down();
process.exit(0);
