// Subscribing as a visitor does it: with and without script, on a phone and a desktop, by keyboard, judged by axe.
import axe from 'axe-core';
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { browser, HEAD, service, Stillhere, Target, until, visit } from './harness.mjs';

const SIZES = { phone: { width: 375, height: 812 }, desktop: { width: 1280, height: 900 } };

/** A mail server that keeps what it is given. */
class Mailbox {
  static async start() {
    const it = new Mailbox();
    it.mails = [];
    it.server = net.createServer(s => it.talk(s));
    await new Promise(resolve => it.server.listen(0, '127.0.0.1', resolve));
    it.port = it.server.address().port;
    return it;
  }
  talk(s) {
    let text = '', mail;
    const say = line => s.write(`${line}\r\n`);
    s.on('error', () => {});
    say('220 mailbox');
    s.on('data', d => {
      text += d;
      for (;;) {
        if (mail !== undefined) {
          const end = text.indexOf('\r\n.\r\n');
          if (end < 0) return;
          this.mails.push(text.slice(0, end));
          text = text.slice(end + 5);
          mail = undefined;
          say('250 taken');
          continue;
        }
        const end = text.indexOf('\r\n');
        if (end < 0) return;
        const verb = text.slice(0, 4).toUpperCase();
        text = text.slice(end + 2);
        if (verb === 'DATA') { mail = ''; say('354 go on'); } else say(verb === 'QUIT' ? '221 bye' : '250 ok');
      }
    });
  }
  /** The link to `/subscribe/<page>/…` in the newest mail to `to`. */
  link(to, page) {
    return until(`a mail to ${to} that leads to ${page}`, () => {
      const mine = this.mails.filter(m => m.includes(`To: ${to}`)).reverse();
      for (const mail of mine) {
        const parts = [...mail.matchAll(/\r\n\r\n((?:[A-Za-z0-9+/=]+\r\n)+)/g)].map(p => Buffer.from(p[1], 'base64').toString());
        const found = [mail.replace(/=\r\n/g, ''), ...parts].join('\n').match(new RegExp(`/subscribe/${page}/[A-Za-z0-9_-]{64}`));
        if (found) return found[0];
      }
      return false;
    });
  }
}

let chrome, up, shop, mailbox;
before(async () => {
  [shop, mailbox] = [await Target.start(), await Mailbox.start()];
  [chrome, up] = await Promise.all([browser(), Stillhere.up(HEAD
    + service('shop', 'Shop', '商店', shop) + service('payments', 'Payments', '支付', shop)
    + `\n[[channel]]\nname = "mail"\nkind = "mail"\nhost = "127.0.0.1"\nport = ${mailbox.port}\ntls = "none"\n`
    + 'from = "status@lantern.example"\nto = ["ops@lantern.example"]\n')]);
  await up.statuses({ shop: 'operational' });
});
after(async () => {
  await chrome?.close();
  await up?.down();
  await shop?.kill();
  mailbox?.server.close();
});

test('without script a visitor subscribes, confirms, chooses and leaves', async () => {
  const { page, close } = await visit(chrome, `${up.origin}/?lang=en`, { javaScriptEnabled: false });
  await page.getByLabel('E-mail address').fill('ann@example.com');
  await page.getByRole('button', { name: 'Send me updates' }).click();
  await page.getByRole('heading', { name: 'Look into your mailbox' }).waitFor();
  await page.goto(up.origin + await mailbox.link('ann@example.com', 'confirm'));
  await page.getByText('ann@example.com wants to be told').waitFor();
  await page.getByRole('button', { name: 'Yes, start' }).click();
  await page.getByRole('heading', { name: 'The updates have started' }).waitFor();
  await page.getByLabel('Payments').check();
  await page.getByLabel('Incidents').selectOption('major');
  await page.getByLabel('How often').selectOption('daily');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  assert.equal(await page.getByLabel('Payments').isChecked(), true);
  assert.equal(await page.getByLabel('Shop', { exact: true }).isChecked(), false);
  assert.equal(await page.getByLabel('Incidents').inputValue(), 'major');
  const own = JSON.parse(await up.cli('subscribers', 'export', 'ann@example.com'));
  assert.deepEqual([own.state, own.wish.services, own.wish.pace], ['active', ['payments'], 'daily']);
  await page.getByRole('button', { name: 'Stop the updates' }).click();
  await page.getByRole('heading', { name: 'The updates have stopped' }).waitFor();
  await assert.rejects(up.cli('subscribers', 'export', 'ann@example.com'), /Nobody subscribed/);
  await close();
});

test('by keyboard in Chinese, and the policy of the page lets the form go nowhere else', async () => {
  const { page, close, wrong } = await visit(chrome, `${up.origin}/?lang=zh-CN`, {});
  await page.getByLabel('邮箱地址').focus();
  await page.keyboard.type('wang@example.com');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: '请查看您的邮箱' }).waitFor();
  await page.goto(up.origin + await mailbox.link('wang@example.com', 'confirm'));
  await page.getByRole('button', { name: '是的，开始' }).click();
  await page.getByRole('heading', { name: '通知已开始' }).waitFor();
  await page.goto(`${up.origin}/?lang=en`);
  await page.evaluate(() => { document.querySelector('form.ask').action = 'https://elsewhere.example/'; });
  await page.getByLabel('E-mail address').fill('x@example.com');
  await page.evaluate(() => document.querySelector('form.ask').requestSubmit());
  await until('the browser refuses', () => wrong.some(w => /form-action/.test(w)));
  assert.ok(page.url().startsWith(up.origin));
  await close();
});

test('axe finds nothing on any of its pages, and none scrolls sideways', async () => {
  await up.cli('subscribers', 'import', await addresses('axe@example.com'));
  const { page: asking, close: done } = await visit(chrome, `${up.origin}/subscribe?lang=en`, {});
  await asking.getByLabel('E-mail address').fill('axe@example.com');
  await asking.getByRole('button', { name: 'Send me updates' }).click();
  await done();
  const manage = await mailbox.link('axe@example.com', 'manage');
  for (const colorScheme of ['light', 'dark']) for (const [size, viewport] of Object.entries(SIZES)) {
    const { page, close } = await visit(chrome, up.origin, { colorScheme, viewport });
    for (const lang of ['en', 'zh-CN']) for (const path of [`/?lang=${lang}`, `/subscribe?lang=${lang}`, manage, '/subscribe/leave/nonsense']) {
      await page.goto(up.origin + path);
      await page.evaluate(axe.source);
      const { violations } = await page.evaluate(() => window.axe.run());
      assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 160)).join('\n')}`), [], `${path} on a ${colorScheme} ${size}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} scrolls sideways`);
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/${path.split('/')[2]?.split('?')[0] ?? 'status'}-${lang}-${size}-${colorScheme}.png`, fullPage: true });
    }
    await close();
  }
});

async function addresses(...all) {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(`${up.dir}/addresses.txt`, all.join('\n'));
  return 'addresses.txt';
}
