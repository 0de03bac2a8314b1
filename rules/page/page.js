// The page itself: the text, what finds it and what nearly does, a rule of one's own. match.js stands before it.

const TEXTS = {
    heading: N_("Try and write rules"),
    paste: N_("1 Paste a text and see which rules find it"),
    text: N_("The text"),
    seen: N_("What rules see: "),
    write: N_("2 Write a rule of your own"),
    id: N_("Id"),
    rev: N_("Revision"),
    title: N_("Title"),
    category: N_("Category"),
    level: N_("Level"),
    words: N_("Groups of words: a line a group, of which one word must be there; put spaces or 、 between words"),
    near: N_("At most so many characters apart"),
    none: N_("Not when one of these is there (what people say who warn others)"),
    match: N_("Examples that it must find, one a line"),
    pass: N_("Examples that it must leave alone, one a line"),
    says: N_("3 What is said"),
    count: N_("Threshold: how often"),
    within: N_("Within"),
    expires: N_("Good for"),
    falsepositives: N_("Harmless texts that come near, one a line"),
    references: N_("Where it was reported, one a line"),
    keep: N_("4 Save it as a file"),
    save: N_("Save the rule file"),
    then: N_("Then, on a computer of the relay: "),
    command: N_("tocsin rules install FILE --by NAME"),
    different: N_("Where this page differs from the relay"),
};
const HINTS = {
    text: N_("A message, what was said on the phone, or the note of a transfer"),
    title: N_("One sentence: what the swindler does"),
};
const LEVELS = {red: N_("Red: money is being moved now"), orange: N_("Orange: it happens here"), yellow: N_("Yellow: it happens nearby"),
                blue: N_("Blue: to know")};
const SAYS = [["voice", N_("Spoken at once (20 s at most)"), 2], ["voice_short", N_("Spoken on the hour (13 s at most)"), 2], ["rhyme", N_("Rhyme"), 1],
              ["headline", N_("Screen, large (15 characters at most)"), 1], ["lines", N_("Screen, three lines of 15 characters at most"), 3],
              ["chat", N_("Group message"), 5], ["duty", N_("Group of those on duty"), 3], ["caught", N_("Who has clicked or paid already"), 2],
              ["correction", N_("Correction (said when it is taken back)"), 2]];
// What patients hear and read is Chinese, whoever writes it.
const START = {voice: "防骗提醒。有人说……，让您……。这是骗子。不要……，不要转账。拿不准，先问护士或者保安。",
               voice_short: "防骗提醒。说……的，是骗子。不要……，先问护士或者保安。", rhyme: "", headline: "说……，是骗子", lines: "别……\n别转账\n先问护士或窗口",
               chat: "【防骗提醒】{{issuer}} {{time}}\n有人……，说“……”。这是诈骗。\n不……，不转账。\n拿不准：到{{help}}问，或打 96110。\n{{valid}} 前有效，编号 {{id}}",
               duty: "{{area}} {{count}}：……", caught: "已经……：马上打银行客服冻结银行卡，再打 110。",
               correction: "更正。之前播的……提醒，经警方核实有误，请您不必担心。"};

const EVENT_TEXT_MAX = 64 * 1024; // as in relay/base/event.h

const $ = (id) => document.getElementById(id);
const el = (name, text, cls) => {
    const e = document.createElement(name);
    if (text !== undefined) e.textContent = text;
    if (cls) e.className = cls;
    return e;
};
const put = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
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

function draft(engine) {
    const none = cells($("none").value).map((w) => engine.normal(w)).filter(Boolean);
    return {id: $("id").value.trim(), title: $("title").value.trim(), category: $("category").value, level: $("level").value,
            words: $("words").value.split("\n").map((l) => cells(l).map((w) => engine.normal(w)).filter(Boolean)).filter((l) => l.length),
            near: Number($("near").value) || 60, all: [], any: [], none: none.length ? [none.map(quote).join("|")] : []};
}

const y = (s) => `'${s.replace(/'/g, "''")}'`;
const plain = (id) => /^\w+$/.test($(id).value.trim()) ? $(id).value.trim() : y($(id).value.trim());
const block = (s, pad) => s.includes("\n") ? `|-\n${s.split("\n").map((l) => pad + l).join("\n")}` : y(s);

function yaml() {
    const words = $("words").value.split("\n").map(cells).filter((l) => l.length);
    const none = cells($("none").value);
    const say = (name) => $(`say_${name}`).value.trim();
    const list = (id) => lines(id).map((s) => `    - ${y(s)}`).join("\n");
    const out = [`# ${_("Written with the page of `tocsin rules page`")}`, `id: ${plain("id")}`, `rev: ${plain("rev")}`, "status: experimental",
                 `title: ${y($("title").value.trim())}`, `category: ${$("category").value}`, `level: ${$("level").value}`, "match:"];
    if (words.length) out.push("  words:", ...words.map((l) => `    - [${l.map(y).join(", ")}]`), `  near: ${plain("near")}`);
    if (none.length) out.push(`  none: [${y(none.map(quote).join("|"))}]`);
    out.push(`threshold: {count: ${plain("count")}, within: ${plain("within")}}`, `expires: ${plain("expires")}`, "say:");
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

function ruleBox(rule, own, how) {
    const box = el("div", undefined, `rule ${rule.level}${how ? " almost" : ""}`);
    const head = el("p");
    head.append(how ?? "", el("b", rule === own.rule ? put(_("Your own rule: {id}"), rule) : rule.title), " ",
                el("small", `${rule.id} · ${_(LEVELS[rule.level]).split(/[:：]/)[0]} · ${rule.category}`));
    box.append(head);
    return box;
}

function showFound(engine, made, own) {
    const mine = own.rule.words.length ? [own] : [];
    const bytes = new TextEncoder().encode($("text").value).length;
    if (bytes > EVENT_TEXT_MAX) {
        $("normal").textContent = "";
        $("found").replaceChildren(el("p", put(_("This text has {bytes} bytes; the relay takes events of at most {max}."), {bytes, max: EVENT_TEXT_MAX}), "bad"));
        return;
    }
    const {prepared, hits} = findAll(engine, [...mine, ...made], $("text").value);
    $("normal").textContent = prepared.text;
    $("found").replaceChildren();
    if (!prepared.text) return;
    if (!hits.length) $("found").append(el("p", _("No rule finds it.")));
    for (const {rule, spans, unsure, like} of hits) {
        const box = unsure ? ruleBox(rule, own, _("Not sure (it is like nothing that was learned): ")) : ruleBox(rule, own);
        box.append(marked(prepared, spans));
        if (like !== null)
            box.append(el("p", _("learned: it is %d %% like what was learned of this kind").replace("%d", like).replace("%%", "%"), "notes"));
        $("found").append(box);
    }
    for (const {rule, blocked, missing} of [...findNear(mine, prepared.text), ...findNear(made, prepared.text)]) {
        const box = ruleBox(rule, own, blocked ? _("Not found by ") : _("Nearly found by "));
        const list = el("ul", undefined, "notes");
        for (const text of missing) list.append(el("li", put(blocked ? _("because {what}") : _("missing: {what}"), {what: text})));
        box.append(list);
        $("found").append(box);
    }
}

function showSamples(engine, own) {
    const box = $("samples");
    box.replaceChildren();
    for (const [id, wanted] of [["match", true], ["pass", false]]) {
        const all = lines(id);
        const wrong = all.filter((t) => (findRule(own, engine.prepare(t).text) !== null) !== wanted);
        if (!all.length) continue;
        const right = {right: all.length - wrong.length, all: all.length};
        box.append(el("p", put(wanted ? _("Found as they must be: {right} of {all}") : _("Left alone as they must be: {right} of {all}"), right),
                      wrong.length ? "bad" : "good"));
        const list = el("ul", undefined, "notes");
        for (const text of wrong) list.append(el("li", put(wanted ? _("not found: {text}") : _("found, and must not be: {text}"), {text}), "bad"));
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
            notes.append(el("li", put(_("about {seconds} s"), {seconds: engine.seconds(text).toFixed(1)}), "meter"));
        if (["chat", "duty"].includes(name))
            notes.append(el("li", put(_("about {bytes} bytes, 2048 at most"), {bytes: engine.bytes(text) + engine.bytes($("say_caught").value) + 120}), "meter"));
        for (const part of parts)
            for (const f of engine.wording(name, part)) notes.append(el("li", f.text, f.error ? "bad" : "warn"));
    }
}

function showDifferences(cannot) {
    $("differs").replaceChildren(...[
        _("Normal form, personal data and the wording are judged by the relay's own program, with the same result."),
        _("Patterns are the browser's. For every sample of the pack both gave the same answer before it was published. The browser knows no limit of steps: what has no end the relay calls unsure, and a person looks at it."),
        cannot.length ? put(_("The browser cannot run these rules, so this page does not try them: {rules}"), {rules: cannot.map((m) => m.rule.id).join(", ")})
                      : _("Every rule can be tried here."),
        _("Thresholds, counting by number or address, districts and sending are not on this page: `tocsin rules try` has them."),
        _("Whether a text states what the swindler says as if it were true, and rare characters, are `tocsin rules lint`'s."),
        _("What is saved is experimental; installed it is on trial, and somebody else makes it stable."),
    ].map((text) => el("li", text)));
}

function label(data, cannot) {
    for (const e of document.querySelectorAll("[data-text]")) e.textContent = _(TEXTS[e.dataset.text]);
    for (const [id, text] of Object.entries(HINTS)) $(id).placeholder = _(text);
    document.title = _(TEXTS.heading);
    $("about").textContent = put(_("{rules} rules, set {set}, program {version}. It needs no network, and what is pasted here stays on this computer."),
                                 {...data, rules: data.rules.length});
    for (const option of $("level").options) option.textContent = _(LEVELS[option.value]);
    for (const [name, title] of SAYS) $(`title_${name}`).textContent = _(title);
    for (const option of $("category").options)
        option.textContent = put(_("{id}: {title}"), data.categories.find((c) => c.id === option.value));
    showDifferences(cannot);
}

// The browser's language, or what was chosen here before.
const LANGUAGES = {zh: {tag: "zh-CN", other: "en", name: "English"}, en: {tag: "en", other: "zh", name: "中文"}};

function startLanguage() {
    let chosen = null;
    try {
        chosen = localStorage.getItem("tocsin.language");
    } catch (e) { /* a file of its own may have no storage */ }
    return LANGUAGES[chosen] ? chosen : /^zh\b/i.test(navigator.language) ? "zh" : "en";
}

async function main(data) {
    const engine = await startEngine(data.engine);
    const made = data.rules.map((rule) => ready(rule, data.patterns, data.learned));
    const cannot = made.filter((m) => m.cannot.length);
    for (const c of data.categories) $("category").append(Object.assign(el("option"), {value: c.id}));
    for (const level of Object.keys(LEVELS)) $("level").append(Object.assign(el("option"), {value: level, selected: level === "orange"}));
    for (const [name, , rows] of SAYS) {
        const box = el("label");
        box.append(Object.assign(el("span"), {id: `title_${name}`}), Object.assign(el("textarea", START[name]), {id: `say_${name}`, rows}));
        $("says").append(box, Object.assign(el("ul", undefined, "notes"), {id: `notes_${name}`}));
    }
    const update = () => {
        const own = ready(draft(engine));
        showFound(engine, made, own);
        showSamples(engine, own);
        showWording(engine);
        $("yaml").textContent = yaml();
    };
    let language = startLanguage();
    const speakIt = () => {
        const here = LANGUAGES[language];
        speak(language === "zh" ? data.words : {});
        document.documentElement.lang = here.tag;
        $("language").textContent = here.name;
        $("language").lang = LANGUAGES[here.other].tag;
        $("saved").textContent = "";
        label(data, cannot);
        update();
    };
    $("language").addEventListener("click", () => {
        language = LANGUAGES[language].other;
        try {
            localStorage.setItem("tocsin.language", language);
        } catch (e) { /* then it is for this visit */ }
        speakIt();
    });
    document.addEventListener("input", update);
    $("save").addEventListener("click", () => {
        const a = el("a");
        a.href = URL.createObjectURL(new Blob([yaml()], {type: "text/yaml"}));
        a.download = `${$("id").value.trim() || "rule"}.yaml`;
        a.click();
        $("saved").textContent = put(_("Saved as {name}"), {name: a.download});
    });
    speakIt();
}

if (typeof document !== "undefined") main(JSON.parse(document.getElementById("data").textContent));
else module.exports = {startEngine, ready, findAll, findNear, toBrowser, speak, CannotSay};
