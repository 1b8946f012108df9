/* SPDX-License-Identifier: ISC */
/*
 * The state of dm-store, one struct for the process, and the parts that it is
 * made of. Every source of this directory gets it. A part behind a pointer is
 * private to the source that made it. The counters in struct stats are changed
 * by every source that has something to count.
 */
#ifndef DMSTORE_STORE_H
#define DMSTORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/entry.h"
#include "common/ipc.h"
#include "common/verdict.h"
#include "dm-store/clock.h"
#include "dm-store/files.h"
#include "dm-store/index.h"
#include "dm-store/policy.h"
#include "dm-store/table.h"

struct event;
struct event_base;
struct control_client;
struct control_server;
struct change;
struct commit;
struct puts;
struct recent;
struct redo_list;
struct rejects;
struct reload;
struct scrub;
struct restore;
struct index_feed;
struct suspects;
struct store_log;
struct tickets;
struct watch;
struct worker;

struct store {
	struct event_base *base;
	struct clock clock;
	struct files files;
	struct index *index;
	struct policy *policy; /* in force; NULL before the first */
	struct policy *coming; /* between config_begin and config_commit */

	struct commit *commit;
	struct puts *puts;
	struct tickets *tickets;
	struct recent *recent;
	struct redo_list *redo;
	struct reload *reload;
	struct index_feed *stream;
	unsigned suspects; /* that dm-net sent and got no credit for */
	struct suspects *suspected;
	struct scrub *scrub;
	struct restore *seek;
	struct worker *verifier; /* as main.c made it; NULL: without thread */
	struct worker *syncer;	 /* likewise */
	struct watch *watch;	 /* NULL: there is none */

	struct ipc *dmd;
	struct ipc *net; /* NULL: not linked */
	uint64_t link;	 /* number of the link to dm-net: what was asked over
			    an earlier one is not answered over this */
	struct control_server *control;
	struct event *second; /* once a second */
	uint32_t layers;      /* of the sandbox, for ready */
	bool is_ready;
	bool is_sink_lost;
	bool needs_reload;	   /* reload.c: not all names follow policy */
	uint64_t expired_until_ns; /* expire.c: ends before that are done */

	struct unplaced { /* names whose files are not in place */
		struct change **slot;
		size_t n, n_slots, at;
	} unplaced;
	struct restore_due {
		struct event *turn; /* restore.c's */
		bool is_busy;
		bool is_again; /* from the beginning, at the end */
	} restore_due;
	struct read_budget {
		uint64_t left;	    /* bytes that may be read at once */
		uint64_t refill_ns; /* mono */
	} read_budget;
	bool has_doomed; /* history.c: content in old/ that has to go */
	struct rejects *rejects;
	struct store_log *log;
	struct dormant {	  /* dormant.c: how far it has looked */
		uint64_t next_ns; /* mono */
		size_t last_len;
		uint8_t last[RECORD_KEY_MAX];
	} dormant;

	/* what status_store and dm-net are told */
	struct stats {
		uint64_t bytes;			  /* of the visible files */
		uint64_t old_bytes;		  /* of old/, in whole blocks */
		uint64_t rejected[VERDICT_COUNT]; /* by reason */
		uint64_t conflicts;
		uint64_t damaged; /* files found changed or missing */
		uint64_t healed;  /* of these, back */
		bool is_writable;
		bool is_changed;
	} stats;

	/* Where messages to dm-net go: ipc_send(), or a test. */
	void (*send)(struct store *, enum ipc_message, const void *msg, int fd);
	void *send_ctx;
};

/*
 * A store on an opened index and directories, without channels. The caller
 * fills in base, files, index and clock first; this makes the rest.
 */
void store_setup(struct store *);
void store_clear(struct store *);

#endif
