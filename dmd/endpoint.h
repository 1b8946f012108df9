/* SPDX-License-Identifier: ISC */
/*
 * The addresses that dmd has to listen on, from the configuration and the table
 * of interfaces: dm.toml(5), interface and interfaces. It is decided at the
 * start, after a reload and when the interfaces change. Pure.
 *
 * An address is bound as it is. A named interface gives an endpoint for each
 * of its addresses, bound to the interface, so that nothing comes in through
 * another one, and (IPv4) to loopback as well, where the machine's own
 * connections to that address come from.
 */
#ifndef DMD_ENDPOINT_H
#define DMD_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/config/config.h"
#include "dmd/interfaces.h"

enum endpoint_kind { ENDPOINT_LIBP2P = 0, ENDPOINT_HTTP = 1 };

#define ENDPOINTS_MAX 256
#define ENDPOINT_TEXT_MAX 96

struct endpoint {
	enum endpoint_kind kind;
	uint8_t len; /* 4 or 16 */
	uint8_t bytes[16];
	uint16_t port;
	int index;	    /* interface it is bound to, 0 for none */
	int scope;	    /* interface of a link-local address, else 0 */
	char interface[16]; /* name of index, "" for none */
};

/* At most ENDPOINTS_MAX of them into out. Returns how many. */
size_t endpoints_wanted(const struct config *, const struct interfaces *,
    struct endpoint out[static ENDPOINTS_MAX]);

/* True if the configured item (name or address) is there at the moment. */
bool endpoint_item_is_there(const struct interfaces *, const char *item);

bool endpoint_equal(const struct endpoint *, const struct endpoint *);
bool endpoint_is_wildcard(const struct endpoint *);

/* Returns the length. */
socklen_t endpoint_sockaddr(const struct endpoint *, struct sockaddr_storage *);

/* "http 127.0.0.1:7331", "libp2p [::1]:7946%lo". Returns out. */
const char *endpoint_text(
    const struct endpoint *, char out[static ENDPOINT_TEXT_MAX]);

#endif
