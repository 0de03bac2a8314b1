/* Gnuplot as a child: a script on its standard input, SVG on its standard output. */
#include "cli/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"

enum { SCRIPT_MAX = 1024 * 1024, SVG_MAX = 4 * 1024 * 1024, WIDTH = 860, ROW = 34, LABEL_COLUMNS = 30 };

/* Whatever the reader's machine has; no font is in the page. */
#define FONT "Noto Sans CJK SC,Source Han Sans SC,PingFang SC,Microsoft YaHei,WenQuanYi Zen Hei,sans-serif,15"

/* One line of words above the plot. */
#define KEY                                                                                                  \
    "set key at screen 0.01, screen 0.99 left top horizontal Left reverse maxrows 1 samplen 1 width "        \
    "-2\nset "                                                                                               \
    "tmargin 2.6\n"                                                                                          \
    "set bmargin 2\n"

void plot_label(struct plot_row *r, const char *text)
{
    size_t n = strlen(text), room = 48;
    if (n > room) n = text_cut(text, n, room - 3);
    (void)snprintf(r->label, sizeof(r->label), "%.*s%s", (int)n, text, text[n] ? "…" : "");
}

/* A quoted string of a data block, where nothing is expanded; only its own quotes and escapes must go. */
static void add_string(struct buf *b, const char *s)
{
    buf_char(b, '"');
    for (; *s; s++) buf_char(b, *s == '"' || *s == '\\' || (unsigned char)*s < ' ' ? ' ' : *s);
    buf_char(b, '"');
}

static const char *duration(double ms, char out[static 24])
{
    if (ms < 1000)
        (void)snprintf(out, 24, "%.0f ms", ms);
    else if (ms < 120000)
        (void)snprintf(out, 24, "%.1f s", ms / 1000);
    else if (ms < 7200000)
        (void)snprintf(out, 24, "%.0f min", ms / 60000);
    else
        (void)snprintf(out, 24, "%.1f h", ms / 3600000);
    return out;
}

/* Rows as label, values. Titles are rows of their own, so that they are data as well. */
static void add_data(struct buf *b, const struct plot *p)
{
    buf_str(b, "$d << TOCSIN_END\n");
    for (size_t i = 0; i < p->n_rows; i++) {
        add_string(b, p->rows[i].label);
        for (size_t k = 0; k < p->n_series; k++) buf_printf(b, " %.3f", p->rows[i].values[k]);
        if (p->kind == PLOT_SPANS) {
            char from[24], to[24], both[64];
            (void)snprintf(both, sizeof(both), "%s – %s", duration(p->rows[i].values[0], from),
                           duration(p->rows[i].values[1], to));
            buf_char(b, ' ');
            add_string(b, both);
        }
        buf_char(b, '\n');
    }
    buf_str(b, "TOCSIN_END\n");
}

static double total(const struct plot *p, const struct plot_row *r)
{
    double sum = 0;
    for (size_t k = 0; k < p->n_series; k++) sum += r->values[k];
    return sum;
}

static void add_columns(struct buf *b, const struct plot *p)
{
    double most = 0;
    for (size_t i = 0; i < p->n_rows; i++)
        if (total(p, &p->rows[i]) > most) most = total(p, &p->rows[i]);
    buf_str(b, "set style data histograms\nset style histogram rowstacked\nset style fill solid 1 noborder\n"
               "set boxwidth 0.7\nset border 1 lc rgb '#5b6675'\nset grid y lt 1 lw 1 lc rgb '#dfe4ea'\n"
               "set tics nomirror scale 0 textcolor rgb '#303a47'\nset format y '%.0f'\n" KEY);
    if (most < 8) buf_str(b, "set ytics 1\n");
    buf_printf(b, "set yrange [0:%.0f]\n", most < 4 ? 4 : most * 1.05);
    buf_printf(b, "set xrange [-0.6:%zu.6]\nplot", p->n_rows - 1);
    for (size_t k = 0; k < p->n_series; k++) {
        buf_printf(b, "%s $d using %zu%s title ", k ? "," : "", k + 2, k ? "" : ":xtic(1)");
        add_string(b, p->series[k].title);
        buf_printf(b, " lc rgb '%s'", p->series[k].colour);
    }
    buf_char(b, '\n');
}

static void add_lying(struct buf *b, const struct plot *p)
{
    buf_printf(
        b,
        "set style fill solid 1 noborder\nset border 0\nset tics nomirror scale 0 textcolor rgb '#303a47'\n"
        "set grid x lt 1 lw 1 lc rgb '#dfe4ea'\nset yrange [%zu.6:-0.6]\nset lmargin %d\nset rmargin 8\n" KEY,
        p->n_rows - 1, LABEL_COLUMNS);
}

static void add_bars(struct buf *b, const struct plot *p)
{
    double most = 0;
    for (size_t i = 0; i < p->n_rows; i++)
        if (total(p, &p->rows[i]) > most) most = total(p, &p->rows[i]);
    add_lying(b, p);
    if (p->n_series < 2) buf_str(b, "unset key\n");
    if (most < 8) buf_str(b, "set xtics 1\n"); /* nobody counts halves */
    buf_printf(b, "set format x '%%.0f'\nset xrange [0:%.0f]\nplot", most < 4 ? 4 : most * 1.08);
    for (size_t k = 0; k < p->n_series; k++) {
        buf_printf(b, "%s $d using (0):0:(0", k ? "," : "");
        for (size_t i = 0; i < k; i++) buf_printf(b, "+$%zu", i + 2);
        buf_str(b, "):(0");
        for (size_t i = 0; i <= k; i++) buf_printf(b, "+$%zu", i + 2);
        buf_str(b, "):($0-0.32):($0+0.32):ytic(1) with boxxyerror title ");
        add_string(b, p->series[k].title);
        buf_printf(b, " lc rgb '%s'", p->series[k].colour);
    }
    buf_str(b, ", $d using (0");
    for (size_t k = 0; k < p->n_series; k++) buf_printf(b, "+$%zu", k + 2);
    buf_str(b, "):0:(sprintf('%.0f',0");
    for (size_t k = 0; k < p->n_series; k++) buf_printf(b, "+$%zu", k + 2);
    buf_str(b, ")) with labels left offset 0.5,0 textcolor rgb '#10141a' notitle\n");
}

static void add_spans(struct buf *b, const struct plot *p)
{
    double most = 1;
    for (size_t i = 0; i < p->n_rows; i++)
        if (p->rows[i].values[1] > most) most = p->rows[i].values[1];
    add_lying(b, p);
    /* Room for the words after the longest. */
    buf_printf(b, "set logscale x 10\nset xrange [1:%.0f]\n", most * 20);
    buf_str(b,
            "set xtics ('1 ms' 1, '10 ms' 10, '100 ms' 100, '1 s' 1000, '10 s' 10000, '1 min' 60000, "
            "'10 min' 600000, '1 h' 3600000, '10 h' 36000000)\nlo(x)=x<1?1:x\nplot "
            "$d using (0):0:(lo($2)):(lo($3)):($0-0.09):($0+0.09):ytic(1) with boxxyerror lc rgb '#b8c2cf' "
            "notitle");
    for (size_t k = 0; k < 2; k++) {
        buf_printf(
            b, ", $d using (0):0:(lo($%zu)*0.93):(lo($%zu)*1.07):($0-0.3):($0+0.3) with boxxyerror title ",
            k + 2, k + 2);
        add_string(b, p->series[k].title);
        buf_printf(b, " lc rgb '%s'", p->series[k].colour);
    }
    buf_str(b,
            ", $d using (lo($3)*1.12):0:4 with labels left offset 0.4,0 textcolor rgb '#10141a' notitle\n");
}

static void script(const struct plot *p, struct buf *b)
{
    int height = p->kind == PLOT_COLUMNS ? 280 : (int)p->n_rows * ROW + 74;
    buf_printf(
        b, "set encoding utf8\nset terminal svg size %d,%d dynamic font '" FONT "' noenhanced name '%s'\n",
        WIDTH, height, p->name);
    add_data(b, p);
    switch (p->kind) {
    case PLOT_COLUMNS: add_columns(b, p); break;
    case PLOT_BARS: add_bars(b, p); break;
    case PLOT_SPANS: add_spans(b, p); break;
    }
}

/* -- the child ----------------------------------------------------------------------------------------------------- */

static void close_fd(int *fd)
{
    if (*fd >= 0) (void)close(*fd);
}

static bool write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static void read_all(int fd, struct buf *out)
{
    char block[16 * 1024];
    ssize_t k;
    if (lseek(fd, 0, SEEK_SET) < 0) return;
    while ((k = read(fd, block, sizeof(block))) > 0) buf_add(out, block, (size_t)k);
}

/* Files in memory on both sides: neither can wait for the other. */
static enum relay_err run(const struct buf *in, struct buf *out, struct reason *why)
{
    static char name[] = "gnuplot", quiet[] = "-d"; /* no start-up files of the user's */
    char *argv[] = {name, quiet, NULL};
    char locale[] = "LC_ALL=C.UTF-8";
    char *env[] = {locale, NULL};
    CLEANUP(close_fd) int given = memfd_create("plot", MFD_CLOEXEC);
    CLEANUP(close_fd) int made = memfd_create("svg", MFD_CLOEXEC);
    if (given < 0 || made < 0 || !write_all(given, in->data, in->len) || lseek(given, 0, SEEK_SET) < 0)
        return fail(why, RELAY_IO, "gnuplot: %s", strerror(errno));
    posix_spawn_file_actions_t files;
    pid_t pid;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, given, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, made, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(&pid, name, &files, NULL, argv, env);
    posix_spawn_file_actions_destroy(&files);
    if (error == ENOENT)
        return fail(why, RELAY_UNSUPPORTED, "%s",
                    _("gnuplot, which draws the plots, is not installed: apt install gnuplot-nox"));
    if (error) return fail(why, RELAY_IO, "gnuplot: %s", strerror(error));
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    read_all(made, out);
    if (status != 0 || buf_failed(out) || !strstr(buf_cstr(out), "</svg>"))
        return fail(why, RELAY_IO, "%s", _("gnuplot did not draw; try another version of it"));
    return RELAY_OK;
}

/* Only the drawing itself: no prologue, and none of the ids that every plot would have again. */
static void add_svg(struct buf *out, const struct plot *p, const char *svg)
{
    int height = p->kind == PLOT_COLUMNS ? 280 : (int)p->n_rows * ROW + 74;
    const char *body = strstr(svg, "<svg"), *end;
    body = body ? strchr(body, '>') : NULL;
    if (!body) return;
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"",
               WIDTH, height);
    buf_html(out, p->says);
    buf_str(out, "\">");
    for (body++; *body; body = end) {
        static const char *const skips[][2] = {{"<defs>", "</defs>"},
                                               {"<title>", "</title>"},
                                               {"<desc>", "</desc>"},
                                               {" id=\"gnuplot_canvas", "\""}};
        const char *skip = NULL;
        size_t which = 0;
        for (size_t i = 0; i < ARRAY_LEN(skips); i++) {
            const char *at = strstr(body, skips[i][0]);
            if (at && (!skip || at < skip)) {
                skip = at;
                which = i;
            }
        }
        end = skip ? skip : body + strlen(body);
        buf_add(out, body, (size_t)(end - body));
        if (!skip) break;
        end = strstr(skip + strlen(skips[which][0]), skips[which][1]);
        if (!end) break;
        end += strlen(skips[which][1]);
    }
}

enum relay_err plot_svg(const struct plot *p, struct buf *out, struct reason *why)
{
    CLEANUP(buf_release) struct buf in = BUF_INIT(SCRIPT_MAX), svg = BUF_INIT(SVG_MAX);
    if (!p->n_rows || !p->n_series) return RELAY_OK;
    script(p, &in);
    if (buf_failed(&in)) return fail(why, RELAY_LIMIT, "%s", _("there is too much for one plot"));
    enum relay_err err = run(&in, &svg, why);
    if (err == RELAY_OK) add_svg(out, p, buf_cstr(&svg));
    return err;
}
