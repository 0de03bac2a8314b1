/* The reference of `bench pa`: a timer and a subscriber that do nothing but send one UDP packet to each port.
 *
 *   bare_page BROKER-PORT TOPIC UDP-PORT…
 *
 * A line on standard input is an instant (CLOCK_REALTIME, nanoseconds) at which to send; a message on the topic means now.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <mosquitto.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/banned.h"

enum { PACKET = 172 }; /* 20 ms of G.711 with its header */

static int ports[256], n_ports, out;

static void send_all(void)
{
    static const char packet[PACKET] = {(char)0x80, 8};
    for (int i = 0; i < n_ports; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)ports[i]),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        (void)sendto(out, packet, sizeof(packet), 0, (const struct sockaddr *)&to,
                     sizeof(to)); /* what is lost is missed by the reader */
    }
}

static void on_connect(struct mosquitto *m, void *topic, int reason)
{
    if (reason == 0)
        (void)mosquitto_subscribe(m, NULL, topic, 1); /* without it no packet comes, and the bench says so */
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *message)
{
    (void)m, (void)arg, (void)message;
    send_all();
}

int main(int argc, char **argv)
{
    if (argc < 4) return 2;
    for (int i = 3; i < argc && n_ports < 256; i++) ports[n_ports++] = (int)strtol(argv[i], NULL, 10);
    out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)mosquitto_lib_init(); /* it cannot fail on this platform */
    struct mosquitto *m = mosquitto_new(NULL, true, argv[2]);
    if (!m || out < 0) return 1;
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_message_callback_set(m, on_message);
    if (mosquitto_connect(m, "127.0.0.1", (int)strtol(argv[1], NULL, 10), 60) != MOSQ_ERR_SUCCESS) return 1;
    if (mosquitto_loop_start(m) != MOSQ_ERR_SUCCESS) return 1;
    char line[64];
    while (fgets(line, sizeof(line), stdin)) {
        long long at = strtoll(line, NULL, 10);
        struct timespec t = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
        while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR) continue;
        send_all();
    }
    (void)mosquitto_loop_stop(m, true);
    mosquitto_destroy(m);
    return 0;
}
