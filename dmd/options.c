/* SPDX-License-Identifier: ISC */
#include "dmd/options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "common/version_daemon.h"

#define DEFAULT_CONFIG DMD_SYSCONFDIR "/data-mesher/dm.toml"

enum { OPTION_VERSION = 256, OPTION_REPAIR };

static const struct option longs[] = {
    {"foreground", no_argument, NULL, 'd'},
    {"check", no_argument, NULL, 'n'},
    {"verbose", no_argument, NULL, 'v'},
    {"config", required_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {"repair", no_argument, NULL, OPTION_REPAIR},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static void
usage(FILE *out)
{
	fprintf(out,
	    "usage: dmd [-dnv] [-f FILE] [--repair]\n"
	    "  -d, --foreground   stay in the foreground, log to stderr\n"
	    "  -n, --check        check the configuration (78) and the state\n"
	    "                     directory (77), print all errors and exit\n"
	    "  -v, --verbose      log more\n"
	    "  -f, --config FILE  the configuration (%s)\n"
	    "      --repair       as root: correct owners and modes of dmd's\n"
	    "                     files in the state directory, and exit\n"
	    "  -h, --help         show this\n"
	    "      --version      show the version\n"
	    "example: dmd -n -f dm.toml && dmd -d -f dm.toml\n",
	    DEFAULT_CONFIG);
}

/* The daemon leaves the directory that it was started in. */
static char *
path_absolute(const char *path)
{
	char cwd[PATH_MAX], *out;

	if (path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		return xstrdup(path);
	if (asprintf(&out, "%s/%s", cwd, path) == -1)
		fatal("out of memory");
	return out;
}

static void __attribute__((noreturn)) refuse(void)
{
	usage(stderr);
	exit(EX_USAGE);
}

void
options_parse(int argc, char **argv, struct options *out)
{
	const char *path = DEFAULT_CONFIG;
	int c;

	memset(out, 0, sizeof(*out));
	while ((c = getopt_long(argc, argv, "dnvf:h", longs, NULL)) != -1) {
		switch (c) {
		case 'd':
			out->is_foreground = true;
			break;
		case 'n':
			out->is_check = true;
			break;
		case 'v':
			out->is_verbose = true;
			break;
		case 'f':
			path = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case OPTION_REPAIR:
			out->is_repair = true;
			break;
		case OPTION_VERSION:
			version_daemon_print("dmd");
			exit(0);
		default:
			refuse();
		}
	}
	if (optind != argc) {
		fprintf(
		    stderr, "dmd: unexpected argument '%s'\n", argv[optind]);
		refuse();
	}
	out->config_path = path_absolute(path);
}
