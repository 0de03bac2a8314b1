/* Public or not: one table of prefixes a family; and where a server listens. */
#include "io/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

struct prefix {
    uint8_t bytes[16];
    int bits;
};

/* RFC 6890 and its updates, as far as nobody's webhook lives there. */
static const struct prefix closed_v4[] = {
    {{0}, 8},             /* this host */
    {{10}, 8},            /* private */
    {{100, 64}, 10},      /* carriers' shared space */
    {{127}, 8},           /* loopback */
    {{169, 254}, 16},     /* link-local, metadata services */
    {{172, 16}, 12},      /* private */
    {{192, 0, 0}, 24},    /* protocol assignments */
    {{192, 0, 2}, 24},    /* documentation */
    {{192, 168}, 16},     /* private */
    {{198, 18}, 15},      /* benchmarks */
    {{198, 51, 100}, 24}, /* documentation */
    {{203, 0, 113}, 24},  /* documentation */
    {{224}, 4},           /* multicast */
    {{240}, 4},           /* reserved, broadcast */
};

static const struct prefix closed_v6[] = {
    {{0}, 96},                            /* unspecified, loopback, IPv4-compatible */
    {{[10] = 0xff, [11] = 0xff}, 96},     /* IPv4-mapped */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48}, /* local NAT64 */
    {{0x01}, 64},                         /* discard */
    {{0x20, 0x01}, 32},                   /* Teredo */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},       /* documentation */
    {{0x20, 0x02}, 16},                   /* 6to4 */
    {{0xfc}, 7},                          /* unique local */
    {{0xfe, 0x80}, 10},                   /* link-local */
    {{0xfe, 0xc0}, 10},                   /* site-local */
    {{0xff}, 8},                          /* multicast */
};

static const struct prefix nat64 = {{0x00, 0x64, 0xff, 0x9b}, 96};

static bool prefix_contains(const struct prefix *p, const uint8_t *address)
{
    int whole = p->bits / 8, rest = p->bits % 8;
    if (memcmp(p->bytes, address, (size_t)whole) != 0) return false;
    if (!rest) return true;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return (p->bytes[whole] & mask) == (address[whole] & mask);
}

static bool open_in(const struct prefix *closed, size_t n, const uint8_t *address)
{
    for (size_t i = 0; i < n; i++)
        if (prefix_contains(&closed[i], address)) return false;
    return true;
}

static bool v4_is_public(const uint8_t address[static 4])
{
    return open_in(closed_v4, ARRAY_LEN(closed_v4), address);
}

static bool v6_is_public(const uint8_t address[static 16])
{
    if (prefix_contains(&nat64, address)) return v4_is_public(address + 12);
    return open_in(closed_v6, ARRAY_LEN(closed_v6), address);
}

bool address_is_public(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, a, sizeof(v4));
        return v4_is_public((const uint8_t *)&v4.sin_addr);
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, a, sizeof(v6));
        return v6_is_public(v6.sin6_addr.s6_addr);
    }
    return false;
}

bool address_text_is_public(const char *text)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1) return v4_is_public(bytes);
    if (inet_pton(AF_INET6, text, bytes) == 1) return v6_is_public(bytes);
    return false;
}

bool address_listen(const char *text, char ret_host[static 46], int *ret_port)
{
    const char *colon = strrchr(text, ':');
    bool brackets = text[0] == '[';
    if (!colon || (brackets && (colon == text + 1 || colon[-1] != ']'))) return false;
    const char *host = brackets ? text + 1 : text;
    size_t n = (size_t)(colon - host) - (brackets ? 1 : 0);
    if (n >= 46) return false;
    char name[46];
    (void)snprintf(name, sizeof(name), "%.*s", (int)n, host);
    struct in6_addr address;
    if (inet_pton(brackets ? AF_INET6 : AF_INET, name, &address) != 1) return false;

    const char *digits = colon + 1;
    size_t len = strlen(digits);
    if (!len || len > 5 || strspn(digits, "0123456789") != len) return false;
    long port = strtol(digits, NULL, 10);
    if (port > 65535) return false;
    (void)snprintf(ret_host, 46, "%s", name);
    *ret_port = (int)port;
    return true;
}

bool address_is_loopback(const char *host)
{
    struct in_addr v4;
    if (host[0] == '/' || strcmp(host, "::1") == 0 || strcmp(host, "localhost") == 0) return true;
    return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}
