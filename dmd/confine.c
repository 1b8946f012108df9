/* SPDX-License-Identifier: ISC */
#include "dmd/confine.h"

#include <linux/capability.h>
#include <unistd.h>

#include "common/log.h"
#include "common/privdrop.h"
#include "common/sandbox.h"

#define BIT(cap) (UINT64_C(1) << (cap))

int
confine(const struct config *config, uint32_t *layers)
{
	const uint32_t wanted =
	    SANDBOX_SECCOMP | SANDBOX_NO_NEW_PRIVS | SANDBOX_CAPS;
	uint64_t keep = BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) |
			BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL);
	char text[256];

	if (config->cluster.port < 1024 || config->http.port < 1024)
		keep |= BIT(CAP_NET_BIND_SERVICE);
	if (privdrop_reduce(keep, layers) == -1 ||
	    sandbox_enter(ROLE_DMD, NULL, 0, layers) == -1)
		return -1;
	if ((wanted & ~*layers) != 0) {
		sandbox_describe(wanted & ~*layers, text, sizeof(text));
		log_warn(
		    "layers of the sandbox that this system lacks: %s", text);
	}
	return 0;
}
