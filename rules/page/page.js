// The page of `tocsin rules page`: the relay's own normalising, masking and wording rules (engine, WebAssembly), and the
// rules' patterns as the browser's regular expressions. A pattern that cannot be put so is named, never passed over.
"use strict";

// ---- patterns: from PCRE2 (UTF, UCP) to the browser's, flag u ----

const LETTER = "\\p{L}\\p{N}_";
const SYNTAX = "^$\\.*+?()[]{}|/";
const PROPERTIES = {Han: "Script=Han", Hiragana: "Script=Hiragana", Katakana: "Script=Katakana", Latin: "Script=Latin",
                    Cyrillic: "Script=Cyrillic", Greek: "Script=Greek"};

class CannotSay extends Error {}

function property(body, negative) {
    const name = body.replace(/^\^/, "");
    const value = PROPERTIES[name] || name;
    return `\\${negative !== body.startsWith("^") ? "P" : "p"}{${value}}`;
}

// One escape at source[i] === "\\"; returns [text, next].
function escape(source, i, inClass) {
    const c = source[i + 1];
    const rest = source.slice(i);
    let m;
    if ((m = /^\\([pP])(?:\{([^}]*)\}|(.))/.exec(rest))) return [property(m[2] ?? m[3], m[1] === "P"), i + m[0].length];
    if ((m = /^\\x\{([0-9a-fA-F]+)\}/.exec(rest))) return [`\\u{${m[1]}}`, i + m[0].length];
    if ((m = /^\\x([0-9a-fA-F]{1,2})/.exec(rest))) return [`\\u{${m[1]}}`, i + m[0].length];
    if (c === "w") return [inClass ? LETTER : `[${LETTER}]`, i + 2];
    if (c === "W") {
        if (inClass) throw new CannotSay("\\W");
        return [`[^${LETTER}]`, i + 2];
    }
    if (c === "D") return [inClass ? "\\D" : "[^0-9]", i + 2];
    if (c === "d") return [inClass ? "0-9" : "[0-9]", i + 2];
    if (c === "h") return [inClass ? " \\t\\u00a0\\u2000-\\u200a\\u3000" : "[ \\t\\u00a0\\u2000-\\u200a\\u3000]", i + 2];
    if (c === "b") return inClass ? ["\\u0008", i + 2]
        : [`(?:(?<=[${LETTER}])(?![${LETTER}])|(?<![${LETTER}])(?=[${LETTER}]))`, i + 2];
    if (c === "B") return [`(?:(?<=[${LETTER}])(?=[${LETTER}])|(?<![${LETTER}])(?![${LETTER}]))`, i + 2];
    if (c === "A") return ["(?<![\\s\\S])", i + 2];
    if ("sSnrtfv".includes(c)) return [`\\${c}`, i + 2];
    if (c === "e") return ["\\u001b", i + 2];
    if (c === "a") return ["\\u0007", i + 2];
    if (/[0-9a-zA-Z]/.test(c)) throw new CannotSay(`\\${c}`);
    const point = String.fromCodePoint(source.codePointAt(i + 1));
    const keep = SYNTAX.includes(point) || (inClass && point === "-");
    return [keep ? `\\${point}` : point, i + 1 + point.length];
}

function toBrowser(source) {
    let out = "", i = 0;
    while (i < source.length) {
        const c = source[i];
        if (c === "\\") {
            const [text, next] = escape(source, i, false);
            out += text;
            i = next;
        } else if (c === "[") {
            let at = i + 1, body = "";
            if (source[at] === "^") body += source[at++];
            for (let first = true; source[at] !== "]" || first; first = false) {
                if (at >= source.length || source.startsWith("[:", at)) throw new CannotSay("[ ]");
                if (source[at] === "\\") {
                    const [text, next] = escape(source, at, true);
                    body += text;
                    at = next;
                } else {
                    body += "]".includes(source[at]) || source[at] === "[" ? `\\${source[at]}` : source[at];
                    at++;
                }
            }
            out += `[${body}]`;
            i = at + 1;
        } else if (c === "(" && source[i + 1] === "?") {
            const m = /^\(\?(?::|=|!|<=|<!|<[A-Za-z_][A-Za-z0-9_]*>)/.exec(source.slice(i));
            if (!m) throw new CannotSay(source.slice(i, i + 4));
            out += m[0];
            i += m[0].length;
        } else if (c === "$") {
            out += "(?=\\n?(?![\\s\\S]))";
            i++;
        } else if (c === "{") {
            const m = /^\{\d+(?:,\d*)?\}/.exec(source.slice(i));
            out += m ? m[0] : "\\{";
            i += m ? m[0].length : 1;
            if (m && source[i] === "+") throw new CannotSay("}+");
        } else if (c === "}" || c === "]") {
            out += `\\${c}`;
            i++;
        } else {
            if ("*+?".includes(c) && source[i + 1] === "+") throw new CannotSay(`${c}+`);
            out += c;
            i++;
        }
    }
    return new RegExp(out, "u");
}

// ---- rules ----

const quote = (s) => s.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

function ready(rule) {
    const made = {rule, cannot: []};
    for (const part of ["all", "any", "none"]) {
        made[part] = [];
        for (const source of rule[part] || []) {
            try {
                made[part].push(toBrowser(source));
            } catch (e) {
                made.cannot.push(source);
            }
        }
    }
    return made;
}

// One word of each list within `near` characters, from the first to the last: the widest-starting window that fits.
function findWords(lists, near, text) {
    const found = [];
    lists.forEach((list, l) => list.forEach((word) => {
        for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) found.push([at, at + word.length, l]);
    }));
    found.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    const nearest = lists.map(() => Infinity);
    let span = null;
    for (let i = found.length; i-- > 0;) {
        const [from, to, l] = found[i];
        nearest[l] = Math.min(nearest[l], to);
        const furthest = Math.max(...nearest);
        if (furthest !== Infinity && [...text.slice(from, furthest)].length <= near) span = [from, furthest];
    }
    return span;
}

// null: no match; else the spans that decided, in the normal form.
function findRule(made, text) {
    const spans = [];
    const lists = made.rule.words || [];
    if (lists.length) {
        const span = findWords(lists, made.rule.near, text);
        if (!span) return null;
        for (const list of lists)
            for (const word of list) {
                const at = text.indexOf(word, span[0]);
                if (at >= 0 && at + word.length <= span[1]) spans.push([at, at + word.length]);
            }
    }
    if (made.none.some((re) => re.test(text))) return null;
    for (const re of made.all) {
        const m = re.exec(text);
        if (!m) return null;
        spans.push([m.index, m.index + m[0].length]);
    }
    const any = made.any.map((re) => re.exec(text)).filter(Boolean);
    if (made.any.length && !any.length) return null;
    for (const m of any) spans.push([m.index, m.index + m[0].length]);
    return spans;
}

// ---- the engine ----

async function startEngine(base64, words) {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const notes = [];
    let e;
    const string = (at) => {
        const all = new Uint8Array(e.memory.buffer);
        return new TextDecoder().decode(all.subarray(at, all.indexOf(0, at)));
    };
    const write = (text) => {
        const raw = new TextEncoder().encode(text);
        const at = e.alloc(raw.length + 1);
        const all = new Uint8Array(e.memory.buffer);
        all.set(raw, at);
        all[at + raw.length] = 0;
        return [at, raw.length];
    };
    const imports = {page: {
        translate: (at) => {
            const word = words[string(at)];
            return word ? write(word)[0] : at;
        },
        found: (error, code, text) => notes.push({error: error !== 0, code: string(code), text: string(text)}),
    }};
    e = (await WebAssembly.instantiate(bytes, imports)).instance.exports;
    const read = (at, n) => new TextDecoder().decode(new Uint8Array(e.memory.buffer).slice(at, at + n));
    const clean = (text) => text.replace(/\0/g, "").toWellFormed?.() ?? text.replace(/\0/g, "");
    return {
        prepare(text) {
            e.heap_reset();
            const [at, n] = write(clean(text));
            const r = new Uint32Array(e.memory.buffer, e.prepare(at, n), 5);
            const [norm, normLen, origin, shown, shownLen] = r;
            return {text: read(norm, normLen), shown: shownLen ? read(shown, shownLen) : "",
                    origin: new Uint32Array(e.memory.buffer.slice(origin, origin + 4 * (normLen + 1)))};
        },
        normal(word) {
            e.heap_reset();
            const r = new Uint32Array(e.memory.buffer, e.normal(...write(clean(word))), 2);
            return read(r[0], r[1]);
        },
        wording(name, text) {
            e.heap_reset();
            notes.length = 0;
            const [n] = write(name), [t] = write(clean(text));
            e.wording(n, t);
            return notes.slice();
        },
        seconds(text) {
            e.heap_reset();
            return e.seconds_tenths(write(clean(text))[0]) / 10;
        },
        bytes(text) {
            e.heap_reset();
            return e.filled_bytes(write(clean(text))[0]);
        },
    };
}

// What the relay would find: [{rule, spans}] with spans in bytes of `shown`.
function findAll(engine, made, text) {
    const p = engine.prepare(text);
    const hits = [];
    for (const m of made) {
        const spans = m.cannot.length ? null : findRule(m, p.text);
        if (spans) hits.push({rule: m.rule, spans});
    }
    return {prepared: p, hits};
}

// ---- the page itself ----

const $ = (id) => document.getElementById(id);
const el = (name, text, cls) => {
    const e = document.createElement(name);
    if (text !== undefined) e.textContent = text;
    if (cls) e.className = cls;
    return e;
};
const lines = (id) => $(id).value.split("\n").map((s) => s.trim()).filter(Boolean);
const cells = (s) => s.split(/[\s,，、/]+/).filter(Boolean);

// Spans of the normal form (in UTF-16) as pieces of what may be shown.
function marked(p, spans) {
    const box = el("p");
    const shown = new TextEncoder().encode(p.shown);
    const bytesAt = [0];
    for (const ch of p.text) {
        const n = new TextEncoder().encode(ch).length;
        for (let k = 0; k < ch.length; k++) bytesAt.push(bytesAt[bytesAt.length - 1] + (k === ch.length - 1 ? n : 0));
    }
    const sorted = spans.map(([a, b]) => [p.origin[bytesAt[a]], p.origin[bytesAt[b]]]).sort((a, b) => a[0] - b[0]);
    let at = 0;
    const text = (from, to) => new TextDecoder().decode(shown.slice(from, to));
    for (const [from, to] of sorted) {
        if (to <= at) continue;
        box.append(text(at, Math.max(at, from)), el("mark", text(Math.max(at, from), to)));
        at = to;
    }
    box.append(text(at, shown.length));
    return box;
}

const LEVELS = {red: "红", orange: "橙", yellow: "黄", blue: "蓝"};
const SAYS = [["voice", "马上播（20 秒内）", 2], ["voice_short", "整点播（13 秒内）", 2], ["rhyme", "顺口溜", 1], ["headline", "屏幕大字（15 字内）", 1],
              ["lines", "屏幕三行（每行 15 字内，一行一条）", 3], ["chat", "群消息", 5], ["duty", "值班群", 3], ["caught", "已经点了、付了怎么办", 2],
              ["correction", "更正（撤销时说）", 2]];
const START = {voice: "防骗提醒。有人说……，让您……。这是骗子。不要……，不要转账。拿不准，先问护士或者保安。",
               voice_short: "防骗提醒。说……的，是骗子。不要……，先问护士或者保安。", rhyme: "", headline: "说……，是骗子", lines: "别……\n别转账\n先问护士或窗口",
               chat: "【防骗提醒】{{issuer}} {{time}}\n有人……，说“……”。这是诈骗。\n不……，不转账。\n拿不准：到{{help}}问，或打 96110。\n{{valid}} 前有效，编号 {{id}}",
               duty: "{{area}} {{count}}：……", caught: "已经……：马上打银行客服冻结银行卡，再打 110。",
               correction: "更正。刚才播的……提醒，经警方核实有误，请您不必担心。"};

function draft(engine) {
    const none = cells($("none").value).map((w) => engine.normal(w)).filter(Boolean);
    return {id: $("id").value.trim(), title: $("title").value.trim(), category: $("category").value, level: $("level").value,
            words: $("words").value.split("\n").map((l) => cells(l).map((w) => engine.normal(w)).filter(Boolean)).filter((l) => l.length),
            near: Number($("near").value) || 60, all: [], any: [], none: none.length ? [none.map(quote).join("|")] : []};
}

const y = (s) => `'${s.replace(/'/g, "''")}'`;
const block = (s, pad) => s.includes("\n") ? `|-\n${s.split("\n").map((l) => pad + l).join("\n")}` : y(s);

function yaml() {
    const words = $("words").value.split("\n").map(cells).filter((l) => l.length);
    const none = cells($("none").value);
    const say = (name) => $(`say_${name}`).value.trim();
    const list = (id) => lines(id).map((s) => `    - ${y(s)}`).join("\n");
    const out = [`# 用“规则试写”页写的`, `id: ${$("id").value.trim()}`, `rev: ${$("rev").value.trim()}`, "status: experimental",
                 `title: ${y($("title").value.trim())}`, `category: ${$("category").value}`, `level: ${$("level").value}`, "match:"];
    if (words.length) out.push("  words:", ...words.map((l) => `    - [${l.map(y).join(", ")}]`), `  near: ${Number($("near").value) || 60}`);
    if (none.length) out.push(`  none: [${y(none.map(quote).join("|"))}]`);
    out.push(`threshold: {count: ${$("count").value.trim()}, within: ${$("within").value.trim()}}`, `expires: ${$("expires").value.trim()}`, "say:");
    for (const name of ["voice", "voice_short", "rhyme"]) if (say(name)) out.push(`  ${name}: ${block(say(name), "    ")}`);
    const screen = lines("say_lines").slice(0, 3);
    if (say("headline")) out.push("  screen:", `    headline: ${y(say("headline"))}`, `    lines: [${screen.map(y).join(", ")}]`);
    for (const name of ["chat", "duty", "caught", "correction"]) if (say(name)) out.push(`  ${name}: ${block(say(name), "    ")}`);
    out.push("samples:");
    if (lines("match").length) out.push("  match:", list("match"));
    if (lines("pass").length) out.push("  pass:", list("pass"));
    if (lines("falsepositives").length) out.push(`falsepositives: [${lines("falsepositives").map(y).join(", ")}]`);
    if (lines("references").length) out.push(`references: [${lines("references").map(y).join(", ")}]`);
    return out.join("\n") + "\n";
}

function showFound(engine, made, own) {
    const {prepared, hits} = findAll(engine, own.rule.words.length ? [own, ...made] : made, $("text").value);
    $("normal").textContent = prepared.text;
    $("found").replaceChildren();
    if (!hits.length && prepared.text) $("found").append(el("p", "没有规则命中。"));
    for (const {rule, spans} of hits) {
        const box = el("div", undefined, `rule ${rule.level}`);
        const head = el("p");
        head.append(el("b", rule === own.rule ? `自己的规则：${rule.id}` : rule.title), " ",
                    el("small", `${rule.id} · ${LEVELS[rule.level]} · ${rule.category}`));
        box.append(head, marked(prepared, spans));
        $("found").append(box);
    }
}

function showSamples(engine, own) {
    const box = $("samples");
    box.replaceChildren();
    for (const [id, wanted, bad] of [["match", true, "没有命中"], ["pass", false, "不该命中"]]) {
        const all = lines(id);
        const wrong = all.filter((t) => (findRule(own, engine.prepare(t).text) !== null) !== wanted);
        if (!all.length) continue;
        box.append(el("p", `${wanted ? "应该命中" : "应该放过"}：${all.length - wrong.length} / ${all.length} 对`, wrong.length ? "bad" : "good"));
        const list = el("ul", undefined, "notes");
        for (const t of wrong) list.append(el("li", `${bad}：${t}`, "bad"));
        box.append(list);
    }
}

function showWording(engine) {
    for (const [name] of SAYS) {
        const text = $(`say_${name}`).value.trim();
        const notes = $(`notes_${name}`);
        notes.replaceChildren();
        if (!text) continue;
        const parts = name === "lines" ? lines("say_lines") : [text];
        if (["voice", "voice_short", "rhyme", "correction"].includes(name))
            notes.append(el("li", `约 ${engine.seconds(text).toFixed(1)} 秒`, "meter"));
        if (["chat", "duty"].includes(name))
            notes.append(el("li", `约 ${engine.bytes(text) + engine.bytes($("say_caught").value) + 120} 字节，最多 2048`, "meter"));
        for (const part of parts)
            for (const f of engine.wording(name, part)) notes.append(el("li", f.text, f.error ? "bad" : "warn"));
    }
}

async function main(data) {
    const engine = await startEngine(data.engine, data.words);
    const made = data.rules.map(ready);
    const cannot = made.filter((m) => m.cannot.length);
    $("about").textContent = `${data.rules.length} 条规则，规则集 ${data.set}，程序 ${data.version}。不联网也能用；贴进来的文本不会离开这台电脑。`;
    for (const c of data.categories) $("category").append(Object.assign(el("option", `${c.title}（${c.id}）`), {value: c.id}));
    for (const [name, title, rows] of SAYS) {
        const label = el("label", title);
        const area = Object.assign(el("textarea", START[name]), {id: `say_${name}`, rows});
        const notes = Object.assign(el("ul", undefined, "notes"), {id: `notes_${name}`});
        label.append(area);
        $("says").append(label, notes);
    }
    for (const text of [
        "归一、遮盖个人信息、用词检查：就是中继自己的程序，结果相同。",
        "正则表达式由浏览器来算：规则包的例文在发布前逐条比对过，结果相同；浏览器没有步数上限，中继遇到算不完的会标“不确定”，交给人看。",
        cannot.length ? `这些规则有浏览器算不了的写法，本页不试：${cannot.map((m) => m.rule.id).join("、")}` : "所有规则都能在本页试。",
        "门槛、同号码同网址合并计数、地区和发送：本页不管，要用 tocsin rules try。",
        "“骗子的话有没有说成真话”和生僻字：只有 tocsin rules lint 检查。",
        "试行和正式：保存的文件是 experimental，装上后先试行，再由另一个人设为正式。"]) $("differs").append(el("li", text));
    const update = () => {
        const own = ready(draft(engine));
        showFound(engine, made, own);
        showSamples(engine, own);
        showWording(engine);
        $("yaml").textContent = yaml();
    };
    document.addEventListener("input", update);
    $("save").addEventListener("click", () => {
        const a = el("a");
        a.href = URL.createObjectURL(new Blob([yaml()], {type: "text/yaml"}));
        a.download = `${$("id").value.trim() || "rule"}.yaml`;
        a.click();
        $("saved").textContent = `已存为 ${a.download}`;
    });
    update();
}

if (typeof document !== "undefined") main(JSON.parse(document.getElementById("data").textContent));
else module.exports = {startEngine, ready, findAll, toBrowser, CannotSay};
