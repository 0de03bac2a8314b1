// What a screen lives through: rotation, nights, restarts, proxies that hold streams back. And pictures of every state, for
// people to look at, in the build folder.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { stage, pictures, openPage, close, accessible, legible, turnTo, until, sleep } from './relay.mjs';

const { relay, browser } = await stage(`
  - {id: s1, name: 交大一附院, area: '610113', issuer: 雁塔公安·交大一附院, help: 门诊一楼警务室,
     wards: [{id: w1, name: 三病区}, {id: w2, name: 门诊大厅, takeover: full}, {id: w3, name: 五病区, takeover: none, drills: true}]}
  - {id: s2, name: 西京医院, area: '610113', reminders: ['探视时间 15:00 至 17:00，每次不超过两人', '饮水机在走廊尽头，当心烫'],
     wards: [{id: w1, name: 骨科病区, drills: true}, {id: night, name: 心内科, quiet: ['00:00-12:00', '12:00-00:00'], night: true}]}
`);

test('several warnings take turns, each for eight seconds at least', async () => {
  const page = await openPage(browser, relay.wards['s1/w1'], { clock: true });
  await page.waitForSelector('.calm');
  await relay.event('黄');
  await page.waitForSelector('.card.yellow');
  await relay.event('橙');
  await page.waitForSelector('.card.orange'); // graver: at once
  await relay.event('蓝');
  await until('three pages', async () => /共 3 页/.test(await page.locator('#pager').innerText()));
  const turns = [];
  for (let ms = 0; ms < 70000; ms += 500) {
    await page.clock.runFor(500);
    const kind = await page.evaluate(() => document.querySelector('.card').className.replace('card ', ''));
    if (!turns.length || turns[turns.length - 1].kind !== kind) turns.push({ kind, ms: 0 });
    turns[turns.length - 1].ms += 500;
  }
  for (const t of turns.slice(1, -1)) assert.ok(t.ms >= 8000, JSON.stringify(turns));
  assert.deepEqual(new Set(turns.map((t) => t.kind)), new Set(['orange', 'yellow', 'blue']));
  await until('all displayed', async () => (await relay.deliveries('s1/w1')).every((d) => d.state === 'displayed'));
  await close(page);
});

test('a stream that something holds back is made up for by the beat', async () => {
  const page = await openPage(browser, relay.wards['s1/w1']);
  await page.context().route('**/events*', (route) => route.abort());
  await page.reload();
  await page.waitForSelector('.card'); // brought by the first beat
  await relay.event('红');
  await page.waitForSelector('.card.red', { timeout: 25000 });
  await close(page);
});

test('put away before a restart is put away after it', async () => {
  const page = await openPage(browser, relay.wards['s1/w1']);
  await page.waitForSelector('.card');
  await page.click('#hide');
  await page.waitForSelector('.calm h2:has-text("已收起")');
  await relay.stopRelay('SIGKILL');
  await relay.startRelay();
  await until('the relay to hear of it again', () => /target=board:s1\/w1 put away/.test(relay.log), 20000);
  await until('the board to be without it', async () => (await relay.retained('displays/s1/w1/board')).items.length === 0);
  assert.match(await page.locator('.calm h2').innerText(), /已收起/);
  await page.click('#hide');
  await page.waitForSelector('.card');
  await close(page);
});

test('a press while the relay is away counts here at once and there later', async () => {
  const page = await openPage(browser, relay.wards['s1/w1']);
  await page.waitForSelector('.card');
  await relay.stopRelay('SIGKILL');
  await page.click('#hide');
  await page.waitForSelector('.calm h2:has-text("已收起")');
  await relay.startRelay();
  await until('the relay to hear of it', () => /target=board:s1\/w1 put away/.test(relay.log), 30000);
  await page.click('#hide');
  await close(page);
});

test('every night it gets itself anew, when the relay is there', async () => {
  const page = await openPage(browser, relay.wards['s1/w3'], { clock: true });
  const context = page.context();
  await page.addInitScript(() => { Math.random = () => 0; }); // the first minute of the hours for it
  let now = '2026-11-23T02:30:00.000+08:00';
  await context.route('**/events*', (route) => route.abort());
  await context.route('**/beat*', async (route) => {
    const answer = await (await route.fetch()).json();
    for (const i of answer.items || []) if (i.level === 'red') i.level = 'orange'; // a red one keeps it from doing so
    await route.fulfill({ json: { ...answer, now } });
  });
  await page.reload();
  await page.evaluate(() => { window.before = true; });
  await page.clock.fastForward(3 * 3600000);
  await page.clock.runFor(20000);
  assert.equal(await page.evaluate(() => window.before), true);
  now = '2026-11-23T03:00:10.000+08:00';
  await page.clock.runFor(20000);
  await until('a new page', () => page.evaluate(() => !window.before).catch(() => false), 10000);
  await close(page);
});

test('a page of another version gets itself anew', async () => {
  const page = await openPage(browser, relay.wards['s1/w3']);
  await page.evaluate(() => { window.before = true; });
  await page.context().route('**/beat*', async (route) => {
    const answer = await (await route.fetch()).json();
    await route.fulfill({ json: { ...answer, page: 'another' } });
  });
  await until('a new page', () => page.evaluate(() => !window.before).catch(() => false), 30000);
  await sleep(4000); // and not again and again
  await page.evaluate(() => { window.before = true; });
  await sleep(18000);
  assert.equal(await page.evaluate(() => window.before), true);
  await close(page);
});

test('pictures of every state', async () => {
  const shoot = (page, name) => async (size) => page.screenshot({ path: join(pictures, `${name}-${size}.png`) });
  const picture = async (page, name) => {
    await legible(page, name, shoot(page, name));
    await accessible(page, name);
  };
  for (const colour of ['红', '橙', '黄', '蓝']) await relay.event(colour);
  const open = (ward) => openPage(browser, relay.wards[ward], { clock: true });
  const [full, plain, banner, night] = [await open('s1/w2'), await open('s1/w3'), await open('s2/w1'), await open('s2/night')];
  await turnTo(full, 'body.full');
  await picture(full, 'full');
  for (const kind of ['red', 'orange', 'yellow', 'blue']) {
    await turnTo(plain, `.card.${kind}`);
    await picture(plain, kind);
  }
  await turnTo(banner, '.strip.red');
  await picture(banner, 'banner');
  await turnTo(night, '.strip.red');
  await picture(night, 'night');
  await relay.event('蓝', { status: 'Exercise' });
  await turnTo(plain, '.card.drill');
  await picture(plain, 'drill');
  await turnTo(banner, '.strip.drill');
  await picture(banner, 'banner-drill');
  const [orange] = (await relay.alerts()).filter((a) => a.level === 'orange');
  await relay.tocsin('alerts', 'cancel', orange.id, '--by', 'test');
  await turnTo(plain, '.card.right');
  await picture(plain, 'correction');
  const wall = await openPage(browser, relay.walls.s1);
  await wall.waitForSelector('article.ok');
  for (const [width, height] of [[1920, 1080], [1080, 1920], [3840, 2160], [1366, 768]]) {
    await wall.setViewportSize({ width, height });
    await sleep(200);
    await shoot(wall, 'wall')(`${width}x${height}`);
  }
  await plain.click('#hide');
  await plain.waitForSelector('.calm');
  await picture(plain, 'away');
  await plain.click('#hide');
  await relay.stopRelay('SIGKILL');
  await plain.clock.runFor(50000);
  await picture(plain, 'stale');
  await turnTo(plain, '.card.drill');
  await picture(plain, 'stale-drill');
  await banner.clock.runFor(50000);
  await turnTo(banner, '.strip.drill');
  await picture(banner, 'stale-banner');
  await plain.clock.fastForward(600000);
  await plain.waitForSelector('.calm');
  await picture(plain, 'neutral');
  for (const page of [full, plain, banner, night, wall]) await close(page);
});
