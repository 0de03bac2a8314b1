(function () {
  'use strict';
  // A ward's screen. The relay says what is in force; each item goes at its own `expires` by this page's clock, which is
  // the relay's time counted on performance.now(). Chromium 69 reads this: no ?. ?? and no newer interfaces.

  var PAGE_MS = 10000, STALE_MS = 45000, NEUTRAL_MS = 600000, BEAT_MS = 15000, HIDE_MS = 7200000;
  var SHIFT = [[0, 0], [3, 0], [6, 2], [3, 4], [0, 6], [-3, 4], [-6, 2], [-3, 0], [0, -2], [4, -4], [0, -6], [-4, -3]];
  var LEVELS = {
    red: { icon: 'i-red', word: '紧急', sub: '防骗提醒' },
    orange: { icon: 'i-orange', word: '重要', sub: '防骗提醒' },
    yellow: { icon: 'i-yellow', word: '注意', sub: '防骗提醒' },
    blue: { icon: 'i-blue', word: '常识', sub: '防骗知识' },
    right: { icon: 'i-right', word: '更正', sub: '请您放心' },
    note: { icon: 'i-note', word: '提示', sub: '来自本院' },
    drill: { icon: 'i-drill', word: '演练', sub: '不是真事' },
    test: { icon: 'i-drill', word: '测试', sub: '不是真事' }
  };

  var path = location.pathname.replace(/\/+$/, '');
  var token = (/[?&]t=([^&]*)/.exec(location.search) || [])[1] || '';
  var pageHash = document.documentElement.getAttribute('data-page');
  var store = null;
  try { store = window.localStorage; } catch (e) { store = null; }

  function $(id) { return document.getElementById(id); }

  function read(key) {
    try { return JSON.parse(store.getItem('tocsin:' + key)); } catch (e) { return null; }
  }
  function write(key, value) {
    try { store.setItem('tocsin:' + key, JSON.stringify(value)); } catch (e) { /* it goes on without */ }
  }

  var me = read('screen');
  if (typeof me !== 'string' || !/^[a-z0-9]{8}$/.test(me)) {
    me = ('00000000' + Math.floor(Math.random() * 2821109907455).toString(36)).slice(-8);
    write('screen', me);
  }
  function address(what, more) { return path + '/' + what + '?t=' + token + '&s=' + me + (more || ''); }

  // ---- The clock ---------------------------------------------------------------------------------------------------
  // Relay time = base + steady(). steady() also counts what performance.now() leaves out while a machine sleeps; when in
  // doubt it is later, so that nothing stands too long.
  var base = null, zone = 480, slept = 0, lastWall = Date.now(), lastPerf = performance.now();

  function steady() { return performance.now() + slept; }
  function now() { return base === null ? Date.now() : base + steady(); }

  function watchSleep() {
    var wall = Date.now(), perf = performance.now(), lost = (wall - lastWall) - (perf - lastPerf);
    lastWall = wall;
    lastPerf = perf;
    if (lost < 2000) return;
    slept += lost;
    beatSoon(0);
  }

  function sync(text, at, sure) {
    var ms = Date.parse(text), z = /([+-])(\d\d):(\d\d)$/.exec(text);
    if (isNaN(ms)) return;
    if (z) zone = (z[1] === '-' ? -1 : 1) * (60 * +z[2] + +z[3]);
    if (base === null || sure || Math.abs(base + at - ms) > 1500) base = ms - at;
  }

  function local(ms) {
    var d = new Date(ms + zone * 60000);
    return { month: d.getUTCMonth() + 1, day: d.getUTCDate(), week: '日一二三四五六'.charAt(d.getUTCDay()),
      hour: d.getUTCHours(), minute: d.getUTCMinutes(), key: Math.floor((ms + zone * 60000) / 86400000) };
  }
  function two(n) { return (n < 10 ? '0' : '') + n; }
  function hm(ms) { var t = local(ms); return two(t.hour) + ':' + two(t.minute); }
  function when(ms) {
    var t = local(ms);
    return (t.key === local(now()).key ? '' : t.month + '月' + t.day + '日 ') + two(t.hour) + ':' + two(t.minute);
  }

  // ---- What is known ------------------------------------------------------------------------------------------------
  var board = null;        // {rev, items}
  var ward = { name: '', site: '', takeover: 'banner', quiet: [], reminders: [] };
  var hide = null;         // {since, until}
  var hideWish = null;     // pressed here and not yet taken by the relay: {on, since}
  var tag = '', boot = 0, contact = null, born = steady();
  var shown = {}, told = {}, telling = {};

  function parseItem(i) {
    return { id: String(i.id), status: i.status, cancel: i.msgType === 'Cancel', level: LEVELS[i.level] ? i.level : 'blue',
      sent: Date.parse(i.sent), expires: Date.parse(i.expires), issuer: i.issuer || '',
      headline: String(i.headline || '防骗提醒').replace(/^【(演练|测试|试运行)】|^更正：/, ''), lines: (i.lines || []).slice(0, 3) };
  }

  function save() {
    write('board ' + path, { board: board, ward: ward, hide: hide, boot: boot, zone: zone, ahead: now() - Date.now(),
      wall: Date.now(), contact: now() });
  }

  function restore() {
    var s = read('board ' + path), age;
    if (!s || !s.ward) return;
    ward = s.ward;
    zone = s.zone;
    boot = s.boot;
    hide = s.hide;
    age = Date.now() - s.wall;
    if (!s.board || age < 0) return; // this device's clock went back: nothing kept can be dated
    base = Date.now() + s.ahead - steady();
    contact = steady() - (now() - s.contact);
    board = s.board;
  }

  // at: steady() at which the relay's `now` was true; sure: measured both ways.
  function take(m, at, sure) {
    var restarted = boot && m.boot && m.boot !== boot;
    sync(m.now, at, sure);
    contact = steady();
    if (m.tag) tag = m.tag;
    if (m.boot) {
      if (restarted) told = {};
      if (restarted && hide && !m.hide && !hideWish && now() < hide.until) hideWish = { on: true, since: hide.since };
      boot = m.boot;
      if (!hideWish) hide = m.hide ? { since: Date.parse(m.hide.since), until: Date.parse(m.hide.until) } : null;
    }
    if (m.ward) ward = m.ward;
    if (m.items) board = { rev: m.rev, items: m.items.map(parseItem) };
    if (m.ward || m.items) save();
    draw(true);
    sendHide();
    tell();
    if (m.page && m.page !== pageHash) reload('page');
  }

  // ---- Talking to the relay ----------------------------------------------------------------------------------------
  var source = null, beatTimer = 0, missed = 0, deaf = false;

  // An answer as JSON, or a failure. What gets none is given up: a browser has six connections to one host, and those that a
  // silent network has swallowed would be missing when it is back.
  function ask(url, options) {
    var c = new AbortController(), over = window.setTimeout(function () { deaf = true; c.abort(); }, BEAT_MS);
    function end() { window.clearTimeout(over); }
    options.signal = c.signal;
    options.cache = 'no-store';
    var answer = fetch(url, options).then(function (r) {
      if (!r.ok) throw new Error(String(r.status));
      return r.json();
    });
    answer.then(end, end);
    return answer;
  }

  function listen() {
    if (source) source.close();
    source = new EventSource(address('events'));
    source.onmessage = function (e) {
      var m;
      try { m = JSON.parse(e.data); } catch (err) { return; }
      missed = 0;
      take(m, steady(), false);
    };
    source.onerror = function () {
      // The browser comes again by itself, but not after an answer that was an error.
      if (source.readyState === 2) window.setTimeout(listen, 5000 + Math.random() * 10000);
    };
  }

  function beatSoon(ms) {
    window.clearTimeout(beatTimer);
    beatTimer = window.setTimeout(beat, ms);
  }

  function beat() {
    var sent = steady();
    beatSoon(BEAT_MS * (0.9 + Math.random() * 0.2));
    ask(address('beat', '&tag=' + encodeURIComponent(tag) + '&w=' + Math.round(window.innerWidth * dpr()) + '&h=' +
      Math.round(window.innerHeight * dpr())), {}).then(function (m) {
      var back = steady();
      // The stream should have brought that board; when it fails twice it is opened anew, and when the network was silent.
      if (m.items && contact !== null) missed++;
      if (missed > 1 || deaf) { missed = 0; deaf = false; listen(); }
      take(m, (sent + back) / 2, back - sent < 3000);
    }).catch(function () { draw(false); });
  }
  function dpr() { return window.devicePixelRatio || 1; }

  function post(what, body) {
    return ask(address(what), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  }

  // Says which deliveries have been on this screen. What fails is said again at the next word from the relay.
  function tell() {
    var ids = [], i;
    if (!board) return;
    for (i = 0; i < board.items.length; i++) {
      var id = board.items[i].id;
      if (shown[id] === 'yes' && !told[id] && !telling[id]) ids.push(id);
    }
    if (!ids.length) return;
    ids.forEach(function (id) { telling[id] = true; });
    post('ack', { rev: board.rev, state: 'displayed', at: new Date(now()).toISOString(), items: ids }).then(function () {
      ids.forEach(function (id) { told[id] = true; delete telling[id]; });
    }, function () {
      ids.forEach(function (id) { delete telling[id]; });
    });
  }

  function sendHide() {
    var wish = hideWish;
    if (!wish || wish.sending) return;
    wish.sending = true;
    post('hide', wish.on ? { on: true, since: new Date(wish.since).toISOString() } : { on: false }).then(function (m) {
      if (hideWish === wish) hideWish = null;
      take(m, steady(), false);
    }, function () { wish.sending = false; });
  }

  function press() {
    var since = Math.round(now()), on = !isAway();
    hide = on ? { since: since, until: since + HIDE_MS } : null;
    hideWish = { on: on, since: since };
    save();
    draw(true);
    sendHide();
  }

  // A page that cannot be had again is not given up.
  function reload(why) {
    var last = 0;
    try { last = +sessionStorage.getItem('tocsin:reload') || 0; } catch (e) { last = 0; }
    if (why === 'page' && Math.abs(Date.now() - last) < 600000) return;
    try { sessionStorage.setItem('tocsin:reload', String(Date.now())); } catch (e) { return; }
    fetch(location.href, { cache: 'reload' }).then(function (r) { if (r.ok) location.reload(); }, function () {});
  }

  var nightly = 180 + Math.floor(Math.random() * 120);
  function reloadAtNight() {
    var t = local(now());
    if (t.hour * 60 + t.minute !== nightly || steady() - born < 7200000 || trouble()) return;
    if (inForce().some(function (i) { return i.level === 'red'; })) return;
    born = steady();
    reload('night');
  }

  // ---- What is shown ------------------------------------------------------------------------------------------------
  function isAway() { return !!hide && now() < hide.until; }

  function inForce() {
    if (!board) return [];
    var t = now(), away = isAway();
    return board.items.filter(function (i) {
      return i.expires > t && !(away && !(i.level === 'red' && !i.cancel && i.sent >= hide.since));
    });
  }

  // '' | 'stale' | 'neutral'
  function trouble() {
    if (contact === null) return 'neutral';
    var age = steady() - contact;
    return age > NEUTRAL_MS ? 'neutral' : age > STALE_MS ? 'stale' : '';
  }

  function isNight() {
    var t = local(now()), m = t.hour * 60 + t.minute;
    return (ward.quiet || []).some(function (q) { return q[0] <= q[1] ? m >= q[0] && m < q[1] : m >= q[0] || m < q[1]; });
  }

  function el(name, className, text) {
    var e = document.createElement(name);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function icon(id) {
    var s = document.createElementNS('http://www.w3.org/2000/svg', 'svg'), u = document.createElementNS(s.namespaceURI, 'use');
    s.setAttribute('viewBox', '0 0 24 24');
    s.setAttribute('aria-hidden', 'true');
    u.setAttribute('href', '#' + id);
    s.appendChild(u);
    return s;
  }

  function isDrill(i) { return i.status !== undefined && i.status !== 'Actual'; }
  function look(i) { return isDrill(i) ? (i.status === 'Exercise' ? 'drill' : 'test') : i.cancel ? 'right' : i.level; }

  function tile(kind) {
    var t = el('div', 'tile');
    t.appendChild(icon(LEVELS[kind].icon));
    t.appendChild(el('b', '', LEVELS[kind].word));
    t.appendChild(el('span', '', LEVELS[kind].sub));
    return t;
  }

  // What one look takes in: at most three lines of fifteen characters, broken after a stop where there is one. What is
  // longer turns over. An upright screen has the height for shorter and larger lines.
  function wrap(text) {
    var short = text.split(/[，。；！？]/).every(function (clause) { return width(clause.trim()) <= 10; });
    var lines = cut(text, short && window.innerHeight > window.innerWidth ? 10 : 15), looks = [], n;
    n = Math.ceil(lines.length / Math.ceil(lines.length / 3));
    while (lines.length) looks.push(lines.splice(0, n));
    return looks;
  }
  function cut(text, most) {
    var parts = text.split(/([，。；！？]+\s*)/), lines = [''], i, n, piece, last;
    for (i = 0; i < parts.length; i += 2) {
      piece = parts[i] + (parts[i + 1] || '');
      while (piece) {
        last = lines[lines.length - 1];
        if (width(last + piece.replace(/[，；。]?\s*$/, '')) <= most) { lines[lines.length - 1] += piece; break; }
        if (last) { lines.push(''); continue; }
        for (n = piece.length; width(piece.slice(0, n)) > most; n--);
        lines[lines.length - 1] = piece.slice(0, n);
        piece = piece.slice(n);
        lines.push('');
      }
    }
    return lines.map(function (l) { return l.trim().replace(/[，；]$/, ''); }).filter(function (l) { return l; });
  }

  // Where a long text is broken when it stands in two lines: at a space, before what begins a new thought, else in its middle.
  function breakable(element, text) {
    var n = text.length, at = 0, least = 0.7 * width(text), k, longer;
    for (k = 2; k < n - 1; k++) {
      if (!/^( |是骗子|先|再|别|请|让|说)/.test(text.slice(k))) continue;
      longer = Math.max(width(text.slice(0, k)), width(text.slice(k)));
      if (longer < least) { least = longer; at = k; }
    }
    for (k = n >> 1; !at; k++) if (k >= n || !/[\w.]{2}/.test(text.slice(k - 1, k + 1))) at = k;
    if (width(text) <= 10 || at >= n) at = n;
    element.appendChild(el('span', 'half', text.slice(0, at)));
    if (at < n) element.appendChild(el('span', 'half', text.slice(at)));
    return element;
  }

  function block(headline, lines) {
    var b = el('div', 'block'), ul = el('ul'), h = el('h2');
    // An upright screen has the height for two lines: a break after the comma makes them larger.
    (headline.match(/[^，]+，?/g) || []).forEach(function (part) { h.appendChild(breakable(el('span', 'part'), part)); });
    if (headline) b.appendChild(h);
    lines.forEach(function (l) { ul.appendChild(headline ? breakable(el('li'), l) : el('li', '', l)); });
    if (lines.length) b.appendChild(ul);
    return b;
  }

  function ribbon(i) {
    return el('p', 'ribbon', (i.status === 'Exercise' ? '演练' : '测试') + '　这不是真事　请不必理会');
  }

  function itemCard(i) {
    var kind = look(i), card = el('article', 'card ' + (kind === 'test' ? 'drill' : kind)), text = el('div', 'text');
    var say = el('div', 'say'), by = el('div', 'by');
    card.appendChild(tile(kind));
    if (isDrill(i)) text.appendChild(ribbon(i));
    say.appendChild(block(i.headline, i.lines));
    text.appendChild(say);
    by.appendChild(el('span', '', i.issuer || ward.issuer || ''));
    by.appendChild(el('span', '', when(i.sent) + ' 发布　' + when(i.expires) + ' 前有效'));
    text.appendChild(by);
    if (isDrill(i)) text.appendChild(ribbon(i));
    card.appendChild(text);
    return card;
  }

  function noteCard(lines) {
    var card = el('article', 'card note'), text = el('div', 'text'), say = el('div', 'say lines');
    card.appendChild(tile('note'));
    say.appendChild(block('', lines));
    text.appendChild(say);
    card.appendChild(text);
    return card;
  }

  function strip(i, turn) {
    var kind = look(i), s = el('article', 'strip ' + (kind === 'test' ? 'drill' : kind)), text = el('div', 'text');
    var say = el('div', 'say');
    s.appendChild(tile(kind));
    say.appendChild(block(i.headline, i.lines.length ? [i.lines[turn % i.lines.length]] : []));
    text.appendChild(say);
    s.appendChild(text);
    return s;
  }

  function calm(title, more, id) {
    var c = el('div', 'calm'), t = local(now()), h = el('h2');
    c.appendChild(el('div', 'big', hm(now())));
    c.appendChild(el('div', 'day', t.month + '月' + t.day + '日　星期' + t.week));
    h.appendChild(icon(id));
    h.appendChild(el('span', '', title));
    c.appendChild(h);
    if (more) c.appendChild(el('p', '', more));
    return c;
  }

  // About how wide a text will be, in characters of its own size.
  function width(text) {
    var n = 0, i;
    for (i = 0; i < text.length; i++) n += text.charCodeAt(i) < 0x2e80 ? 0.62 : 1;
    return n;
  }

  // How wide it stands on the glass, in its own size.
  function ems(element) {
    var r = document.createRange();
    element.style.fontSize = '100px';
    r.selectNodeContents(element);
    var wide = r.getBoundingClientRect().width / 100;
    element.style.fontSize = '';
    return wide;
  }

  // As large as the room allows: fifteen characters fit a line, fewer may be larger, up to what looks calm. Where the height
  // is what is short, the white between the lines goes first. Returns the size of the lines.
  function fitIn(say, two, rem, maxHead, maxLine, broken) {
    var inner = say.firstChild, h = say.querySelector('h2'), lis = say.querySelectorAll('li'), room = say.clientWidth, k, j, head, line;
    function widest(selector) {
      return Math.max.apply(null, [1].concat(Array.prototype.map.call(say.querySelectorAll(selector), ems)));
    }
    say.classList.remove('tight');
    say.classList[two ? 'add' : 'remove']('two');
    head = h ? Math.min(maxHead * rem, room / widest(two ? 'h2 .half' : broken ? 'h2 .part' : 'h2')) : 0;
    line = Math.min(maxLine * rem, room / widest(two ? 'li .half' : 'li'), h ? head : Infinity);
    for (k = 0; k < 40; k++) {
      if (h) h.style.fontSize = head + 'px';
      for (j = 0; j < lis.length; j++) lis[j].style.fontSize = line + 'px';
      if (inner.offsetHeight <= say.clientHeight && inner.scrollWidth <= say.clientWidth + 1) break;
      if (say.classList.contains('tight')) { head *= 0.97; line *= 0.97; } else say.classList.add('tight');
    }
    return lis.length ? line : head;
  }

  // On an upright or a nearly square glass long texts are clearly larger in two lines each.
  function fit(root, rem, maxHead, maxLine, broken) {
    var say = root.querySelector('.say'), one;
    if (!say) return;
    one = fitIn(say, false, rem, maxHead, maxLine, broken);
    if (say.querySelector('.half + .half') && fitIn(say, true, rem, maxHead, maxLine, broken) < 1.1 * one)
      fitIn(say, false, rem, maxHead, maxLine, broken);
  }

  var pages = [], at = 0, turnAt = 0, newUntil = 0, drawn = '', drawnStrip = '', stripTurn = 0, rem = 16;

  function plan(items) {
    var red = items.filter(function (i) { return i.level === 'red' && !i.cancel; });
    var notes = [];
    (ward.reminders || []).forEach(function (text, k) {
      wrap(text).forEach(function (lines, j) { notes.push({ key: 'note ' + k + '.' + j + text, note: lines }); });
    });
    function page(i) { return { key: i.id, item: i, full: ward.takeover === 'full' && red.indexOf(i) >= 0 }; }
    if (ward.takeover === 'full' && red.length) return { pages: items.map(page), strip: [] };
    // The hospital's own words keep the stage, warnings take the banner. Without such words there is nothing to spare.
    if (ward.takeover === 'banner' && items.length && notes.length) return { pages: notes, strip: items };
    return { pages: items.map(page).concat(notes), strip: [] };
  }

  function grave(i) { return i.cancel ? 1 : { red: 4, orange: 3, yellow: 2, blue: 1 }[i.level]; }

  function nextUnseen() {
    for (var k = 0; k < pages.length; k++) if (pages[k].item && !shown[pages[k].key]) return k;
    return -1;
  }

  function show(element, signature, where, was) {
    if (signature === was) return was;
    while (where.firstChild) where.removeChild(where.firstChild);
    if (element) where.appendChild(element());
    return signature;
  }

  // fresh: something may have come that nobody has seen yet; it is shown at once.
  function draw(fresh) {
    var state = trouble(), items = state === 'neutral' ? [] : inForce(), t = local(now()), p, k, portrait;
    var chosen = plan(items), html = document.documentElement, minute = hm(now());
    html.className = isNight() ? 'night' : '';
    portrait = window.innerHeight > window.innerWidth;
    rem = portrait ? Math.min(window.innerWidth / 56.25, window.innerHeight / 100) : Math.min(window.innerWidth / 100, window.innerHeight / 56.25);
    html.style.fontSize = rem + 'px';
    $('site').textContent = ward.site || '';
    $('ward').textContent = ward.name || '防骗提醒';
    $('time').textContent = minute;
    $('date').textContent = '';
    $('date').appendChild(el('span', '', t.month + '月' + t.day + '日'));
    $('date').appendChild(el('span', '', '星期' + t.week));

    $('stale').hidden = state !== 'stale';
    if (state === 'stale') $('stale-since').textContent = '以下内容更新于 ' + when(now() - (steady() - contact));

    var key = pages[at] && pages[at].key;
    pages = state === 'neutral' ? [] : chosen.pages;
    for (at = 0; at < pages.length && pages[at].key !== key; at++);
    if (at >= pages.length) { at = 0; turnAt = steady() + PAGE_MS; }
    if (fresh) {
      k = nextUnseen();
      // It does not push away one that has only just come itself, unless it is graver.
      if (k >= 0 && (steady() >= newUntil || !pages[at].item || grave(pages[k].item) > grave(pages[at].item))) {
        at = k;
        turnAt = newUntil = steady() + PAGE_MS;
      }
    }
    p = pages[at];
    var size = ' ' + window.innerWidth + 'x' + window.innerHeight + (state === 'stale');
    document.body.className = (p && p.full ? 'full ' : '') + (p ? '' : 'calmed ') + (chosen.strip.length && p ? 'shared ' : '') + (state === 'stale' ? 'lost ' : '') + (touched ? 'touched' : '');
    var strips = state === 'neutral' ? [] : chosen.strip;
    $('banner').hidden = !strips.length;
    if (strips.length) {
      var s = strips[stripTurn % strips.length], turn = Math.floor(stripTurn / strips.length);
      drawnStrip = show(function () { return strip(s, turn); }, s.id + ' ' + turn + size, $('banner'), drawnStrip);
      if (drawnStrip !== lastFitStrip) { fit($('banner'), rem, 5.4, 4.2, portrait); lastFitStrip = drawnStrip; }
      seen(s);
    }
    if (p && p.item) {
      drawn = show(function () { return itemCard(p.item); }, p.key + p.full + size + strips.length + local(now()).key, $('stage'), drawn);
      seen(p.item);
    } else if (p) {
      drawn = show(function () { return noteCard(p.note); }, p.key + size + strips.length, $('stage'), drawn);
    } else if (state === 'neutral') {
      var waiting = contact === null && steady() - born < STALE_MS;
      drawn = show(function () {
        return calm(waiting ? '正在连接服务器' : '与服务器失去联系', '接到可疑电话、短信，先别转账，先问护士', waiting ? 'i-shield' : 'i-lost');
      }, 'neutral' + waiting + minute, $('stage'), drawn);
    } else if (isAway()) {
      drawn = show(function () { return calm('本病区已收起提醒', '到 ' + hm(hide.until) + ' 自动恢复；有紧急的新提醒仍会显示', 'i-shield'); }, 'away' + minute + size, $('stage'), drawn);
    } else {
      drawn = show(function () { return calm('目前没有新的防骗提醒', ward.help ? '有疑问，到' + ward.help + '问一问' : '', 'i-shield'); }, 'calm' + minute + size, $('stage'), drawn);
    }
    if (drawn !== lastFit) { fit($('stage'), rem, portrait ? 6.4 : 7.2, portrait ? 5.6 : 5.4, portrait); lastFit = drawn; }

    $('pager').textContent = pages.length > 1 ? '第 ' + (at + 1) + ' 页，共 ' + pages.length + ' 页' : '';
    $('away').textContent = isAway() && p ? '其余已收起，至 ' + hm(hide.until) : '';
    $('hide').hidden = !isAway() && !items.length;
    $('hide').textContent = isAway() ? '恢复显示' : '本病区收起 2 小时';
  }
  var lastFit = '', lastFitStrip = '', touched = false;

  // On the screen means painted: a hidden or frozen page never gets here.
  function seen(i) {
    if (shown[i.id]) return;
    shown[i.id] = 'soon';
    window.requestAnimationFrame(function () {
      window.requestAnimationFrame(function () { shown[i.id] = 'yes'; tell(); });
    });
  }

  function tick() {
    var state = trouble(), key;
    watchSleep();
    if (pages.length > 1 && steady() >= turnAt) {
      var unseen = nextUnseen();
      at = unseen >= 0 ? unseen : (at + 1) % pages.length;
      turnAt = steady() + PAGE_MS;
    }
    stripTurn = Math.floor(steady() / PAGE_MS);
    draw(false);
    var s = SHIFT[local(now()).minute % SHIFT.length];
    $('page').style.transform = state === 'neutral' || !rem ? '' : 'translate(' + s[0] + 'px,' + s[1] + 'px)';
    if (board) for (key in shown) { if (!board.items.some(function (i) { return i.id === key; })) { delete shown[key]; delete told[key]; } }
    reloadAtNight();
  }

  $('hide').addEventListener('click', function (e) {
    if (e.detail) $('hide').blur(); // a finger leaves no ring behind, the keyboard's focus stays
    press();
  });
  window.addEventListener('resize', function () { draw(false); });
  window.addEventListener('pointerdown', function () { touched = true; });
  window.addEventListener('online', function () { beatSoon(0); });
  document.addEventListener('visibilitychange', function () { watchSleep(); draw(false); });

  restore();
  draw(true);
  listen();
  beatSoon(1000 + Math.random() * 2000);
  window.setInterval(tick, 500);
})();
