/* SPDX-License-Identifier: ISC */
/*
 * Text that is made in pages, one when the client has taken the one before and
 * would take more. Each is charged to its connection before it is made
 * (memory.h); without memory it waits.
 */
#ifndef DM_NET_HTTP_PAGE_H
#define DM_NET_HTTP_PAGE_H

#include <stdbool.h>

#include "dm-net/http/exchange.h"

#define HTTP_PAGE_BYTES (64u << 10) /* no page is larger */

/*
 * Charges a page. False: there is no memory for it now, and nothing may be
 * made; an exchange that is answered is told by via->more() to pull again.
 */
bool http_page_begin(struct http_exchange *);

/* The page is about to be made, or will not be: from here on the text itself
 * is charged. Fine without a page. */
void http_page_end(struct http_exchange *);

/* Answers 200 with a text of x->pull, which makes its first page now if the
 * client takes it. */
void http_page_answer(struct http_exchange *, const char *type);

/* The exchange ends: it has no page, and waits for none. */
void http_page_leave(struct http_exchange *);

/* There may be memory again: tells those that wait. */
void http_page_retry(struct http_server *);

#endif
