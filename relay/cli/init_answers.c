/* What init is told: the table of the answers file, and ids and codes found from names. */
#include <string.h>

#include "areas.h"
#include "base/i18n.h"
#include "base/text.h"
#include "base/zone_class.h"
#include "cli/init.h"
#include "io/yaml.h"

enum { ITEMS_MAX = 200, TEXT_CHARS = 60 };

const char *const init_duty_types[] = {"wecom", "dingtalk", "feishu", NULL};
const char *const init_approvals[] = {"none", "one", "two", NULL};
const char *const init_ways[] = {"rtp", "sip", "alsa", "file", "command", "none", NULL};
static const char *const duty_types_zh[] = {"企业微信", "钉钉", "飞书", NULL};
static const char *const approvals_zh[] = {"免批", "一人", "两人", NULL};
static const char *const ways_zh[] = {"网络音柱", "电话", "声卡", "文件", "命令", "没有", NULL};

#define AT(type, member) .offset = offsetof(struct type, member)

/* clang-format off */
static const struct opt_row duty_rows[] = {
    {.name = "type", .type = OPT_ENUM, AT(init_duty, type), .names = init_duty_types, .names_zh = duty_types_zh,
     .deflt = "wecom", .help = N_("whose group it is")},
    {.name = "url_file", .type = OPT_PATH, AT(init_duty, url_file),
     .help = N_("file whose first line is the group bot's address; it is copied")},
    {.name = "url", .type = OPT_STR, AT(init_duty, url), .help = N_("the address itself")},
    {.name = "secret_file", .type = OPT_PATH, AT(init_duty, secret_file),
     .help = N_("dingtalk, feishu: file whose first line is the secret of the signature guard; it is copied")},
    {.name = "allow_insecure", .type = OPT_BOOL, AT(init_duty, allow_insecure), .deflt = "false",
     .help = N_("permit http:// and private addresses, for a trial on one machine")},
    {0},
};
static const struct opt_row speaker_rows[] = {
    {.name = "way", .type = OPT_ENUM, AT(init_speakers, way), .names = init_ways, .names_zh = ways_zh,
     .deflt = "rtp", .help = N_("rtp: network loudspeakers; sip: paging numbers of a telephone system; alsa: this machine's sound card; file: a folder for the house's own PA program; command: a program that plays a WAV; none")},
    {.name = "address", .type = OPT_STR, AT(init_speakers, address), .deflt = "239.255.10.1",
     .help = N_("rtp: the first zone's address; the others follow it")},
    {.name = "port", .type = OPT_INT, AT(init_speakers, port), .min = 1, .max = 65535, .deflt = "5004",
     .help = N_("rtp: their port")},
    {.name = "uris", .type = OPT_STRS, AT(init_speakers, uris), .max = ITEMS_MAX,
     .help = N_("sip: numbers to call, one for each zone that speaks, in their order, or one for all; such as sip:701@10.1.2.3")},
    {.name = "user", .type = OPT_STR, AT(init_speakers, user), .help = N_("sip: name at the telephone system, where it asks for one")},
    {.name = "password_file", .type = OPT_PATH, AT(init_speakers, password_file),
     .help = N_("sip: file whose first line is its password; it is copied")},
    {.name = "device", .type = OPT_STR, AT(init_speakers, device), .deflt = "default",
     .help = N_("alsa: the card as `aplay -L` lists it")},
    {.name = "dir", .type = OPT_PATH, AT(init_speakers, dir), .help = N_("file: the folder; default: drop in pa_state_dir")},
    {.name = "run", .type = OPT_STRS, AT(init_speakers, run), .max = 64, .deflt = "[aplay, -q, '{wav}']",
     .help = N_("command: program and arguments; {wav} is the file")},
    {0},
};
static const struct opt_row broker_rows[] = {
    {.name = "host", .type = OPT_STR, AT(init_broker, host), .deflt = "127.0.0.1", .help = N_("the MQTT broker")},
    {.name = "port", .type = OPT_INT, AT(init_broker, port), .min = 1, .max = 65535, .deflt = "1883",
     .help = N_("its port")},
    {0},
};

const struct opt_row init_rows[] = {
    {.name = "hospital", .type = OPT_STR, AT(init_answers, hospital), .help = N_("the hospital's name")},
    {.name = "site", .type = OPT_ID, AT(init_answers, site),
     .help = N_("its id in addresses and topics; default: site- and the district's code")},
    {.name = "district", .type = OPT_STR, AT(init_answers, district),
     .help = N_("its district by name, such as 雁塔区, or by code")},
    {.name = "issuer", .type = OPT_STR, AT(init_answers, issuer), .help = N_("who speaks, as people read it")},
    {.name = "help", .type = OPT_STR, AT(init_answers, help),
     .help = N_("where a person close by can be asked, as people hear it")},
    {.name = "zones", .type = OPT_STRS, AT(init_answers, zones), .max = ITEMS_MAX,
     .help = N_("loudspeakers: a class, or a class and a name, such as `hall 二楼大厅`")},
    {.name = "wards", .type = OPT_STRS, AT(init_answers, wards), .max = ITEMS_MAX,
     .help = N_("screens: a name, or an id and a name, such as `w3 三病区`")},
    {.name = "feeds", .type = OPT_STRS, AT(init_answers, feeds), .max = ITEMS_MAX,
     .help = N_("who will send events: an id and bank, carrier, desk or hub, such as `sn-cmcc carrier`")},
    {.name = "approve", .type = OPT_ENUM, AT(init_answers, approve), .names = init_approvals, .names_zh = approvals_zh,
     .deflt = "one", .help = N_("how many persons must agree before an orange warning is spoken or posted")},
    {.name = "duty", .type = OPT_BLOCK, AT(init_answers, duty), .sub = duty_rows, .help = N_("the duty group's bot")},
    {.name = "loudspeakers", .type = OPT_BLOCK, AT(init_answers, speakers), .sub = speaker_rows,
     .help = N_("the way to the loudspeakers")},
    {.name = "broker", .type = OPT_BLOCK, AT(init_answers, broker), .sub = broker_rows, .help = N_("the MQTT broker")},
    {.name = "relay", .type = OPT_ID, AT(init_answers, relay), .help = N_("the relay's name; default: relay- and the district's code")},
    {.name = "state_dir", .type = OPT_PATH, AT(init_answers, state_dir), .deflt = "/var/lib/tocsin",
     .help = N_("the relay's folder")},
    {.name = "pa_state_dir", .type = OPT_PATH, AT(init_answers, pa_state_dir), .deflt = "/var/lib/tocsin-pa",
     .help = N_("the player's folder")},
    {.name = "listen", .type = OPT_STR, AT(init_answers, listen), .deflt = "127.0.0.1:8480",
     .help = N_("address and port of the pages for screens")},
    {0},
};
/* clang-format on */

/* --- the file --- */

void init_defaults(struct init_answers *a)
{
    struct opt_problems problems = {0};
    /* Defaults alone never fail. */
    (void)!options_load(init_rows, NULL, a, &a->arena, &problems);
}

static bool is_there(const char *value, const char *key, const char *path)
{
    if (value && *value) return true;
    (void)fprintf(stderr, _("%s: %s is missing\n"), path, key);
    return false;
}

bool init_load(struct init_answers *a, const char *path, bool complete)
{
    struct opt_problems problems = {0};
    struct yaml_node *root = NULL;
    struct reason why = {0};
    if (yaml_load(path, &a->arena, &root, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        return false;
    }
    if (options_load(init_rows, root, a, &a->arena, &problems)) {
        opt_problems_print(&problems);
        return false;
    }
    if (!complete) return true;
    bool good = is_there(a->hospital, "hospital", path);
    good = is_there(a->district, "district", path) && good;
    good = is_there(a->issuer, "issuer", path) && good;
    if (a->duty.secret_file && a->duty.type == DUTY_WECOM) {
        (void)fprintf(stderr, _("%s: duty: secret_file: a WeCom bot has no signature; leave it out\n"), path);
        good = false;
    }
    return is_there(a->help, "help", path) && good;
}

void init_save(const struct init_answers *a, struct buf *out)
{
    struct init_answers shown = *a;
    shown.duty.url = shown.duty.url_file = shown.duty.secret_file = shown.speakers.password_file = NULL;
    buf_printf(out, "# %s\n",
               _("What `tocsin init` was told; it asks again from here. Nothing secret, nothing "
                 "that is in force."));
    options_print(init_rows, &shown, 0, out);
}

/* --- lists --- */

struct opt_strs init_split(struct arena *a, const char *text)
{
    static const char *const marks[] = {",", "，", "、", ";", "；", "\n"};
    const char **items = arena_alloc(a, (ITEMS_MAX + 1) * sizeof(*items));
    size_t n = 0;
    while (*text && n < ITEMS_MAX) {
        size_t len = strlen(text), skip = 0;
        for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
            const char *at = strstr(text, marks[i]);
            if (!at || (size_t)(at - text) > len || ((size_t)(at - text) == len && skip)) continue;
            len = (size_t)(at - text);
            skip = strlen(marks[i]);
        }
        const char *begin = text, *end = text + len;
        while (begin < end && *begin == ' ') begin++;
        while (end > begin && end[-1] == ' ') end--;
        if (end > begin) items[n++] = arena_strndup(a, begin, (size_t)(end - begin));
        text += len + skip;
    }
    return (struct opt_strs){items, n};
}

enum relay_err init_check_text(const char *text, struct reason *why)
{
    size_t n = strlen(text);
    if (!text_valid_utf8(text, n)) return fail(why, RELAY_INVALID, _("this is no UTF-8 text"));
    if (text_chars(text, n) > TEXT_CHARS)
        return fail(why, RELAY_INVALID, _("at most %d characters"), TEXT_CHARS);
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return fail(why, RELAY_INVALID, _("tabs and other control characters are not possible"));
    return RELAY_OK;
}

static enum relay_err check_items(const struct opt_strs *list, struct reason *why)
{
    for (size_t i = 0; i < list->n; i++) {
        enum relay_err err = init_check_text(list->items[i], why);
        if (err) return fail_in(why, err, "%.60s", list->items[i]);
    }
    return RELAY_OK;
}

/* --- ids and codes --- */

enum relay_err init_find_area(const struct init_answers *a, struct init_plan *p, struct reason *why)
{
    char codes[8][AREA_LEN + 1];
    const char *name = a->district ? a->district : "";
    size_t n = strspn(name, "0123456789");
    if (*name && !name[n]) {
        if (n == AREA_LEN && strcmp(name + 4, "00") == 0) n = 4;
        if (n != 2 && n != 4 && n != AREA_LEN)
            return fail(why, RELAY_INVALID,
                        _("`%.40s` is no area code: two, four or six digits, such as 610113"), name);
        (void)snprintf(p->area, sizeof(p->area), "%.*s", (int)n, name);
    } else {
        size_t found = area_codes(name, codes, ARRAY_LEN(codes));
        if (!found)
            return fail(why, RELAY_NOT_FOUND,
                        _("no area is called `%.60s`: type its six-digit code of GB/T 2260, such as 610113"),
                        name);
        if (found > 1) {
            CLEANUP(buf_release) struct buf all = BUF_INIT(1024);
            for (size_t i = 0; i < found && i < ARRAY_LEN(codes); i++) {
                char around[5];
                (void)snprintf(around, sizeof(around), "%.*s", strlen(codes[i]) > 4 ? 4 : 2, codes[i]);
                buf_printf(&all, "%s%s %s%s", i ? ", " : "", codes[i], area_name(around),
                           area_name(codes[i]));
            }
            if (found > ARRAY_LEN(codes)) buf_str(&all, ", …");
            return fail(why, RELAY_CONFLICT, _("`%.60s` may be several: %s; type the code"), name,
                        buf_cstr(&all));
        }
        memcpy(p->area, codes[0], sizeof(p->area));
    }
    (void)snprintf(p->city, sizeof(p->city), "%.4s", p->area);
    p->area_name = area_name(p->area);
    return RELAY_OK;
}

/* "hall", "门诊大厅", or its number in the list; NULL: none of them. */
static const char *find_class(const char *word)
{
    char *end;
    long number = strtol(word, &end, 10);
    for (size_t i = 0; zone_class_names[i]; i++) {
        bool numbered = end != word && !*end && number == (long)i + 1;
        if (numbered || strcmp(zone_class_names[i], word) == 0 ||
            strcmp(zone_class_zh(zone_class_names[i]), word) == 0)
            return zone_class_names[i];
    }
    return NULL;
}

static const char *zone_id(struct arena *a, const struct init_plan *p, const char *class)
{
    char *id = arena_strdup(a, class);
    size_t same = 1;
    for (char *s = id; *s; s++)
        if (*s == '_') *s = '-';
    for (size_t i = 0; i < p->n_zones; i++)
        if (strcmp(p->zones[i].class, class) == 0) same++;
    return same == 1 ? id : arena_printf(a, "%s-%zu", id, same);
}

enum relay_err init_find_zones(struct init_answers *a, struct init_plan *p, struct reason *why)
{
    enum relay_err err = check_items(&a->zones, why);
    if (err) return err;
    p->n_zones = 0;
    p->zones = arena_alloc(&a->arena, (a->zones.n + 1) * sizeof(*p->zones));
    for (size_t i = 0; i < a->zones.n; i++) {
        const char *item = a->zones.items[i], *space = strchr(item, ' ');
        const char *word = space ? arena_strndup(&a->arena, item, (size_t)(space - item)) : item;
        const char *class = find_class(word);
        if (!class)
            return fail(why, RELAY_NOT_FOUND,
                        _("`%.40s` is no class of zone; `tocsin-pa check --classes` lists them"), word);
        while (space && *space == ' ') space++;
        const char *id = zone_id(&a->arena, p, class);
        p->zones[p->n_zones++] = (struct init_zone){.id = id,
                                                    .class = class,
                                                    .name = space ? space : zone_class_zh(class),
                                                    .silent = zone_class_silent(class)};
        /* As it is remembered: a number of the list may mean another class one day. */
        a->zones.items[i] = space ? arena_printf(&a->arena, "%s %s", class, space) : class;
    }
    return RELAY_OK;
}

enum relay_err init_find_wards(struct init_answers *a, struct init_plan *p, struct reason *why)
{
    enum relay_err err = check_items(&a->wards, why);
    if (err) return err;
    p->n_wards = 0;
    p->wards = arena_alloc(&a->arena, (a->wards.n + 1) * sizeof(*p->wards));
    for (size_t i = 0; i < a->wards.n; i++) {
        const char *item = a->wards.items[i], *space = strchr(item, ' ');
        struct init_ward w = {arena_printf(&a->arena, "w%zu", i + 1), item};
        const char *first = space ? arena_strndup(&a->arena, item, (size_t)(space - item)) : "";
        if (space && text_is_id(first)) w = (struct init_ward){first, space + 1 + strspn(space + 1, " ")};
        for (size_t j = 0; j < p->n_wards; j++)
            if (strcmp(p->wards[j].id, w.id) == 0)
                return fail(why, RELAY_CONFLICT, _("two screens have the id `%s`"), w.id);
        p->wards[p->n_wards++] = w;
    }
    return RELAY_OK;
}

enum relay_err init_find_feeds(struct init_answers *a, struct init_plan *p, struct reason *why)
{
    static const char *const types[] = {"bank", "carrier", "desk", "hub"};
    static const char *const types_zh[] = {"银行", "运营商", "上报点", "上级平台"};
    p->feeds = arena_alloc(&a->arena, (a->feeds.n + 1) * sizeof(*p->feeds));
    p->feeds[0] = (struct init_feed){INIT_DEMO_FEED, "desk", true};
    p->n_feeds = 1;
    for (size_t i = 0; i < a->feeds.n; i++) {
        const char *item = a->feeds.items[i], *space = strchr(item, ' ');
        const char *word = space ? space + strspn(space, " ") : "";
        struct init_feed f = {.id = arena_strndup(&a->arena, item, strcspn(item, " "))};
        for (size_t t = 0; t < ARRAY_LEN(types); t++)
            if (strcmp(word, types[t]) == 0 || strcmp(word, types_zh[t]) == 0) f.type = types[t];
        if (!text_is_id(f.id) || !f.type)
            return fail(why, RELAY_INVALID,
                        _("`%.60s`: an id of small letters, digits and -, a space, then bank, carrier, desk "
                          "or hub; such as `sn-cmcc carrier`"),
                        item);
        for (size_t j = 0; j < p->n_feeds; j++)
            if (strcmp(p->feeds[j].id, f.id) == 0)
                return fail(why, RELAY_CONFLICT, _("two feeds have the id `%s`"), f.id);
        p->feeds[p->n_feeds++] = f;
    }
    return RELAY_OK;
}

static enum relay_err check_numbers(const struct init_answers *a, const struct init_plan *p,
                                    struct reason *why)
{
    size_t speaking = 0, n = a->speakers.uris.n;
    for (size_t i = 0; i < p->n_zones; i++) speaking += !p->zones[i].silent;
    if (n != 1 && n != speaking)
        return fail(why, RELAY_INVALID,
                    _("%zu numbers for %zu zones that speak: one for each, or one for all"), n, speaking);
    for (size_t i = 0; i < n; i++)
        if (strncmp(a->speakers.uris.items[i], "sip:", 4) != 0)
            return fail(why, RELAY_INVALID, _("`%.60s` is no number to call: such as sip:701@10.1.2.3"),
                        a->speakers.uris.items[i]);
    return check_items(&a->speakers.uris, why);
}

static enum relay_err check_texts(const struct init_answers *a, struct reason *why)
{
    const char *const texts[] = {a->hospital, a->issuer, a->help};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        enum relay_err err = init_check_text(texts[i], why);
        if (err) return err;
    }
    return RELAY_OK;
}

enum relay_err init_plan(struct init_answers *a, struct init_plan *ret, struct reason *why)
{
    struct init_plan p = {.a = a};
    enum relay_err err = check_texts(a, why);
    if (!err) err = init_find_area(a, &p, why);
    if (!err) err = init_find_zones(a, &p, why);
    if (!err) err = init_find_wards(a, &p, why);
    if (!err) err = init_find_feeds(a, &p, why);
    if (err) return err;
    p.site = a->site && *a->site ? a->site : arena_printf(&a->arena, "site-%s", p.area);
    p.relay = a->relay && *a->relay ? a->relay : arena_printf(&a->arena, "relay-%s", p.area);
    p.player = p.n_zones && a->speakers.way != WAY_NONE;
    if (p.n_zones && !p.player)
        return fail(why, RELAY_INVALID,
                    _("zones need a way to their loudspeakers: rtp, file or command; or name no zones"));
    err = p.player && a->speakers.way == WAY_SIP ? check_numbers(a, &p, why) : RELAY_OK;
    if (err) return err;
    if (!a->speakers.dir) a->speakers.dir = arena_printf(&a->arena, "%s/drop", a->pa_state_dir);
    *ret = p;
    return RELAY_OK;
}
