/* SPDX-License-Identifier: ISC */
#include "dm-store/recover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define WHY_SIZE 80

/* --- opening
 * --------------------------------------------------------------------- */

static enum recover_open
open_new(struct store *s, const char *path, const char *why)
{
	uint64_t now_s = clock_now_ns(&s->clock) / NS_PER_S;
	enum index_status status;

	if (files_quarantine_index(&s->files, now_s) == -1) {
		log_error("the index cannot be moved to quarantine: %s",
		    strerror(errno));
		return RECOVER_FAILED;
	}
	log_error("the index is damaged (%s): it is kept as "
		  "quarantine/index-%llu, and everything is fetched again "
		  "from peers; what only this node had must be uploaded again",
	    why, (unsigned long long)now_s);
	status = index_open(path, s->files.index_fd, &s->index);
	if (status == INDEX_NEW) {
		files_sweep_old(&s->files);
		return RECOVER_OK;
	}
	log_error("a new index cannot be made: %s", strerror(errno));
	return RECOVER_FAILED;
}

/* Why it is given up at once, or NULL. An empty file is what a first start
 * leaves that is interrupted; but there was an index where there are files. */
static const char *
is_hopeless(
    struct store *s, const char *path, int attempts, char why[static WHY_SIZE])
{
	bool is_worn = attempts >= INDEX_ATTEMPTS_MAX;
	uint64_t bytes = UINT64_MAX, needed = INDEX_BYTES_MIN;

	if (index_bytes(s->files.index_fd, &bytes) && bytes >= needed &&
	    is_worn)
		needed = index_bytes_counted(path);
	if (bytes < needed && (bytes > 0 || files_has_any(&s->files))) {
		snprintf(why, WHY_SIZE, "data.mdb has %llu bytes of %llu",
		    (unsigned long long)bytes, (unsigned long long)needed);
		return why;
	}
	return is_worn ? "opening it failed again and again" : NULL;
}

enum recover_open
recover_open(struct store *s, const char *path)
{
	int attempts = index_attempts(s->files.index_fd);
	char buf[WHY_SIZE];
	const char *why;

	if (attempts == -1) /* a full disk can still be read */
		log_warn("index/opening: %s", strerror(errno));
	why = is_hopeless(s, path, attempts, buf);
	if (why != NULL)
		return open_new(s, path, why);
	switch (index_open(path, s->files.index_fd, &s->index)) {
	case INDEX_OK:
		return RECOVER_OK;
	case INDEX_NEW:
		if (files_has_any(&s->files))
			log_warn("there are files but no index: this state "
				 "directory was used before and has been "
				 "emptied; what is in files/ is replaced as "
				 "peers send it");
		else
			log_info("a new index: this is the first start, or the "
				 "state directory was emptied");
		files_sweep_old(&s->files);
		return RECOVER_OK;
	case INDEX_DAMAGED:
		return open_new(s, path, "it is not what was written");
	case INDEX_FUTURE:
		index_settled(s->files.index_fd);
		log_fatal("the index was written by a later version of "
			  "dm-store: install that version again, or move "
			  "index/ away to start anew from peers");
		return RECOVER_FUTURE;
	case INDEX_FAILED:
		break;
	}
	index_settled(s->files.index_fd);
	log_error("the index cannot be opened: %s%s", strerror(errno),
	    errno == EACCES
		? ": index/ and what is in it must belong to store_user"
		: "");
	return RECOVER_FAILED;
}
