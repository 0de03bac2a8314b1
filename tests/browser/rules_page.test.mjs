// The page of `tocsin rules page` as a file in chromium, without a network: found and nearly found, a rule of one's own that
// is saved and then passes `rules lint`, Chinese and English. Its pictures are left in the build folder.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startBrowser, build, close, presentable, sourceDir } from './relay.mjs';

const tocsin = join(build, 'relay/tocsin');
const folder = mkdtempSync(join(tmpdir(), 'tocsin-rules-page-'));
const file = join(folder, 'try.html');
const SCAM = '您好，我是区卫生局的，您家宝宝有2680元新生儿补贴，今天最后一天，请到取款机操作领取';
const ALMOST = '您家宝宝有新生儿补贴';
const WARNED = `谨防诈骗：${SCAM}`;
let browser;

before(async () => {
  const pack = join(sourceDir, 'rules/packs/medical');
  const made = spawnSync(tocsin, ['rules', 'page', '--packs', pack, '-o', file], { encoding: 'utf8', env: { ...process.env, TOCSIN_LANG: 'en' } });
  assert.equal(made.status, 0, made.stderr);
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

async function open(locale) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale, offline: true });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  page.problems = [];
  page.on('pageerror', (e) => page.problems.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error') page.problems.push(m.text()); });
  page.on('request', (r) => { if (!/^(file|blob|data):/.test(r.url())) page.problems.push(r.url()); });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('#level option:not(:empty)', { state: 'attached' });
  return page;
}

const shown = (page) => page.locator('#found').innerText();
const headings = (page) => page.locator('h1, h2').allInnerTexts();

test('it speaks the language of the browser, and the other one at a press', async () => {
  const english = await open('en-GB');
  assert.equal(await english.evaluate(() => document.documentElement.lang), 'en');
  assert.equal((await headings(english))[0], 'Try and write rules');
  // No word of the other language but what is Chinese by nature: the switch, examples, titles of rules and kinds.
  const left = await english.evaluate(() => [...document.querySelectorAll('[data-text], #about, #differs li, #level option, #says span')]
    .map((e) => e.textContent).filter((t) => /\p{Script=Han}/u.test(t)));
  assert.deepEqual(left, []);
  await english.click('#language');
  assert.equal(await english.evaluate(() => document.documentElement.lang), 'zh-CN');
  assert.equal((await headings(english))[0], '规则试写');
  const untranslated = await english.evaluate(() => [...document.querySelectorAll('[data-text], #differs li, #says span')]
    .map((e) => e.textContent).filter((t) => !/\p{Script=Han}/u.test(t)));
  assert.deepEqual(untranslated, []);
  await english.reload();
  assert.equal((await headings(english))[0], '规则试写', 'the choice is kept');
  await close(english);
  const chinese = await open('zh-CN');
  assert.equal((await headings(chinese))[0], '规则试写');
  await close(chinese);
});

test('what finds a text is marked, what nearly does says what it lacks, as explain tells it', async () => {
  for (const [locale, language] of [['en-GB', 'en'], ['zh-CN', 'zh-CN']]) {
    const page = await open(locale);
    await page.fill('#text', SCAM);
    assert.match(await shown(page), /birth_subsidy_atm/);
    const explain = (text) => JSON.parse(execFileSync(tocsin, ['rules', 'explain', '--json', '--packs', join(sourceDir, 'rules/packs/medical'), text],
      { encoding: 'utf8', env: { ...process.env, TOCSIN_LANG: language } }));
    assert.deepEqual(await page.locator('#found mark').allInnerTexts(), explain(SCAM).matches.flatMap((m) => m.spans.map((s) => s.text)));
    for (const [name, text] of [['almost', ALMOST], ['warned', WARNED]]) {
      await page.fill('#text', text);
      const told = explain(text);
      assert.equal(told.matches.length, 0);
      assert.ok(told.near.length > 0);
      const rules = await page.locator('#found .almost small').allInnerTexts();
      assert.deepEqual(rules.map((t) => t.split(' ')[0]), told.near.map((n) => n.rule));
      if ((name === 'almost') === (language === 'en')) await presentable(page, `rules-page-${name}-${language}`);
    }
    assert.match(await shown(page), locale === 'zh-CN' ? /没有命中：.*因为.+“.+”/s : /Not found by .*because ".+" is there/s);
    await page.fill('#text', ALMOST);
    assert.match(await shown(page), locale === 'zh-CN' ? /差一点命中：.*缺少：这些之一：.+ \/ .+/s : /Nearly found by .*missing: one of: .+ \/ .+/s);
    await close(page);
  }
});

test("a rule of one's own is tried, told what is wrong with its words, saved, and known to the program", async () => {
  const page = await open('zh-CN');
  await page.fill('#title', '冒充医保专员收换卡工本费');
  await page.fill('#words', '医保卡 医保\n工本费');
  await page.fill('#match', '医保卡换卡要交工本费\n没有这回事');
  await page.fill('#pass', '医保卡免费换');
  assert.match(await page.locator('#samples').innerText(), /应该命中：2 条里对 1 条.*没有命中：没有这回事.*应该放过：1 条里对 1 条/s);
  await page.fill('#match', '医保卡换卡要交工本费');
  await page.fill('#text', '您的醫 保卡要换，请交工本费');
  assert.match(await shown(page), /自己的规则/);
  await page.fill('#text', '医'.repeat(21846));
  assert.match(await shown(page), /65538 字节.*65536/);
  await page.fill('#text', '您的医保卡要换');
  assert.match(await page.locator('#found .almost').first().innerText(), /自己的规则.*缺少：这些词之一：工本费/s);
  await page.fill('#say_voice', '防骗提醒。有人打电话，下载木马。请扫码。');
  assert.match(await page.locator('#notes_voice').innerText(), /木马/);
  await page.click('#language');
  assert.match(await page.locator('#notes_voice').innerText(), /says "木马"/);
  assert.match(await page.locator('#samples').innerText(), /Found as they must be: 1 of 1/);
  await page.click('#language');
  await page.fill('#say_voice', '防骗提醒。有人说换卡要交工本费。这是骗子。不要转账。先问护士或者保安。');
  await presentable(page, 'rules-page-own');
  const lintOf = async (as) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
    await download.saveAs(join(folder, as));
    return JSON.parse(spawnSync(tocsin, ['rules', 'lint', '--json', join(folder, as)], { encoding: 'utf8', env: { ...process.env, TOCSIN_LANG: 'en' } }).stdout);
  };
  await page.fill('#within', '24h}');
  await page.fill('#count', '三');
  await page.fill('#near', '');
  const wrong = (await lintOf('wrong.yaml')).findings.map((f) => f.text);
  for (const name of ['within', 'count', 'near']) assert.ok(wrong.some((t) => t.startsWith(`${name}: `)), `${name}: ${wrong}`);
  await page.fill('#within', '24h');
  await page.fill('#count', '3');
  await page.fill('#near', '60');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  assert.equal(download.suggestedFilename(), 'local_xian_1.yaml');
  const saved = join(folder, 'local_xian_1.yaml');
  await download.saveAs(saved);
  const lint = JSON.parse(spawnSync(tocsin, ['rules', 'lint', '--json', saved], { encoding: 'utf8' }).stdout);
  assert.equal(lint.rules, 1);
  assert.deepEqual(lint.findings.filter((f) => f.code.startsWith('load') || f.code === 'sample_fails'), []);
  assert.match(readFileSync(saved, 'utf8'), /^title: '冒充医保专员收换卡工本费'$/m);
  await close(page);
});
