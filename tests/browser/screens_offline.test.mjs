// A ward's screen that hears nothing any more: what goes at its hour, and what the page says of itself.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { stage, openPage, close, accessible, sleep } from './relay.mjs';

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

/** A way to a port of this machine that can fall silent: what goes through it then is never answered, nor closed. */
async function silentWay(port) {
  const way = { open: new Set(), silent: false };
  way.server = createServer((near) => {
    const wire = { dead: way.silent }, far = connect(port, '127.0.0.1');
    way.open.add(wire);
    for (const end of [near, far]) end.on('error', () => {});
    near.on('data', (bytes) => { if (!wire.dead) far.write(bytes); });
    far.on('data', (bytes) => { if (!wire.dead) near.write(bytes); });
    near.on('close', () => far.destroy());
    far.on('close', () => { if (!wire.dead) near.destroy(); });
  });
  way.fall = () => { way.silent = true; way.open.forEach((wire) => { wire.dead = true; }); };
  way.mend = () => { way.silent = false; }; // for new connections; a firewall has forgotten the old ones
  await new Promise((done) => way.server.listen(0, '127.0.0.1', done));
  way.port = way.server.address().port;
  return way;
}

test('a network that swallowed everything for minutes is used again at once', async () => {
  const way = await silentWay(relay.port);
  const open = (address) => openPage(browser, address.replace(`:${relay.port}/`, `:${way.port}/`), { clock: true });
  const page = await open(relay.wards['s3/w1']), wall = await open(relay.walls.s3);
  await page.waitForSelector('.card.orange');
  await page.clock.runFor(16000);
  await wall.waitForSelector('article');
  await sleep(200);
  way.fall();
  for (let s = 0; s < 140; s += 10) { await page.clock.runFor(10000); await wall.clock.runFor(10000); await sleep(30); }
  assert.ok(await page.locator('#stale').isVisible());
  assert.ok(await wall.locator('#lost').isVisible());
  way.mend();
  await page.clock.runFor(20000);
  await wall.clock.runFor(20000);
  await page.waitForSelector('#stale', { state: 'hidden' });
  await wall.waitForSelector('#lost', { state: 'hidden' });
  await relay.event('红', { area: '620102' });
  await page.waitForSelector('.card.red', { timeout: 5000 }); // by a new stream: the clock of the beats stands still
  await close(page);
  await close(wall);
  way.server.close();
});
