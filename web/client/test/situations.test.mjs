// The labelled situations in Chromium; `bench/run outage_day` lives through them in three engines.
import { after, before, test } from 'node:test';
import { SITUATIONS, live } from './situations.mjs';
import { browser } from './world.mjs';

let chrome;
before(async () => { chrome = await browser(); });
after(() => chrome?.close());

async function open() {
  const context = await chrome.newContext({ locale: 'en-GB' }), page = await context.newPage();
  return { goto: url => page.goto(url), evaluate: (...a) => page.evaluate(...a), close: () => context.close() };
}
for (const situation of SITUATIONS) test(`${situation.name}: ${situation.is}`, () => live(situation, open));
