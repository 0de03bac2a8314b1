/* Which network addresses an outgoing request may reach. A webhook's name is written by people and answered by a name
 * server: what it resolves to is checked, not what it says, so that no chat address can be led to the broker, to a
 * cloud's metadata service or to a device in the hospital's own network.
 */
#ifndef TOCSIN_IO_ADDRESS_H
#define TOCSIN_IO_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* True for global unicast addresses. False for this host, loopback, link-local, private, shared (CGNAT), unique local,
 * multicast and reserved ones, for IPv4 inside IPv6 (mapped, compatible, 6to4, Teredo), for NAT64 of any of
 * these, and for every family but IPv4 and IPv6. */
bool address_is_public(const struct sockaddr *a);

/* The same for "192.0.2.1" or "2001:db8::1"; false when it is neither. */
bool address_text_is_public(const char *text);

/* Where a server listens: "127.0.0.1:8480" or "[::1]:8480", an address and never a name. False: neither. */
bool address_listen(const char *text, char ret_host[static 46], int *ret_port);
/* Reached from this machine alone; so is the path of a socket. */
bool address_is_loopback(const char *host);

#endif
