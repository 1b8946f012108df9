/* SPDX-License-Identifier: ISC */
/*
 * Room for a new client when all connections are taken, or all of its source:
 * the worst of those that are there is closed, and the new one let in. A limit
 * that refused newcomers would let whoever came first keep all others out, at
 * no cost.
 */
#ifndef DM_NET_HTTP_ROOM_H
#define DM_NET_HTTP_ROOM_H

struct http_server;
struct netsource;

/*
 * Closes what has to go for one more connection of that source.
 *
 * Of a source that has HTTP_PER_ADDRESS_MAX one of its own goes; of a full
 * server, one that waits between requests, else one of the source that has most
 * connections. The order in which they go:
 *	- those that wait between requests, longest first;
 *	- those that have not sent a whole head of a request, longest first;
 *	- requests: of those that take a second and more the one that has moved
 *	  the fewest bytes a second, else the oldest.
 */
void http_room_make(struct http_server *, const struct netsource *);

#endif
