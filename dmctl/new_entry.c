/* SPDX-License-Identifier: ISC */
#include "dmctl/new_entry.h"

#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/name.h"
#include "common/sha256.h"
#include "dmctl/time_text.h"
#include "dmctl/content.h"

static int
set_name(struct entry *e, const char *name)
{
	size_t len = strlen(name);

	if (!name_is_valid(name, len)) {
		log_error(
		    "\"%.300s\": %s", name, verdict_sentence(VERDICT_BAD_NAME));
		return EX_DATAERR;
	}
	memcpy(e->name, name, len + 1);
	return EX_OK;
}

static void
set_rest(struct entry *e, const struct network *n)
{
	e->has_network = n->has_key;
	if (n->has_key)
		memcpy(e->network, n->key, sizeof(e->network));
	e->signed_at_ns = clock_unix_ns();
	if (e->signed_at_ns == 0)
		fatal("the system's clock is before 1970: set it");
}

int
new_entry_file(struct entry *e, const struct args *args, const char *path,
    const struct network *n)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	memset(e, 0, sizeof(*e));
	e->kind = ENTRY_FILE;
	if (strcmp(path, "-") == 0 && args->name == NULL) {
		log_error("standard input has no name: give --name NAME");
		return EX_USAGE;
	}
	if (args->valid_for_ns % NS_PER_S != 0 ||
	    ((args->given & ARG_VALID_FOR) != 0 && args->valid_for_ns == 0)) {
		log_error("--valid-for: expected whole seconds, at least one");
		return EX_USAGE;
	}
	e->valid_for_s = args->valid_for_ns / NS_PER_S;
	set_rest(e, n);
	return set_name(e, args->name != NULL ? args->name : name);
}

int
new_entry_delete(struct entry *e, const char *name, const struct network *n)
{
	memset(e, 0, sizeof(*e));
	e->kind = ENTRY_DELETE;
	memcpy(e->sha256, sha256_empty, sizeof(e->sha256));
	set_rest(e, n);
	return set_name(e, name);
}
