/* SPDX-License-Identifier: ISC */
/*
 * Watches the machine's interfaces and addresses through rtnetlink(7). Owns the
 * socket that hears of changes and the current table; after any change it reads
 * the whole table again, so no history of changes can go wrong. It never
 * changes anything on the machine.
 */
#ifndef DMD_NETLINK_H
#define DMD_NETLINK_H

#include "dmd/interfaces.h"

struct event_base;
struct netlink;

/*
 * Reads the table and watches. changed is called from the loop with the new
 * table, at most every NETLINK_CALM_MS. Where the system refuses rtnetlink the
 * table is empty and a warning is logged.
 */
#define NETLINK_CALM_MS 50
struct netlink *netlink_new(
    struct event_base *, void (*changed)(void *ctx), void *ctx);
void netlink_free(struct netlink *);

/* Reads the default routes anew: nothing says when they change. changed() is
 * not called. */
void netlink_look(struct netlink *);

/* Lives until the next turn of the loop. */
const struct interfaces *netlink_interfaces(const struct netlink *);

#endif
