// A broker, a relay and a browser of a test's own, on free ports of this machine, and what tests do with them.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { spawn, execFile } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
export const build = process.env.TOCSIN_BINARY_DIR || join(here, '../../build/dev');
const require = createRequire(join(build, 'tests/browser/package.json'));
export const { chromium } = require('playwright-core');
const acorn = require('acorn');
const axeFile = require.resolve('axe-core/axe.min.js');
export const sourceDir = join(here, '../..');
/** Where tests leave pictures for people to look at. */
export const pictures = join(build, 'tests/browser/pictures');
mkdirSync(pictures, { recursive: true });

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function freePort() {
  return new Promise((done, failed) => {
    const s = createServer();
    s.on('error', failed);
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });
}

function run(file, args) {
  return new Promise((done, failed) => {
    execFile(file, args, { env: { ...process.env, TOCSIN_LANG: 'en' }, maxBuffer: 1 << 24 }, (error, out, err) =>
      error ? failed(new Error(`${file} ${args.join(' ')}: ${err || error.message}`)) : done(out));
  });
}

export async function until(what, test, ms = 5000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(20);
  }
}

export function stop(child, signal = 'SIGTERM') {
  if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.on('exit', done);
    child.kill(signal);
    setTimeout(() => child.kill('SIGKILL'), 5000).unref();
  });
}

const ALL_SCREENS = `
receivers: [{name: screens, displays: all}]
route: {receiver: screens}
`;

/** sites: YAML of the configuration's `sites:`; rest: of its receivers, routes, chats; more.public: links have an address. */
export class Relay {
  static async start(sites, rest = ALL_SCREENS, more = {}) {
    const r = new Relay();
    r.rest = rest;
    r.public = more.public;
    r.dir = mkdtempSync(join(tmpdir(), 'tocsin-browser-'));
    r.brokerPort = await freePort();
    r.port = await freePort();
    r.n = 0;
    mkdirSync(join(r.dir, 'state'));
    writeFileSync(join(r.dir, 'mosquitto.conf'), `listener ${r.brokerPort} 127.0.0.1\nallow_anonymous true\n`);
    r.configure(sites);
    try {
      await r.startBroker();
      await r.startRelay();
    } catch (e) { // a child that is left would keep the test from ending
      await r.end();
      throw e;
    }
    return r;
  }

  configure(sites) {
    writeFileSync(join(this.dir, 'tocsin.yaml'), `
relay: {id: t, state_dir: ${this.dir}/state, issuer: 雁塔公安, reserve: 1MiB}
broker: {host: 127.0.0.1, port: ${this.brokerPort}}
http: {listen: ['127.0.0.1:${this.port}']${this.public ? `, public_address: 'http://127.0.0.1:${this.port}'` : ''}}
rules: {packs: [${join(here, 'pack')}]}
feeds: [{id: bank, type: bank, areas: ['61', '62']}]
sites:
${sites}
${this.rest}`);
  }

  async startBroker() {
    this.broker = spawn('mosquitto', ['-c', join(this.dir, 'mosquitto.conf')], { stdio: 'ignore' });
    await until('broker', () => run('mosquitto_pub', ['-p', String(this.brokerPort), '-t', 'x', '-n']).then(() => true, () => false));
  }

  async startRelay() {
    this.log = '';
    this.child = spawn(join(build, 'relay/tocsin'), ['run', '-c', join(this.dir, 'tocsin.yaml')],
      { env: { ...process.env, TZ: 'UTC' }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const s of [this.child.stdout, this.child.stderr]) s.on('data', (d) => { this.log += d; });
    await until('relay', async () => {
      if (this.child.exitCode !== null) throw new Error(this.log);
      return fetch(`http://127.0.0.1:${this.port}/readyz`).then((a) => a.ok, () => false);
    }).catch((e) => { throw new Error(e.message + '\n' + this.log); });
    const list = JSON.parse(await this.tocsin('wards', 'list', '--json'));
    this.wards = Object.fromEntries(list.wards.map((w) => [w.target.replace(/^board:/, ''), w.address]));
    this.walls = Object.fromEntries(list.walls.map((w) => [w.site, w.address]));
  }

  tocsin(...args) { return run(join(build, 'relay/tocsin'), [...args, '-c', join(this.dir, 'tocsin.yaml')]); }
  /** `tocsin console` for that person; next() gives its address, each time a new one. */
  async console(by, ...args) {
    const child = spawn(join(build, 'relay/tocsin'), ['console', '--by', by, ...args, '-c', join(this.dir, 'tocsin.yaml')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    for (const s of [child.stdout, child.stderr]) s.on('data', (d) => { out += d; });
    this.consoles = (this.consoles || []).concat(child);
    const address = await until('the address of the console', () => {
      if (child.exitCode !== null) throw new Error(out);
      return (/http:\S+/.exec(out) || [])[0];
    });
    return { child, address, said: () => out };
  }
  stopBroker() { return stop(this.broker); }
  stopRelay(signal) { return stop(this.child, signal); }

  /** An event that the rule of that colour recognises: 红 橙 黄 蓝. Returns its id. */
  async event(colour, { seconds = 3600, status = 'Actual', area = '610113', ...more } = {}) {
    const now = Date.now();
    const e = { event_id: `e-${process.pid}-${++this.n}`, sent_at: new Date(now).toISOString(), status, area,
      expires_at: new Date(now + seconds * 1000).toISOString(), text: `${colour}色样例 第 ${this.n} 条`, ...more };
    await run('mosquitto_pub', ['-V', '5', '-q', '1', '-p', String(this.brokerPort), '-t', 'tocsin/v1/feeds/bank/events', '-m', JSON.stringify(e)]);
    return e.event_id;
  }

  async deliveries(ward) {
    const all = JSON.parse(await this.tocsin('deliveries', 'list', '--json', '--target', `board:${ward}`, '--limit', '100'));
    return Array.isArray(all) ? all : all.deliveries;
  }

  /** A retained message, without the prefix of its topic. */
  async retained(topic) {
    return JSON.parse(await run('mosquitto_sub', ['-V', '5', '-p', String(this.brokerPort), '-t', `tocsin/v1/${topic}`, '-C', '1', '-W', '3']));
  }

  async alerts() { return JSON.parse(await this.tocsin('alerts', 'list', '--json')); }

  async end() {
    for (const c of this.consoles || []) await stop(c);
    await stop(this.child);
    await stop(this.broker);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function startBrowser() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  return chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
}

/** A relay, as Relay.start takes it, and a browser for all tests of a file; both end with it. */
export async function stage(...asked) {
  const relay = await Relay.start(...asked);
  after(() => relay.end());
  const browser = await startBrowser();
  after(() => browser.close());
  return { relay, browser };
}

/** A page that reports its own errors to the test. */
export async function openPage(browser, address, { width = 1920, height = 1080, clock = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: 'zh-CN' });
  const page = await context.newPage();
  page.setDefaultTimeout(8000);
  page.problems = [];
  page.on('pageerror', (e) => page.problems.push(String(e)));
  page.on('console', (m) => { if (m.type() === 'error' && !/Failed to load resource|ERR_/.test(m.text())) page.problems.push(m.text()); });
  if (clock) await page.clock.install();
  await page.goto(address);
  return page;
}

export async function close(page) {
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

/** Nothing that axe finds; for the public pages contrast of 7:1 at least. */
export async function accessible(page, what, level = 'wcag2aaa') {
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  if (!await page.evaluate(() => Boolean(window.axe))) await page.evaluate(readFileSync(axeFile, 'utf8')); // no script tag: policies forbid it
  const found = await page.evaluate((runOnly) => window.axe.run(document, {
    runOnly, rules: { 'color-contrast-enhanced': { enabled: runOnly.includes('wcag2aaa') } },
  }), level === 'wcag2aaa' ? tags.concat(level) : tags);
  assert.deepEqual(found.violations.map((v) => `${what}: ${v.id}: ${v.nodes.map((n) => n.html + ' ' + n.failureSummary).join('; ')}`), []);
}

/** At each size: nothing wider than the glass, nothing that axe finds, and a picture. */
export async function presentable(page, name, sizes = [[390, 844], [1280, 900]]) {
  for (const [width, height] of sizes) {
    const what = `${name}-${width}x${height}`;
    await page.setViewportSize({ width, height });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(over <= 0, `${what}: ${over} px too wide`);
    await accessible(page, what, 'wcag2aa');
    await page.screenshot({ path: join(pictures, `${what}.png`), fullPage: true });
  }
}

// What came to Chromium after version 69, what wants a secure context, and what moves. Syntax is the parser's matter.
const LATER = {
  script: /\b(replaceAll|matchAll|replaceChildren|allSettled|globalThis|queueMicrotask|structuredClone|fromEntries|hasOwn)\b|\.(at|any|toSorted)\(|serviceWorker|crypto\.|wakeLock|\.animate\(/,
  style: /[\s;{](row-|column-)?gap:|[\s;{]inset(-\w+)*:|aspect-ratio|accent-color|\b(clamp|min|max|color-mix)\(|:(is|where|has|focus-visible)\b|:not\([^)]*,|\d[dsl]v[hw]\b|animation|transition|@layer|@container|overflow: clip|\burl\(/,
};
/** A page as it is served: one file of less than 300 KB that asks for nothing else, and that Chromium 69 reads. Returns how
 * many scripts it has. */
export function forOldBrowsers(what, html) {
  assert.ok(Buffer.byteLength(html) < 300 * 1024, `${what}: ${Buffer.byteLength(html)} bytes`);
  assert.doesNotMatch(html, /<(script[^>]* (src|type)|link[^>]*href="(?!data:))|loading=/, what);
  for (const [, style] of html.matchAll(/<style[^>]*>([^]*?)<\/style>/g)) assert.doesNotMatch(style, LATER.style, what);
  const scripts = [...html.matchAll(/<script[^>]*>([^]*?)<\/script>/g)].map((m) => m[1]);
  for (const script of scripts) {
    acorn.parse(script, { ecmaVersion: 2018 });
    assert.doesNotMatch(script, LATER.script, what);
  }
  return scripts.length;
}

/** Every text of a screen at four sizes: inside the glass and its own card, and large enough. look: called at each size. */
export async function legible(page, what, look = () => {}) {
  for (const [width, height] of [[1920, 1080], [1080, 1920], [3840, 2160], [1366, 768]]) {
    await page.setViewportSize({ width, height });
    await sleep(200);
    const seen = await page.evaluate(() => {
      const box = (b) => [b.left, b.top, b.right, b.bottom];
      const seen = [];
      for (const e of document.querySelectorAll('h1, #time, #date, #hotline, #hide, #stale b, .calm div, .calm p, .tile b, .tile span, h2, .say li, .by span, .ribbon, #pager')) {
        const r = document.createRange();
        r.selectNodeContents(e);
        const b = r.getBoundingClientRect(), card = e.closest('.card, .strip');
        if (b.width) seen.push({ name: e.tagName + e.className, box: box(b), card: card && box(card.getBoundingClientRect()), size: parseFloat(getComputedStyle(e).fontSize) });
      }
      return seen;
    });
    assert.ok(seen.length > 4, `${what}: ${seen.length}`);
    const short = Math.min(width, height);
    for (const { name, box, card, size } of seen) {
      const at = `${what}: ${name} at ${width}x${height}: `;
      for (const [inner, outer, slack] of [[box, [0, 0, width, height], 7], [box, card || [0, 0, width, height], card ? 1 : 7]])
        assert.ok(inner[0] >= outer[0] - slack && inner[1] >= outer[1] - slack && inner[2] <= outer[2] + slack && inner[3] <= outer[3] + slack, `${at}${inner} in ${outer}`);
      if (name === 'LI' || name === 'H2') assert.ok(size >= short * 0.055, `${at}${size} px`);
      assert.ok(size >= short * 0.03, `${at}${size} px`);
    }
    await look(`${width}x${height}`);
  }
}

/** The clock of a page with `clock` runs ahead, so that nobody waits ten seconds for the next page of several. */
export async function turnTo(page, selector) {
  await until(selector, async () => await page.locator(selector).first().isVisible() || page.clock.runFor(5000).then(() => sleep(30)), 20000);
}
