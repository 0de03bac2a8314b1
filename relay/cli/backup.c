/* tocsin backup: what is needed to go on after the disk is gone, as it was at one moment, while the relay runs or not. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "store.h"

enum { KEY_BYTES_MOST = 64, KEEP_MOST = 10000 };

/* A copy among others is a folder with the hour it was made at; until it is whole it has the other name. */
#define DATED      "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]"
#define UNFINISHED "unfinished"

/* Made when it is not there; never the folder that is to be backed up. */
static enum relay_err open_folder(const char *folder, const char *state_dir, struct reason *why)
{
    struct stat to, from;
    enum relay_err err = folder_make(folder, 0700, why);
    if (err != RELAY_OK) return err;
    if (stat(folder, &to) != 0) return fail(why, RELAY_IO, "%s: %s", folder, strerror(errno));
    if (stat(state_dir, &from) == 0 && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
        return fail(why, RELAY_INVALID,
                    _("%s: is relay.state_dir itself: name another folder, best on another disk"), folder);
    return RELAY_OK;
}

/* The key first: a store without its key is worth little, a key without a store does no harm. */
static enum relay_err back_up(const char *state_dir, const char *folder, struct reason *why)
{
    enum relay_err err = open_folder(folder, state_dir, why);
    if (err != RELAY_OK) return err;
    CLEANUP(buf_release) struct buf key = BUF_INIT(KEY_BYTES_MOST);
    CLEANUP(free_ptr) char *from_key = xasprintf("%s/" STORE_KEY_FILE, state_dir);
    CLEANUP(free_ptr) char *to_key = xasprintf("%s/" STORE_KEY_FILE, folder);
    CLEANUP(free_ptr) char *from = xasprintf("%s/" STORE_FILE, state_dir);
    CLEANUP(free_ptr) char *to = xasprintf("%s/" STORE_FILE, folder);
    err = file_read(from_key, &key, why);
    if (err == RELAY_OK) err = file_replace(to_key, key.data, key.len, 0600, why);
    if (key.data) explicit_bzero(key.data, key.len);
    return err == RELAY_OK ? db_backup(from, to, why) : err;
}

/* ---- many copies, of which the newest stay ---- */

/* Ours alone: a folder in which somebody put something else stays, with that. */
static bool remove_copy(const char *folder)
{
    static const char *const files[] = {STORE_FILE, STORE_FILE ".part", STORE_FILE ".part-journal",
                                        STORE_KEY_FILE, STORE_KEY_FILE ".new"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", folder, files[i]);
        (void)unlink(path); /* what is left shows in the next line */
    }
    return rmdir(folder) == 0 || errno == ENOENT;
}

static int is_dated(const struct dirent *e)
{
    return fnmatch(DATED, e->d_name, 0) == 0;
}

/* The newest one, `made`, stays whatever its name says: a clock may have been ahead for a day. */
static void remove_old(const char *folder, const char *made, int64_t keep)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_dated, alphasort);
    int64_t old = n - keep;
    for (int i = 0; i < n; i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", folder, names[i]->d_name);
        free(names[i]);
        if (old <= 0 || strcmp(path, made) == 0) continue;
        old--;
        if (!remove_copy(path))
            (void)fprintf(stderr, _("%s: an old backup that cannot be removed: %s; remove it by hand\n"),
                          path, strerror(errno));
    }
    free(names);
}

/* *ret_made: the folder of this copy; the caller frees it. */
static enum relay_err back_up_among(const char *state_dir, const char *folder, int64_t keep, char **ret_made,
                                    struct reason *why)
{
    struct local_time t = clock_local(clock_now().wall);
    CLEANUP(free_ptr) char *unfinished = xasprintf("%s/" UNFINISHED, folder);
    CLEANUP(free_ptr)
    char *made =
        xasprintf("%s/%04d%02d%02d-%02d%02d%02d", folder, t.year, t.month, t.day, t.hour, t.minute, t.second);
    enum relay_err err = open_folder(folder, state_dir, why);
    if (err != RELAY_OK) return err;
    (void)remove_copy(unfinished); /* of one that was cut short; what cannot be removed is written over */
    err = back_up(state_dir, unfinished, why);
    if (err == RELAY_OK) err = file_rename(unfinished, made, why);
    if (err != RELAY_OK) {
        (void)remove_copy(unfinished); /* the next one tries again */
        return err;
    }
    remove_old(folder, made, keep);
    *ret_made = made;
    made = NULL;
    return RELAY_OK;
}

int cli_backup(int argc, char **argv)
{
    const char *usage =
        _("Usage: tocsin backup FOLDER [--keep N] [-c FILE]\n"
          "Copies the relay's store and its key into FOLDER, as they are at one moment and checked, "
          "whether the relay runs or not.\n"
          "What is there is replaced when the new copy is whole. --keep N: each copy has a folder of its own "
          "in "
          "FOLDER, named by\n"
          "its hour, and only the newest N stay; tocsin-backup.timer does that every night once it is "
          "enabled.\n"
          "To go back: stop tocsin, move tocsin.db, tocsin.db-wal and tocsin.db-shm out of relay.state_dir, "
          "copy "
          "both files there\n"
          "for the user tocsin, start. /etc/tocsin is not among them.\n");
    struct client c;
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    struct reason why = {""};
    CLEANUP(free_ptr) char *made = NULL;
    int64_t keep = 0;
    enum relay_err err = RELAY_OK;
    if (c.n_rest != 1) {
        (void)fputs(usage, stderr);
        code = EXIT_USAGE;
        goto out;
    }
    if (c.keep && (!text_number(c.keep, &keep) || keep < 1 || keep > KEEP_MOST)) {
        (void)fprintf(stderr, _("tocsin: --keep is a number of backups from 1 to %d, not `%s`\n"), KEEP_MOST,
                      c.keep);
        code = EXIT_USAGE;
        goto out;
    }
    err = keep ? back_up_among(c.config->relay.state_dir, c.rest[0], keep, &made, &why)
               : back_up(c.config->relay.state_dir, c.rest[0], &why);
    if (err == RELAY_OK)
        (void)printf(_("%s: the store and its key; keep it where only administrators can read it\n"),
                     made ? made : c.rest[0]);
    code = err == RELAY_OK ? EXIT_DONE : client_failed(&why);
out:
    client_close(&c);
    return code;
}
