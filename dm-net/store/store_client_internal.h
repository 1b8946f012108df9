/* SPDX-License-Identifier: ISC */
/*
 * Shared by store_client.c (questions), store_answer.c (their answers) and
 * store_put.c (content): the link and its puts. No other source includes this.
 */
#ifndef DM_NET_STORE_STORE_CLIENT_INTERNAL_H
#define DM_NET_STORE_STORE_CLIENT_INTERNAL_H

#include <sys/queue.h>
#include <time.h>

#include "common/ipc.h"
#include "common/limits.h"
#include "dm-net/store/store_client.h"

/* The number of its slot is the low part of an id that travels to the store,
 * the rest is a serial number. */
#define SLOT_BITS 16

enum lane_id { LANE_JUDGE, LANE_ASK, LANE_COUNT };

struct request {
	STAILQ_ENTRY(request) next; /* while it waits */
	uint64_t id;
	enum ipc_message message;
	bool is_sent;
	bool is_cancelled;
	uint64_t sent_s;
	union {
		store_judged_fn *judged;
		store_opened_fn *opened;
		store_entry_fn *entry;
		struct store_list_owner list;
	} owner;
	void *ctx;
	union {
		struct {
			size_t len;
			uint8_t data[ENTRY_SIZE_MAX];
			char from[65];
		} judge;
		struct {
			uint8_t key[16];
			bool has_version;
			uint8_t version[32];
		} open;
		struct {
			char prefix[NAME_LEN_MAX + 1];
			char cursor[NAME_LEN_MAX + 1];
			unsigned limit;
			bool has_rows;
		} list;
	} ask;
};

STAILQ_HEAD(request_queue, request);

struct lane {
	struct request **slot;
	uint16_t *unused; /* stack of free slots */
	unsigned n_unused;
	unsigned n_slots;
	unsigned sent;
	unsigned sent_max;
	struct request_queue waiting;
};

struct store_put {
	struct store_client *link;
	uint64_t id;
	struct store_put_owner owner;
	size_t allowed;
	bool is_ended;
};

struct store_client {
	struct ipc *ipc; /* NULL while the store is away */
	bool is_late;	 /* at the last tick */
	uint64_t epoch;
	uint64_t serial;
	unsigned suspects; /* that may be sent */
	struct lane lane[LANE_COUNT];
	struct store_put *put[IPC_PUTS_MAX];
	unsigned n_puts;
};

struct lane *store_lane_of(struct store_client *, uint64_t id);
/* Sends what waits, as far as the number under way allows. */
void store_lane_pump(struct store_client *, struct lane *);
/* The request of an id, or NULL if it is over. */
struct request *store_request_find(struct store_client *, uint64_t id);
/* Takes it out of its slot; the caller frees it. */
void store_request_release(struct store_client *, struct request *);

/* All puts fail with NO_STORE: the link has just gone down. */
void store_puts_fail(struct store_client *);

#endif
