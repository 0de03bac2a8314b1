/* RTP as an output: a socket that has gone bad, as with a network card that was unplugged, does not stay. */
#include "unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "player/audio.h"
#include "player/output.h"

extern const struct output_ops output_rtp;

static struct {
    int times;
    enum play_end end;
} told;

/* Stands in for air.c. */
void output_ended(struct output_play *p, struct now now, enum play_end end, const char *detail)
{
    (void)p;
    (void)now;
    (void)detail;
    told.times++;
    told.end = end;
}

struct bench {
    char dir[40], wav[64];
    struct arena arena;
    struct loop *loop;
    struct output_env env;
    struct output out;
    struct play play;
    struct output_play run;
    int ear;
};

static int hear(int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void read_options(struct bench *b, const char *yaml)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/out.yaml", b->dir);
    struct yaml_node *map = NULL;
    struct opt_problems problems = {0};
    struct reason why;
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(yaml, f) >= 0 && fclose(f) == 0);
    assert_int_equal(yaml_load(path, &b->arena, &map, &why), RELAY_OK);
    void *values = arena_alloc(&b->arena, output_rtp.options_size);
    memset(values, 0, output_rtp.options_size);
    assert_int_equal(options_load(output_rtp.options, map, values, &b->arena, &problems), RELAY_OK);
    b->out.options = values;
    (void)unlink(path);
}

static void play_to_its_end(struct bench *b)
{
    struct reason why;
    told.times = 0;
    assert_int_equal(output_open(&b->out, &why), RELAY_OK);
    assert_int_equal(output_rtp.start(&b->out, &b->run, clock_now(), &why), RELAY_OK);
    for (int64_t until = clock_now().mono + 5000; !told.times && clock_now().mono < until;) {
        (void)loop_wait(b->loop, clock_now().mono + 20);
        rtp_collect(b->env.pacer);
    }
    assert_int_equal(told.times, 1);
}

static void a_socket_that_went_bad_is_replaced_for_the_next_try(void **state)
{
    (void)state;
    struct bench b = {.dir = "/tmp/pa_output_rtp.XXXXXX"};
    struct reason why;
    int port;
    assert_non_null(mkdtemp(b.dir));
    (void)snprintf(b.wav, sizeof(b.wav), "%s/x.wav", b.dir);
    CLEANUP(audio_release) struct audio a = {.rate = 16000};
    audio_chime(&a, CHIME_WARNING, -23);
    a.n = 3200;
    assert_int_equal(audio_save(&a, b.wav, &why), RELAY_OK);
    assert_int_equal(loop_new(&b.loop, &why), RELAY_OK);
    assert_int_equal(rtp_pacer_new(b.loop, &b.env.pacer, &why), RELAY_OK);
    b.ear = hear(&port);
    CLEANUP(free_ptr) char *yaml = xasprintf("{address: 127.0.0.1, port: %d}\n", port);
    read_options(&b, yaml);
    b.out.id = "horn";
    b.out.ops = &output_rtp;
    b.out.env = &b.env;
    b.out.state = xcalloc(1, output_rtp.state_size);
    b.play = (struct play){.item = 7, .id = "x", .kind = "say", .wav = b.wav, .length_ms = 200};
    b.run = (struct output_play){.output = &b.out, .play = &b.play, .zone = "hall"};

    int next = dup(b.ear); /* the number that the output's socket will have */
    assert_int_equal(close(next), 0);
    play_to_its_end(&b);
    assert_int_equal(told.end, PLAY_DONE);
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_int_equal(dup2(nothing, next), next); /* the card is gone under it */
    assert_int_equal(close(nothing), 0);
    play_to_its_end(&b);
    assert_int_equal(told.end, PLAY_FAILED);
    play_to_its_end(&b);
    assert_int_equal(told.end, PLAY_DONE);

    rtp_pacer_free(b.env.pacer);
    output_close(&b.out);
    loop_free(b.loop);
    free(b.out.state);
    arena_release(&b.arena);
    assert_int_equal(close(b.ear), 0);
    assert_int_equal(unlink(b.wav), 0);
    assert_int_equal(rmdir(b.dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_that_went_bad_is_replaced_for_the_next_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
