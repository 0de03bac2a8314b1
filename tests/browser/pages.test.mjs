// The pages that are not screens: the loudspeakers' page, the page for writing rules, the month's report. Nothing that axe
// finds, nothing wider than the glass, and pictures of each in the build folder.
import { test, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stage, openPage, close, presentable, build, sourceDir, stop, until } from './relay.mjs';

const sizes = [[390, 844], [1366, 768], [1920, 1080], [1080, 1920], [3840, 2160]];
const token = 'correct-horse-battery-staple';
const dir = mkdtempSync(join(tmpdir(), 'tocsin-pages-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const { relay, browser } = await stage(`
  - {id: s1, name: 交大一附院, area: '610113', wards: [{id: w1, name: 三病区}]}
`);

test('the loudspeakers\' page', async () => {
  writeFileSync(join(dir, 'token'), token + '\n', { mode: 0o600 });
  writeFileSync(join(dir, 'pa.yaml'), `
player: {site: s1, name: 交大一附院, state_dir: ${dir}/state, mode: trial}
broker: {port: 1}
http: {listen: '127.0.0.1:0', token_file: ${dir}/token}
speech: {lexicon: [${sourceDir}/adapters/pa/player/data/lexicon.tsv]}
reminders: [{id: valuables, text: 请看管好您的随身物品。}]
zones:
  - {id: hall, name: 门诊大厅, class: hall, outputs: [drop], quiet: [none]}
  - {id: w3, name: 三病区, class: ward, outputs: [drop]}
  - {id: icu, name: 重症监护室, class: icu}
outputs: [{id: drop, type: file, dir: ${dir}/wav}]
`);
  let log = '';
  const player = spawn(join(build, 'adapters/pa/player/tocsin-pa'), ['run', '--config', join(dir, 'pa.yaml')], { stdio: ['ignore', 'ignore', 'pipe'] });
  after(() => stop(player));
  player.stderr.on('data', (d) => { log += d; });
  const origin = await until('the page', () => (/page: (http:\S+?)\/?\s/.exec(log) || [])[1]);
  const page = await openPage(browser, origin + '/');
  await presentable(page, 'pa-login', sizes);
  await page.fill('input', token);
  await page.press('input', 'Enter');
  await page.waitForSelector('.zone');
  await page.waitForSelector('#programme li');
  await presentable(page, 'pa', sizes);
  await page.fill('#who', '保安老李');
  page.on('dialog', (d) => d.accept());
  await page.click('#hold');
  await page.waitForSelector('#held:visible');
  await presentable(page, 'pa-held', sizes);
  await close(page);
});

test('the page for writing rules', async () => {
  const file = join(dir, 'rules.html');
  await relay.tocsin('rules', 'page', '--packs', join(sourceDir, 'rules/packs/medical'), '-o', file);
  const page = await openPage(browser, 'file://' + file);
  await page.fill('#text', '您的医保卡已停用，请点击链接更新凭证');
  await page.waitForSelector('#found .rule');
  await page.fill('#words', '医保\n停用\n点击');
  await page.fill('#match', '您的医保卡已停用，请点击链接更新凭证');
  await presentable(page, 'rules', sizes);
  await close(page);
});

test('the month\'s report', async () => {
  await relay.event('红');
  await until('the alert', async () => (await relay.alerts()).length);
  const file = join(dir, 'report.html');
  writeFileSync(file, await relay.tocsin('report', '--html'));
  const page = await openPage(browser, 'file://' + file);
  assert.match(await page.locator('body').innerText(), /screen_red/);
  await presentable(page, 'report', sizes);
  await close(page);
});
