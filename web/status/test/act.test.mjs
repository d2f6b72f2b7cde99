// The page behind the link in an alert, as somebody finds it at three in the morning: on a phone, in the dark, without a login, without
// script. The mail is a real one, taken by a mail server of this test.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Mailbox } from '../../test/mailbox.mjs';
import { browser, HEAD, service, Stillhere, Target, until, visit } from './harness.mjs';

const PHONE = { width: 375, height: 812 };
const DESKTOP = { width: 1280, height: 900 };

let chrome, up, target, mailbox;
before(async () => {
  [target, mailbox] = [await Target.start(), await Mailbox.start()];
  const channel = `
[[channel]]
name = "ops"
kind = "mail"
host = "127.0.0.1"
port = ${mailbox.port}
tls = "none"
from = "status@lantern.example"
to = ["kim@lantern.example", "lee@lantern.example"]
`;
  [chrome, up] = await Promise.all([browser(), Stillhere.up(HEAD + service('checkout', 'Checkout', '结账', target) + channel)]);
  await up.statuses({ checkout: 'operational' });
  await target.kill();
  await until('the mails', () => mailbox.mails.length >= 2);
});
after(async () => {
  await chrome?.close();
  await up?.down();
  mailbox?.server.close();
});

test('it fits a narrow phone and a desktop, light and dark, in both languages, and axe finds nothing', async () => {
  const link = mailbox.link('kim@');
  for (const colorScheme of ['light', 'dark']) for (const viewport of [PHONE, DESKTOP]) {
    const { page, wrong, close } = await visit(chrome, up.origin + link, { colorScheme, viewport, deviceScaleFactor: 1 });
    for (const lang of ['en', 'zh-CN']) {
      await page.goto(`${up.origin}${link}?lang=${lang}`);
      assert.equal(await page.locator('html').getAttribute('lang'), lang);
      assert.equal(await page.locator('textarea').count(), 2);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.equal(wide, viewport.width, `${lang}: nothing scrolls sideways`);
      for (const button of await page.locator('button').all()) {
        assert.ok((await button.boundingBox()).height >= 48, 'a thumb finds it');
      }
      // The policy of the page forbids scripts, also axe's in the page: it is put in from outside.
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(v => `${v.id}: ${v.help} ${v.nodes[0].html.slice(0, 150)}`), [], `${colorScheme} ${viewport.width} ${lang}`);
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/act-${viewport.width}-${colorScheme}-${lang}.png`, fullPage: true });
    }
    assert.deepEqual(wrong, []);
    await close();
  }
});

test('without script and without a login: taken on, and the next update published in two languages', async () => {
  const link = mailbox.link('kim@');
  const { page, wrong, close } = await visit(chrome, up.origin + link, { viewport: PHONE, colorScheme: 'dark', javaScriptEnabled: false });
  const draft = await page.locator('textarea[name="text-en"]').inputValue();
  assert.match(draft, /^Since .*, Checkout cannot be used\. .*We do not know the cause yet\.$/);
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByText('You took it on at').waitFor();
  assert.equal(await page.getByRole('button', { name: 'I have it' }).count(), 0);

  await page.locator('textarea[name="text-en"]').fill('A disk is full. <b>We free it.</b>');
  await page.locator('textarea[name="text-zh-CN"]').fill('磁盘已满，正在清理。');
  await page.locator('select[name=status]').selectOption('identified');
  await page.locator('select[name=within]').selectOption('30');
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/act-filled.png`, fullPage: true });
  await page.getByRole('button', { name: 'Publish to everybody' }).click();
  await page.getByText('An update was published with this link at').waitFor();
  assert.equal(await page.locator('textarea').count(), 0, 'once');
  assert.deepEqual(wrong, []);

  await page.goto(`${up.origin}/?lang=en`);
  await page.getByText('A disk is full. <b>We free it.</b>').first().waitFor();
  await page.goto(`${up.origin}/?lang=zh-CN`);
  await page.getByText('磁盘已满，正在清理。').first().waitFor();
  await close();
});

test('what is left empty is not published, and what was written is not lost', async () => {
  const link = mailbox.link('lee@');
  const { page, close } = await visit(chrome, up.origin + link, { viewport: PHONE });
  await page.locator('textarea[name="text-en"]').fill('');
  await page.locator('textarea[name="text-zh-CN"]').fill('');
  await page.getByRole('button', { name: 'Publish to everybody' }).click();
  await page.getByText('Nothing was published').waitFor();
  await close();
});

test('a link that does nothing says so in the reader’s language', async () => {
  const answer = await fetch(`${up.origin}/act/${'A'.repeat(64)}`, { headers: { 'accept-language': 'zh-CN' } });
  assert.equal(answer.status, 404);
  assert.match(await answer.text(), /此链接不是由我们签发/);
});
