/* SPDX-License-Identifier: ISC */
/*
 * The server's own state, for the sources of this directory; http.h is what
 * others see.
 */
#ifndef DM_NET_HTTP_SERVER_H
#define DM_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/limits.h"
#include "dm-net/http/date.h"
#include "dm-net/http/http.h"
#include "dm-net/http/request.h"
#include "dm-net/http/source.h"

#define HTTP_STATUS_MIN 200
#define HTTP_STATUS_MAX 511

struct event;
struct http_conn;
struct http_exchange;
struct http_events;
struct http_files;
struct http_listener;
struct memory;

TAILQ_HEAD(http_conn_list, http_conn);

struct http_counters {
	uint64_t requests[METHOD_COUNT][HTTP_STATUS_MAX + 1 - HTTP_STATUS_MIN];
	uint64_t accepted;
	/* closed for a new one, not between requests: */
	uint64_t dropped_full;	      /* HTTP_CONNECTIONS_MAX */
	uint64_t dropped_per_address; /* HTTP_PER_ADDRESS_MAX */
	uint64_t received_bytes;      /* of uploads */
	uint64_t timed_out;
};

struct http_server {
	struct event_base *base;
	struct http_backend backend;
	struct http_settings settings;
	bool is_configured;
	bool is_closing;

	struct http_files *files;
	struct http_events *events;
	uint64_t store_epoch; /* of what is in files */
	unsigned puts;
	unsigned puts_without_sha256;

	LIST_HEAD(, http_listener) listeners;
	struct http_conn_list conns;
	unsigned n_conns;
	struct http_source_list sources;
	struct http_conn_list ready; /* to be run in this turn */
	struct http_conn_list dead;  /* to be freed in this turn */
	struct memory *memory;	     /* HTTP_MEMORY_MAX; of connections */
	TAILQ_HEAD(, http_exchange) waiting; /* for memory */
	struct event *turn_event;
	struct event *tick_event;

	struct http_counters count;
	struct http_date_cache date;
	uint8_t scratch[65536]; /* for one read or write at a time */
};

#endif
