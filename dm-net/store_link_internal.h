/* SPDX-License-Identifier: ISC */
/*
 * What store_link.c (questions) and store_put.c (content) share: the link and
 * its puts. Nobody else includes this.
 */
#ifndef DM_NET_STORE_LINK_INTERNAL_H
#define DM_NET_STORE_LINK_INTERNAL_H

#include <sys/queue.h>

#include "common/limits.h"
#include "dm-net/store_link.h"

/* The number of its slot is the low part of an id that travels to the store,
 * the rest is a serial number. */
#define SLOT_BITS 16

struct request;

enum lane_id { LANE_JUDGE, LANE_ASK, LANE_COUNT };

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
	struct store_link *link;
	uint64_t id;
	struct store_put_owner owner;
	size_t allowed;
	bool is_ended;
};

struct store_link {
	struct ipc *ipc; /* NULL while the store is away */
	uint64_t epoch;
	uint64_t serial;
	struct lane lane[LANE_COUNT];
	struct store_put *put[IPC_PUTS_MAX];
	unsigned n_puts;
};

/* All puts fail with NO_STORE: the link has just gone down. */
void store_puts_fail(struct store_link *);

#endif
