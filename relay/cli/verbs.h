/* The functions behind verbs.c's table; each is one file of relay/cli. argv[0] is "tocsin VERB". */
#ifndef TOCSIN_RELAY_CLI_VERBS_H
#define TOCSIN_RELAY_CLI_VERBS_H

int cli_init(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_alerts(int argc, char **argv);
int cli_deliveries(int argc, char **argv);
int cli_site(int argc, char **argv);
int cli_target(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_clock(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_silence(int argc, char **argv);
int cli_drill(int argc, char **argv);
int cli_report(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_feed(int argc, char **argv);
int cli_rules(int argc, char **argv);
int cli_rules_here(int argc, char **argv); /* tocsin rules try, install, stable, revert, list */
int cli_wards(int argc, char **argv);
int cli_poster(int argc, char **argv);
int cli_console(int argc, char **argv);

#endif
