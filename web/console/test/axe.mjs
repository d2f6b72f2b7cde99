// What axe has against a page as it stands.
import axe from 'axe-core';
import assert from 'node:assert/strict';

export async function complaints(page) {
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => window.axe.run());
  assert.ok(passes.length > 10, 'axe looked at the page');
  return violations.map(v => `${v.id}: ${v.help}\n  ${v.nodes.map(n => n.html.slice(0, 200)).join('\n  ')}`);
}
