/* SPDX-License-Identifier: ISC */
/* server: the original's way to start the daemon, as dmd -d. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "dmctl/command.h"
#include "dmctl/target.h"

/* dmd lies beside dmctl in a build tree, in sbin when installed. */
static const char *const places[] = {"/dmd", "/../sbin/dmd"};

int
command_server(const struct args *args)
{
	char dir[PATH_MAX], path[PATH_MAX + 16], config[] = TARGET_CONFIG;
	char name[] = "dmd", foreground[] = "-d", file[] = "-f";
	char *argv[] = {name, foreground, file, config, NULL};
	char given[PATH_MAX], *slash;
	ssize_t len = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	if (args->config != NULL) {
		if (strlen(args->config) >= sizeof(given)) {
			log_error("-f: %s", strerror(ENAMETOOLONG));
			return EX_USAGE;
		}
		strcpy(given, args->config);
		argv[3] = given;
	}
	if (len > 0) {
		dir[len] = '\0';
		slash = strrchr(dir, '/');
		if (slash != NULL)
			*slash = '\0';
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]);
		     i++) {
			snprintf(path, sizeof(path), "%s%s", dir, places[i]);
			execv(path, argv);
		}
	}
	execvp(name, argv);
	log_error(
	    "cannot start dmd: %s: install dmd, or add its directory to PATH",
	    strerror(errno));
	return EX_UNAVAILABLE;
}
