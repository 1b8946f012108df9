/* SPDX-License-Identifier: ISC */
/*
 * An attack that is kept up for a while, by some identities from some source
 * addresses, each identity in a process of its own. What it costs and what came
 * of it is counted for all of them together.
 */
#ifndef TESTS_SIEGE_FOE_H
#define TESTS_SIEGE_FOE_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dm-net/libp2p/multiaddr.h"

/* What is to be done; the same for all. */
struct foe_order {
	struct multiaddr target;
	struct in_addr source; /* the first of ours */
	unsigned int sources;  /* so many, each one above the last */
	unsigned int peers;    /* identities */
	unsigned int rate;     /* bytes a second of each; 0: without limit */
	double seconds;
	char **words; /* what the attack needs besides; ends with NULL */
};

/* What came of it, in memory that the processes share. */
struct foe_tally {
	_Atomic uint64_t sent, received; /* bytes */
	_Atomic uint64_t connections;	 /* that were made */
	_Atomic uint64_t greeted;	 /* by the node's hello */
	_Atomic uint64_t ended;		 /* by the node */
	_Atomic uint64_t done;		 /* whatever the attack is after */
	atomic_bool is_over;		 /* all are to end */
};

/* One identity. */
struct foe {
	const struct foe_order *order;
	struct foe_tally *tally;
	unsigned int number; /* from 0 */
	struct in_addr source;
	uint64_t until_ns; /* by cloop_now_ns() */
};

struct foe_attack {
	const char *name;
	void (*run)(struct foe *);
	const char *words; /* for the usage */
};

/* Each table ends with a name that is NULL. */
extern const struct foe_attack foe_sockets[];
extern const struct foe_attack foe_sayings[];
extern const struct foe_attack foe_contents[];
extern const struct foe_attack foe_records[];

bool foe_is_over(const struct foe *);
/* The word at `i`, or the program ends with the usage. */
const char *foe_word(const struct foe *, unsigned int i);
/* The address of IPv4 in the target. */
struct in_addr foe_target(const struct foe *);
/* Bytes from hexadecimal digits; ends the program if they are not `len`. */
void foe_hex(uint8_t *out, size_t len, const char *hex);

#endif
