/* tocsin backup: what is needed to go on after the disk is gone, as it was at one moment, while the relay runs or not. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "store.h"

enum { KEY_BYTES_MOST = 64 };

/* Made when it is not there; never the folder that is to be backed up. */
static enum relay_err open_folder(const char *folder, const char *state_dir, struct reason *why)
{
    struct stat to, from;
    enum relay_err err = folder_make(folder, 0700, why);
    if (err != RELAY_OK) return err;
    if (stat(folder, &to) != 0) return fail(why, RELAY_IO, "%s: %s", folder, strerror(errno));
    if (!S_ISDIR(to.st_mode)) return fail(why, RELAY_INVALID, _("%s: is no folder"), folder);
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

int cli_backup(int argc, char **argv)
{
    const char *usage =
        _("Usage: tocsin backup FOLDER [-c FILE]\n"
          "Copies the relay's store and its key into FOLDER, as they are at one moment and checked, "
          "whether the relay runs or not.\n"
          "What is there is replaced when the new copy is whole. To go back: stop tocsin, move "
          "tocsin.db, tocsin.db-wal and\n"
          "tocsin.db-shm out of relay.state_dir, copy both files there for the user tocsin, start. "
          "/etc/tocsin is not among them.\n");
    struct client c;
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    struct reason why = {""};
    if (c.n_rest != 1) {
        (void)fputs(usage, stderr);
        code = EXIT_USAGE;
    } else if (back_up(c.config->relay.state_dir, c.rest[0], &why) != RELAY_OK) {
        code = client_failed(&why);
    } else {
        (void)printf(_("%s: the store and its key; keep it where only administrators can read it\n"),
                     c.rest[0]);
        code = EXIT_DONE;
    }
    client_close(&c);
    return code;
}
