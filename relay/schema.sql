-- Schema 1. Times are UTC milliseconds. Enums are the numbers of relay/base headers, which never change meaning.
-- One connection writes (store.c); everybody else opens the file read-only.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;   -- alert_n, probe, mutes that were told

CREATE TABLE feed (
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  last_seq  INTEGER NOT NULL DEFAULT -1,   -- how far its numbers have come, and when the newest of them was sent
  last_at   INTEGER NOT NULL DEFAULT 0,
  missing   TEXT NOT NULL DEFAULT '',      -- numbers before it that have not come: "5001 5003-5010", see sequence.h
  told_seq  INTEGER NOT NULL DEFAULT -1,   -- last_seq of the last heartbeat
  heard     INTEGER NOT NULL DEFAULT 0     -- last event or heartbeat
);

-- One row for every accepted event, 14 days: what makes a resend a duplicate. No index but its key: pruning walks it.
CREATE TABLE event_key (
  feed      INTEGER NOT NULL,
  event_id  TEXT NOT NULL,
  digest    INTEGER NOT NULL,
  received  INTEGER NOT NULL,
  status    INTEGER NOT NULL,              -- exercises and tests take back only their like
  alert     INTEGER,                       -- the alert it was counted for
  PRIMARY KEY (feed, event_id)
) WITHOUT ROWID;

-- Matched and unsure events, 30 days.
CREATE TABLE event (
  id        INTEGER PRIMARY KEY,
  feed      INTEGER NOT NULL,
  event_id  TEXT NOT NULL,
  received  INTEGER NOT NULL,
  kind      INTEGER NOT NULL,
  status    INTEGER NOT NULL,
  area      TEXT NOT NULL,
  guessed   INTEGER NOT NULL,
  count     INTEGER NOT NULL,
  verdict   INTEGER NOT NULL,              -- MATCH 1, UNSURE 2
  rules     TEXT NOT NULL,                 -- "id.rev id.rev", deciding one first; unsure ones end in ?
  set_hash  TEXT NOT NULL,
  alert     INTEGER,                       -- NULL: below its threshold, stale, not to be broadcast
  grp       INTEGER,
  note      TEXT NOT NULL,                 -- '': it stands in its alert; withdrawn; why in none: candidate, stale, unsure …
  reviewed  TEXT,                          -- who dismissed or confirmed it
  body      TEXT NOT NULL,                 -- masked JSON
  victim    INTEGER NOT NULL,              -- keyed hashes, 0 none: what rules may count by
  suspect   INTEGER NOT NULL,
  payee     INTEGER NOT NULL,
  value     INTEGER NOT NULL               -- under which it stands in `correlated`
);
CREATE INDEX event_alert ON event (alert, note, area, guessed, feed) WHERE alert IS NOT NULL;   -- where it stands
CREATE INDEX event_review ON event (grp) WHERE alert IS NULL AND reviewed IS NULL;
CREATE INDEX event_name ON event (feed, event_id);   -- its feed may take it back

-- All others, 7 days and a bounded size: for `rules try`.
CREATE TABLE event_other (
  id        INTEGER PRIMARY KEY,
  feed      INTEGER NOT NULL,
  event_id  TEXT NOT NULL,
  received  INTEGER NOT NULL,
  kind      INTEGER NOT NULL,
  area      TEXT NOT NULL,
  body      TEXT NOT NULL,
  count     INTEGER NOT NULL,
  verified  INTEGER NOT NULL,
  victim    INTEGER NOT NULL,              -- as in event
  suspect   INTEGER NOT NULL,
  payee     INTEGER NOT NULL
);

CREATE TABLE refusal (
  id        INTEGER PRIMARY KEY,
  feed      INTEGER NOT NULL,
  received  INTEGER NOT NULL,
  event_id  TEXT NOT NULL,
  code      INTEGER NOT NULL,
  member    TEXT NOT NULL
);
CREATE INDEX refusal_feed ON refusal (feed, id);

-- A group is one fingerprint: the rule and the values of group_by.
CREATE TABLE grp (
  id          INTEGER PRIMARY KEY,
  fingerprint TEXT NOT NULL UNIQUE,
  rule        TEXT NOT NULL
);

-- Occurrences by feed in slices of the rule's window. Receive time, so that a late feed cannot reopen the past.
CREATE TABLE window (
  grp       INTEGER NOT NULL,
  slice     INTEGER NOT NULL,              -- start
  feed      INTEGER NOT NULL,
  count     INTEGER NOT NULL,
  verified  INTEGER NOT NULL,              -- 0: only a ward's or volunteer's report so far
  PRIMARY KEY (grp, slice, feed)
) WITHOUT ROWID;

-- What rules that ask for victims, or for the same value, have seen: value and victim are keyed hashes, 0 none. Victims
-- beyond what any rule asks for are counted without being told apart.
CREATE TABLE correlated (
  id        INTEGER PRIMARY KEY,
  grp       INTEGER NOT NULL,
  value     INTEGER NOT NULL,
  slice     INTEGER NOT NULL,
  feed      INTEGER NOT NULL,
  victim    INTEGER NOT NULL,
  count     INTEGER NOT NULL,
  verified  INTEGER NOT NULL,
  until     INTEGER NOT NULL,              -- when it no longer counts
  UNIQUE (grp, value, slice, feed, victim)
);
CREATE INDEX correlated_until ON correlated (until);

-- The values for which the rule of an alert has been met: what has another one does not count for it.
CREATE TABLE alert_value (
  alert     INTEGER NOT NULL,
  value     INTEGER NOT NULL,
  PRIMARY KEY (alert, value)
) WITHOUT ROWID;

CREATE TABLE alert (
  n         INTEGER PRIMARY KEY,
  id        TEXT NOT NULL UNIQUE,          -- "yanta-1-20261122-17"
  grp       INTEGER NOT NULL,
  rule      TEXT NOT NULL,
  rule_rev  INTEGER NOT NULL,
  set_hash  TEXT NOT NULL,
  category  TEXT NOT NULL,
  title     TEXT NOT NULL,
  status    INTEGER NOT NULL,
  level     INTEGER NOT NULL,
  certainty INTEGER NOT NULL,
  created   INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  rev       INTEGER NOT NULL,              -- the newest revision
  areas     TEXT NOT NULL,                 -- "610113 6101"
  guessed   INTEGER NOT NULL,              -- every area so far was a guess
  count     INTEGER NOT NULL,
  feeds     TEXT NOT NULL,                 -- names, space-separated
  ended     INTEGER,                       -- when it was cancelled or had expired
  end_note  TEXT NOT NULL DEFAULT '',
  acked_by  TEXT,                          -- the first person who said that it was seen
  acked_at  INTEGER,
  withdrawn INTEGER NOT NULL DEFAULT 0     -- a person had confirmed it, and then its feeds took back the last event
);
CREATE INDEX alert_active ON alert (grp) WHERE ended IS NULL;
CREATE INDEX alert_expires ON alert (expires) WHERE ended IS NULL;
CREATE INDEX alert_created ON alert (created);

CREATE TABLE revision (
  alert     INTEGER NOT NULL,
  rev       INTEGER NOT NULL,
  msg_type  INTEGER NOT NULL,
  level     INTEGER NOT NULL,
  certainty INTEGER NOT NULL,
  sent      INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  areas     TEXT NOT NULL,
  count     INTEGER NOT NULL,
  note      TEXT NOT NULL,                 -- why there is this revision
  PRIMARY KEY (alert, rev)
) WITHOUT ROWID;

-- Every text of a revision as it was rendered at its commit: one row a site, one an audience and issuer of chats; and the rule's
-- own words, where they are others than at the revision before.
CREATE TABLE rendering (
  id        INTEGER PRIMARY KEY,
  alert     INTEGER NOT NULL,
  rev       INTEGER NOT NULL,
  variant   TEXT NOT NULL,                 -- "site:xjtu-1", "chat:duty:…", "rule"
  body      TEXT NOT NULL                  -- JSON
);
CREATE INDEX rendering_alert ON rendering (alert, rev);

CREATE TABLE target (
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,          -- "wecom:redgoose"
  tokens    REAL NOT NULL DEFAULT 0,
  tokens_at INTEGER NOT NULL DEFAULT 0,    -- 0: full
  paused    INTEGER NOT NULL DEFAULT 0,    -- until; 0 not; -1 disabled until a person or a reload
  why       TEXT NOT NULL DEFAULT '',
  snap_rev  INTEGER NOT NULL DEFAULT 0
);

-- One alert revision for one target. `due` is when somebody must look at the row again; NULL when nobody must.
CREATE TABLE delivery (
  id        INTEGER PRIMARY KEY,
  alert     INTEGER NOT NULL,
  rev       INTEGER NOT NULL,
  target    INTEGER NOT NULL,
  state     INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  lane      INTEGER NOT NULL,              -- 0 devices, 1 chats: these share limits.http and may have to wait
  level     INTEGER NOT NULL,
  due       INTEGER,
  created   INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  rendering INTEGER NOT NULL,
  attempt   INTEGER NOT NULL DEFAULT 0,
  maybe     INTEGER NOT NULL DEFAULT 0,    -- an earlier attempt may have arrived
  fold      INTEGER NOT NULL DEFAULT 0,    -- waited in quiet hours: goes out in a digest
  repeats   INTEGER NOT NULL DEFAULT 0,    -- how often it was said again
  repeat_ms INTEGER NOT NULL DEFAULT 0,    -- a duty chat is reminded after this, until somebody acknowledges
  reminder  INTEGER NOT NULL DEFAULT 0,    -- the step of the clock that it was made by; 0: none
  accepted  INTEGER,                       -- a device took it
  tried     INTEGER,                       -- since when it tries to play it, and does not only keep it
  replays   INTEGER NOT NULL DEFAULT 0,    -- how often a person has sent it once more
  sent_at   INTEGER,
  ended_at  INTEGER,
  snap_rev  INTEGER,                       -- state targets: the snapshot it went out with
  UNIQUE (alert, target, rev)
);
CREATE INDEX delivery_due ON delivery (lane, level, due) WHERE due IS NOT NULL;
CREATE INDEX delivery_waiting ON delivery (target, due) WHERE due IS NOT NULL;

-- How many messages a chat has had on a day, by rule ("": digests and reminders), for the limits on it.
CREATE TABLE told (
  day       INTEGER NOT NULL,              -- 20261122 in the relay's zone
  target    INTEGER NOT NULL,
  rule      TEXT NOT NULL,
  n         INTEGER NOT NULL,
  PRIMARY KEY (day, target, rule)
) WITHOUT ROWID;

-- The steps of an alert's clock, as they were configured when it was made. `due` until the step is taken or stopped.
CREATE TABLE escalation (
  alert     INTEGER NOT NULL,
  step      INTEGER NOT NULL,              -- 1, 2, 3
  after     INTEGER NOT NULL,              -- ms since the alert was accepted
  chats     TEXT NOT NULL,                 -- "duty yanta-chief"
  due       INTEGER,
  done      INTEGER,                       -- when it was taken or stopped
  rev       INTEGER,                       -- the revision that it went out as; NULL: nobody was told
  note      TEXT NOT NULL DEFAULT '',      -- why nobody was told
  PRIMARY KEY (alert, step)
) WITHOUT ROWID;
CREATE INDEX escalation_due ON escalation (due) WHERE due IS NOT NULL;

-- What a state target is to show: the newest revision of each alert in force there.
CREATE TABLE showing (
  target    INTEGER NOT NULL,
  alert     INTEGER NOT NULL,
  delivery  INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  PRIMARY KEY (target, alert)
) WITHOUT ROWID;
CREATE INDEX showing_expires ON showing (expires);
CREATE INDEX showing_alert ON showing (alert);

-- Speech at once, for the limits on it. The key's columns stand first and in its order: otherwise the integrity_check of
-- SQLite 3.40 finds NULLs that are not there, and every backup would be called damaged.
CREATE TABLE spoken (
  site      TEXT NOT NULL,
  at        INTEGER NOT NULL,
  alert     INTEGER NOT NULL,
  area      TEXT NOT NULL,
  rule      TEXT NOT NULL,
  PRIMARY KEY (site, at, alert, area)
) WITHOUT ROWID;

-- The mode that a person gave a site, over the configuration's.
CREATE TABLE site_mode (
  site      TEXT PRIMARY KEY,
  mode      INTEGER NOT NULL
) WITHOUT ROWID;

-- Until `expires`, or until a person ended it: revisions with these labels are suppressed.
CREATE TABLE silence (
  id        INTEGER PRIMARY KEY,
  matchers  TEXT NOT NULL,
  broad     INTEGER NOT NULL,              -- names no rule, category, site or area
  author    TEXT NOT NULL,
  reason    TEXT NOT NULL,
  created   INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  remind    INTEGER,                       -- when the duty groups are told again that it is on, or it ends by itself
  ended     INTEGER,
  ended_by  TEXT,
  sweep     INTEGER                        -- since it began or ended: alerts before this one are still to be looked at
);
CREATE INDEX silence_sweep ON silence (sweep) WHERE sweep IS NOT NULL;
CREATE INDEX silence_remind ON silence (remind) WHERE remind IS NOT NULL;

-- A window in which exercises reach all targets, of one site or of all.
CREATE TABLE drill (
  id        INTEGER PRIMARY KEY,
  site      TEXT NOT NULL,                 -- "": all
  author    TEXT NOT NULL,
  reason    TEXT NOT NULL,
  created   INTEGER NOT NULL,
  expires   INTEGER NOT NULL,
  ended     INTEGER,
  ended_by  TEXT,
  real_alert INTEGER                       -- the real alert that ended its speech
);

-- The month's proficiency drill: planned, told beforehand, called for, done or missed.
CREATE TABLE drill_plan (
  month     INTEGER PRIMARY KEY,           -- 202611 in the relay's zone
  at        INTEGER NOT NULL,
  until     INTEGER NOT NULL,
  step      INTEGER NOT NULL,              -- enum plan_step
  next      INTEGER,                       -- when something is to be said; NULL: it is done or missed
  drill     INTEGER                        -- the one that was it
);
CREATE INDEX drill_plan_next ON drill_plan (next) WHERE next IS NOT NULL;

-- What people did: who, when, why, in the commit of its effect.
CREATE TABLE action (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  verb      TEXT NOT NULL,
  object    TEXT NOT NULL,
  actor     TEXT NOT NULL,                 -- --by
  uid       INTEGER NOT NULL,              -- SO_PEERCRED; -1 none
  reason    TEXT NOT NULL,
  detail    TEXT NOT NULL
);
CREATE INDEX action_object ON action (object);
CREATE INDEX action_verb ON action (verb, at);

-- What came back from groups: a word of one person about one delivery, counted once. Beside it stands an action.
CREATE TABLE feedback (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  alert     INTEGER NOT NULL,
  rule      TEXT NOT NULL,
  target    INTEGER NOT NULL,
  delivery  INTEGER NOT NULL,
  word      INTEGER NOT NULL,              -- seen 0, false alarm 1, acknowledged 2, deterred 3
  actor     TEXT NOT NULL,
  UNIQUE (delivery, word, actor)
);
CREATE INDEX feedback_alert ON feedback (alert);
CREATE INDEX feedback_at ON feedback (at);

-- Rules that people have installed: each version, whole. What was taken back stays, marked.
CREATE TABLE rule_change (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  rule      TEXT NOT NULL,
  verb      TEXT NOT NULL,                 -- install, stable
  actor     TEXT NOT NULL,
  undone    INTEGER NOT NULL DEFAULT 0,
  text      TEXT NOT NULL                  -- the file
);
CREATE INDEX rule_change_rule ON rule_change (rule, id) WHERE NOT undone;

-- Counts without end, by day.
CREATE TABLE stat (
  day       INTEGER NOT NULL,              -- 20261122 in the relay's zone
  what      TEXT NOT NULL,
  key       TEXT NOT NULL,
  n         INTEGER NOT NULL,
  PRIMARY KEY (day, what, key)
) WITHOUT ROWID;
