(function () {
  'use strict';
  // The console of one person. It asks for everything at once every few seconds, and says what it wants done to the same
  // addresses as the command line; whoever ran `tocsin console` is who acts.

  const EVERY_MS = 3000, TARGETS_SHOWN = 200, EVENTS_SHOWN = 6;
  const EN = {
    '警钟控制台': 'Tocsin console', '正在读取': 'Reading', '现在': 'Now', '待定': 'To decide', '送达': 'Deliveries', '静默与演练': 'Silences, drills', '页面': 'Pages',
    '各目标近一天的送达': 'Deliveries of the last day, by target', '找一个目标': 'Find a target', '静默': 'Silences', '加一个静默': 'Add a silence',
    '对得上的提醒在这段时间里不播、不显示、不发；更正照常发出。': 'What matches is neither spoken, shown nor posted until it ends; corrections pass.',
    '按什么': 'By', '规则': 'rule', '类别': 'category', '医院': 'site', '区县代码': 'district code', '级别': 'level', '值': 'Value', '多久': 'For how long', '原因': 'Reason',
    '30 分钟': '30 minutes', '10 分钟': '10 minutes', '1 小时': '1 hour', '2 小时': '2 hours', '8 小时': '8 hours', '1 天': '1 day', '7 天': '7 days',
    '开始静默': 'Start the silence', '演练': 'Drill', '开始演练': 'Start a drill', '请打出“演练”两个字': 'Type the two characters 演练',
    '演练期间，标为演练或测试的提醒会到达所有喇叭、屏幕和群，每处都说明是演练。到时自动结束。':
      'While it is open, alerts marked Exercise or Test reach every loudspeaker, screen and chat, each saying that it is a drill. It ends by itself.',
    '结果': 'Outcome', '不，回去': 'No, go back', '一切正常': 'All is well', '有问题': 'Trouble', '失去联系': 'Lost', '红': 'red', '橙': 'orange', '黄': 'yellow', '蓝': 'blue',
    '已核实': 'observed', '很可能': 'likely', '可能': 'possible', '测试': 'test', '起': 'cases', '到': 'until', '在发的提醒': 'In force', '现在没有在发的提醒': 'Nothing is in force',
    '来源': 'Feeds', '正常': 'up', '断开': 'down', '没有声音': 'silent', '最近': 'heard', '还没有': 'never', '要过问的规则': 'Rules to look at', '误报': 'false alarm',
    '演练进行中': 'A drill is open', '静默中': 'Silent', '范围很大': 'broad', '还没有要您定的': 'Nothing waits for you', '条等您定': 'to decide',
    '未到门槛': 'below its threshold', '规则拿不准': 'the rule is not sure', '等一人批准': 'waits for one approval', '等两人批准': 'waits for two approvals',
    '地区是推测的': 'the area is a guess', '确认过，来源又撤回了': 'confirmed, then taken back by its feed', '仍然属实': 'It is true',
    '提醒继续有效，由您的名字负责，不另发消息。': 'The alert goes on in your name; nothing more is sent.', '已批准': 'approved by', '处等着': 'deliveries wait', '批准': 'Approve', '驳回': 'Reject', '确认属实': 'Confirm', '排除': 'Dismiss',
    '看经过': 'Its story', '扣留': 'held', '等待': 'waiting', '已送': 'sent', '已确认': 'confirmed', '没送成': 'failed', '没有发': 'not sent', '最近送达': 'last sent',
    '近一天没有': 'none in the last day', '看明细': 'Details', '收起': 'Close', '坏了': 'broken', '停用': 'disabled', '暂停': 'paused', '个目标没有列出，请用上面的框找': 'more targets are not listed; use the box above',
    '没有这样的目标': 'No such target', '没有静默': 'No silences', '提前结束': 'End it now', '没有演练过': 'No drills yet', '进行中': 'open', '已结束': 'over', '全部医院': 'all sites',
    '结束演练': 'End the drill', '条演练提醒': 'exercise alerts', '回去': 'Back', '替群里记一句': 'A word from a group', '志愿者报来消息末尾的编号，您替他记下；按规则和群计数。': 'A volunteer reads the number at the end of the message; you note what was said. It is counted by rule and group.',
    '他说的是': 'What was said', '本地也有': 'seen here too', '收到': 'acknowledged', '备注': 'Note', '记下': 'Note it', '这个人已经说过同样的话': 'this person has said so already', '劝阻成功': 'kept from paying',  '受理': 'accepted', '没人签收就往上报': 'Until somebody acknowledges', '第几步': 'step', '过多久': 'after', '报给谁': 'told', '报了': 'told', '群里的反馈': 'a word from a group', '提前结束静默': 'End a silence', '收到，在处理': 'Acknowledge', '取消并更正': 'Cancel and correct', '记下结果': 'Note the outcome',
    '已经结束': 'Ended', '签收': 'acknowledged', '事件': 'Events', '时间': 'time', '地区': 'area', '数量': 'count', '共': 'in all', '条，只列出前': ', the first', '版本': 'Revisions',
    '类型': 'type', '可信度': 'certainty', '为什么': 'why', '目标': 'target', '状态': 'state', '送出': 'sent', '人的处置': 'What people did', '谁': 'who', '做了什么': 'what', '做什么': 'to do',
    '新发': 'alert', '更新': 'update', '更正': 'correction', '规则号': 'rule', '发布': 'issued', '失效': 'expires', '编号': 'id', '做完了': 'Done', '没有做成：': 'Not done: ',
    '排队': 'queued', '发送中': 'sending', '已播': 'played', '已显示': 'displayed', '待重试': 'retry', '过期': 'expired', '被拒': 'rejected', '已取消': 'cancelled', '没发': 'suppressed', '未证实': 'unconfirmed',
    '与警钟失去联系，以下是': 'The relay does not answer; this is from', '的情形': '', '控制台已经关闭': 'The console is closed',
    '地址只能用一次；窗口关掉、太久没用或者命令结束以后，都要在运行 tocsin console 的地方按回车，取一个新地址。':
      'An address is good for one visit. When its tab was closed, it was left for long or the command has ended, press Enter where tocsin console runs for a new one.',
    '等着的送达马上放行。': 'The deliveries that wait go out at once.', '等着的送达到此为止，不再发出。': 'The deliveries that wait end here.',
    '按“已核实”发出，由您的名字负责。': 'It goes out as observed, in your name.', '它和同组的其他线索离开这个列表，不会发出。': 'It and the others of its group leave the list and are not sent.',
    '停止催促，表示有人在处理。': 'Reminders stop: somebody is on it.', '没发的不再发，发过的地方收到更正。': 'What is unsent ends, and every place that had it gets the correction.',
    '为报表和规则改进记下结果。': 'For the report, and to mend the rule.', '静默提前结束：仍然有效的重新上屏、整点再播，之后的提醒照常发出。': 'What is in force is shown again and said on the hour; the next alerts go out as ever.', '演练和它的提醒马上结束。': 'The drill and its exercises end at once.',
    '还要另一个人批准': 'another person must approve as well', '这个静默范围很大，请留意': 'this silence is broad, keep an eye on it', 
    '转发用的文字和图片': 'To pass on: text and picture', '下载图片': 'Save the picture', '图片上写着：': 'The picture says: ', '文字': 'Text', '图文': 'Text, picture',
    '转发好了': 'Passed on', '清单上的群都已经转发。': 'It was passed on to every group of the list.', '对方收过的话会收到第二次。': 'Who has it already gets it twice.',
    '来源已撤回': 'taken back by its feed',
    '把它转发好了': 'It was passed on', '再发一次': 'Send again', '条': ''
  };
  let english = false;
  function T(text) { return english ? (EN[text] !== undefined ? EN[text] : text) : text; }

  const LEVEL = { red: '红', orange: '橙', yellow: '黄', blue: '蓝' };
  const CERTAINTY = { Observed: '已核实', Likely: '很可能', Possible: '可能' };
  const STATE = { held: '扣留', queued: '排队', sending: '发送中', sent: '已送', played: '已播', displayed: '已显示', acknowledged: '已确认', retry: '待重试',
    expired: '过期', rejected: '被拒', cancelled: '已取消', suppressed: '没发', unconfirmed: '未证实' };
  const GOOD = ['sent', 'played', 'displayed', 'acknowledged'], OPEN = ['held', 'queued', 'sending', 'retry'];
  const DONE = { 'alert.approve': '批准', 'alert.reject': '驳回', 'alert.confirm': '确认属实', 'alert.cancel': '取消并更正', 'alert.ack': '收到，在处理',
    'alert.outcome': '记下结果', 'alert.feedback': '群里的反馈', 'silence.add': '开始静默', 'silence.expire': '提前结束静默', 'event.confirm': '确认属实', 'event.dismiss': '排除', 'delivery.replay': '再发一次', 'delivery.done': '把它转发好了' };
  const STEPS = [['accepted', '受理'], ['sent', '送出'], ['displayed', '已显示'], ['played', '已播'], ['acknowledged', '签收']];
  // What the relay notes in English; the beginning of a note is enough, and what follows it stays.
  const NOTES = [['approval two', '等两人批准'], ['approval', '等一人批准'], ['quiet_hours', '静默时段'], ['trial, then approval two', '试运行，之后等两人批准'], ['trial, then approval', '试运行，之后等一人批准'], ['trial', '试运行'], ['waits for the digest', '等下一次汇总'],
    ['group_wait', '等同组的一起发'], ['group_interval', '等同组的一起发'], ['older than relay.fresh', '太旧，不马上播'], ['pace: this group does not hear of this level', '这个群不收这一级'],
    ['announce_again:', '这里播过，见整点播报'], ['announce_per_day:', '今天播够了，见整点播报'], ['nobody approved in time', '没人批准：只上整点播报和屏幕'], ['nobody answered in time', '没人回应'],
    ['target removed', '目标已移除'], ['area withdrawn by its feed', '来源撤回了这个地区'], ['alert cancelled', '提醒已取消'], ['alert ended', '提醒已结束'], ['not confirmed before it expired', '到期也没有回报'], ['replayed by a person', '人工再发'],
    ['by screens alone', '只有屏幕收到，消息服务器不在'], ['folded into ', '并入 '], ['silence ', '静默 '], ['passed on by ', '已转发：'], ['acknowledged by ', '已签收：'], ['rejected by ', '驳回：'],
    ['threshold', '达到门槛'], ['second feed', '第二个来源也报了'], ['higher level', '级别升高'], ['higher certainty', '可信度升高'], ['new area', '新的地区'], ['other areas', '地区变了，改过字句'], ['confirmed by ', '确认属实：'],
    ['withdrawn by its feed', '来源已撤回'], ['cancelled by ', '取消并更正：'], ['drill started', '开始了新的演练'], ['drill stopped', '演练结束'],
    ['expired while held', '扣留到过期'], ['expired before it could be sent', '没来得及发就过期'], ['expired', '到期']];
  const OUTCOMES = ['劝阻成功', '已受骗', '误报'];

  const $ = (id) => document.getElementById(id);
  let key = null;
  try { key = sessionStorage.getItem('tocsin-key'); } catch (e) { key = null; }
  let data = null, story = null, opened = null, zone = 480, lastGood = null, skew = 0;

  function h(tag, attrs, ...children) {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(attrs || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === 'onclick') e.addEventListener('click', value);
      else if (name === 'class') e.className = value;
      else e.setAttribute(name, value === true ? '' : value);
    }
    for (const c of children.flat(Infinity)) if (c !== null && c !== undefined && c !== false) e.append(c);
    return e;
  }
  // What has not changed is left alone, so that a finger on a button does not lose it.
  const drawn = new Map();
  function put(where, signature, make) {
    const text = JSON.stringify(signature) + english;
    if (drawn.get(where) === text) return;
    drawn.set(where, text);
    where.replaceChildren(...[make()].flat(Infinity).filter(Boolean));
  }

  // ---- Time ----------------------------------------------------------------------------------------------------------
  function local(text) { return new Date(Date.parse(text) + zone * 60000); }
  const two = (n) => String(n).padStart(2, '0');
  function clock(text) {
    if (!text) return '';
    const d = local(text), today = new Date(Date.now() + skew + zone * 60000);
    const time = two(d.getUTCHours()) + ':' + two(d.getUTCMinutes());
    const same = d.toISOString().slice(0, 10) === today.toISOString().slice(0, 10);
    return same ? time + ':' + two(d.getUTCSeconds()) : two(d.getUTCMonth() + 1) + '-' + two(d.getUTCDate()) + ' ' + time;
  }
  function later(from, to) {
    if (!to) return '';
    const s = (Date.parse(to) - Date.parse(from)) / 1000;
    if (s < 0) return '';
    return s < 100 ? '+' + s.toFixed(1) + ' s' : s < 5400 ? '+' + Math.round(s / 60) + ' min' : '+' + Math.round(s / 3600) + ' h';
  }

  // ---- The relay ------------------------------------------------------------------------------------------------------
  function closed() {
    document.body.replaceChildren(h('main', { id: 'closed' }, h('h1', {}, T('控制台已经关闭')),
      h('p', {}, T('地址只能用一次；窗口关掉、太久没用或者命令结束以后，都要在运行 tocsin console 的地方按回车，取一个新地址。'))));
    key = null;
  }

  async function ask(path, body) {
    const r = await fetch(path, { method: body ? 'POST' : 'GET', cache: 'no-store', credentials: 'same-origin', body: body ? JSON.stringify(body) : undefined,
      headers: body ? { 'X-Tocsin-Key': key, 'Content-Type': 'application/json' } : { 'X-Tocsin-Key': key } });
    const j = await r.json().catch(() => ({}));
    if (r.status === 403) { closed(); throw new Error('closed'); }
    if (!r.ok) throw Object.assign(new Error(j.error || String(r.status)), { status: r.status });
    return j;
  }

  let timer = 0;
  async function beat() {
    window.clearTimeout(timer);
    try {
      const id = alertShown();
      const next = await ask('/v1/overview');
      const z = /([+-])(\d\d):(\d\d)$/.exec(next.status.now);
      if (z) zone = (z[1] === '-' ? -1 : 1) * (60 * +z[2] + +z[3]);
      skew = Date.parse(next.status.now) - Date.now();
      // The gravest first, whatever came last; what is no drill before what is.
      next.alerts.sort((a, b) => isDrill(a) - isDrill(b) || Object.keys(LEVEL).indexOf(a.level) - Object.keys(LEVEL).indexOf(b.level));
      data = next;
      lastGood = next.status.now;
      if (english !== (next.language === 'en')) { english = next.language === 'en'; words(); }
      if (id) story = await ask('/v1/alert?id=' + encodeURIComponent(id)).catch((e) => { if (e.status !== 404) throw e; return { id, gone: e.message }; });
      if (opened) opened.rows = await ask('/v1/deliveries?limit=20&target=' + encodeURIComponent(opened.id));
      $('lost').hidden = true;
    } catch (e) {
      if (!key) return;
      $('lost').textContent = lastGood ? T('与警钟失去联系，以下是') + ' ' + clock(lastGood) + ' ' + T('的情形') : e.message;
      $('lost').hidden = false;
    }
    draw();
    if (!document.hidden) timer = window.setTimeout(beat, EVERY_MS);
  }

  let saying = 0;
  function say(text, bad) {
    window.clearTimeout(saying);
    $('said').className = bad ? 'bad' : '';
    $('said').textContent = text;
    saying = window.setTimeout(() => { $('said').textContent = ''; }, bad ? 9000 : 4000);
  }

  async function act(verb, body) {
    try {
      const j = await ask('/v1/' + verb, body);
      say(T('做完了') + (j.waiting ? '：' + T('还要另一个人批准') : '') + (j.again ? '：' + T('这个人已经说过同样的话') : '') + (j.broad ? '：' + T('这个静默范围很大，请留意') : ''));
      await beat();
      return true;
    } catch (e) {
      if (key) say(T('没有做成：') + e.message, true);
      return false;
    }
  }

  // Every change is asked back once, with room for the reason.
  let wanted = null;
  function confirmAct(title, text, verb, body, look, choices) {
    wanted = { verb, body, choices };
    $('ask-title').textContent = title;
    $('ask-text').textContent = text;
    $('ask-why').value = '';
    $('ask-choice-row').hidden = !choices;
    $('ask-choice').replaceChildren(...(choices || []).map((c) => h('option', {}, c)));
    $('ask-yes').textContent = title;
    $('ask-yes').className = 'act ' + (look || '');
    $('ask').showModal();
    (choices ? $('ask-choice') : $('ask-why')).focus();
  }
  $('ask-no').addEventListener('click', () => $('ask').close());
  $('ask').addEventListener('close', () => { wanted = null; });
  $('ask-form').addEventListener('submit', (e) => {
    e.preventDefault();
    const w = wanted;
    $('ask').close();
    if (!w) return;
    const body = Object.assign({}, w.body);
    if (w.choices) body.id += ' ' + $('ask-choice').value;
    if ($('ask-why').value.trim()) body.reason = $('ask-why').value.trim();
    act(w.verb, body);
  });

  // ---- Pieces ---------------------------------------------------------------------------------------------------------
  const isDrill = (a) => a.status !== 'Actual';
  function levelMark(a) {
    const word = isDrill(a) ? T(a.status === 'Exercise' ? '演练' : '测试') : T(LEVEL[a.level]);
    return h('span', { class: 'level ' + (isDrill(a) ? 'drill' : a.level) }, word);
  }
  function nothing(text) { return h('p', { class: 'nothing' }, text); }
  function table(head, rows) {
    return h('div', { class: 'table', tabindex: 0, role: 'group', 'aria-label': head.map((c) => c.word).join('、') }, h('table', {},
      h('thead', {}, h('tr', {}, head.map((c) => h('th', { scope: 'col', class: c.n ? 'n' : null }, c.word)))),
      h('tbody', {}, rows.map((r) => h('tr', {}, r.map((cell, i) => h('td', { class: head[i].n ? 'n' : head[i].wide ? 'wide' : null }, cell)))))));
  }
  function stateWord(d) {
    const kind = GOOD.includes(d.state) ? 'good' : OPEN.includes(d.state) ? 'waiting' : d.state === 'cancelled' || d.state === 'suppressed' ? '' : 'bad-text';
    return h('span', { class: 'state ' + kind }, T(STATE[d.state] || d.state));
  }
  function noteWords(text) {
    const found = english ? null : NOTES.find(([begin]) => text.startsWith(begin));
    return found ? found[1] + (found[0].endsWith(' ') ? text.slice(found[0].length) : '') : text;
  }
  function button(title, text, verb, body, look, choices) {
    return h('button', { type: 'button', class: look, onclick: () => confirmAct(title, text, verb, body, look, choices) }, title);
  }

  function alertCard(a) {
    return h('a', { class: 'card edge-' + (isDrill(a) ? 'drill' : a.level), href: '#alert/' + a.id },
      h('p', {}, levelMark(a), h('span', { class: 'soft' }, T(CERTAINTY[a.certainty]) + '　' + a.count + ' ' + T('起'))),
      h('p', { class: 'title' }, a.title),
      h('p', { class: 'soft' }, a.places || a.areas),
      h('p', { class: 'soft small' }, clock(a.created) + ' ' + T('发布') + '，' + T('到') + ' ' + clock(a.expires)));
  }

  // ---- Now ------------------------------------------------------------------------------------------------------------
  function drawNow() {
    const s = data.status;
    const troubled = (s.targets || []).filter((t) => t.state !== 'ok');
    const demote = s.demote || [];
    const feeds = s.feeds.map((f) => [f.id, f.up, f.silent, f.heard, f.accepted, f.why]);
    put($('page-now'), [s.trouble, s.drill, s.silences, data.alerts, feeds, troubled, demote, data.review.length], () => [
      s.trouble ? h('p', { class: 'band bad', role: 'alert' }, s.trouble) : null,
      s.drill ? h('p', { class: 'band drill' }, h('b', {}, T('演练进行中')), '　' + T('到') + ' ' + clock(s.drill.expires) + '　' + s.drill.by + '　' + (siteName(s.drill.site) || T('全部医院'))) : null,
      (s.silences || []).map((q) => h('p', { class: 'band' }, h('b', {}, T('静默中') + (q.broad ? '（' + T('范围很大') + '）' : '')), '　',
        h('span', { class: 'mono' }, q.matchers), '　' + T('到') + ' ' + clock(q.expires) + '　' + q.by)),
      troubled.slice(0, 12).map((t) => h('p', { class: 'band bad' }, h('b', {}, t.name + ' ' + T({ broken: '坏了', disabled: '停用', paused: '暂停' }[t.state] || t.state)), '　' + (t.why || ''))),
      data.review.length ? h('p', { class: 'band' }, h('a', { href: '#review' }, data.review.length + ' ' + T('条等您定'))) : null,
      h('h2', {}, T('在发的提醒') + (data.alerts.length ? ' ' + data.alerts.length : '')),
      data.alerts.length ? h('div', { class: 'grid' }, data.alerts.map(alertCard)) : nothing(T('现在没有在发的提醒')),
      demote.length ? [h('h2', {}, T('要过问的规则')), h('div', { class: 'card' }, demote.map((r) => h('p', {}, h('span', { class: 'mono' }, r.rule), '　' + T('误报') + ' ' + r.false_alarms)))] : null,
      h('h2', {}, T('来源')),
      h('div', { class: 'card dots' }, s.feeds.map((f) => h('p', {}, h('b', {}, f.id), ' ',
        h('span', { class: 'state ' + (f.up && !f.silent ? 'good' : 'bad-text') }, T(f.up ? (f.silent ? '没有声音' : '正常') : '断开')), ' ',
        h('span', { class: 'soft small' }, T('最近') + ' ' + (f.heard ? clock(f.heard) : T('还没有'))))))
    ]);
  }

  // ---- To decide ------------------------------------------------------------------------------------------------------
  function why(note) {
    return note.split(', ').map((n) => T({ candidate: '未到门槛', unsure: '规则拿不准', 'approval one': '等一人批准', approval: '等一人批准', 'approval two': '等两人批准',
      'guessed area': '地区是推测的', 'confirmed but taken back by its feed': '确认过，来源又撤回了' }[n] || n)).join('，');
  }
  function bodyText(b) {
    if (!b) return '';
    const t = b.text;
    return typeof t === 'string' ? t : t && t.body ? t.body : b.txn && b.txn.memo ? b.txn.memo : '';
  }
  function reviewCard(i) {
    const id = i.alert || String(i.event), text = bodyText(i.body);
    const held = i.held > 0;
    const actions = i.alert && / taken back by /.test(i.note)
      ? [button(T('取消并更正'), T('没发的不再发，发过的地方收到更正。'), 'alerts/cancel', { id }, 'red'),
        button(T('仍然属实'), T('提醒继续有效，由您的名字负责，不另发消息。'), 'alerts/confirm', { id }),
        h('a', { class: 'button', href: '#alert/' + i.alert }, T('看经过'))]
      : i.alert
      ? [held ? button(T('批准'), T('等着的送达马上放行。'), 'alerts/approve', { id }, 'act') : button(T('确认属实'), T('按“已核实”发出，由您的名字负责。'), 'alerts/confirm', { id }, 'act'),
        held ? button(T('驳回'), T('等着的送达到此为止，不再发出。'), 'alerts/reject', { id }, 'red') : null,
        h('a', { class: 'button', href: '#alert/' + i.alert }, T('看经过'))]
      : [button(T('确认属实'), T('按“已核实”发出，由您的名字负责。'), 'alerts/confirm', { id }, 'act'),
        button(T('排除'), T('它和同组的其他线索离开这个列表，不会发出。'), 'alerts/dismiss', { id }, 'red')];
    return h('article', { class: 'card' },
      h('p', {}, h('b', {}, why(i.note)), h('span', { class: 'soft' }, '　' + clock(i.received) + '　' + (i.feed || '') + '　' + i.count + ' ' + T('起'))),
      h('p', { class: 'mono' }, i.rules), text ? h('p', { class: 'quote' }, text) : null,
      h('p', { class: 'soft small' }, [T('地区') + ' ' + (i.places || i.area), held ? i.held + ' ' + T('处等着') : null, i.approved_by ? T('已批准') + ' ' + i.approved_by : null].filter(Boolean).join('　')),
      h('p', { class: 'row' }, actions));
  }
  function drawReview() {
    put($('review-list'), data.review, () => [h('h2', {}, data.review.length ? data.review.length + ' ' + T('条等您定') : T('待定')),
      data.review.length ? data.review.map(reviewCard) : nothing(T('还没有要您定的'))]);
  }

  // ---- Deliveries by target -------------------------------------------------------------------------------------------
  function targetsNow() {
    const counts = new Map(data.targets.map((t) => [t.id, t]));
    const find = $('find').value.trim().toLowerCase();
    return data.status.targets.map((t) => Object.assign({}, counts.get(t.id), t))
      .filter((t) => !find || t.id.toLowerCase().includes(find) || (t.name || '').toLowerCase().includes(find))
      .sort((a, b) => trouble(b) - trouble(a) || (b.waiting || 0) - (a.waiting || 0) || a.id.localeCompare(b.id));
  }
  function trouble(t) { return t.state !== 'ok' ? 2 : t.failed ? 1 : 0; }
  async function showCard(id) {
    let c;
    try { c = await ask('/v1/card?id=' + encodeURIComponent(id)); } catch (e) {
      if (key) say(T('没有做成：') + e.message, true);
      return;
    }
    const png = 'data:image/png;base64,' + c.png;
    $('card-body').replaceChildren(...[c.text ? h('textarea', { readonly: true, rows: 4, 'aria-label': T('文字') }, c.text) : null,
      h('img', { src: png, alt: c.alt }), h('p', { class: 'soft small' }, T('图片上写着：') + c.alt)].filter(Boolean));
    $('card-save').href = png;
    $('card-save').download = 'card-' + c.short + '.png';
    $('card').showModal();
  }
  $('card-no').addEventListener('click', () => $('card').close());
  // What a person does with one delivery: pass it on by hand and say so, or have it sent again.
  function deliveryActions(d) {
    if (Date.parse(d.expires) <= Date.now() + skew) return null;
    const chat = !/^(board|bulletin|pa):/.test(d.target), hand = /^forward:/.test(d.target);
    return h('p', { class: 'row' }, [
      chat && !['held', 'cancelled', 'suppressed'].includes(d.state) ? h('button', { type: 'button', onclick: () => showCard(d.id) }, T('图文')) : null,
      hand && ['sent', 'unconfirmed'].includes(d.state) ? button(T('转发好了'), T('清单上的群都已经转发。'), 'deliveries/done', { id: d.id }, 'act') : null,
      ['rejected', 'unconfirmed'].includes(d.state) ? button(T('再发一次'), T('对方收过的话会收到第二次。'), 'deliveries/replay', { id: d.id }) : null]);
  }
  function deliveryRows(rows) {
    return table([{ word: T('编号') }, { word: T('状态') }, { word: T('做什么') }, { word: T('发布') }, { word: T('送出') }, { word: T('已确认') }, { word: T('为什么'), wide: true }],
      rows.map((d) => [h('a', { class: 'mono', href: '#alert/' + d.alert }, d.short), stateWord(d), deliveryActions(d), clock(d.created), later(d.created, d.sent),
        ['played', 'displayed', 'acknowledged'].includes(d.state) ? later(d.created, d.ended) : '', noteWords(d.reason)]));
  }
  function targetCard(t) {
    const open = opened && opened.id === t.id;
    const n = (word, value, kind) => value ? h('span', {}, T(word) + ' ', h('b', { class: kind }, String(value))) : null;
    return h('article', { class: 'card target ' + (trouble(t) ? 'bad' : t.deliveries ? 'ok' : '') + (open ? ' open' : '') },
      h('h3', {}, t.name, ' ', h('span', { class: 'mono soft' }, t.id)),
      t.state !== 'ok' ? h('p', { class: 'bad-text' }, T({ broken: '坏了', disabled: '停用', paused: '暂停' }[t.state] || t.state) + '　' + (t.why || '')) : null,
      t.deliveries ? h('p', { class: 'counts' }, n('已确认', t.confirmed, 'good'), n('已送', t.sent, 'good'), n('等待', t.waiting, 'waiting'), n('扣留', t.held, 'waiting'),
        n('没送成', t.failed, 'bad-text'), n('没有发', t.spared), t.last ? h('span', { class: 'soft' }, T('最近送达') + ' ' + clock(t.last)) : null) : h('p', { class: 'soft' }, T('近一天没有')),
      h('p', { class: 'row' }, h('button', { type: 'button', class: 'link', 'aria-expanded': open ? 'true' : 'false', onclick: () => toggle(t.id) }, T(open ? '收起' : '看明细'))),
      open && opened.rows ? (opened.rows.length ? deliveryRows(opened.rows) : nothing(T('近一天没有'))) : null);
  }
  async function toggle(id) {
    opened = opened && opened.id === id ? null : { id, rows: null };
    await beat();
  }
  function drawTargets() {
    const all = targetsNow(), some = all.slice(0, TARGETS_SHOWN);
    put($('target-list'), [some, opened, all.length], () => [
      some.length ? h('div', { class: 'grid' }, some.map(targetCard)) : nothing(T('没有这样的目标')),
      all.length > some.length ? h('p', { class: 'soft' }, (all.length - some.length) + ' ' + T('个目标没有列出，请用上面的框找')) : null]);
  }

  // ---- Silences and drills --------------------------------------------------------------------------------------------
  function siteName(id) {
    const s = data.sites.find((x) => x.id === id);
    return s ? s.name : id;
  }
  function drawHold() {
    put($('silence-list'), data.silences, () => data.silences.length ? data.silences.map((q) => h('article', { class: 'card' },
      h('p', { class: 'mono' }, q.matchers), h('p', {}, q.reason), h('p', { class: 'soft small' }, q.by + '　' + clock(q.created) + ' — ' + clock(q.expires) + (q.broad ? '　' + T('范围很大') : '')),
      h('p', { class: 'row' }, button(T('提前结束'), T('静默提前结束：仍然有效的重新上屏、整点再播，之后的提醒照常发出。'), 'silence/expire', { id: String(q.id) })))) : nothing(T('没有静默')));
    const drills = data.drills.map((d) => [d.id, d.state, d.alerts, d.ended, d.site]);
    put($('drill-list'), drills, () => data.drills.length ? data.drills.map((d) => h('article', { class: 'card' + (d.state === 'open' ? ' target' : '') },
      h('p', {}, h('b', {}, T(d.state === 'open' ? '进行中' : '已结束')), '　' + (siteName(d.site) || T('全部医院')) + '　' + d.by),
      h('p', { class: 'soft small' }, clock(d.created) + ' — ' + clock(d.ended) + '　' + d.alerts + ' ' + T('条演练提醒')),
      d.reason ? h('p', {}, d.reason) : null,
      d.state === 'open' ? h('p', { class: 'row' }, button(T('结束演练'), T('演练和它的提醒马上结束。'), 'drill/stop', {}, 'act purple')) : null)) : nothing(T('没有演练过')));
    put($('d-site'), data.sites.map((s) => s.id), () => [h('option', { value: '' }, T('全部医院'))].concat(data.sites.map((s) => h('option', { value: s.id }, s.name))));
    $('drill-form').hidden = data.drills.some((d) => d.state === 'open');
    offerValues();
  }
  function offerValues() {
    const unique = (list) => Array.from(new Set(list));
    const label = $('s-label').value;
    const values = { rule: data.alerts.map((a) => a.rule), category: data.alerts.map((a) => a.category), site: data.sites.map((s) => s.id),
      area6: data.alerts.flatMap((a) => a.areas.split(' ')), level: ['red', 'orange', 'yellow', 'blue'] }[label];
    put($('s-values'), [label, unique(values)], () => unique(values).map((v) => h('option', { value: v })));
  }
  $('s-label').addEventListener('change', () => { $('s-value').value = ''; if (data) offerValues(); });
  $('silence-form').addEventListener('submit', async (e) => {
    e.preventDefault();
    const done = await act('silence/add', { matchers: $('s-label').value + '="' + $('s-value').value.trim() + '"', for: $('s-for').value, reason: $('s-why').value.trim() });
    if (done) { $('s-value').value = ''; $('s-why').value = ''; }
  });
  $('drill-form').addEventListener('submit', async (e) => {
    e.preventDefault();
    const body = { for: $('d-for').value };
    if ($('d-site').value) body.site = $('d-site').value;
    if ($('d-why').value.trim()) body.reason = $('d-why').value.trim();
    $('d-word').value = '';
    await act('drill/start', body);
  });
  $('word-form').addEventListener('submit', async (e) => {
    e.preventDefault();
    const body = { id: $('w-code').value.trim().toUpperCase() + ' ' + $('w-word').value };
    if ($('w-why').value.trim()) body.reason = $('w-why').value.trim();
    if (await act('alerts/feedback', body)) $('w-code').value = $('w-why').value = '';
  });
  $('find').addEventListener('input', () => { if (data) drawTargets(); });

  // ---- One alert's story ------------------------------------------------------------------------------------------------
  function alertShown() {
    const m = /^#alert\/(.+)$/.exec(location.hash);
    return m ? decodeURIComponent(m[1]) : null;
  }
  function fact(name, value) { return value ? [h('dt', {}, name), h('dd', {}, value)] : null; }
  function drawStory() {
    const id = alertShown(), a = story && story.id === id ? story : null, back = h('p', { class: 'back' }, h('a', { class: 'button', href: '#now' }, T('回去')));
    put($('page-alert'), [id, a], () => {
      if (!a) return [back, nothing(T('正在读取'))];
      if (a.gone) return [back, nothing(a.gone)];
      const alive = !a.ended && Date.parse(a.expires) > Date.now() + skew;
      const start = a.events.length ? a.events[0].received : a.created, events = a.events.slice(0, EVENTS_SHOWN);
      const acked = a.actions.find((x) => x.verb === 'alert.ack');
      return [back,
        h('article', { class: 'card edge-' + (isDrill(a) ? 'drill' : a.level) },
          h('h2', {}, levelMark(a), a.title),
          h('dl', { class: 'facts' }, fact(T('编号'), a.id), fact(T('可信度'), T(CERTAINTY[a.certainty])), fact(T('地区'), a.places || a.areas),
            fact(T('数量'), a.count + ' ' + T('起') + '（' + a.feeds + '）'), fact(T('规则号'), a.rule + ' · ' + a.rule_rev),
            fact(T('发布'), clock(a.created)), fact(alive ? T('失效') : T('已经结束'), clock(a.ended || a.expires) + (a.end_note ? '　' + noteWords(a.end_note) : '')),
            fact(T('签收'), acked ? acked.by + '　' + later(start, acked.at) : null)),
          h('p', { class: 'row' },
            alive && !acked ? button(T('收到，在处理'), T('停止催促，表示有人在处理。'), 'alerts/ack', { id: a.id }, 'act') : null,
            alive && a.withdrawn ? button(T('仍然属实'), T('提醒继续有效，由您的名字负责，不另发消息。'), 'alerts/confirm', { id: a.id }) : null,
            alive && a.certainty !== 'Observed' ? button(T('确认属实'), T('按“已核实”发出，由您的名字负责。'), 'alerts/confirm', { id: a.id }) : null,
            button(T('记下结果'), T('为报表和规则改进记下结果。'), 'alerts/outcome', { id: a.id }, 'plain', OUTCOMES),
            alive ? button(T('取消并更正'), T('没发的不再发，发过的地方收到更正。'), 'alerts/cancel', { id: a.id }, 'red') : null)),
        h('ol', { class: 'card steps' }, STEPS.map(([member, word]) => h('li', { class: a.times[member] ? 'done' : null }, h('b', {}, T(word)),
          h('span', {}, a.times[member] ? later(start, a.times[member]) || clock(a.times[member]) : '—')))),
        a.escalation.length ? [h('h2', {}, T('没人签收就往上报')), table([{ word: T('第几步'), n: true }, { word: T('过多久') }, { word: T('报给谁') }, { word: T('时间') }, { word: T('为什么'), wide: true }],
          a.escalation.map((e) => [String(e.step), e.after, e.chats, clock(e.done || e.due), e.note || (e.done ? T('报了') : T('等待'))]))] : null,
        h('h2', {}, T('送达') + ' ' + a.deliveries.length),
        a.deliveries.length ? table([{ word: T('目标'), wide: true }, { word: T('状态') }, { word: T('做什么') }, { word: T('版本'), n: true }, { word: T('送出'), n: true }, { word: T('已确认'), n: true }, { word: T('为什么'), wide: true }],
          a.deliveries.map((d) => [targetName(d.target), stateWord(d), deliveryActions(d), String(d.rev), later(start, d.sent), ['played', 'displayed', 'acknowledged'].includes(d.state) ? later(start, d.ended) : '', noteWords(d.reason)])) : nothing(T('没有发')),
        a.actions.length ? [h('h2', {}, T('人的处置')), table([{ word: T('时间') }, { word: T('谁') }, { word: T('做了什么') }, { word: T('原因'), wide: true }],
          a.actions.map((x) => [clock(x.at), x.by, T(DONE[x.verb] || x.verb) + (x.detail ? '：' + x.detail : ''), x.reason]))] : null,
        h('h2', {}, T('版本')),
        table([{ word: T('版本'), n: true }, { word: T('时间') }, { word: T('类型') }, { word: T('级别') }, { word: T('可信度') }, { word: T('地区'), wide: true }, { word: T('数量'), n: true }, { word: T('为什么'), wide: true }],
          a.revisions.map((r) => [String(r.rev), clock(r.sent), T({ Alert: '新发', Update: '更新', Cancel: '更正' }[r.msgType] || r.msgType), T(LEVEL[r.level]), T(CERTAINTY[r.certainty]), r.places || r.areas, String(r.count), noteWords(r.note)])),
        h('h2', {}, T('事件') + ' ' + a.events.length),
        a.events.length > events.length ? h('p', { class: 'soft' }, T('共') + ' ' + a.events.length + ' ' + T('条，只列出前') + ' ' + events.length + ' ' + T('条')) : null,
        events.length ? events.map((e) => h('article', { class: 'card' }, h('p', {}, h('b', {}, e.feed), h('span', { class: 'soft' }, '　' + clock(e.received) + '　' + e.area + '　' + e.count + ' ' + T('起')), e.note === 'withdrawn' ? h('b', { class: 'waiting' }, '　' + T('来源已撤回')) : null),
          h('p', { class: 'mono soft' }, e.event_id), bodyText(e.body) ? h('p', { class: 'quote' }, bodyText(e.body)) : null)) : null];
    });
  }
  function targetName(id) {
    const t = data.status.targets.find((x) => x.id === id);
    return [t && t.name !== id ? t.name + ' ' : '', h('span', { class: 'mono soft' }, id)];
  }

  // ---- The whole --------------------------------------------------------------------------------------------------------
  function words() {
    document.documentElement.lang = english ? 'en' : 'zh-CN';
    document.title = T('警钟控制台');
    for (const e of document.querySelectorAll('[data-t]')) e.textContent = T(e.getAttribute('data-t'));
    for (const e of document.querySelectorAll('[data-label]')) e.setAttribute('aria-label', T(e.getAttribute('data-label')));
  }
  function draw() {
    const id = alertShown(), page = id ? 'alert' : (/^#(now|review|targets|hold)$/.exec(location.hash) || [])[1] || 'now';
    for (const p of ['now', 'review', 'targets', 'hold', 'alert']) $('page-' + p).hidden = p !== page || !data;
    for (const p of ['now', 'review', 'targets', 'hold']) {
      if (p === page || (id && p === 'now')) $('tab-' + p).setAttribute('aria-current', 'page');
      else $('tab-' + p).removeAttribute('aria-current');
    }
    if (!data) return;
    const ok = data.status.ok, lost = !$('lost').hidden;
    $('relay').textContent = data.status.relay;
    $('by').textContent = data.by;
    $('pill').className = 'pill ' + (lost ? 'bad' : ok ? 'ok' : 'bad');
    const word = T(lost ? '失去联系' : ok ? '一切正常' : '有问题');
    if ($('pill').textContent !== word) $('pill').textContent = word;
    $('badge').hidden = !data.review.length;
    $('badge').textContent = String(data.review.length);
    ({ now: drawNow, review: drawReview, targets: drawTargets, hold: drawHold, alert: drawStory })[page]();
  }
  function tickClock() {
    const d = new Date(Date.now() + skew + zone * 60000);
    $('time').textContent = two(d.getUTCHours()) + ':' + two(d.getUTCMinutes()) + ':' + two(d.getUTCSeconds());
  }
  window.addEventListener('hashchange', () => { draw(); window.scrollTo(0, 0); beat(); });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && key) beat(); });
  if (!key) {
    closed();
  } else {
    window.setInterval(() => { if (key) tickClock(); }, 1000);
    beat();
  }
})();
