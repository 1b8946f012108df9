/* SPDX-License-Identifier: ISC */
#include "dm-store/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "dm-store/disk.h"
#include "dm-store/page_walk.h"
#include "dm-store/salvage.h"
#include "dm-store/state_dirs.h"
#include "dm-store/unplaced.h"

/* --- is it sound? --- */

struct judged {
	bool is_future; /* a later version's: its rows are not ours to judge */
};

static void
on_row(void *ctx, enum index_table t, struct bytes key, struct bytes body)
{
	struct judged *j = ctx;

	if (t == INDEX_META && key.len == strlen(INDEX_META_FORMAT) &&
	    memcmp(key.data, INDEX_META_FORMAT, key.len) == 0 &&
	    body.len == 8 && row_get_u64(body.data) > INDEX_FORMAT)
		j->is_future = true;
}

static enum page_verdict
check(struct store *s, struct page_report *report)
{
	int fd = disk_open(s->files.index_fd, INDEX_DATA, O_RDONLY, 0);
	struct judged j = {false};
	enum page_verdict verdict;
	struct page_walk *w;

	if (fd == -1) {
		memset(report, 0, sizeof(*report));
		snprintf(report->why, sizeof(report->why), "data.mdb: %s",
		    strerror(errno));
		return PAGES_UNKNOWN;
	}
	w = page_walk_new(fd);
	verdict = page_walk(w, on_row, &j, report);
	page_walk_free(w);
	close(fd);
	return j.is_future ? PAGES_UNKNOWN : verdict;
}

/*
 * The last run did not end in order. The way it ended says nothing of the
 * index: its pages do. True if one of them is damaged.
 */
static bool
is_found_damaged(struct store *s, char why[static PAGE_WALK_WHY_SIZE])
{
	struct page_report report;

	switch (check(s, &report)) {
	case PAGES_DAMAGED:
		memcpy(why, report.why, PAGE_WALK_WHY_SIZE);
		return true;
	case PAGES_UNKNOWN:
		log_warn("the last run did not end in order; the index cannot "
			 "be checked (%s) and is used unchecked",
		    report.why);
		return false;
	case PAGES_SOUND:
		break;
	}
	log_info("the last run did not end in order; the index was checked, "
		 "and is sound: %llu rows on %llu pages",
	    (unsigned long long)report.n_rows,
	    (unsigned long long)report.n_pages);
	if (report.n_bad_rows > 0)
		log_warn("%llu rows of the index are damaged: each is replaced "
			 "when it is next read",
		    (unsigned long long)report.n_bad_rows);
	return false;
}

/* An empty file is what a first start leaves that is interrupted; but there was
 * an index where there are files. */
static bool
is_cut_short(
    struct store *s, uint64_t bytes, char why[static PAGE_WALK_WHY_SIZE])
{
	if (bytes >= INDEX_BYTES_MIN ||
	    (bytes == 0 && !state_dirs_has_any(&s->files)))
		return false;
	snprintf(why, PAGE_WALK_WHY_SIZE,
	    "data.mdb has %llu bytes, fewer than the %u of an empty index",
	    (unsigned long long)bytes, INDEX_BYTES_MIN);
	return true;
}

/* Before it is opened. */
static bool
is_damaged(
    struct store *s, bool is_suspected, char why[static PAGE_WALK_WHY_SIZE])
{
	uint64_t bytes;

	if (!index_bytes(s->files.index_fd, &bytes))
		return false;
	return is_cut_short(s, bytes, why) ||
	       (is_suspected && bytes > 0 && is_found_damaged(s, why));
}

/* --- opening --- */

/* Makes a new index from the whole rows of the damaged one, and opens it. */
static enum recover_open
open_salvaged(struct store *s, const char *path, const char *why)
{
	uint64_t now_s = clock_now_ns(&s->clock) / NS_PER_S;
	enum index_status status;
	struct salvage got;

	log_error("the index is damaged (%s): making a new one from its "
		  "undamaged rows",
	    why);
	if (salvage_index(s, path, now_s, &got) == -1) {
		log_error("cannot replace the damaged index: %s: %s",
		    strerror(errno), unplaced_remedy(errno));
		return RECOVER_FAILED;
	}
	log_error("moved the damaged index to quarantine/index-%llu; %llu of "
		  "its records are in the new index, %llu of them from pages "
		  "outside of every table; %llu names have lost their record: "
		  "peers send them again; upload again those that no peer has",
	    (unsigned long long)now_s, (unsigned long long)got.n_records,
	    (unsigned long long)got.n_rest, (unsigned long long)got.n_lost);
	status = index_open(path, s->files.index_fd, &s->index);
	if (status == INDEX_OK)
		return RECOVER_OK;
	log_error("cannot open the new index: %s: %s", strerror(errno),
	    unplaced_remedy(errno));
	return RECOVER_FAILED;
}

static enum recover_open
opened_new(struct store *s)
{
	if (state_dirs_has_any(&s->files))
		log_warn("files/ has files but there is no index: index/ was "
			 "emptied; the files are replaced as peers send them");
	else
		log_info("made a new index: this is the first start, or "
			 "state_dir was emptied");
	state_dirs_sweep_old(&s->files);
	return RECOVER_OK;
}

/* LMDB, or the tables in it, are not what an index has: why is in the pages,
 * or they have been written by somebody else. */
static enum recover_open
opened_damaged(struct store *s, const char *path)
{
	struct page_report report;

	if (check(s, &report) != PAGES_DAMAGED)
		snprintf(report.why, sizeof(report.why),
		    "data.mdb does not have the tables of an index");
	return open_salvaged(s, path, report.why);
}

enum recover_open
recover_open(struct store *s, const char *path)
{
	int was_marked = index_mark(s->files.index_fd);
	char why[PAGE_WALK_WHY_SIZE];

	if (was_marked == -1) /* a full disk can still be read */
		log_warn(
		    "cannot create the mark index/opening: %s: if this run is "
		    "cut short, the next start does not check the index",
		    strerror(errno));
	if (salvage_finish(&s->files) == -1) {
		log_error("cannot move index/new into index: %s: %s",
		    strerror(errno), unplaced_remedy(errno));
		return RECOVER_FAILED;
	}
	if (is_damaged(s, was_marked == 1, why))
		return open_salvaged(s, path, why);
	switch (index_open(path, s->files.index_fd, &s->index)) {
	case INDEX_OK:
		return RECOVER_OK;
	case INDEX_NEW:
		return opened_new(s);
	case INDEX_DAMAGED:
		return opened_damaged(s, path);
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
	log_error("cannot open the index: %s%s", strerror(errno),
	    errno == EACCES
		? ": index/ and what is in it must belong to store_user"
		: "");
	return RECOVER_FAILED;
}
