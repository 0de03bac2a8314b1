// A ward's screens and the rest of the relay: the key that puts them away, a broker that is gone, the wall of the site.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { stage, openPage, close, accessible, turnTo, until, sleep } from './relay.mjs';

const { relay, browser } = await stage(`
  - {id: s1, name: 交大一附院, area: '610113', issuer: 雁塔公安·交大一附院, help: 门诊一楼警务室,
     wards: [{id: w1, name: 三病区}, {id: w2, name: 门诊大厅, takeover: full}, {id: w3, name: 五病区, takeover: none, drills: true},
             {id: w4, name: 六病区}]}
  - {id: s2, name: 西京医院, area: '610113', wards: [{id: w1, name: 骨科}, {id: w2, name: 心内科}, {id: w3, name: 老年病科}]}
`);
for (const colour of ['红', '橙', '黄', '蓝']) await relay.event(colour);

test('the key puts the ward away for two hours, for all its screens and devices, and red comes through', async () => {
  const page = await openPage(browser, relay.wards['s1/w4']), twin = await openPage(browser, relay.wards['s1/w4']);
  await page.waitForSelector('.card');
  await page.click('#hide');
  for (const p of [page, twin]) await p.waitForSelector('.calm h2:has-text("本病区已收起提醒")');
  await accessible(page, 'away');
  await until('the relay to say so', () => /target=board:s1\/w4 put away for 2 h/.test(relay.log));
  await until('the retained board to be empty', async () => (await relay.retained('displays/s1/w4/board')).items.length === 0);
  await relay.event('黄');
  await sleep(300);
  assert.equal(await page.locator('.card').count(), 0);
  for (const a of await relay.alerts()) if (a.level === 'red' && !a.ended) await relay.tocsin('alerts', 'cancel', a.id, '--by', 'test');
  await relay.event('红');
  await page.waitForSelector('.card.red');
  assert.equal((await relay.retained('displays/s1/w4/board')).items.length, 1);
  await twin.click('#hide');
  await until('all of it again', async () => /第 1 页，共 [3-9] 页|第 [2-9] 页/.test(await page.locator('#pager').innerText()));
  await close(page);
  await close(twin);
});

test('without the broker a screen is told, and its delivery is settled', async () => {
  const page = await openPage(browser, relay.wards['s1/w1'], { clock: true });
  await page.waitForSelector('.card');
  await relay.stopBroker();
  await until('the relay to notice', () => /broker=127.0.0.1 lost/.test(relay.log));
  const tried = relay.tocsin('target', 'test', 'board:s1/w1'); // it ends when the screen has shown it
  await turnTo(page, '.card.drill .tile:has-text("测试")');
  assert.match(await tried, /a screen shows it/);
  assert.equal((await relay.deliveries('s1/w1'))[0].state, 'displayed');
  await relay.startBroker();
  await until('the relay to be back', async () => (await fetch(new URL('/readyz', relay.wards['s1/w1']))).ok, 60000);
  await close(page);
});

test('the wall shows every screen and what it has displayed', async () => {
  const page = await openPage(browser, relay.wards['s1/w1']), wall = await openPage(browser, relay.walls.s1);
  await page.waitForSelector('.card');
  await wall.waitForSelector('article.ok h2:has-text("三病区")', { timeout: 8000 });
  assert.match(await wall.locator('article:has(h2:has-text("三病区"))').innerText(), /1920×1080[^]*已连接[^]*✓ \d\d:\d\d:\d\d/);
  assert.match(await wall.locator('#sum').innerText(), /4 个病区/);
  await accessible(wall, 'wall');
  await close(page);
  await close(wall);
});

test('a wall is as large as all of it fits, and the cards leave no hole', async () => {
  for (const site of ['s1', 's2']) { // four wards, three
    const wall = await openPage(browser, relay.walls[site], { clock: true });
    await wall.waitForSelector('article');
    if (site === 's2') { // with a line more, that nothing is heard
      await wall.context().route('**/state*', (route) => route.abort());
      await wall.clock.runFor(5000);
      await wall.waitForSelector('#lost:visible');
    }
    for (const [width, height] of [[1920, 1080], [1080, 1920], [3840, 2160], [390, 844]]) {
      await wall.setViewportSize({ width, height });
      await until(`the wall of ${site} at ${width}x${height}`, () => wall.evaluate(([least, most]) => {
        const zoom = Number(document.body.style.zoom), root = document.documentElement;
        const cards = [...document.querySelectorAll('article')].map((e) => e.getBoundingClientRect());
        const row = (y) => cards.filter((c) => c.top === y), edge = 30 * zoom;
        return zoom >= least && zoom <= most && root.scrollWidth <= window.innerWidth && (root.scrollHeight <= window.innerHeight || most === 1) &&
          cards.every((c) => Math.max(...row(c.top).map((r) => r.right)) > window.innerWidth - edge) &&
          Math.max(...cards.map((c) => c.bottom)) > window.innerHeight - edge;
      }, width === 390 ? [1, 1] : [Math.min(width, height) / 1000, 5]), 2000);
    }
    await close(wall);
  }
});
