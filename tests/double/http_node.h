/* SPDX-License-Identifier: ISC */
/*
 * The HTTP part of a node for tests: server, link and fake store on one event
 * base, in one process.
 */
#ifndef TESTS_DOUBLE_HTTP_NODE_H
#define TESTS_DOUBLE_HTTP_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dm-net/http/http.h"
#include "tests/double/fake_store.h"

struct http_node {
	struct event_base *base;
	struct store_client *link;
	struct ipc *net_end;
	struct fake_store *store;
	struct http_server *http;
	struct http_settings settings;
	struct http_facts facts;
	uint8_t own_address[4];
	unsigned n_peers;
	bool is_violated; /* the fake store, by our judgement */
};

/* Reading is allowed from loopback and from the own address 192.0.2.1. */
struct http_node *http_node_new(void);

/* Before its first configuration. */
struct http_node *http_node_unconfigured(void);
void http_node_free(struct http_node *);

/* The store goes away with all it had, and comes back empty. */
void http_node_stop_store(struct http_node *);
void http_node_start_store(struct http_node *);

/* Runs all due events, without waiting, until none is due. Something that is
 * due for ever ends the test. */
void http_node_run(struct http_node *);

/* The client's end of a connection from that IPv4 address; non-blocking. */
int http_node_connect(struct http_node *, const char *address);

/* As if so many seconds had passed without anything happening. */
void http_node_pass(struct http_node *, unsigned seconds);

/*
 * Sends, runs the node, and gathers what comes, until nothing more does.
 * Returns the bytes in out, terminated. *is_closed: the server hung up.
 */
size_t http_node_talk(struct http_node *, int fd, const void *data, size_t len,
    char *out, size_t out_size, bool *is_closed);

#endif
