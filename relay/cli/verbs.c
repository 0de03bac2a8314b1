/* Every verb: one row each, in the order in which `tocsin help` shows them. */
#include <stddef.h>

#include "base/i18n.h"
#include "cli/cli.h"
#include "cli/verbs.h"

const struct cli_verb cli_verbs[] = {
    {"init", cli_init, N_("first of all: asks, and writes every file")},
    {"doctor", cli_doctor, N_("what still needs doing: clock, broker, targets, rights, zones")},
    {"run", cli_run, N_("the relay itself")},
    {"check", cli_check, N_("check configuration and rules; print the options in force, or the manual")},
    {"status", cli_status, N_("how the relay is: broker, feeds, targets")},
    {"console", cli_console, N_("a page in the browser: now, review, targets, silences, drills")},
    {"alerts", cli_alerts, N_("list, show, confirm, cancel")},
    {"deliveries", cli_deliveries, N_("list, show, replay")},
    {"site", cli_site, N_("list, and switch from trial to screens to live")},
    {"silence", cli_silence, N_("keep alerts quiet for a time: add, list, expire")},
    {"drill", cli_drill, N_("an exercise that reaches everybody: start, stop, list, show")},
    {"report", cli_report, N_("a month, half of one, or what a trial would have said")},
    {"poster", cli_poster, N_("a page to hang up about one scam")},
    {"target", cli_target, N_("a test message to one target")},
    {"wards", cli_wards, N_("addresses of screens, and their QR codes")},
    {"reload", cli_reload, N_("read rules and configuration anew")},
    {"backup", cli_backup, N_("a copy of the store and its key, to go on after the disk is gone")},
    {"clock", cli_clock, N_("say that this is the time, when a clock that was ahead has left records")},
    {"feed", cli_feed, N_("push events as a bank or carrier does, and check that a feed may")},
    {"rules", cli_rules, N_("check, try and explain rules")},
    {NULL, NULL, NULL},
};
