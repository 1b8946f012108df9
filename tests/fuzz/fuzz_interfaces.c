/* SPDX-License-Identifier: ISC */
/* The decoder of rtnetlink dumps and answers, and what is decided from its
 * table. */
#include <stdint.h>
#include <stdlib.h>

#include "common/log.h"
#include "dmd/advertise.h"
#include "dmd/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct interfaces *t = interfaces_new();
	struct endpoint *e = xcalloc(ENDPOINTS_MAX, sizeof(*e));
	struct config *config = config_default();
	char text[ENDPOINT_TEXT_MAX];
	struct multiaddr_raw raw[PEER_RECORD_ADDRS_MAX];
	size_t n, left_out;

	log_set_level(LOG_L_FATAL);
	if (interfaces_read(t, data, size) == INTERFACES_MORE)
		interfaces_read(t, data, size);
	interfaces_is_own(t, (const uint8_t *)"\x7f\0\0\1", 4);
	endpoint_item_is_there(t, "eth0");
	n = endpoints_wanted(config, t, e);
	if (advertise_addresses(config, t, e, n, raw, &left_out) >
	    PEER_RECORD_ADDRS_MAX)
		abort();
	while (n-- > 0)
		endpoint_text(&e[n], text);
	config_free(config);
	free(e);
	interfaces_free(t);
	return 0;
}
