/* SPDX-License-Identifier: ISC */
#include "common/version_daemon.h"

#include <event2/event.h>
#include <stdio.h>

#include "common/sandbox/sandbox_seccomp.h"
#include "common/version.h"

void
version_daemon_print(const char *program)
{
	unsigned int seccomp[3];

	version_print(program);
	printf("libevent %s\n", event_get_version());
	sandbox_seccomp_version(seccomp);
	printf("libseccomp %u.%u.%u\n", seccomp[0], seccomp[1], seccomp[2]);
}
