(function () {
  'use strict';
  // Every screen of a site: whether it is there, when it was heard of last, what it has displayed.

  var EVERY_MS = 5000, LATE_MS = 45000;
  var WORDS = { red: '紧急', orange: '重要', yellow: '注意', blue: '常识' };
  var path = location.pathname.replace(/\/+$/, '');
  var token = (/[?&]t=([^&]*)/.exec(location.search) || [])[1] || '';
  var zone = 480, drawn = '', content = '', sized = '';

  function $(id) { return document.getElementById(id); }
  function el(name, className, text) {
    var e = document.createElement(name);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function two(n) { return (n < 10 ? '0' : '') + n; }
  function clock(text) {
    var d = new Date(Date.parse(text) + zone * 60000);
    return two(d.getUTCHours()) + ':' + two(d.getUTCMinutes()) + ':' + two(d.getUTCSeconds());
  }
  function ago(ms) {
    var s = Math.max(0, Math.round(ms / 1000));
    return s < 90 ? s + ' 秒前' : s < 5400 ? Math.round(s / 60) + ' 分钟前' : Math.round(s / 3600) + ' 小时前';
  }

  function card(w, now) {
    var there = w.screens.filter(function (s) { return now - Date.parse(s.beat) <= LATE_MS; });
    var kind = w.hidden_until ? 'away' : !w.screens.length ? 'none' : there.length < w.screens.length ? 'late' : 'ok';
    var a = el('article', kind), h = el('h2', '', w.name), list;
    h.appendChild(el('small', '', w.id));
    a.appendChild(h);
    a.appendChild(el('p', 'state', { away: '已收起至 ' + (w.hidden_until ? clock(w.hidden_until).slice(0, 5) : ''),
      none: '还没有屏幕连上', late: (w.screens.length - there.length) + ' 块屏幕没有消息', ok: there.length + ' 块屏幕在线' }[kind]));
    w.screens.forEach(function (s) {
      var p = el('p', 'screen');
      p.appendChild(el('b', '', s.connected ? '已连接' : '未连接'));
      p.appendChild(el('span', '', ago(now - Date.parse(s.beat))));
      p.appendChild(el('span', '', s.width ? s.width + '×' + s.height : s.id));
      p.appendChild(el('span', '', w.items.length ? '显示过 ' + s.shown.length + '/' + w.items.length : ''));
      p.title = s.id;
      a.appendChild(p);
    });
    list = el('ul');
    w.items.forEach(function (i) {
      var li = el('li'), b = el('b'), drill = i.status !== 'Actual';
      b.appendChild(el('span', 'level ' + (drill ? 'drill' : i.correction ? 'right' : i.level),
        drill ? (i.status === 'Exercise' ? '演练' : '测试') : i.correction ? '更正' : WORDS[i.level]));
      b.appendChild(document.createTextNode(i.headline.replace(/^【.*?】|^更正：/, '')));
      li.appendChild(b);
      li.appendChild(el('span', '', i.displayed ? '✓ ' + clock(i.displayed) : '尚无回报'));
      list.appendChild(li);
    });
    if (!w.items.length) list.appendChild(el('li', '', '没有在发的提醒'));
    if (w.more) list.appendChild(el('li', '', '另有 ' + w.more + ' 条较轻的，屏幕轮不到'));
    a.appendChild(list);
    return a;
  }

  function draw(m) {
    var z = /([+-])(\d\d):(\d\d)$/.exec(m.now), now = Date.parse(m.now), on = 0, all = 0, box = $('wards');
    if (z) zone = (z[1] === '-' ? -1 : 1) * (60 * +z[2] + +z[3]);
    drawn = m.now;
    $('site').textContent = (m.site || '') + ' 病区屏幕';
    $('time').textContent = clock(m.now);
    while (box.firstChild) box.removeChild(box.firstChild);
    (m.wards || []).forEach(function (w) {
      all += w.screens.length;
      w.screens.forEach(function (s) { if (now - Date.parse(s.beat) <= LATE_MS) on++; });
      box.appendChild(card(w, now));
    });
    $('sum').textContent = (m.wards || []).length + ' 个病区，' + all + ' 块屏幕，' + on + ' 块在线';
    content = JSON.stringify((m.wards || []).map(function (w) {
      return [w.name, w.screens.length, w.more, w.items.map(function (i) { return i.headline; })];
    }));
    if (m.page !== document.documentElement.getAttribute('data-page')) {
      fetch(location.href, { cache: 'reload' }).then(function (r) { if (r.ok) location.reload(); }, function () {});
    }
  }

  // As large as it goes with every ward in sight: it hangs where people look up at it. What is left over goes to the cards.
  function size() {
    var side = Math.min(window.innerWidth, window.innerHeight), least = Math.max(1, side / 1200), z = Math.max(least, side / 360);
    var signature = window.innerWidth + 'x' + window.innerHeight + $('lost').hidden + content;
    if (signature === sized) return;
    sized = signature;
    document.body.style.minHeight = '';
    for (; ; z *= 0.97) {
      document.body.style.zoom = z = Math.max(z, least);
      if (z === least || document.documentElement.scrollHeight <= window.innerHeight) break;
    }
    document.body.style.minHeight = Math.floor(window.innerHeight / z) + 'px';
  }
  window.addEventListener('resize', size);

  function ask() {
    // What gets no answer is given up: a silent network would leave the last state standing as if it were today's.
    var c = new AbortController(), over = window.setTimeout(function () { c.abort(); }, 2 * EVERY_MS);
    window.setTimeout(ask, EVERY_MS);
    fetch(path + '/state?t=' + token, { cache: 'no-store', signal: c.signal }).then(function (r) {
      if (!r.ok) throw new Error(String(r.status));
      return r.json();
    }).then(function (m) {
      window.clearTimeout(over);
      $('lost').hidden = true;
      draw(m);
    }).catch(function () {
      window.clearTimeout(over);
      $('lost').hidden = false;
      $('lost-at').textContent = drawn ? clock(drawn) : '（还没有）';
    }).then(size);
  }
  ask();
})();
