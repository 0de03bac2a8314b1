// The page that `tocsin rules page` writes must find what the relay finds, and judge words as lint does: every sample of the
// pack, each also spelled as evaders do, in the page's engine and in `tocsin rules eval`; without `all`, in one way each.
// usage: node page.mjs TOCSIN PACK [all]
import assert from "node:assert/strict";
import {execFileSync, spawnSync} from "node:child_process";
import {mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";

const [tocsin, pack, all] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "tocsin-page-"));
const env = {...process.env, TOCSIN_LANG: "en"};
const run = (...words) => execFileSync(tocsin, ["rules", ...words], {env, encoding: "utf8", maxBuffer: 1 << 28});

function samples() {
    const texts = [];
    for (const name of readdirSync(pack).filter((n) => n.endsWith(".yaml")))
        for (const m of readFileSync(join(pack, name), "utf8").matchAll(/^ {6}- '((?:[^']|'')*)'$/gm)) texts.push(m[1].replaceAll("''", "'"));
    return texts;
}

// As evaders spell, and what is masked.
const SPELLED = [
    (t) => t,
    (t) => t.replace(/医保/g, "醫 保").replace(/账/g, "帳").replace(/微信/g, "薇✨信"),
    (t) => [...t].map((c) => /[!-~]/.test(c) ? String.fromCodePoint(c.codePointAt(0) + 0xfee0) : c).join(""),
    (t) => [...t].join("\u200b"),
    (t) => t.replace(/([\p{Script=Han}])([\p{Script=Han}])/gu, "$1·$2"),
    (t) => `张建国先生（电话１３８ 1234 5678，卡号 6222021234567890128）：${t}\n身份证 11010519491231002X`,
    (t) => `${t}${t}`.slice(Math.floor(t.length / 3)),
];

try {
    const file = join(folder, "try.html");
    run("page", "--packs", pack, "-o", file);
    const html = readFileSync(file, "utf8");
    assert.ok(!/(?:src|href)=/.test(html.replace(/a\.href/g, "")), "the page asks for nothing from elsewhere");
    const data = JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)[1]);
    const script = /<script>\n(.*?)\n?<\/script>/s.exec(html)[1];
    const module = {exports: {}};
    new Function("module", script)(module);
    const {startEngine, ready, findAll, findNear, speak} = module.exports;
    const engine = await startEngine(data.engine);
    const made = data.rules.map((rule) => ready(rule, data.patterns, data.learned));
    assert.deepEqual(made.flatMap((m) => m.cannot), [], "every pattern of the pack can be put for the browser");

    const texts = samples();
    assert.ok(texts.length > 500, `${texts.length} samples`);
    const ways = SPELLED.length - 1;
    const input = SPELLED.flatMap((spell, i) => texts.filter((_, k) => all || i === 0 || k % ways === i - 1).map(spell));
    const said = spawnSync(tocsin, ["rules", "eval", "--packs", pack], {
        env, encoding: "utf8", maxBuffer: 1 << 28, input: input.map((text, i) => JSON.stringify({id: String(i), text})).join("\n") + "\n"});
    assert.equal(said.status, 0, said.stderr);
    let found = 0;
    said.stdout.trim().split("\n").forEach((line, i) => {
        const relay = JSON.parse(line).matches.map((m) => m.rule).sort();
        const {prepared, hits} = findAll(engine, made, input[i]);
        assert.deepEqual(hits.filter((h) => !h.unsure).map((h) => h.rule.id).sort(), relay, `${input[i]}\n${prepared.text}`);
        found += relay.length > 0;
    });
    assert.ok(found > input.length / 4, `${found} of ${input.length} texts found`);

    // What came near, and what was missing: as `rules explain` tells it, in both languages. Few: it loads the pack for each.
    const near = texts.filter((_, i) => i % 480 === 0).flatMap((t) => [t, t.slice(0, t.length / 2), `谨防诈骗：${t}`]);
    let nearly = 0;
    for (const [language, words, head] of [["en", {}, /^(?:Not|Nearly) found by (\w+)/], ["zh-CN", data.words, /^(?:没有命中：|差一点命中：)(\w+)/]]) {
        speak(words);
        for (const text of language === "en" ? near : near.slice(0, 4)) {
            const told = execFileSync(tocsin, ["rules", "explain", "--packs", pack, text], {env: {...env, TOCSIN_LANG: language}, encoding: "utf8"});
            const wanted = [];
            for (const line of told.split("\n")) {
                const rule = head.exec(line);
                if (rule) wanted.push({rule: rule[1], missing: []});
                const lack = /^    (?:missing: |because |缺少：|因为：?\s*)(.*)$/.exec(line);
                if (lack && wanted.length) wanted.at(-1).missing.push(lack[1]);
            }
            assert.deepEqual(findNear(made, engine.prepare(text).text).map((f) => ({rule: f.rule.id, missing: f.missing})), wanted, `${text}\n${told}`);
            nearly += wanted.length;
        }
    }
    assert.ok(nearly > 20, `${nearly} near misses`);
    speak({});

    // Every word of the page is there in both languages.
    const latin = Object.entries(data.words).filter(([english, chinese]) => english === chinese && /[a-z]{3}/i.test(english));
    assert.deepEqual(latin, [], "without a translation");

    // The marks lead back into what may be shown, and nothing personal is.
    const long = "医".repeat(21845);
    assert.equal(engine.prepare(long).text, long);
    const one = engine.prepare("张建国先生：您的醫 保卡停用，电话 13812345678");
    assert.equal(one.shown.includes("13812345678"), false);
    assert.equal(one.origin.length, new TextEncoder().encode(one.text).length + 1);

    // Words: the same findings as lint's, by code and words.
    const say = {voice: "红色预警。有人说您的医保卡停用了让您马上点开短信里面的链接填写银行卡号。这是骗子。请扫码咨询12381。你要小心。",
                 voice_short: "{{area}}有骗子。", rhyme: "天上下雨地上流", chat: "请看 example.fyi，加微信联系。{{where}}", caught: "已经……", correction: "对不起。",
                 headline: "这一行实在是太长太长太长太长太长了"};
    const yaml = ["id: page_1", "rev: 1", "status: test", "title: t", "category: medins_phishing_sms", "level: red", "match: {any: ['谁也不写的词']}", "say:",
                  ...Object.entries(say).filter(([k]) => k !== "headline").map(([k, v]) => `  ${k}: '${v}'`), "  screen:", `    headline: '${say.headline}'`];
    const rule = join(folder, "rule.yaml");
    writeFileSync(rule, yaml.join("\n") + "\n");
    const lint = JSON.parse(spawnSync(tocsin, ["rules", "lint", "--json", rule], {env, encoding: "utf8"}).stdout);
    const ours = Object.entries(say).flatMap(([name, text]) => engine.wording(name, text));
    assert.ok(ours.length >= 10, JSON.stringify(ours));
    for (const f of ours)
        assert.ok(lint.findings.some((l) => l.code === f.code && l.text === f.text && (l.grade === "error") === f.error), `lint does not say: ${JSON.stringify(f)}`);
    const codes = new Set(["speech_length", "long_phrase", "polite", "slot", "gap", "forbidden_word", "number", "contact", "link", "action", "screen_length"]);
    for (const l of lint.findings.filter((f) => codes.has(f.code)))
        assert.ok(ours.some((f) => f.code === l.code && f.text === l.text), `the page does not say: ${JSON.stringify(l)}`);
    console.log(`page: ${input.length} texts, ${made.length} rules: as the relay; ${ours.length} findings: as lint; ${nearly} near misses: as explain`);
} finally {
    rmSync(folder, {recursive: true});
}
