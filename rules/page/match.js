// What finds and explains in the page of `tocsin rules page`: the relay's own normalising, masking and wording rules (engine,
// WebAssembly), and the rules' patterns as the browser's regular expressions. A pattern that cannot be put so is named,
// never passed over. Nothing here knows the document: tests/flow/page.mjs runs it against the relay.
"use strict";

// ---- words: English in the source, the other language from the program's catalogue ----

let table = {};
const speak = (words) => { table = words; };
const _ = (s) => table[s] ?? s;
const N_ = (s) => s;

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

// ---- what a text is like: as likeness.c sums it up ----

const ROW = 3;

// The rows of characters, each once; digits in a row are one 0. With where each stands.
function rowsOf(text) {
    const rows = new Map();
    let last = [], places = [];
    for (const m of text.matchAll(/[0-9*]+|[^]/gu)) {
        const c = m[0];
        if (c <= " " || c === "\u3000") {
            last = [];
            places = [];
            continue;
        }
        last = [...last.slice(1 - ROW), /^[0-9*]/.test(c) ? "0" : c];
        places = [...places.slice(1 - ROW), m.index];
        for (let i = 0; i < last.length; i++) {
            const row = last.slice(i).join("");
            if (!rows.has(row)) rows.set(row, [places[i], m.index + c.length]);
        }
    }
    return rows;
}

// Points of every kind.
function likeness(learned, text) {
    if (learned.asked !== text) {
        learned.asked = text;
        learned.rowsFound = rowsOf(text);
        learned.sums = learned.begin.slice();
        for (const row of learned.rowsFound.keys())
            if (Object.hasOwn(learned.rows, row))
                for (const [kind, points] of learned.rows[row]) learned.sums[kind] += points;
    }
    return learned.sums;
}

const pointsOf = (made, text) => likeness(made.learned, text)[made.rule.learned.kind];

const percent = (points) => Math.trunc(100 / (1 + Math.exp(-points / 1000)));
// Like nothing that was learned: for a person to judge.
const isUnlike = (made, text) => made.rule.learned?.doubt !== undefined
    && Math.max(...likeness(made.learned, text)) < made.rule.learned.doubt;
const isLike = (made, text) => made.rule.learned?.enough && pointsOf(made, text) >= made.rule.learned.least
    && !made.likeNone.some((p) => look(p, text));

// Where the rows stand that weigh most.
const PARTS_SHOWN = 8;
function likeParts(made, text) {
    likeness(made.learned, text);
    const {rows, rowsFound} = made.learned, parts = [];
    for (const [row, [from, to]] of rowsFound)
        for (const [kind, points] of Object.hasOwn(rows, row) ? rows[row] : [])
            if (kind === made.rule.learned.kind && points > 0) parts.push({from, to, points});
    return parts.sort((a, b) => b.points - a.points || a.from - b.from).slice(0, PARTS_SHOWN).map((p) => [p.from, p.to]);
}

// ---- rules ----

const quote = (s) => s.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

// patterns, learned: those of the whole set; a rule of one's own has its patterns as plain texts, and has learned nothing.
function ready(rule, patterns, learned) {
    const made = {rule, cannot: [], learned: rule.learned && learned[rule.learned.number]};
    const make = (given) => {
        const p = typeof given === "number" ? patterns[given] : {re: given, brief: given, choice: true, needs: []};
        try {
            return p.made ??= {...p, re: toBrowser(p.re)};
        } catch (e) {
            made.cannot.push(p.re);
        }
    };
    for (const part of ["all", "none"]) made[part] = (rule[part] || []).map(make);
    made.likeNone = (rule.learned?.none || []).map(make);
    made.any = (rule.any || []).map((entry) => entry.map(make)); // an entry holds when all of it does
    return made;
}

// What a pattern finds first, or null. Rules share patterns, so each is asked once a text.
function look(p, text) {
    if (p.asked !== text) {
        p.asked = text;
        p.found = p.re.exec(text);
    }
    return p.found;
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
const findRule = (made, text) => findMatch(made, text) ?? (isLike(made, text) ? likeParts(made, text) : null);

function findMatch(made, text) {
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
    if (made.none.some((p) => look(p, text))) return null;
    for (const p of made.all) {
        const m = look(p, text);
        if (!m) return null;
        spans.push([m.index, m.index + m[0].length]);
    }
    const any = made.any.map((entry) => entry.map((p) => look(p, text))).filter((found) => found.every(Boolean));
    if (made.any.length && !any.length) return null;
    for (const m of any.flat()) spans.push([m.index, m.index + m[0].length]);
    return spans;
}

// ---- what nearly matched: as `rules explain` tells it (explain.c) ----

const WORDS_SHOWN = 6, PATTERNS_SHOWN = 3, NEAR_SHOWN = 5;
const more = (n) => n > 0 ? ` … (+${n})` : "";
const listed = (words) => words.slice(0, WORDS_SHOWN).join(" / ") + more(words.length - WORDS_SHOWN);

function lookAtWords(made, text, f) {
    const lists = made.rule.words || [];
    const lacking = lists.filter((list) => !list.some((w) => text.includes(w)));
    f.have += lists.length - lacking.length;
    for (const list of lacking) f.missing.push(_("one of the words: ") + listed(list));
    f.lack += lacking.length;
    if (!lists.length || lacking.length || findWords(lists, made.rule.near, text)) return;
    f.lack++;
    f.missing.push(_("the words are there, but not within %d characters of each other").replace("%d", made.rule.near));
}

function lookWhyNot(p, text, f) {
    const lacking = p.needs.filter((clause) => !clause.some((w) => text.includes(w)));
    const held = p.needs.length - lacking.length;
    f.have += held;
    if (!lacking.length || p.choice) {
        f.lack++;
        const how = lacking.length ? _("one of: ") : held ? _("its words are there, but not in the order or distance of ") : "";
        f.missing.push(how + p.brief);
        return;
    }
    f.lack += lacking.length;
    for (const clause of lacking) f.missing.push(_("one of: ") + listed(clause));
}

// Where no entry holds, the one that lacks least tells what it lacks, if some of it is there at all.
function lookAtAny(made, text, f) {
    if (!made.any.length) return;
    const lacks = (entry) => entry.filter((p) => !look(p, text));
    const nearest = made.any.filter((entry) => lacks(entry).length < entry.length)
        .reduce((best, entry) => best && lacks(best).length <= lacks(entry).length ? best : entry, null);
    if (!nearest) {
        f.lack++;
        f.missing.push(_("one of the patterns: ") + made.any.slice(0, PATTERNS_SHOWN).map((entry) =>
            entry.map((p) => p.brief).join(" + ")).join("; ") + more(made.any.length - PATTERNS_SHOWN));
        return;
    }
    const missing = lacks(nearest);
    f.have += missing.length ? nearest.length - missing.length : 1;
    for (const p of missing) lookWhyNot(p, text, f);
}

function lookAtLike(made, text, f) {
    if (!made.rule.learned?.enough) return;
    const like = percent(pointsOf(made, text)), enough = made.rule.learned.enough;
    const [warned] = made.likeNone.map((p) => look(p, text)).filter(Boolean);
    if (2 * like < enough || warned) return;
    f.nearlyLike = true;
    f.missing.push(_("learned: it is %d %% like what was learned of this kind, and %d %% would be enough")
        .replace("%d", like).replace("%d", enough).replaceAll("%%", "%"));
}

// Of a rule that does not match.
function lookAt(made, text) {
    const f = {rule: made.rule, have: 0, lack: 0, missing: [], blocked: false};
    lookAtWords(made, text, f);
    for (const p of made.all) {
        if (look(p, text)) f.have += 1 + p.needs.length;
        else lookWhyNot(p, text, f);
    }
    lookAtAny(made, text, f);
    f.blocked = f.lack === 0;
    if (f.blocked) for (const m of made.none.map((p) => look(p, text)).filter(Boolean))
        f.missing.push(_("\"%.*s\" is there, which this rule takes for harmless").replace("%.*s", () => m[0]));
    lookAtLike(made, text, f);
    return f;
}

const byId = (a, b) => (a.rule.id < b.rule.id ? -1 : 1);

// Of the rules that do not match the normal form, the nearest first.
function findNear(made, text) {
    return made.filter((m) => !m.cannot.length && !findRule(m, text)).map((m) => lookAt(m, text))
        .filter((f) => f.blocked || f.nearlyLike || (f.have >= 1 && (f.lack <= 1 || f.have >= 2 * f.lack)))
        .sort((a, b) => a.lack - b.lack || b.have - a.have || byId(a, b)).slice(0, NEAR_SHOWN);
}

// ---- the engine ----

async function startEngine(base64) {
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
            const said = string(at), word = _(said);
            return word === said ? at : write(word)[0];
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
            const result = e.prepare(at, n); // first: memory that grows has another buffer
            const r = new Uint32Array(e.memory.buffer, result, 5);
            const [norm, normLen, origin, shown, shownLen] = r;
            return {text: read(norm, normLen), shown: shownLen ? read(shown, shownLen) : "",
                    origin: new Uint32Array(e.memory.buffer.slice(origin, origin + 4 * (normLen + 1)))};
        },
        normal(word) {
            e.heap_reset();
            const result = e.normal(...write(clean(word)));
            const r = new Uint32Array(e.memory.buffer, result, 2);
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

// What the relay would find: [{rule, spans, unsure, like}] with spans in the normal form; like: percent, of what only that finds.
function findAll(engine, made, text) {
    const p = engine.prepare(text);
    const hits = [];
    for (const m of made.filter((one) => !one.cannot.length)) {
        const said = findMatch(m, p.text);
        if (said) hits.push({rule: m.rule, spans: said, unsure: isUnlike(m, p.text), like: null});
        else if (isLike(m, p.text)) hits.push({rule: m.rule, spans: likeParts(m, p.text), unsure: false, like: percent(pointsOf(m, p.text))});
    }
    return {prepared: p, hits};
}
