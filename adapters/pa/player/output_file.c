/* File drop: a WAV and a JSON manifest in a folder, from where the hospital's own PA program takes them. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "player/output.h"

struct file_options {
    const char *dir;
};
struct file_state {
    struct file_play *plays;
};
/* Nobody tells when the other program has played it, so the sound's own length is waited for. */
struct file_play {
    struct file_play *next;
    struct output_play *p;
    char *base;  /* path without .wav */
    int64_t end; /* mono */
};

static const struct opt_row rows[] = {
    {.name = "dir",
     .type = OPT_PATH,
     .offset = offsetof(struct file_options, dir),
     .required = true,
     .help = N_("folder into which WAV files and manifests are put; made if it is not there")},
    {0},
};

static enum relay_err file_open(struct output *o, struct reason *why)
{
    const struct file_options *set = o->options;
    if (mkdir(set->dir, 0755) != 0 && errno != EEXIST)
        return fail(why, RELAY_IO, _("%s: cannot be made: %s"), set->dir, strerror(errno));
    if (access(set->dir, W_OK | X_OK) != 0)
        return fail(why, RELAY_DENIED, _("%s: cannot be written: %s"), set->dir, strerror(errno));
    return RELAY_OK;
}

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
    char block[64 * 1024];
    size_t n;
    FILE *f = fopen(from, "re");
    if (!f) return fail(why, RELAY_IO, _("%s: cannot be read: %s"), from, strerror(errno));
    while ((n = fread(block, 1, sizeof(block), f)) > 0) buf_add(&b, block, n);
    bool bad = ferror(f) != 0 || buf_failed(&b);
    (void)fclose(f); /* only read */
    if (bad) return fail(why, RELAY_IO, _("%s: cannot be read"), from);
    return write_whole(to, buf_cstr(&b), b.len, why);
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

static enum relay_err file_start(struct output *o, struct output_play *p, struct now now, struct reason *why)
{
    struct file_state *st = o->state;
    struct file_play *f = p->state;
    f->base = base_name(o->options, p, now);
    CLEANUP(free_ptr) char *wav = xasprintf("%s.wav", f->base);
    enum relay_err err = copy_file(p->play->wav, wav, why);
    if (err == RELAY_OK) err = write_manifest(p, f->base, "play", now, why);
    if (err != RELAY_OK) {
        free(f->base);
        return err;
    }
    f->p = p;
    f->end = now.mono + p->play->length_ms;
    f->next = st->plays;
    st->plays = f;
    return RELAY_OK;
}

static void end(struct file_state *st, struct file_play *f, struct now now, enum play_end how)
{
    for (struct file_play **at = &st->plays; *at; at = &(*at)->next) {
        if (*at != f) continue;
        *at = f->next;
        break;
    }
    free(f->base);
    output_ended(f->p, now, how, NULL);
}

/* The sound is taken away, and the manifest says so to a program that has it already. */
static void file_stop(struct output *o, struct output_play *p, struct now now)
{
    struct file_play *f = p->state;
    struct reason why;
    CLEANUP(free_ptr) char *wav = xasprintf("%s.wav", f->base);
    (void)unlink(wav);                                    /* fetched already: the manifest tells */
    (void)!write_manifest(p, f->base, "stop", now, &why); /* nothing more can be done */
    end(o->state, f, now, PLAY_STOPPED);
}

static void file_turn(struct output *o, struct now now)
{
    struct file_state *st = o->state;
    struct file_play *next;
    for (struct file_play *f = st->plays; f; f = next) {
        next = f->next;
        if (now.mono >= f->end) {
            end(st, f, now, PLAY_DONE);
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
    while (st->plays) {
        struct file_play *f = st->plays;
        st->plays = f->next;
        free(f->base);
        f->base = NULL;
    }
}

const struct output_ops output_file = {
    .name = "file",
    .options = rows,
    .options_size = sizeof(struct file_options),
    .state_size = sizeof(struct file_state),
    .play_size = sizeof(struct file_play),
    .open = file_open,
    .start = file_start,
    .stop = file_stop,
    .turn = file_turn,
    .next_due = file_next_due,
    .close = file_close,
};
