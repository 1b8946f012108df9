/* SPDX-License-Identifier: ISC */
/*
 * How often one host may be dialled. Anybody can sign a record that names
 * somebody else's address, and as many ids as he likes: without a budget a
 * few kilobytes make each node of a mesh connect to a victim again and again.
 * Hosts are IPv4 addresses and IPv6 /64s, networks are IPv4 /24s and IPv6
 * /48s; each has a token bucket. Pure: the caller gives the time.
 *
 * The table is bounded. When the places of a host are taken, the host whose
 * bucket is fullest is forgotten.
 */
#ifndef DM_NET_MESH_DIAL_BUDGET_H
#define DM_NET_MESH_DIAL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/clock.h"

/* Dials at once, and nanoseconds until one more is allowed. Addresses of a
 * private network or of this machine may be dialled eight times as often: many
 * nodes share them in a test, and no stranger is hurt. */
#define DIAL_BUDGET_HOST_BURST 4
#define DIAL_BUDGET_HOST_NS (6 * NS_PER_S)
#define DIAL_BUDGET_NETWORK_BURST 16
#define DIAL_BUDGET_NETWORK_NS (2 * NS_PER_S)
#define DIAL_BUDGET_NEAR 8
#define DIAL_BUDGET_HOSTS_MAX 4096

struct dial_budget;

struct dial_budget *dial_budget_new(void);
void dial_budget_free(struct dial_budget *); /* NULL is fine */

/* Takes a dial to the address from its host's and its network's budget. False,
 * and nothing is taken: the address was dialled too often. */
bool dial_budget_take(
    struct dial_budget *, const struct sockaddr *, uint64_t now_ns);

/* The dial led to the peer that was meant: it costs nothing. */
void dial_budget_give_back(
    struct dial_budget *, const struct sockaddr *, uint64_t now_ns);

#endif
