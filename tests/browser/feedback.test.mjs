// The page behind the link of a duty message, on a phone: what it asks, what a press does, and what a look does not do.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stage, pictures, openPage, close, accessible, forOldBrowsers, until } from './relay.mjs';
const phone = { width: 390, height: 844 };
const { relay, browser } = await stage(`
  - {id: s1, name: 交大一附院, area: '610113', wards: [{id: w1, name: 三病区}]}
`, `
chats:
  - {id: desk, name: 雁塔值班群, type: file, audience: duty, drills: true, path: messages.jsonl}
  - {id: club, name: 红鹅志愿者, type: file, audience: volunteer, path: club.jsonl}
receivers: [{name: everyone, displays: all, chats: all}]
route: {receiver: everyone}
`, { public: true });
const messages = () => { try { return readFileSync(join(relay.dir, 'messages.jsonl'), 'utf8'); } catch (e) { return ''; } };

async function newLink() {
  const known = messages().length;
  return until('a link', () => (/http[^"\\]*\/f\/[0-9a-z.]+/.exec(messages().slice(known)) || [])[0]);
}
const counted = async () => JSON.parse(await relay.tocsin('alerts', 'feedback', '--json')).rules;

test('a warning is answered with a name and one press', async () => {
  const link = newLink();
  await relay.event('红');
  const page = await openPage(browser, await link, phone);
  assert.match(await page.locator('.top').innerText(), /红[^]*雁塔值班群[^]*冒充医保局要求转到安全账户[^]*编号/);
  await accessible(page, 'feedback');
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
  assert.deepEqual(await counted(), []);
  assert.equal(forOldBrowsers('feedback', await page.content()), 0);
  await page.screenshot({ path: join(pictures, 'feedback-phone.png') });
  await page.click('button.acknowledged'); // the browser itself asks for the name
  assert.equal(await page.locator('.said').count(), 0);
  await page.fill('#name', '王警官');
  await page.click('button.acknowledged');
  await page.waitForSelector('.said:has-text("记下了，谢谢：收到")');
  await page.click('button.false_alarm'); // the name is there still
  await page.waitForSelector('.said:has-text("误报")');
  await page.click('button.false_alarm');
  await page.waitForSelector('.said:has-text("您已经说过：误报")');
  assert.match(await page.locator('.counts').innerText(), /误报 1[^]*收到 1/);
  await accessible(page, 'answered');
  await page.screenshot({ path: join(pictures, 'feedback-answered-phone.png') });
  const [rule] = await counted();
  assert.deepEqual([rule.rule, rule.false_alarm, rule.acknowledged, rule.seen], ['screen_red', 1, 1, 0]);
  await page.reload();
  assert.deepEqual((await counted())[0].false_alarm, 1);
  await close(page);
});

test('an exercise asks only whether it was received, and says that it is one', async () => {
  const link = newLink();
  await relay.event('橙', { status: 'Exercise' });
  const page = await openPage(browser, await link, phone);
  assert.match(await page.locator('.top').innerText(), /演练/);
  assert.deepEqual(await page.locator('button').allInnerTexts().then((t) => t.map((x) => x.split('\n')[0])), ['收到']);
  await accessible(page, 'exercise');
  await close(page);
});

test('an address that is not ours says so', async () => {
  const page = await openPage(browser, `http://127.0.0.1:${relay.port}/f/1.2.f.${'a'.repeat(26)}`, phone);
  assert.match(await page.locator('h1').innerText(), /这个链接无效/);
  await accessible(page, 'refused');
  await close(page);
});

test('a rule with many false alarms is put before those who steer', async () => {
  const [alert] = (await relay.alerts()).filter((a) => a.level === 'red');
  for (const name of ['李警官', '赵警官', '孙警官']) await relay.tocsin('alerts', 'outcome', alert.id, '误报', '--by', name);
  const { address } = await relay.console('王警官');
  const page = await openPage(browser, address, phone);
  await page.waitForSelector('h2:has-text("要过问的规则")');
  assert.match(await page.locator('.card:has-text("screen_red")').last().innerText(), /误报 4/);
  await close(page);
});
