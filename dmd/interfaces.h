/* SPDX-License-Identifier: ISC */
/*
 * The machine's network interfaces and addresses as a table, read from the
 * kernel's rtnetlink(7) dumps. Owns the decoder of those dumps. netlink.c
 * fetches the dumps. Pure: no socket here. Indexes are the kernel's, 0 for
 * none.
 */
#ifndef DMD_INTERFACES_H
#define DMD_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than these are ignored; wildcard listeners need none of them. */
#define INTERFACES_NAMES_MAX 4096
#define INTERFACES_ADDRESSES_MAX 4096
#define INTERFACES_NAME_SIZE 128 /* alternative names are long */

struct interface_address {
	int index;
	uint8_t len; /* 4 or 16 */
	uint8_t prefix;
	bool is_loopback;  /* of a loopback interface */
	bool is_bridge;	   /* of a bridge, or of its end of a cable */
	bool is_temporary; /* privacy address or deprecated: soon gone */
	uint8_t bytes[16]; /* zero after len */
};

enum interfaces_step {
	INTERFACES_MORE, /* the dump goes on */
	INTERFACES_DONE,
	INTERFACES_AGAIN, /* something changed meanwhile: dump again */
	INTERFACES_FAILED /* malformed, or the kernel's error */
};

struct interfaces *interfaces_new(void);
void interfaces_free(struct interfaces *);

/*
 * Takes one datagram of a dump of RTM_GETLINK, later of RTM_GETADDR, into the
 * table. Names first: they show which interfaces are loopback. Or the answer to
 * RTM_GETROUTE for an address that is far away: the default route.
 */
enum interfaces_step interfaces_read(
    struct interfaces *, const void *data, size_t len);

/* By name or alternative name; 0 if there is none. */
int interfaces_index(const struct interfaces *, const char *name);

/* Its name; "" if there is none. Lives as long as the table. */
const char *interfaces_name(const struct interfaces *, int index);

/* Address number i; NULL after the last. */
const struct interface_address *interfaces_address(
    const struct interfaces *, size_t i);

/* The relation of an address of the table to the default route of its family.
 */
enum interfaces_way {
	INTERFACES_WAY_NONE,
	INTERFACES_WAY_INTERFACE, /* it is on the interface of that route */
	INTERFACES_WAY_SOURCE /* and packets that go out have it as their source
			       */
};

enum interfaces_way interfaces_way_out(
    const struct interfaces *, const struct interface_address *);

/* Takes the default routes of another table. */
void interfaces_take_ways(struct interfaces *, const struct interfaces *from);

/*
 * True if the address (4 or 16 bytes) is the machine's own: one of the table,
 * or within the prefix of one on a loopback interface (127.0.0.2).
 */
bool interfaces_is_own(
    const struct interfaces *, const uint8_t *bytes, size_t len);

bool interfaces_equal(const struct interfaces *, const struct interfaces *);

#endif
