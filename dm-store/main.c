/* SPDX-License-Identifier: ISC */
/*
 * dm-store: the one process that decides what is accepted, and the only one
 * that touches the disk. Started by dmd; everything it does is asked of it over
 * its channels.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/child.h"
#include "common/log.h"
#include "common/version.h"
#include "common/version_daemon.h"
#include "dm-store/handlers.h"
#include "dm-store/recover.h"
#include "dm-store/state_dirs.h"
#include "dm-store/store.h"
#include "dm-store/syncer.h"
#include "dm-store/verify.h"
#include "dm-store/watch.h"

/* index/ as this process sees it: below its root, or by its whole path. */
static char *
index_path(const struct child_settings *settings)
{
	const char *top = settings->root_dir != NULL ? "" : settings->state_dir;
	size_t size = strlen(top) + sizeof("/index");
	char *path = xmalloc(size);

	snprintf(path, size, "%s/index", top);
	return path;
}

/* Reads pages and file names, so it runs in the sandbox already. */
static int
open_all(struct store *s, const struct child_settings *settings,
    int dirs[FILES_DIRS])
{
	char *path = index_path(settings);
	enum recover_open status;

	if (state_dirs_open(&s->files, dirs) == -1) {
		log_error("cannot open the directories of state_dir: %s: check "
			  "that they belong to store_user",
		    strerror(errno));
		return EX_NOPERM;
	}
	status = recover_open(s, path);
	free(path);
	if (status == RECOVER_FUTURE)
		return EX_CONFIG;
	if (status == RECOVER_FAILED)
		return EX_IOERR;
	if (recover_run(s) == -1) {
		log_error("cannot finish the changes that the last run began: "
			  "%s: dmd starts dm-store again",
		    strerror(errno));
		index_settled(s->files.index_fd);
		return EX_TEMPFAIL;
	}
	store_setup(s);
	return 0;
}

int
main(int argc, char **argv)
{
	struct child_settings settings;
	struct store store;
	int dirs[FILES_DIRS], rc;

	if (version_is_asked(argc, argv)) {
		version_daemon_print("dm-store");
		return EX_OK;
	}
	memset(&store, 0, sizeof(store));
	child_begin(ROLE_STORE, &settings);
	clock_init(&store.clock);
	store.base = event_base_new();
	if (store.base == NULL)
		fatal("cannot start libevent");
	store.watch =
	    watch_new(settings.root_dir != NULL ? "" : settings.state_dir);
	if (state_dirs_hold(settings.state_dir, !settings.as_root, dirs) ==
	    -1) {
		log_error("cannot open the directories of state_dir %s: %s",
		    settings.state_dir, strerror(errno));
		return EX_NOINPUT;
	}
	store.layers =
	    child_confine_begin(ROLE_STORE, &settings, dirs, FILES_DIRS);
	store.verifier = verifier_new();
	store.syncer = syncer_new();
	store.layers = child_confine_end(ROLE_STORE, &settings, store.layers);
	rc = open_all(&store, &settings, dirs);
	if (rc != 0)
		return rc;
	handlers_start(&store, CHILD_FD);
	if (event_base_dispatch(store.base) == -1)
		fatal("the event loop failed");
	handlers_end(&store);
	store_clear(&store);
	event_base_free(store.base);
	return 0;
}
