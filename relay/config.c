/* The option tables of the configuration, and its loading. What a table cannot say is in config_check.c. */
#include "config.h"

#include <dirent.h>
#include <errno.h>

#include "base/datadir.h"
#include "base/i18n.h"
#include "base/log.h"
#include "config_internal.h"

#define AT(type, member) .offset = offsetof(type, member)

static const char *const languages[] = {"zh-CN", "en", NULL};
static const char *const feed_types[] = {"bank", "carrier", "desk", "hub", NULL};
static const char *const feed_types_zh[] = {"银行", "运营商", "上报点", "上级平台", NULL};
static const char *const feed_sources[] = {"mqtt", "file", NULL};
static const char *const feed_modes[] = {"sandbox", "live", NULL};
static const char *const feed_modes_zh[] = {"联调", "正式", NULL};
const char *const config_site_modes[] = {"trial", "screens", "live", NULL};
static const char *const site_modes_zh[] = {"试运行", "仅屏幕", "正式", NULL};
static const char *const takeovers[] = {"none", "banner", "full", NULL};
static const char *const takeovers_zh[] = {"不占用", "横幅", "全屏", NULL};
static const char *const paces[] = {"usual", "at_once", "approval", "daily", "weekly", "never", NULL};
static const char *const week_days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const char *const audiences[] = {"public", "volunteer", "duty", NULL}; /* as enum audience */
static const char *const audiences_zh[] = {"公众", "志愿者", "值班", NULL};
static const char *const approvals[] = {"none", "one", "two", NULL};
static const char *const approvals_zh[] = {"免批", "一人", "两人", NULL};

/* clang-format off */
static const struct opt_row relay_rows[] = {
    {.name = "id", .type = OPT_ID, AT(struct relay_options, id), .required = true,
     .help = N_("this relay's name; it begins every alert's number, so never change it")},
    {.name = "state_dir", .type = OPT_PATH, AT(struct relay_options, state_dir), .deflt = "/var/lib/tocsin",
     .help = N_("folder of the database, the key and the control socket; on a local disk")},
    {.name = "timezone", .type = OPT_STR, AT(struct relay_options, timezone), .deflt = "Asia/Shanghai",
     .help = N_("time zone of hours, days and everything that people read")},
    {.name = "language", .type = OPT_ENUM, AT(struct relay_options, language), .names = languages,
     .deflt = "zh-CN", .help = N_("language of messages, pages and reports")},
    {.name = "log_level", .type = OPT_ENUM, AT(struct relay_options, log_level), .names = log_level_names,
     .deflt = "info", .help = N_("what is logged")},
    {.name = "issuer", .type = OPT_STR, AT(struct relay_options, issuer),
     .help = N_("who speaks, as people read it; a site may name its own")},
    {.name = "help", .type = OPT_STR, AT(struct relay_options, help),
     .help = N_("where a person close by can be asked, as people hear it; a site may name its own")},
    {.name = "reserve", .type = OPT_SIZE, AT(struct relay_options, reserve), .min = 1 << 20, .max = 1LL << 40,
     .deflt = "256MiB", .unit = N_("bytes"),
     .help = N_("disk space to keep free; with less, feeds are not read")},
    {.name = "keep_keys", .type = OPT_DURATION, AT(struct relay_options, keep_keys), .min = 8 * DAY_MS,
     .max = 365 * DAY_MS, .deflt = "14d",
     .help = N_("how long an event's id is remembered, and a refusal; longer than the 7 days after which events are refused")},
    {.name = "keep_matched", .type = OPT_DURATION, AT(struct relay_options, keep_matched), .min = DAY_MS,
     .max = 365 * DAY_MS, .deflt = "30d",
     .help = N_("how long the masked text of matched and unsure events is kept")},
    {.name = "keep_unmatched", .type = OPT_DURATION, AT(struct relay_options, keep_unmatched), .min = 0,
     .max = 365 * DAY_MS, .deflt = "7d", .help = N_("how long the masked text of other events is kept")},
    {.name = "keep_unmatched_bytes", .type = OPT_SIZE, AT(struct relay_options, keep_unmatched_bytes),
     .min = 0, .max = 1LL << 40, .deflt = "2GiB", .unit = N_("bytes"),
     .help = N_("how much of it at most; the oldest goes first")},
    {.name = "keep_refusals", .type = OPT_INT, AT(struct relay_options, keep_refusals), .min = 100,
     .max = 1000000, .deflt = "10000", .help = N_("how many refusals are kept for a feed")},
    {.name = "keep_deliveries", .type = OPT_DURATION, AT(struct relay_options, keep_deliveries),
     .min = 30 * DAY_MS, .max = 3650 * DAY_MS, .deflt = "1095d",
     .help = N_("how long deliveries and who approved what are kept")},
    {.name = "fresh", .type = OPT_DURATION, AT(struct relay_options, fresh), .min = MINUTE_MS,
     .max = 7 * DAY_MS, .deflt = "2h",
     .help = N_("an older event is not spoken at once and not sent to chats")},
    {.name = "announce_again", .type = OPT_DURATION, AT(struct relay_options, announce_again), .min = HOUR_MS,
     .max = 365 * DAY_MS, .deflt = "7d",
     .help = N_("how soon the same rule may be spoken at once in the same area again")},
    {.name = "announce_per_day", .type = OPT_INT, AT(struct relay_options, announce_per_day), .min = 0,
     .max = 10000, .deflt = "3",
     .help = N_("how many warnings a day a site may speak at once; the others wait for the hourly slot")},
    {.name = "approval_timeout", .type = OPT_DURATION, AT(struct relay_options, approval_timeout),
     .min = MINUTE_MS, .max = DAY_MS, .deflt = "10m",
     .help = N_("after this without approval a warning goes to bulletin and screens only")},
    {.name = "silence_reminder", .type = OPT_DURATION, AT(struct relay_options, silence_reminder), .min = 0,
     .max = 7 * DAY_MS, .deflt = "4h",
     .help = N_("how often the duty groups are told that a silence is on, four times as often of a broad one; 0: never")},
    {.name = "wide_sites", .type = OPT_INT, AT(struct relay_options, wide_sites), .min = 1, .max = 100000,
     .deflt = "5",
     .help = N_("a warning for more sites than this waits for a person before speech and chats")},
    {.name = "", .type = OPT_SELF, AT(struct relay_options, at)},
    {0},
};

static const struct opt_row broker_tls_rows[] = {
    {.name = "ca", .type = OPT_PATH, AT(struct tls_files, ca), .required = true,
     .help = N_("certificates that the broker's is checked with")},
    {.name = "cert", .type = OPT_PATH, AT(struct tls_files, cert),
     .help = N_("our own certificate, where the broker asks for one")},
    {.name = "key", .type = OPT_PATH, AT(struct tls_files, key), .help = N_("its key")},
    {0},
};

static const struct opt_row broker_rows[] = {
    {.name = "host", .type = OPT_STR, AT(struct broker_options, host), .deflt = "127.0.0.1",
     .help = N_("name or address of the MQTT broker, or the path of its unix socket")},
    {.name = "port", .type = OPT_INT, AT(struct broker_options, port), .min = 1, .max = 65535,
     .deflt = "1883", .help = N_("its port; 8883 is usual with tls")},
    {.name = "username", .type = OPT_STR, AT(struct broker_options, username),
     .help = N_("name to log in with")},
    {.name = "password_file", .type = OPT_PATH, AT(struct broker_options, password_file),
     .help = N_("file with the password in its first line, mode 0600")},
    {.name = "tls", .type = OPT_BLOCK, AT(struct broker_options, tls), .sub = broker_tls_rows,
     .help = N_("encrypt, and check the broker's certificate")},
    {.name = "keepalive", .type = OPT_DURATION, AT(struct broker_options, keepalive), .min = 5 * SECOND_MS,
     .max = 10 * MINUTE_MS, .deflt = "10s", .help = N_("a silent broker is given up after twice this")},
    {.name = "prefix", .type = OPT_STR, AT(struct broker_options, prefix), .deflt = "tocsin/v1",
     .help = N_("first levels of every topic")},
    {.name = "", .type = OPT_SELF, AT(struct broker_options, at)},
    {0},
};

static const struct opt_row http_tls_rows[] = {
    {.name = "cert", .type = OPT_PATH, AT(struct tls_files, cert), .required = true,
     .help = N_("certificate, with its chain")},
    {.name = "key", .type = OPT_PATH, AT(struct tls_files, key), .required = true, .help = N_("its key")},
    {0},
};

static const struct opt_row http_rows[] = {
    {.name = "listen", .type = OPT_STRS, AT(struct http_options, listen), .min = 0, .max = 8,
     .deflt = "['127.0.0.1:8480']", .help = N_("addresses and ports for screens, probes and metrics")},
    {.name = "tls", .type = OPT_BLOCK, AT(struct http_options, tls), .sub = http_tls_rows,
     .help = N_("serve https")},
    {.name = "behind_proxy", .type = OPT_BOOL, AT(struct http_options, behind_proxy), .deflt = "false",
     .help = N_("a proxy in front of this encrypts; without it or tls only loopback is served")},
    {.name = "public_address", .type = OPT_STR, AT(struct http_options, public_address),
     .help = N_("how other devices reach these pages, such as https://warnings.hospital.example; stands in the addresses of screens, and without it duty messages carry no links for answers")},
    {.name = "", .type = OPT_SELF, AT(struct http_options, at)},
    {0},
};

static const struct opt_row rules_rows[] = {
    {.name = "packs", .type = OPT_PATHS, AT(struct rules_options, packs), .min = 1, .max = 64,
     .help = N_("folders of rules; the pack that came with the program when absent")},
    {.name = "", .type = OPT_SELF, AT(struct rules_options, at)},
    {0},
};

static const struct opt_row drill_rows[] = {
    {.name = "day", .type = OPT_INT, AT(struct drill_options, day), .min = 0, .max = 28, .deflt = "0",
     .help = N_("day of the month on which a drill is planned; 0: none")},
    {.name = "hours", .type = OPT_WINDOWS, AT(struct drill_options, hours), .min = 0, .max = 1,
     .help = N_("from when to when on that day, such as ['15:00-15:30']")},
    {.name = "remind", .type = OPT_DURATION, AT(struct drill_options, remind), .min = 0, .max = 7 * DAY_MS,
     .deflt = "24h", .help = N_("how long before it the duty groups are told")},
    {.name = "", .type = OPT_SELF, AT(struct drill_options, at)},
    {0},
};

#define LIMIT(key, member, bound, text) \
    {.name = (key), .type = OPT_INT, AT(struct limit_options, member), .min = 1, .max = (bound), \
     .deflt = #bound, .help = (text)}
/* clang-format on */

/* Memory is planned for these, so they are upper bounds as well as defaults. */
/* clang-format off */
static const struct opt_row limit_rows[] = {
    LIMIT("turn_events", turn_events, 500, N_("events read before a commit")),
    LIMIT("http", http, 512, N_("outgoing HTTP requests at a time")),
    LIMIT("http_target", http_target, 4, N_("of them to one target")),
    LIMIT("mqtt", mqtt, 100, N_("outgoing MQTT messages not yet acknowledged")),
    LIMIT("streams", streams, 6000, N_("screens connected by HTTP")),
    LIMIT("rules", rules, 5000, N_("rules")),
    LIMIT("alerts", alerts, 10000, N_("alerts in force")),
    LIMIT("targets", targets, 20000, N_("zones, wards, bulletins and chats together")),
    LIMIT("feeds", feeds, 500, N_("feeds")),
    {.name = "waiting", .type = OPT_INT, AT(struct limit_options, waiting), .min = 2, .max = 100000, .deflt = "100",
     .help = N_("messages due to one chat that go out one by one; so many at once are one digest")},
    {.name = "answer", .type = OPT_SIZE, AT(struct limit_options, answer), .min = 1024, .max = 64 << 10,
     .deflt = "64KiB", .unit = N_("bytes"), .help = N_("of an HTTP answer that are read")},
    {0},
};

static const struct opt_row feed_rows[] = {
    {.name = "id", .type = OPT_ID, AT(struct feed_config, id), .required = true,
     .help = N_("as in its topics")},
    {.name = "name", .type = OPT_STR, AT(struct feed_config, name), .help = N_("as people call it")},
    {.name = "type", .type = OPT_ENUM, AT(struct feed_config, type), .names = feed_types,
     .names_zh = feed_types_zh, .required = true,
     .help = N_("desk is a hospital's or police room's own reporting desk, hub a higher relay")},
    {.name = "source", .type = OPT_ENUM, AT(struct feed_config, source), .names = feed_sources,
     .deflt = "mqtt", .help = N_("file reads event lines from a file, for replay")},
    {.name = "path", .type = OPT_PATH, AT(struct feed_config, path), .help = N_("the file of source: file")},
    {.name = "areas", .type = OPT_STRS, AT(struct feed_config, areas), .required = true, .min = 1,
     .max = 1000, .help = N_("area codes that it may speak of; the first is taken when an event names none")},
    {.name = "rate", .type = OPT_RATE, AT(struct feed_config, rate), .min = 0, .max = 100000,
     .deflt = "2000/s", .help = N_("events that are read; over it receipts come later")},
    {.name = "window", .type = OPT_INT, AT(struct feed_config, window), .min = 1, .max = 500, .deflt = "500",
     .help = N_("events that the broker may send before the first is committed")},
    {.name = "mode", .type = OPT_ENUM, AT(struct feed_config, mode), .names = feed_modes,
     .names_zh = feed_modes_zh, .deflt = "live", .help = N_("sandbox: full receipts, nothing goes out")},
    {.name = "may_broadcast", .type = OPT_BOOL, AT(struct feed_config, may_broadcast), .deflt = "true",
     .help = N_("whether its events may lead to warnings when they do not say")},
    {.name = "silent_after", .type = OPT_DURATION, AT(struct feed_config, silent_after), .min = 0,
     .max = 7 * DAY_MS, .deflt = "5m",
     .help = N_("an alarm after this without event or heartbeat; 0: never")},
    {.name = "", .type = OPT_SELF, AT(struct feed_config, at)},
    {0},
};

static const struct opt_row zone_rows[] = {
    {.name = "id", .type = OPT_ID, AT(struct zone_config, id), .required = true,
     .help = N_("as in its topics")},
    {.name = "class", .type = OPT_STR, AT(struct zone_config, class), .required = true,
     .help = N_("what kind of place it is: hall, ward, icu …; decides when it may sound")},
    {.name = "name", .type = OPT_STR, AT(struct zone_config, name), .help = N_("as people call it")},
    {.name = "drills", .type = OPT_BOOL, AT(struct zone_config, drills), .deflt = "false",
     .help = N_("exercises may sound here at any time")},
    {.name = "", .type = OPT_SELF, AT(struct zone_config, at)},
    {0},
};

static const struct opt_row ward_rows[] = {
    {.name = "id", .type = OPT_ID, AT(struct ward_config, id), .required = true,
     .help = N_("as in its address")},
    {.name = "name", .type = OPT_STR, AT(struct ward_config, name), .help = N_("as people call it")},
    {.name = "takeover", .type = OPT_ENUM, AT(struct ward_config, takeover), .names = takeovers,
     .names_zh = takeovers_zh, .deflt = "banner", .help = N_("how much of the screen a red warning takes")},
    {.name = "quiet", .type = OPT_WINDOWS, AT(struct ward_config, quiet), .min = 0, .max = 8,
     .help = N_("hours in which nothing new is shown")},
    {.name = "night", .type = OPT_BOOL, AT(struct ward_config, night), .deflt = "false",
     .help = N_("takes red in quiet hours")},
    {.name = "drills", .type = OPT_BOOL, AT(struct ward_config, drills), .deflt = "false",
     .help = N_("exercises may be shown here at any time")},
    {.name = "", .type = OPT_SELF, AT(struct ward_config, at)},
    {0},
};

static const struct opt_row site_rows[] = {
    {.name = "id", .type = OPT_ID, AT(struct site_config, id), .required = true,
     .help = N_("as in its topics")},
    {.name = "name", .type = OPT_STR, AT(struct site_config, name), .required = true,
     .help = N_("the hospital's name")},
    {.name = "area", .type = OPT_STR, AT(struct site_config, area), .required = true,
     .help = N_("its district's code, such as '610113'")},
    {.name = "mode", .type = OPT_ENUM, AT(struct site_config, mode), .names = config_site_modes,
     .names_zh = site_modes_zh, .deflt = "live",
     .help = N_("trial: nothing goes out, screens: screens only")},
    {.name = "issuer", .type = OPT_STR, AT(struct site_config, issuer), .help = N_("who speaks here")},
    {.name = "help", .type = OPT_STR, AT(struct site_config, help),
     .help = N_("where a person close by can be asked")},
    {.name = "reminders", .type = OPT_STRS, AT(struct site_config, reminders), .min = 0, .max = 20,
     .help = N_("the hospital's own sentences for its screens, each at most 45 characters")},
    {.name = "zones", .type = OPT_BLOCKS, AT(struct site_config, zones), .sub = zone_rows,
     .sub_size = sizeof(struct zone_config), .help = N_("loudspeakers, as tocsin-pa names them")},
    {.name = "wards", .type = OPT_BLOCKS, AT(struct site_config, wards), .sub = ward_rows,
     .sub_size = sizeof(struct ward_config), .help = N_("places with screens")},
    {.name = "", .type = OPT_SELF, AT(struct site_config, at)},
    {0},
};

#define PACE(key, member, text) \
    {.name = (key), .type = OPT_ENUM, AT(struct pace_options, member), .names = paces, \
     .deflt = "usual", .help = (text)}
static const struct opt_row pace_rows[] = {
    PACE("red", red, N_("red and Likely or better; usual: at_once")),
    PACE("red_possible", red_possible, N_("red from a single source; usual: at_once for duty, approval for others")),
    PACE("orange", orange, N_("usual: at_once for duty, daily for others")),
    PACE("yellow", yellow, N_("usual: daily for duty, weekly for others")),
    PACE("blue", blue, N_("usual: never; kinds that programs read hear everything at once")),
    {.name = "a_day", .type = OPT_INT, AT(struct pace_options, a_day), .min = -1, .max = 1000, .deflt = "-1",
     .unit = "messages", .help = N_("at most, corrections aside; the rest waits for a digest; 0: no limit; -1: 12, and no limit for programs")},
    {.name = "a_rule", .type = OPT_INT, AT(struct pace_options, a_rule), .min = -1, .max = 1000, .deflt = "-1",
     .unit = "messages", .help = N_("a day from one rule; 0: no limit; -1: 3, and no limit for programs")},
    {.name = "digest_at", .type = OPT_STR, AT(struct pace_options, digest_at), .deflt = "10:00",
     .help = N_("when digests go out")},
    {.name = "digest_day", .type = OPT_ENUM, AT(struct pace_options, digest_day), .names = week_days,
     .deflt = "mon", .help = N_("of the weekly one")},
    {.name = "digest_spread", .type = OPT_DURATION, AT(struct pace_options, digest_spread), .min = 0,
     .max = 2 * HOUR_MS, .deflt = "10m",
     .help = N_("so much sooner or later, different for every chat: services are slow when all come at once")},
    {0},
};
#undef PACE

static const struct opt_row chat_rows[] = {
    {.name = "id", .type = OPT_ID, AT(struct chat_config, id), .required = true, .help = N_("its name here")},
    {.name = "type", .type = OPT_STR, AT(struct chat_config, type), .required = true, .help = N_("wecom …")},
    {.name = "name", .type = OPT_STR, AT(struct chat_config, name), .help = N_("as people call it")},
    {.name = "issuer", .type = OPT_STR, AT(struct chat_config, issuer), .help = N_("who speaks here")},
    {.name = "audience", .type = OPT_ENUM, AT(struct chat_config, audience), .names = audiences,
     .names_zh = audiences_zh, .required = true, .help = N_("who reads it; decides which text it gets")},
    {.name = "areas", .type = OPT_STRS, AT(struct chat_config, areas), .min = 0, .max = 1000,
     .help = N_("area codes that concern it; none: every area")},
    {.name = "quiet", .type = OPT_WINDOWS, AT(struct chat_config, quiet), .min = 0, .max = 8,
     .help = N_("hours in which it stays quiet; default 21:30-07:30, for duty 22:00-07:00")},
    {.name = "night", .type = OPT_BOOL, AT(struct chat_config, night), .deflt = "false",
     .help = N_("takes red in quiet hours; default for duty: true")},
    {.name = "drills", .type = OPT_BOOL, AT(struct chat_config, drills), .deflt = "false",
     .help = N_("exercises may be sent here at any time")},
    {.name = "rate", .type = OPT_RATE, AT(struct chat_config, rate), .min = 0, .max = 100, .deflt = "0",
     .help = N_("messages at most; 0: what its kind allows")},
    {.name = "pace", .type = OPT_BLOCK, AT(struct chat_config, pace), .sub = pace_rows,
     .help = N_("how often, and when, by level")},
    {.name = "", .type = OPT_EXTRA, AT(struct chat_config, own)},
    {.name = "", .type = OPT_SELF, AT(struct chat_config, at)},
    {0},
};

static const struct opt_row receiver_rows[] = {
    {.name = "name", .type = OPT_ID, AT(struct receiver_config, name), .required = true,
     .help = N_("as routes name it")},
    {.name = "pa", .type = OPT_STRS, AT(struct receiver_config, pa), .min = 0, .max = 2,
     .help = N_("announce: spoken at once, bulletin: in the hourly slot")},
    {.name = "displays", .type = OPT_STRS, AT(struct receiver_config, displays), .min = 0, .max = 20000,
     .help = N_("all, or sites, or site/ward")},
    {.name = "chats", .type = OPT_STRS, AT(struct receiver_config, chats), .min = 0, .max = 20000,
     .help = N_("all, or audiences, or ids")},
    {.name = "", .type = OPT_SELF, AT(struct receiver_config, at)},
    {0},
};
/* clang-format on */

/* clang-format off */
static const struct opt_row step_rows[] = {
    {.name = "after", .type = OPT_DURATION, AT(struct step_config, after), .min = SECOND_MS, .max = DAY_MS,
     .required = true, .help = N_("since the warning was accepted, such as 1m")},
    {.name = "chats", .type = OPT_STRS, AT(struct step_config, chats), .min = 1, .max = 1000, .required = true,
     .help = N_("who is reminded: all, or audiences, or ids")},
    {.name = "", .type = OPT_SELF, AT(struct step_config, at)},
    {0},
};
/* clang-format on */

enum { ROUTE_ROWS = 11 };
static const struct opt_row route_rows[ROUTE_ROWS]; /* routes hold routes */

/* clang-format off */
/* What is not written on a route is taken from the one around it, so only the root's have defaults. */
#define ROUTE_COMMON(approve_text, wait, interval, repeat) \
    {.name = "approve", .type = OPT_ENUM, AT(struct route_config, approve), .names = approvals, \
     .names_zh = approvals_zh, .deflt = (approve_text), \
     .help = N_("how many persons must agree before speech and chats")}, \
    {.name = "group_wait", .type = OPT_DURATION, AT(struct route_config, group_wait), .min = 0, \
     .max = DAY_MS, .deflt = (wait), .help = N_("how long a new alert waits for others like it")}, \
    {.name = "group_interval", .type = OPT_DURATION, AT(struct route_config, group_interval), .min = 0, \
     .max = 30 * DAY_MS, .deflt = (interval), \
     .help = N_("how soon the same alert may speak again when it has changed")}, \
    {.name = "repeat_interval", .type = OPT_DURATION, AT(struct route_config, repeat_interval), .min = 0, \
     .max = 30 * DAY_MS, .deflt = (repeat), \
     .help = N_("how soon a duty group is reminded, until a person acknowledges, at most 3 times; 0: never")}, \
    {.name = "escalate", .type = OPT_BLOCKS, AT(struct route_config, escalate), .sub = step_rows, \
     .sub_size = sizeof(struct step_config), .min = 0, .max = 8, \
     .help = N_("who is reminded after how long, until a named person acknowledges, confirms, approves or rejects")}, \
    {.name = "routes", .type = OPT_BLOCKS, AT(struct route_config, routes), .sub = route_rows, \
     .sub_size = sizeof(struct route_config), .min = 0, .max = 500, \
     .help = N_("asked in this order; the first that fits takes it")}, \
    {.name = "", .type = OPT_SELF, AT(struct route_config, at)}

static const struct opt_row route_rows[ROUTE_ROWS] = {
    {.name = "matchers", .type = OPT_STRS, AT(struct route_config, matchers), .min = 0, .max = 64,
     .help = N_("all must be true, such as level=\"red\" or certainty=~\"Likely|Observed\"")},
    {.name = "receiver", .type = OPT_ID, AT(struct route_config, receiver),
     .help = N_("the enclosing route's when absent")},
    {.name = "continue", .type = OPT_BOOL, AT(struct route_config, continue_), .deflt = "false",
     .help = N_("ask the routes after this one as well")},
    ROUTE_COMMON(NULL, NULL, NULL, NULL),
    {0},
};

static const struct opt_row root_route_rows[] = {
    {.name = "receiver", .type = OPT_ID, AT(struct route_config, receiver), .required = true,
     .help = N_("where everything goes that no route takes; the quiet one")},
    {.name = "group_by", .type = OPT_STRS, AT(struct route_config, group_by), .min = 1, .max = 8,
     .deflt = "[rule, area4]",
     .help = N_("events that agree in these are one alert: rule, category, level, area2, area4, area6, feed, site")},
    ROUTE_COMMON("none", "0s", "6h", "0s"),
    {0},
};

const struct opt_row relay_config_rows[] = {
    {.name = "relay", .type = OPT_BLOCK, AT(struct relay_config, relay), .sub = relay_rows, .required = true,
     .help = N_("this relay itself")},
    {.name = "broker", .type = OPT_BLOCK, AT(struct relay_config, broker), .sub = broker_rows,
     .help = N_("the MQTT broker that feeds, loudspeakers and displays talk to")},
    {.name = "http", .type = OPT_BLOCK, AT(struct relay_config, http), .sub = http_rows,
     .help = N_("pages for screens, probes and metrics")},
    {.name = "rules", .type = OPT_BLOCK, AT(struct relay_config, rules), .sub = rules_rows,
     .help = N_("what to recognise")},
    {.name = "limits", .type = OPT_BLOCK, AT(struct relay_config, limits), .sub = limit_rows,
     .help = N_("bounds of memory; they can only be lowered")},
    {.name = "drill", .type = OPT_BLOCK, AT(struct relay_config, drill), .sub = drill_rows,
     .help = N_("the drill of each month: the duty groups are told before it, and when it has not been held")},
    {.name = "feeds", .type = OPT_BLOCKS, AT(struct relay_config, feeds), .sub = feed_rows,
     .sub_size = sizeof(struct feed_config), .help = N_("who may send events")},
    {.name = "sites", .type = OPT_BLOCKS, AT(struct relay_config, sites), .sub = site_rows,
     .sub_size = sizeof(struct site_config), .help = N_("hospitals; also files in sites.d beside this one")},
    {.name = "chats", .type = OPT_BLOCKS, AT(struct relay_config, chats), .sub = chat_rows,
     .sub_size = sizeof(struct chat_config), .help = N_("group bots")},
    {.name = "receivers", .type = OPT_BLOCKS, AT(struct relay_config, receivers), .sub = receiver_rows,
     .sub_size = sizeof(struct receiver_config), .help = N_("sets of targets that routes name")},
    {.name = "route", .type = OPT_BLOCK, AT(struct relay_config, route), .sub = root_route_rows,
     .required = true, .help = N_("which alert goes to which receiver")},
    {0},
};
/* clang-format on */

const char *config_path(const char *given)
{
    if (given) return given;
    const char *env = getenv("TOCSIN_CONFIG");
    return env && *env ? env : "/etc/tocsin/tocsin.yaml";
}

const char *config_language(const struct relay_config *c)
{
    return languages[c->relay.language];
}

/* --- sites.d --- */

static int only_yaml(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".yaml") == 0;
}

/* clang-format off */
static const struct opt_row site_file_rows[] = {
    {.name = "sites", .type = OPT_BLOCKS, .offset = 0, .sub = site_rows,
     .sub_size = sizeof(struct site_config)},
    {0},
};
/* clang-format on */

/* One site, or a list of sites, as if it were written under `sites:`. */
static void load_site_file(struct arena *a, const char *file, struct opt_blocks *ret,
                           struct opt_problems *problems)
{
    struct yaml_node *root = NULL;
    struct reason why = {0};
    if (yaml_load(file, a, &root, &why)) {
        opt_problem(problems, NULL, "%s", why.text);
        return;
    }
    struct yaml_node key = {.kind = YAML_SCALAR, .text = "sites", .text_len = 5, .file = file, .line = 1};
    struct yaml_node one = {.kind = YAML_LIST, .items = &root, .n = 1, .file = file, .line = 1};
    struct yaml_node *keys[] = {&key}, *items[] = {root->kind == YAML_MAP ? &one : root};
    struct yaml_node map = {.kind = YAML_MAP, .keys = keys, .items = items, .n = 1, .file = file, .line = 1};
    enum relay_err err = options_load(site_file_rows, &map, ret, a, problems);
    (void)err; /* what it found is in problems */
}

static void add_site_files(struct relay_config *c, struct opt_problems *problems)
{
    const char *slash = strrchr(c->file, '/');
    char *dir = arena_printf(&c->arena, "%.*ssites.d", slash ? (int)(slash - c->file) + 1 : 0, c->file);
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, only_yaml, alphasort);
    if (n < 0) {
        if (errno != ENOENT) opt_problem(problems, NULL, "%s: %s", dir, strerror(errno));
        return;
    }
    CLEANUP(free_ptr) struct opt_blocks *files = xcalloc((size_t)n + 1, sizeof(*files));
    size_t total = c->sites.n, size = sizeof(struct site_config);
    for (int i = 0; i < n; i++) {
        load_site_file(&c->arena, arena_printf(&c->arena, "%s/%s", dir, entries[i]->d_name), &files[i],
                       problems);
        total += files[i].n;
        free(entries[i]);
    }
    free(entries);
    if (total == c->sites.n) return;

    struct opt_blocks all = {.items = arena_alloc(&c->arena, total * size), .n = c->sites.n};
    if (all.n) memcpy(all.items, c->sites.items, all.n * size);
    for (int i = 0; i < n; i++) {
        if (!files[i].n) continue;
        memcpy((char *)all.items + all.n * size, files[i].items, files[i].n * size);
        all.n += files[i].n;
    }
    c->sites = all;
}

/* --- loading --- */

static void own_pack(struct relay_config *c)
{
    if (c->rules.packs.n) return;
    const char **list = arena_alloc(&c->arena, 2 * sizeof(*list));
    list[0] = arena_printf(&c->arena, "%s/packs/medical", data_dir());
    c->rules.packs = (struct opt_strs){.items = list, .n = 1};
}

/* As many problems as possible at a time, so the checks run also on what was loaded with mistakes. */
static enum relay_err load(const char *name, const char *text, size_t n, struct relay_config **ret,
                           struct opt_problems *problems)
{
    *problems = (struct opt_problems){0};
    struct relay_config *c = xcalloc(1, sizeof(*c));
    c->file = arena_strdup(&c->arena, name);
    struct yaml_node *root = NULL;
    struct reason why = {0};
    enum relay_err err = text ? yaml_load_text(c->file, text, n, &c->arena, &root, &why)
                              : yaml_load(c->file, &c->arena, &root, &why);
    if (err == RELAY_NOT_FOUND)
        err =
            fail(&why, err, _("%s: no such configuration: `tocsin init` writes one, -c names another"), name);
    if (err) {
        opt_problem(problems, NULL, "%s", why.text);
    } else {
        err = options_load(relay_config_rows, root, c, &c->arena, problems);
        own_pack(c);
        if (!text) add_site_files(c, problems);
        if (root->kind == YAML_MAP) config_check(c, problems);
        if (problems->n) err = RELAY_INVALID;
    }
    if (err)
        (void)config_free(c); /* returns NULL */
    else
        *ret = c;
    return err;
}

enum relay_err config_load_text(const char *name, const char *text, size_t n, struct relay_config **ret,
                                struct opt_problems *problems)
{
    return load(name, text, n, ret, problems);
}

enum relay_err config_load(const char *path, struct relay_config **ret, struct opt_problems *problems)
{
    return load(path, NULL, 0, ret, problems);
}

static void release_route(struct route_config *r)
{
    label_matchers_release(&r->compiled);
    struct route_config *routes = r->routes.items;
    for (size_t i = 0; i < r->routes.n; i++) release_route(&routes[i]);
}

const struct site_config *config_site(const struct relay_config *c, const char *id)
{
    const struct site_config *sites = c->sites.items;
    for (size_t i = 0; i < c->sites.n; i++)
        if (strcmp(sites[i].id, id) == 0) return &sites[i];
    return NULL;
}

enum relay_err config_site_find(const struct relay_config *c, const char *id, const struct site_config **ret,
                                struct reason *why)
{
    const struct site_config *site = config_site(c, id);
    if (site) {
        *ret = site;
        return RELAY_OK;
    }
    return fail(why, RELAY_NOT_FOUND, _("there is no site `%s`; `tocsin site list` shows them"), id);
}

struct relay_config *config_free(struct relay_config *c)
{
    if (!c) return NULL;
    release_route(&c->route);
    arena_release(&c->arena);
    free(c);
    return NULL;
}
