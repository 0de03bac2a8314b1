// The console in chromium: who gets in, what is seen, what is done and under which name. Its pictures, as a phone and as a
// desk see it, are left in the build folder.
import { test, after } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { stage, openPage, close, accessible, presentable, until } from './relay.mjs';

let page;
const heard = []; // what the group's bot was sent
const group = http.createServer(async (q, a) => {
  let body = '';
  for await (const piece of q) body += piece;
  heard.push(JSON.parse(body));
  a.end('{"errcode":0}');
});
await new Promise((done) => group.listen(0, '127.0.0.1', done));
after(() => group.close());
const { relay, browser } = await stage(`
  - {id: s1, name: 交大一附院, area: '610113', issuer: 雁塔公安·交大一附院, help: 门诊一楼警务室,
     zones: [{id: hall, name: 门诊大厅, class: hall}], wards: [{id: w1, name: 三病区}, {id: w2, name: 五病区}]}
`, `
chats:
  - {id: desk, name: 值班群, type: file, audience: duty, path: /dev/null}
  - {id: street, name: 街道转发, type: forward, audience: duty, quiet: [], groups: [高新路社区群, 三桥老人群],
     url: 'http://127.0.0.1:${group.address().port}/send', allow_insecure: true}
receivers: [{name: everyone, pa: [announce, bulletin], displays: all, chats: all}]
route:
  receiver: everyone
  routes: [{matchers: ['level="orange"'], receiver: everyone, approve: one}]
`);
const { address } = await relay.console('王警官');
const { origin } = new URL(address);

function raw(path, headers = {}, method = 'GET') {
  return new Promise((done, failed) => {
    const r = http.request(new URL(path, origin), { method, headers }, (a) => { a.resume(); a.on('end', () => done(a)); });
    r.on('error', failed);
    r.end(method === 'POST' ? '{}' : undefined);
  });
}

const picture = (name) => presentable(page, `console-${name}`);

async function confirmWith(button, reason) {
  await button.click();
  await page.waitForSelector('dialog[open]');
  if (reason) await page.fill('#ask-why', reason);
  await page.click('#ask-yes');
  await page.waitForSelector('#said:has-text("做完了")');
}

/** It asks every three seconds, and at once when somebody looks at it again. */
async function look(until) {
  for (let i = 0; i < 20; i++) {
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    if (await page.waitForSelector(until, { timeout: 500 }).then(() => true, () => false)) return;
  }
  await page.waitForSelector(until, { timeout: 1 });
}

const story = async (id) => JSON.parse(await relay.tocsin('alerts', 'show', id, '--json'));

test('nobody gets in without the address, which is good for one visit', async () => {
  assert.equal((await raw('/')).statusCode, 403);
  assert.equal((await raw('/v1/overview')).statusCode, 403);
  assert.equal((await raw('/enter?k=AAAA')).statusCode, 403);
  assert.equal((await raw(address, { Host: 'evil.example:80' })).statusCode, 403); // and does not use it up
  assert.equal((await raw(address, {}, 'HEAD')).statusCode, 403);
  for (const path of ['/console', '/enter', '/v1/overview', '/v1/alerts']) assert.equal((await fetch(`http://127.0.0.1:${relay.port}${path}`)).status, 404);
  page = await openPage(browser, address);
  await page.waitForSelector('#pill.ok');
  assert.equal((await raw(address)).statusCode, 403);
  const [cookie] = await page.context().cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict');
  const key = await page.evaluate(() => sessionStorage.getItem('tocsin-key'));
  const both = { Cookie: `${cookie.name}=${cookie.value}`, 'X-Tocsin-Key': key };
  assert.equal((await raw('/v1/overview', both)).statusCode, 200);
  assert.equal((await raw('/v1/overview', { Cookie: both.Cookie })).statusCode, 403);
  assert.equal((await raw('/v1/overview', { 'X-Tocsin-Key': key })).statusCode, 403);
  assert.equal((await raw('/v1/overview', { ...both, Host: 'evil.example' })).statusCode, 403);
  assert.equal((await raw('/v1/drill/stop', { ...both, 'Sec-Fetch-Site': 'cross-site' }, 'POST')).statusCode, 403);
  assert.equal((await raw('/v1/reload', both, 'POST')).statusCode, 404);
});

test('what comes is seen without a touch, and its story tells who acknowledged it', async () => {
  await page.waitForSelector('.nothing:has-text("现在没有在发的提醒")');
  await relay.event('红');
  await page.waitForSelector('a.card.edge-red', { timeout: 6000 });
  await picture('now');
  await page.click('a.card.edge-red');
  await page.waitForSelector('#page-alert h2:has-text("冒充医保局要求转到安全账户")');
  await confirmWith(page.locator('button:has-text("收到，在处理")'), '已联系病区');
  const [alert] = await relay.alerts();
  const { actions } = await story(alert.id);
  assert.deepEqual(actions.map((a) => [a.verb, a.by, a.reason]), [['alert.ack', '王警官', '已联系病区']]);
  await page.waitForSelector('dd:has-text("王警官")');
  await picture('story');
});

test('what waits is approved, or dismissed, in the name of who ran the command', async () => {
  await relay.event('橙');
  await relay.event('绿');
  await page.click('#tab-review');
  await look('#page-review article:has-text("等一人批准")');
  await look('#page-review article:has-text("未到门槛")');
  assert.equal(await page.locator('#badge').innerText(), '2');
  await picture('review');
  await confirmWith(page.locator('article:has-text("等一人批准") button:has-text("批准")'), '已电话核实');
  await page.waitForSelector('article:has-text("等一人批准")', { state: 'detached' });
  await confirmWith(page.locator('article:has-text("未到门槛") button:has-text("排除")'));
  await page.waitForSelector('.nothing:has-text("还没有要您定的")');
  const orange = (await relay.alerts()).find((a) => a.level === 'orange');
  const { actions, deliveries } = await story(orange.id);
  assert.deepEqual(actions.map((a) => [a.verb, a.by, a.reason]), [['alert.approve', '王警官', '已电话核实']]);
  assert.ok(deliveries.every((d) => d.state !== 'held'));
  await page.click('#tab-now');
  await look('#page-now a.card.edge-orange');
  assert.match(await page.locator('#page-now a.card').first().getAttribute('class'), /edge-red/); // though orange came later
  await page.click('#tab-review');
});

test('a number that a volunteer reads out is noted for the group that has it', async () => {
  const red = (await relay.alerts()).find((a) => a.level === 'red');
  const { short } = (await story(red.id)).deliveries.find((d) => d.target === 'file:desk');
  await page.fill('#w-code', short.toLowerCase());
  await page.selectOption('#w-word', '误报');
  await page.fill('#w-why', '志愿者来电');
  await page.click('#word-form button');
  await until('the word to be counted', async () => {
    const { groups } = JSON.parse(await relay.tocsin('alerts', 'feedback', '--json'));
    return groups.some((g) => g.target === 'file:desk' && g.rule === 'screen_red' && g.false_alarm === 1);
  });
  const { actions } = await story(red.id);
  assert.deepEqual(actions.slice(-1).map((a) => [a.verb, a.by, a.detail, a.reason]), [['alert.outcome', '王警官', '误报', '志愿者来电']]);
});

test('each target says what became of its deliveries', async () => {
  await page.click('#tab-targets');
  await page.waitForSelector('article.target:has-text("值班群"):has-text("已送")');
  await page.fill('#find', '三病区');
  await page.waitForSelector('article:has-text("值班群")', { state: 'detached' });
  await page.click('button:has-text("看明细")');
  await page.waitForSelector('article.target td:has-text("已送")');
  await picture('targets');
});

test('what is passed on by hand is there as text and picture, and is reported done', async () => {
  await page.fill('#find', '街道');
  await page.click('article.target:has-text("街道转发") button:has-text("看明细")');
  await page.click('#target-list tr:has(td:has-text("已送")) >> nth=-1 >> button:has-text("图文")');
  await page.waitForSelector('#card[open] img');
  const { alt, wide } = await page.locator('#card img').evaluate((i) => i.decode().then(() => ({ alt: i.alt, wide: i.naturalWidth })));
  assert.equal(wide, 1200);
  assert.match(alt, /说医保卡涉案的，是骗子[^]*没有安全账户 别转账[^]*96110/);
  const told = heard.filter((m) => m.msgtype === 'text').map((m) => m.text.content);
  assert.ok(told.some((t) => t.includes('高新路社区群')), told.join('|'));
  assert.ok(told.includes(await page.locator('#card textarea').inputValue()), 'the text is what the group got to pass on');
  await picture('card');
  await page.setViewportSize({ width: 1366, height: 768 });
  const save = await page.locator('#card-save').boundingBox();
  assert.ok(save.y + save.height <= 768, `${save.y}`); // without scrolling
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#card-save')]);
  assert.match(download.suggestedFilename(), /^card-[A-Z2-7]{5}\.png$/);
  const posted = heard.filter((m) => m.msgtype === 'image').map((m) => m.image.base64);
  assert.ok(posted.includes(readFileSync(await download.path()).toString('base64')), 'the picture is what the group got');
  await page.click('#card-no');
  await confirmWith(page.locator('#target-list tr:has(td:has-text("已送")) >> nth=-1 >> button:has-text("转发好了")'), '三个群都发了');
  await page.waitForSelector('#target-list tr:has-text("已转发：王警官") td:has-text("已确认")');
  await page.click('button:has-text("收起")');
});

test('a silence is laid and ended, a drill is started by its own word and stopped', async () => {
  await page.click('#tab-hold');
  await page.selectOption('#s-label', 'level');
  await page.fill('#s-value', 'blue');
  await page.fill('#s-why', '窗口在维修');
  await page.click('button:has-text("开始静默")');
  await page.waitForSelector('#silence-list article:has-text("窗口在维修")');
  assert.equal(JSON.parse(await relay.tocsin('silence', 'list', '--json'))[0].by, '王警官');
  await page.click('#drill-form button'); // without the word nothing happens
  assert.equal(JSON.parse(await relay.tocsin('drill', 'list', '--json')).length, 0);
  await page.fill('#d-word', '演练');
  await page.click('#drill-form button');
  await page.waitForSelector('#drill-list article:has-text("进行中")');
  await picture('hold');
  await confirmWith(page.locator('#silence-list button'), '修好了');
  await confirmWith(page.locator('#drill-list button'));
  await page.waitForSelector('#drill-list article:has-text("已结束")');
  const [drill] = JSON.parse(await relay.tocsin('drill', 'list', '--json'));
  assert.equal(drill.state, 'stopped');
});

test('a correction is asked back, and says no for an answer', async () => {
  const red = (await relay.alerts()).find((a) => a.level === 'red');
  const wrong = await relay.event('红');
  await relay.event('红', { msg_kind: 'cancel', references: [wrong] });
  await page.goto(`${origin}/#alert/${red.id}`);
  await look('#page-alert .card b:has-text("来源已撤回")'); // of one event; the alert stands
  await picture('taken-back');
  await page.click('#page-alert button:has-text("取消并更正")');
  await page.waitForSelector('dialog[open]');
  await picture('ask');
  await page.click('#ask-no');
  assert.equal((await story(red.id)).ended, null);
  await confirmWith(page.locator('#page-alert button:has-text("取消并更正")'), '核实是误会');
  await page.waitForSelector('dt:has-text("已经结束")');
});

test('what a person had confirmed and its feed has taken back is kept or ended by a person', async () => {
  const event = await relay.event('黄');
  const yellow = await until('the alert', async () => (await relay.alerts()).find((a) => a.level === 'yellow'));
  await relay.tocsin('alerts', 'confirm', yellow.id, '--by', '李科长');
  await relay.event('黄', { msg_kind: 'cancel', references: [event] });
  await page.click('#tab-review');
  await look('#page-review article:has-text("确认过，来源又撤回了")');
  await picture('review-taken-back');
  assert.equal(await page.locator('#page-review article button:has-text("取消并更正")').count(), 1);
  await confirmWith(page.locator('#page-review article button:has-text("仍然属实")'), '受害人本人来过');
  await page.waitForSelector('.nothing:has-text("还没有要您定的")');
  const { actions, ended } = await story(yellow.id);
  assert.equal(ended, null);
  assert.deepEqual(actions.map((a) => [a.verb, a.by]), [['alert.confirm', '李科长'], ['alert.confirm', '王警官']]);
});

test('a relay that is gone is told from one that is well, and a new visit closes the page before', async () => {
  await relay.stopRelay('SIGKILL');
  await look('#lost:has-text("失去联系")');
  await relay.startRelay();
  await look('#pill.ok');
  await until('the banner to go', async () => !await page.locator('#lost').isVisible());
  await page.context().clearCookies();
  await look('h1:has-text("控制台已经关闭")');
  await accessible(page, 'closed');
  await close(page);
});
