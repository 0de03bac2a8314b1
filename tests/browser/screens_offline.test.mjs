// A ward's screen that hears nothing any more: what goes at its hour, and what the page says of itself.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { stage, openPage, close, accessible } from './relay.mjs';

const { relay, browser } = await stage(`
  - {id: s3, name: 兰大一院, area: '620102', wards: [{id: w1, name: 一病区}]}
`);

test('it goes at its expiry with the relay dead and the network cut, and is not shown again on reload', async () => {
  const page = await openPage(browser, relay.wards['s3/w1']);
  await page.waitForSelector('.calm');
  const end = Date.now() + 3000;
  await relay.event('蓝', { seconds: 3, area: '620102' });
  await page.waitForSelector('.card.blue');
  await relay.stopRelay('SIGKILL');
  await page.context().setOffline(true);
  await page.waitForSelector('.card.blue', { state: 'detached' });
  assert.ok(Math.abs(Date.now() - end) < 1500, `${Date.now() - end} ms after its expiry`);
  await page.goto(relay.wards['s3/w1']); // from the browser's own cache: the relay is away
  await page.waitForSelector('.calm');
  assert.equal(await page.locator('#ward').innerText(), '一病区');
  assert.equal(await page.locator('.card.blue').count(), 0);
  await close(page);
  await relay.startRelay();
});

test('stale after 45 s, neutral after ten minutes, and well again by itself', async () => {
  const page = await openPage(browser, relay.wards['s3/w1'], { clock: true });
  await relay.event('橙', { area: '620102' });
  await page.waitForSelector('.card.orange');
  await relay.stopRelay('SIGKILL');
  await page.clock.runFor(30000);
  assert.equal(await page.locator('#stale').isVisible(), false);
  await page.clock.runFor(17000);
  await page.waitForSelector('#stale:has-text("与服务器失去联系")');
  assert.ok(await page.locator('.card').count());
  await accessible(page, 'stale');
  await page.goto(relay.wards['s3/w1']); // from the browser's own cache, with the board that it kept
  await page.waitForSelector('.card.orange');
  await page.waitForSelector('#stale:has-text("与服务器失去联系")');
  await page.clock.fastForward(9.5 * 60000);
  await page.waitForSelector('.calm h2:has-text("与服务器失去联系")');
  assert.equal(await page.locator('.card, .strip').count(), 0);
  await accessible(page, 'neutral');
  await relay.startRelay();
  await page.clock.fastForward(20000);
  await page.waitForSelector('.card', { timeout: 10000 });
  assert.equal(await page.locator('#stale').isVisible(), false);
  await close(page);
});
