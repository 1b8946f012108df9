/* SPDX-License-Identifier: ISC */
#include "common/sandbox/resolver_paths.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ETC "/etc/"

enum kind { DIRECTORY, PLAIN_FILE, REPLACED_FILE };

static const struct {
	const char *path;
	enum kind kind;
} paths[RESOLVER_PATHS] = {
    {"/etc", DIRECTORY},
    {"/run/systemd/resolve", DIRECTORY},
    {"/run/NetworkManager", DIRECTORY},
    {"/run/resolvconf", DIRECTORY},
    {ETC "resolv.conf", REPLACED_FILE},
    {ETC "hosts", PLAIN_FILE},
    {ETC "nsswitch.conf", PLAIN_FILE},
    {ETC "host.conf", PLAIN_FILE},
    {ETC "gai.conf", PLAIN_FILE},
    {ETC "services", PLAIN_FILE},
};

const char *
resolver_path_name(size_t i)
{
	return paths[i].path;
}

bool
resolver_path_real(size_t i, char out[static PATH_MAX])
{
	char real[PATH_MAX];

	if (paths[i].kind == DIRECTORY) {
		snprintf(out, PATH_MAX, "%s", paths[i].path);
		return true;
	}
	if (realpath(paths[i].path, real) == NULL ||
	    strncmp(real, ETC, strlen(ETC)) == 0)
		return false;
	snprintf(out, PATH_MAX, "%s",
	    paths[i].kind == REPLACED_FILE ? dirname(real) : real);
	/* never everything */
	return strcmp(out, "/") != 0;
}
