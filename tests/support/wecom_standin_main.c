/* wecom_standin: the stand-in for WeCom's group bot API as a program. Prints its address, then what groups receive. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "wecom_standin.h"

static volatile sig_atomic_t stop;

static void on_signal(int n)
{
    (void)n;
    stop = 1; /* and the wait ends, at once or within its half second */
}

static int usage(void)
{
    (void)fputs("usage: wecom_standin [--port N] [--delay-ms N] [--rate N] [--keys a,b] [--script WORDS]\n"
                "                     [--journal FILE] [--quiet]\n"
                "Stands in for https://qyapi.weixin.qq.com/cgi-bin/webhook/send on 127.0.0.1.\n"
                "  --rate N     messages a minute and key (20; -1 none)\n"
                "  --script W   answers in order, then the usual ones: "
                "0,45009,93000,-1,http503,http429:7,page,garbage,hang\n",
                stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},   {"delay-ms", required_argument, NULL, 'd'},
        {"rate", required_argument, NULL, 'r'},   {"keys", required_argument, NULL, 'k'},
        {"script", required_argument, NULL, 's'}, {"journal", required_argument, NULL, 'j'},
        {"quiet", no_argument, NULL, 'q'},        {NULL, 0, NULL, 0},
    };
    struct wecom_standin_options o = {.show = stdout};
    const char *journal = NULL;
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p': o.port = (int)strtol(optarg, NULL, 10); break;
        case 'd': o.delay_ms = (int)strtol(optarg, NULL, 10); break;
        case 'r': o.rate = (int)strtol(optarg, NULL, 10); break;
        case 'k': o.keys = optarg; break;
        case 's': o.script = optarg; break;
        case 'j': journal = optarg; break;
        case 'q': o.show = NULL; break;
        default: return usage();
        }
    }
    if (optind != argc) return usage();
    if (journal && !(o.journal = fopen(journal, "a"))) {
        (void)fprintf(stderr, "wecom_standin: %s: %s\n", journal, strerror(errno));
        return 1;
    }
    struct loop *loop;
    struct wecom_standin *s;
    struct reason why;
    if (loop_new(&loop, &why) != RELAY_OK || wecom_standin_new(loop, &o, &s, &why) != RELAY_OK) {
        (void)fprintf(stderr, "wecom_standin: %s\n", why.text);
        return 1;
    }
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    (void)printf("http://127.0.0.1:%d/cgi-bin/webhook/send?key=\n", wecom_standin_port(s));
    (void)fflush(stdout);
    while (!stop) {
        int64_t due = wecom_standin_next_due(s), limit = clock_now().mono + 500;
        loop_wait(loop, due < limit ? due : limit);
        wecom_standin_turn(s);
    }
    wecom_standin_free(s);
    loop_free(loop);
    if (o.journal) (void)fclose(o.journal);
    return 0;
}
