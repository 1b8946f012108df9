/* SPDX-License-Identifier: ISC */
#include "dmd/confine.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/descriptors.h"
#include "common/log.h"
#include "common/sandbox/privdrop.h"
#include "common/sandbox/sandbox.h"

#define BIT(cap) (UINT64_C(1) << (cap))

int
confine_check_descriptors(const struct config *config)
{
	struct rlimit limit;
	unsigned n, room;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1) {
		log_error(
		    "cannot read the limit of open files: %s", strerror(errno));
		return EX_OSERR;
	}
	n = limit.rlim_max > UINT_MAX ? UINT_MAX : (unsigned)limit.rlim_max;
	if (n < DESCRIPTORS_MIN) {
		log_error("the limit of open files is %u, and at least %d are "
			  "needed: raise it (LimitNOFILE= of the service, or "
			  "ulimit -Hn)",
		    n, DESCRIPTORS_MIN);
		return EX_OSERR;
	}
	room = descriptors_share(n).sockets - descriptors_share(n).http;
	if (room < config->cluster.max_peers)
		log_warn("the limit of open files is %u: there is room for "
			 "about %u peers and %u HTTP clients; raise it "
			 "(LimitNOFILE= of the service, or ulimit -Hn), or "
			 "lower max_peers",
		    n, room, descriptors_share(n).http);
	return 0;
}

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
		log_warn("sandbox layers that this kernel lacks: %s (a newer "
			 "kernel has them)",
		    text);
	}
	return 0;
}
