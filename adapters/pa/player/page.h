/* The operator's page: now playing by zone, the day's programme, stop and mute in one tap, hold, a test tone, what was
 * skipped and why. Made for a phone. One file of HTML; its questions and actions are those of the control socket.
 *
 * Nobody sees anything without the token from http.token_file. Whoever opens /login?t=TOKEN gets a cookie that scripts
 * cannot read and other sites cannot send; /qr.svg shows that address to a person who is logged in, for the phone.
 */
#ifndef TOCSIN_PLAYER_PAGE_H
#define TOCSIN_PLAYER_PAGE_H

#include "io/http_server.h"
#include "player/player.h"

struct page;
/* The page of this player: *page where it has the address and the certificate that the settings name, so that who asks during a
 * reload is answered by the player that follows; else a new one instead of *page, which may be NULL. NULL when no page is
 * wanted. The token is read anew each time; another token ends every login. */
enum relay_err page_open(struct player *p, struct loop *l, struct page **page, struct reason *why) MUST_CHECK;
struct page *page_free(struct page *p); /* returns NULL; takes NULL */

/* As control.h; all take NULL. */
void page_read(struct page *p);
void page_release(struct page *p);
void page_refuse(struct page *p);
int64_t page_next_due(const struct page *p);

/* Whether a page could speak https with cert and key. */
enum relay_err page_certificate(const struct http_settings *h, struct reason *why) MUST_CHECK;
/* The secret in token_file; the caller frees it. */
enum relay_err page_token(const char *token_file, char **ret, struct reason *why) MUST_CHECK;

#endif
