// Somebody who never saw it handles a whole outage with a thumb, in a window of the size of a phone: the link in an alert takes it on and
// says the next true thing in two languages, a time is promised and kept, it is called over, the post-mortem is written, and what follows
// from it is noted. Then every public page tells exactly that. Nothing is done but pressing what has a name and can be seen.
// With SHOTS=<folder> each step leaves a picture there.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Mailbox } from '../../test/mailbox.mjs';
import { complaints } from './axe.mjs';
import { browser, HEAD, service, Target, until, visit } from './harness.mjs';
import { open, other, start } from './signed.mjs';

const WINDOW = { width: 390, height: 844 };
const THUMB = { viewport: WINDOW, hasTouch: true, isMobile: true, deviceScaleFactor: 2, reducedMotion: 'reduce' };
/** What a thumb hits: WCAG 2.5.8 asks for 24; whoever is shaking needs more. */
const TAP_PX = 36;
const SHOTS = process.env.SHOTS;

const FIRST = { en: 'Payments are refused. We are on it.', zh: '支付被拒绝，我们正在处理。' };
const NEXT = { en: 'A disk is full. We are making room.', zh: '磁盘已满，我们正在清理空间。' };
const END = { en: 'There is room again. Payments work.', zh: '空间已清出，支付恢复正常。' };
const LOOK_BACK = {
  short: ['Payments were refused while a disk was full.', '磁盘已满期间支付被拒绝。'],
  cause: ['The logs of a new version filled it.', '新版本的日志占满了磁盘。'],
  factors: ['No alarm watched the disk.', '没有针对磁盘的告警。'],
  well: ['The alert came at once.', '告警立即到达。'],
};
const DO = { en: 'Alarm at 80 % of the disk', zh: '磁盘用量达 80 % 时告警' };
const HIDDEN = 'Talk to the vendor';

let chrome, up, pay, mailbox, viewer;
before(async () => {
  [pay, mailbox] = [await Target.start(), await Mailbox.start()];
  const channel = `\n[[channel]]\nname = "on-call"\nkind = "mail"\nhost = "127.0.0.1"\nport = ${mailbox.port}\ntls = "none"\nfrom = "status@lantern.example"\nto = ["kim@lantern.example"]\n`;
  [chrome, up] = await Promise.all([browser(), start(HEAD + service('payments', 'Payments', '支付', pay) + channel)]);
  await up.statuses({ payments: 'operational' });
  viewer = await other(up, 'lin', 'viewer');
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await pay?.kill();
  mailbox?.server.close();
});

let n = 0;
/** A step is done: axe has nothing against the page, nothing scrolls sideways, everything pressed can be hit. */
async function looked(page, name) {
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/${String(++n).padStart(2, '0')}-${name}.png`, fullPage: true });
  assert.deepEqual(await complaints(page), [], name);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} scrolls sideways`);
  const small = await page.evaluate(least => [...document.querySelectorAll('main :is(button,.btn,select,summary,input:not([type=checkbox],[type=radio]),textarea)')]
    .filter(x => x.checkVisibility()).map(x => [x.textContent.trim() || x.id, Math.round(x.getBoundingClientRect().height)]).filter(([, h]) => h < least), TAP_PX);
  assert.deepEqual(small, [], `${name}: too small for a thumb`);
}

/** What is pressed first must be in the window as the page opens. */
const inView = locator => locator.evaluate(x => { const r = x.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; });

test('an outage from the alert to the post-mortem, with a thumb, and the public pages tell exactly that', async () => {
  await pay.kill();
  const { id } = await up.incident();

  // The mail's link: nobody logs in at this hour.
  const link = await until('an alert with a link', () => mailbox.link('Alert:'));
  const night = await visit(chrome, up.origin + link, THUMB);
  await looked(night.page, 'alert');
  assert.ok(await inView(night.page.getByRole('button', { name: 'I have it' })), 'taking it on needs no scrolling');
  await night.page.getByRole('button', { name: 'I have it' }).tap();
  await night.page.getByText('You took it on at').waitFor();
  await night.page.getByLabel('Text in English').fill(FIRST.en);
  await night.page.getByLabel('Text in 简体中文').fill(FIRST.zh);
  await night.page.getByLabel('Next update within').selectOption('10');
  await looked(night.page, 'first-word');
  await night.page.getByRole('button', { name: 'Publish to everybody' }).tap();
  await night.page.getByText('An update was published with this link').waitFor();
  await looked(night.page, 'first-word-published');
  assert.deepEqual(night.wrong, []);
  await night.close();
  const made = (await up.json(`/api/v1/incidents/${id}`)).promises.at(-1);
  assert.ok((await up.page('/', 'en')).includes(FIRST.en) && (await up.page('/', 'zh-CN')).includes(FIRST.zh));

  // The next word comes from the console.
  const { page, wrong, close } = await open(chrome, up, '/console/', THUMB);
  await page.locator('article.inc').waitFor();
  await looked(page, 'overview');
  assert.ok(await inView(page.getByRole('link', { name: 'Post an update' })), 'the next word needs no scrolling');
  await page.getByRole('link', { name: 'Post an update' }).tap();
  await page.getByLabel('Text, English').waitFor();
  await looked(page, 'update');
  await page.getByRole('button', { name: 'Cause known' }).tap();
  await page.getByLabel('Text, English').fill(NEXT.en);
  await page.getByLabel('Text, 简体中文').fill(NEXT.zh);
  await page.getByRole('radio', { name: '20 min' }).check();
  await page.getByRole('button', { name: 'Publish to everybody' }).tap();
  await until('the promise is kept', async () => (await up.json(`/api/v1/incidents/${id}`)).promises.find(p => p.due === made.due)?.kept_at);

  await page.getByText('It is on disk and on the page.').first().waitFor();
  await looked(page, 'published');

  await page.getByRole('button', { name: 'Call it over' }).tap();
  await page.getByLabel('Text, English').fill(END.en);
  await page.getByLabel('Text, 简体中文').fill(END.zh);
  await looked(page, 'call-it-over');
  await page.getByRole('button', { name: 'Call it over for everybody' }).tap();
  const lookBack = page.getByRole('link', { name: 'Post-mortem' });
  await lookBack.waitFor();
  await looked(page, 'over');
  assert.ok(await inView(lookBack), 'what comes next needs no scrolling');

  await lookBack.tap();
  await page.getByRole('heading', { name: 'Post-mortem', level: 1 }).waitFor();
  await looked(page, 'post-mortem');
  const publish = page.getByRole('button', { name: 'Publish the post-mortem' });
  assert.ok(await publish.isDisabled(), 'nothing is written yet');
  await page.getByRole('button', { name: 'Leave this out What went badly' }).tap();
  const heads = { short: 'In short', cause: 'Cause', factors: 'Contributing factors', well: 'What went well' };
  for (const [key, [en]] of Object.entries(LOOK_BACK)) await page.getByLabel(`${heads[key]}, English`).first().fill(en);
  for (const [key, [, zh]] of Object.entries(LOOK_BACK).slice(1)) await page.getByLabel(`${heads[key]}, 简体中文`).first().fill(zh);
  await page.getByText('1 field is still empty').waitFor();
  assert.ok(await publish.isDisabled(), 'a language half written is not published');
  await page.reload();
  await page.getByRole('link', { name: 'In short, 简体中文' }).tap();
  await until('the field has the focus', () => page.evaluate(() => document.activeElement?.id === 'pm-short-zh-CN'));
  assert.equal(await page.getByLabel('Cause, English').inputValue(), LOOK_BACK.cause[0], 'nothing typed is lost');
  await page.keyboard.insertText(LOOK_BACK.short[1]);
  await page.locator('summary').filter({ hasText: 'Timeline' }).tap();
  const told = await page.getByLabel('Timeline, English').inputValue();
  for (const said of [FIRST.en, NEXT.en, END.en, 'Our team takes it on.']) assert.ok(told.includes(said), `${said}: ${told}`);
  assert.ok(!told.includes('mei') && !told.includes('kim'), 'names are for staff');

  await page.locator('summary').filter({ hasText: 'Note something to do' }).tap();
  const item = page.locator('details').filter({ hasText: 'Note something to do' });
  for (const [what, seen] of [[DO, true], [{ en: HIDDEN, zh: HIDDEN }, false]]) {
    await item.getByLabel('What is done, English').fill(what.en);
    await item.getByLabel('What is done, 简体中文').fill(what.zh);
    await item.getByLabel('Visitors read').setChecked(seen);
    await item.getByRole('button', { name: 'Note it' }).tap();
    await page.locator('.list li').filter({ hasText: what.en }).waitFor();
  }
  await until('the preview has it in both languages', async () => {
    const both = (await page.locator('.preview .body').allInnerTexts()).join('\n');
    return LOOK_BACK.cause.every(x => both.includes(x)) && both.includes(DO.en) && both.includes(DO.zh);
  });
  await looked(page, 'post-mortem-written');
  assert.ok(!(await up.page(`/incidents/${id}`)).includes(LOOK_BACK.cause[0]), 'nothing is public before it is published');
  await publish.tap();
  await page.getByText('The post-mortem is published').waitFor();
  await looked(page, 'post-mortem-published');

  // What is to be done stands in one place; what is given up does not go away.
  await page.getByRole('button', { name: 'More' }).tap();
  await page.getByRole('dialog').getByRole('link', { name: 'Prevention' }).tap();
  const row = what => page.locator('.list li').filter({ hasText: what });
  await row(HIDDEN).getByRole('button', { name: 'Give up on it' }).tap();
  await row(HIDDEN).getByRole('button', { name: 'Yes, it will not be done' }).tap();
  await row(HIDDEN).waitFor({ state: 'detached' });
  await looked(page, 'prevention');
  await row(DO.en).getByRole('button', { name: 'It is done' }).tap();
  await page.getByText('Nothing is left to do.').waitFor();

  // Exactly that, and no more: on the page of the incident, in its feed, on the front page, by the API.
  const expected = { en: [FIRST.en, NEXT.en, END.en, DO.en, ...Object.values(LOOK_BACK).map(x => x[0])], 'zh-CN': [FIRST.zh, NEXT.zh, END.zh, DO.zh, ...Object.values(LOOK_BACK).map(x => x[1])] };
  for (const [lang, all] of Object.entries(expected)) {
    const visitor = await visit(chrome, `${up.origin}/incidents/${id}?lang=${lang}`, { ...THUMB, lang });
    const text = await visitor.page.locator('main').innerText();
    for (const said of all) assert.ok(text.includes(said), `${lang}: ${said}`);
    for (const never of ['mei', 'kim', HIDDEN, 'What went badly', '做得不好的', '[To write]', '【待填写】', '**', '##']) assert.ok(!text.includes(never), `${lang}: ${never}`);
    await looked(visitor.page, `public-${lang}`);
    assert.deepEqual(visitor.wrong, []);
    await visitor.close();
    const feed = await up.page('/history.rss', lang);
    for (const said of [all[0], all[2], all[4]]) assert.ok(feed.includes(said), `the feed in ${lang}: ${said}`);
  }
  const kept = await up.json(`/api/v1/incidents/${id}`);
  assert.deepEqual(kept.promises.map(p => !!p.missed_at), kept.promises.map(() => false), 'no promise was missed');
  assert.equal(kept.status, 'postmortem');
  assert.deepEqual(kept.preventions.map(p => [p.what.en, !!p.done_at, p.owner]), [[DO.en, true, null]]);
  const trust = await visit(chrome, `${up.origin}/trust`, THUMB);
  const report = await trust.page.locator('main').innerText();
  const all = kept.promises.length;
  for (const [figure, is] of [['Taken on by somebody at all', '1 of 1'], ['Told within 5 minutes', '1 of 1'], ['Told only after it was over', '0 of 1'], ['Promised updates that came', `${all} of ${all}`], ['Done so that it does not happen again', '1 of 1']]) {
    assert.match(report, new RegExp(`${figure}\\s+${is}\\s`), report);
  }
  await looked(trust.page, 'trust');
  await trust.close();
  assert.deepEqual(wrong, []);
  await close();

  // Who may read alone reads all of it, and is offered nothing that would be refused.
  const lin = await open(chrome, viewer, `/console/incidents/${id}/postmortem`, { ...THUMB, lang: 'zh-CN', colorScheme: 'dark' });
  await lin.page.getByText('复盘已发布').waitFor();
  assert.equal(await lin.page.locator('main button').count(), 0);
  await looked(lin.page, 'viewer');
  assert.deepEqual(lin.wrong, []);
  await lin.close();
});
