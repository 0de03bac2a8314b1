/* File drop: a WAV, a JSON manifest, a calendar entry and a playlist in a folder, from where the hospital's own PA program
 * takes them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "player/output.h"

#define PLAYLIST "now.m3u"

struct file_options {
    const char *dir;
    bool m3u, ics;
    int64_t keep;
};
struct file_state {
    struct file_play *plays; /* newest first */
    bool tidied;             /* what the program that ran before left behind */
};
/* Nobody tells when the other program has played it, so the sound's own length is waited for. */
struct file_play {
    struct file_play *next;
    struct output_play *p;
    char *base;  /* path without .wav */
    int64_t end; /* mono */
};

static const struct opt_row rows[] = {
    OPT_ROW("dir", OPT_PATH, file_options, dir, .required = true,
            .help = N_("folder into which WAV files and manifests are put; made if it is not there")),
    OPT_ROW("m3u", OPT_BOOL, file_options, m3u, .deflt = "true",
            .help = N_("a playlist now.m3u of what is to sound now, empty when nothing is")),
    OPT_ROW("ics", OPT_BOOL, file_options, ics, .deflt = "true",
            .help = N_("an iCalendar entry beside each WAV")),
    OPT_ROW("keep", OPT_INT, file_options, keep, .min = 1, .max = 10000, .deflt = "200",
            .help = N_("items that stay in the folder; the oldest are removed")),
    {0},
};

static const char *const suffixes[] = {".wav", ".json", ".ics"}; /* with a dot: ids hold none */

/* Sounds lie side by side in it, but two outputs would overwrite each other's playlist and remove each other's files. */
static bool file_place(const void *options, struct buf *out)
{
    const struct file_options *set = options;
    size_t n = strlen(set->dir);
    while (n > 1 && set->dir[n - 1] == '/') n--;
    buf_add(out, set->dir, n);
    return false;
}

static enum relay_err file_open(struct output *o, struct reason *why)
{
    const struct file_options *set = o->options;
    enum relay_err err = folder_make(set->dir, 0755, why);
    if (err != RELAY_OK) return err;
    if (access(set->dir, W_OK | X_OK) != 0)
        return fail(why, RELAY_DENIED, _("%s: cannot be written: %s"), set->dir, strerror(errno));
    return RELAY_OK;
}

/* ---- What is old ---- */

/* "20261123T090000-…" with one of our suffixes, or what a stopped program left of writing one: nothing else in the folder
 * is ours to remove. */
static bool is_ours(const char *name)
{
    static const char shape[] = "00000000T000000-";
    for (size_t i = 0; shape[i]; i++)
        if (shape[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i]) return false;
    size_t n = strlen(name);
    if (n > 5 && strcmp(name + n - 5, ".part") == 0) n -= 5;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        size_t k = strlen(suffixes[i]);
        if (n > k && strncmp(name + n - k, suffixes[i], k) == 0) return true;
    }
    return false;
}

static int select_ours(const struct dirent *e)
{
    return is_ours(e->d_name);
}

static size_t stem_length(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? (size_t)(dot - name) : strlen(name);
}

static bool same_item(const char *a, const char *b)
{
    size_t n = stem_length(a);
    return n == stem_length(b) && strncmp(a, b, n) == 0;
}

static bool is_playing(const struct file_state *st, const char *name)
{
    for (const struct file_play *f = st->plays; f; f = f->next)
        if (same_item(strrchr(f->base, '/') + 1, name)) return true;
    return false;
}

/* Names sort by time, so the newest `keep` items are the last ones. */
static void remove_old(const struct file_options *set, const struct file_state *st)
{
    struct dirent **names = NULL;
    int n = scandir(set->dir, &names, select_ours, alphasort);
    int64_t items = 0;
    for (int i = n - 1; i >= 0; i--) {
        if (i == n - 1 || !same_item(names[i]->d_name, names[i + 1]->d_name)) items++;
        if (items <= set->keep || is_playing(st, names[i]->d_name)) continue;
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", set->dir, names[i]->d_name);
        (void)unlink(path); /* gone already, or it is tried again next time */
    }
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
}

/* ---- What is written ---- */

/* "20261123T090000-hall-slot-17": the time first, so that names sort; the item's number makes it the only one. */
static char *base_name(const struct file_options *set, const struct output_play *p, struct now now)
{
    struct local_time t = clock_local(now.wall);
    return xasprintf("%s/%04d%02d%02dT%02d%02d%02d-%s-%s-%llu", set->dir, t.year, t.month, t.day, t.hour,
                     t.minute, t.second, p->zone, p->play->kind, (unsigned long long)p->play->item);
}

/* Aside in the same folder, then renamed: a reader never sees half a file. */
static enum relay_err write_whole(const char *path, const void *bytes, size_t n, struct reason *why)
{
    CLEANUP(free_ptr) char *aside = xasprintf("%s.part", path);
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return fail(why, RELAY_IO, _("%s: cannot be written: %s"), path, strerror(errno));
    const char *at = bytes;
    bool whole = true;
    while (n > 0 && whole) {
        ssize_t put = write(fd, at, n);
        whole = put > 0;
        at += whole ? put : 0;
        n -= whole ? (size_t)put : 0;
    }
    int error = errno;
    if (close(fd) == 0 && whole && rename(aside, path) == 0) return RELAY_OK;
    (void)unlink(aside); /* the first error is the one to tell */
    return fail(why, RELAY_IO, _("%s: cannot be written whole: %s"), path, strerror(error));
}

static enum relay_err copy_file(const char *from, const char *to, struct reason *why)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024 * 1024);
    enum relay_err err = file_read(from, &b, why);
    return err == RELAY_OK ? write_whole(to, buf_cstr(&b), b.len, why) : err;
}

static enum relay_err write_manifest(const struct output_play *p, const char *base, const char *state,
                                     struct now now, struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s.json", base);
    CLEANUP(buf_release) struct buf b = BUF_INIT(16 * 1024);
    const char *name = strrchr(base, '/');
    char wav[256];
    (void)snprintf(wav, sizeof(wav), "%s.wav", name ? name + 1 : base);
    buf_char(&b, '{');
    buf_json_member(&b, "site", p->output->env->site);
    buf_json_member(&b, "zone", p->zone);
    buf_json_member(&b, "id", p->play->id);
    buf_json_member(&b, "kind", p->play->kind);
    buf_json_member(&b, "state", state);
    buf_json_member_time(&b, "at", now.wall);
    buf_json_member_time(&b, "expires", p->play->expires_wall);
    buf_json_member_int(&b, "length_ms", p->play->length_ms);
    buf_json_member_int(&b, "volume", p->play->volume);
    buf_json_member(&b, "wav", wav);
    buf_str(&b, "}\n");
    return write_whole(path, buf_cstr(&b), b.len, why);
}

/* "20261123T010000Z" */
static void ics_time(struct buf *b, const char *name, int64_t wall)
{
    char text[32];
    time_t t = (time_t)(wall / 1000);
    struct tm utc;
    (void)strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", gmtime_r(&t, &utc)); /* it always fits */
    buf_printf(b, "%s:%s\r\n", name, text);
}

/* RFC 5545: lines of at most 75 bytes, cut between characters; commas, semicolons and backslashes escaped. */
static void ics_text(struct buf *b, const char *name, const char *text)
{
    size_t column = strlen(name) + 1;
    buf_printf(b, "%s:", name);
    for (const char *at = text; *at;) {
        size_t n = 1;
        while (((unsigned char)at[n] & 0xC0) == 0x80) n++;
        bool escape = strchr(",;\\", *at) != NULL;
        if (column + n + escape > 75) {
            buf_str(b, "\r\n ");
            column = 1;
        }
        if (escape) buf_char(b, '\\');
        buf_add(b, at, n);
        column += n + escape;
        at += n;
    }
    buf_str(b, "\r\n");
}

static enum relay_err write_ics(const struct output_play *p, const char *base, bool stopped, struct now now,
                                struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s.ics", base);
    CLEANUP(free_ptr) char *uid = xasprintf("%s@%s", strrchr(base, '/') + 1, p->output->env->site);
    CLEANUP(free_ptr) char *wav = xasprintf("%s.wav", strrchr(base, '/') + 1);
    CLEANUP(buf_release) struct buf b = BUF_INIT(16 * 1024);
    buf_str(&b, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Tocsin//tocsin-pa//EN\r\n");
    buf_str(&b, "BEGIN:VEVENT\r\n");
    ics_text(&b, "UID", uid);
    ics_time(&b, "DTSTAMP", now.wall);
    ics_time(&b, "DTSTART", now.wall);
    /* Whole seconds, rounded up: the entry covers the sound. */
    buf_printf(&b, "DURATION:PT%lldS\r\n", (long long)((p->play->length_ms + 999) / 1000));
    buf_printf(&b, "SEQUENCE:%d\r\nSTATUS:%s\r\n", stopped ? 1 : 0, stopped ? "CANCELLED" : "CONFIRMED");
    ics_text(&b, "SUMMARY", p->play->kind);
    ics_text(&b, "LOCATION", p->zone_name ? p->zone_name : p->zone);
    ics_text(&b, "DESCRIPTION", p->play->id);
    ics_text(&b, "ATTACH;FMTTYPE=audio/wav", wav);
    buf_str(&b, "END:VEVENT\r\nEND:VCALENDAR\r\n");
    return write_whole(path, buf_cstr(&b), b.len, why);
}

static enum relay_err write_playlist(const struct file_options *set, const struct file_state *st,
                                     struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/" PLAYLIST, set->dir);
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    buf_str(&b, "#EXTM3U\n");
    for (const struct file_play *f = st->plays; f; f = f->next)
        buf_printf(&b, "#EXTINF:%lld,%s %s\n%s.wav\n", (long long)((f->p->play->length_ms + 999) / 1000),
                   f->p->zone, f->p->play->kind, strrchr(f->base, '/') + 1);
    return write_whole(path, buf_cstr(&b), b.len, why);
}

static void link_play(struct file_state *st, struct file_play *f)
{
    f->next = st->plays;
    st->plays = f;
}

static void unlink_play(struct file_state *st, const struct file_play *f)
{
    for (struct file_play **at = &st->plays; *at; at = &(*at)->next) {
        if (*at != f) continue;
        *at = f->next;
        return;
    }
}

static void take_away(const struct file_play *f)
{
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s%s", f->base, suffixes[i]);
        (void)unlink(path); /* it may not have come so far */
    }
}

/* ---- The output ---- */

/* The manifest comes last but for the playlist: whoever waits for it finds the rest there. */
static enum relay_err file_start(struct output *o, struct output_play *p, struct now now, struct reason *why)
{
    const struct file_options *set = o->options;
    struct file_state *st = o->state;
    struct file_play *f = p->state;
    f->p = p;
    f->end = now.mono + p->play->length_ms;
    f->base = base_name(set, p, now);
    CLEANUP(free_ptr) char *wav = xasprintf("%s.wav", f->base);
    link_play(st, f);
    enum relay_err err = copy_file(p->play->wav, wav, why);
    if (err == RELAY_OK && set->ics) err = write_ics(p, f->base, false, now, why);
    if (err == RELAY_OK) err = write_manifest(p, f->base, "play", now, why);
    if (err == RELAY_OK && set->m3u) err = write_playlist(set, st, why);
    if (err != RELAY_OK) {
        unlink_play(st, f);
        take_away(f);
        free(f->base);
        return err;
    }
    remove_old(set, st);
    return RELAY_OK;
}

static void show_playlist(struct output *o)
{
    const struct file_options *set = o->options;
    struct reason why;
    if (set->m3u && write_playlist(set, o->state, &why) != RELAY_OK)
        log_warning("%s: %s; the next item tries again", o->id, why.text);
}

static void end(struct output *o, struct file_play *f, struct now now, enum play_end how)
{
    unlink_play(o->state, f);
    free(f->base);
    show_playlist(o);
    output_ended(f->p, now, how, NULL);
}

/* The sound is taken away, and the manifest says so to a program that has it already. */
static void file_stop(struct output *o, struct output_play *p, struct now now)
{
    const struct file_options *set = o->options;
    struct file_play *f = p->state;
    struct reason why;
    CLEANUP(free_ptr) char *wav = xasprintf("%s.wav", f->base);
    (void)unlink(wav);                                    /* fetched already: the manifest tells */
    (void)!write_manifest(p, f->base, "stop", now, &why); /* nothing more can be done */
    if (set->ics) (void)!write_ics(p, f->base, true, now, &why);
    end(o, f, now, PLAY_STOPPED);
}

static void file_turn(struct output *o, struct now now)
{
    struct file_state *st = o->state;
    struct file_play *next;
    if (!st->tidied) {
        st->tidied = true;
        show_playlist(o);
        remove_old(o->options, st);
    }
    for (struct file_play *f = st->plays; f; f = next) {
        next = f->next;
        if (now.mono >= f->end) {
            end(o, f, now, PLAY_DONE);
            next = st->plays; /* what follows a play's end may be another play */
        }
    }
}

static int64_t file_next_due(const struct output *o)
{
    const struct file_state *st = o->state;
    int64_t due = INT64_MAX;
    for (const struct file_play *f = st->plays; f; f = f->next)
        if (f->end < due) due = f->end;
    return due;
}

static void file_close(struct output *o)
{
    struct file_state *st = o->state;
    bool any = st->plays != NULL;
    while (st->plays) {
        struct file_play *f = st->plays;
        st->plays = f->next;
        free(f->base);
        f->base = NULL;
    }
    if (any) show_playlist(o);
}

const struct output_ops output_file = {
    .name = "file",
    .options = rows,
    .options_size = sizeof(struct file_options),
    .state_size = sizeof(struct file_state),
    .play_size = sizeof(struct file_play),
    .place = file_place,
    .open = file_open,
    .start = file_start,
    .stop = file_stop,
    .turn = file_turn,
    .next_due = file_next_due,
    .close = file_close,
};
