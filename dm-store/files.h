/* SPDX-License-Identifier: ISC */
/*
 * Content on disk: unfinished content in index/tmp/, current content in files/,
 * superseded content in index/old/. It reads no entry and no row, decides
 * nothing, and never writes a file in files/ in place. state_dirs.h opens the
 * directories, quarantine.h takes what is damaged.
 *
 * Names are valid file names (name.h), versions and sha256 32 bytes. Functions
 * return -1 with errno; a failing fsync is fatal(): the process starts again
 * and recovers from what is durable.
 */
#ifndef DMSTORE_FILES_H
#define DMSTORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct files {
	int files_fd;
	int index_fd;
	int old_fd; /* index/old */
	int tmp_fd; /* index/tmp */
	int quarantine_fd;
	uint64_t serial;      /* of put-N and of names in quarantine */
	uint64_t quarantined; /* so many went there */
	bool can_sync_all;    /* syncfs(2) reports errors: Linux 5.8 */
};

/* --- tmp/ --- */

/* A new file for content whose version is not sure yet: put-SERIAL. */
int files_put_new(struct files *, uint64_t *serial);
void files_put_drop(struct files *, uint64_t serial);

/* put-SERIAL, whose content was synced, is tmp/VERSION, durable. */
int files_put_keep(
    struct files *, uint64_t serial, const uint8_t version[static 32]);

/* The end of the process; error: errno of the sync. */
void __attribute__((noreturn))
files_sync_failed(struct files *, const char *what, int error);

/* Writes tmp/VERSION without a sync: the index holds the content too. */
int files_stage(struct files *, const uint8_t version[static 32],
    const void *content, size_t len);

/*
 * tmp/VERSION becomes a durable link to content that is here: files/NAME if
 * name is not NULL, else old/SHA256. Its hash is checked; EBADMSG if it
 * differs (the content is then in quarantine), ENOENT if there is none.
 */
int files_stage_kept(struct files *, const uint8_t version[static 32],
    const char *name, const uint8_t sha256[static 32], uint64_t size);

/* The same of content that the caller has read, or goes on serving. */
int files_stage_link(struct files *, const uint8_t version[static 32],
    const char *name, const uint8_t sha256[static 32], uint64_t size);

void files_unstage(struct files *, const uint8_t version[static 32]);
bool files_is_staged(struct files *, const uint8_t version[static 32]);

/* --- files/ --- */

/*
 * tmp/VERSION becomes files/NAME, with the directories it needs; whatever
 * stands in its way and is not ours goes to quarantine/. -1 with the errno of
 * what did not work: tmp/VERSION is still there.
 */
int files_place(
    struct files *, const uint8_t version[static 32], const char *name);

/* files/NAME is kept as old/SHA256 too. One that is there already is fine. */
int files_keep(
    struct files *, const char *name, const uint8_t sha256[static 32]);

/* tmp/VERSION, which never came to files/, becomes old/SHA256. */
int files_keep_staged(struct files *, const uint8_t version[static 32],
    const uint8_t sha256[static 32]);

/* files/NAME goes; prune: and directories that this empties. One that is not
 * there is fine. */
int files_remove(struct files *, const char *name, bool prune);

/*
 * Syncs the directory of files/NAME and those above; with_content: and the
 * file itself, if it is there. -1 if one of them cannot be opened: it is not
 * known to be durable then.
 */
int files_sync(struct files *, const char *name, bool with_content);
/* The same, and -1 too if a sync fails: for a start, which has a durable copy
 * of the content and needs not end. */
int files_sync_try(struct files *, const char *name, bool with_content);

/*
 * The same for everything in files/ and index/old/ at once. ENOSYS: use
 * files_sync(); any other error: of what was written since the start, nothing
 * is known to be durable.
 */
int files_sync_all(struct files *);
/* From so many files on, one syncfs(2) costs less than their fsyncs. */
#define FILES_SYNC_ALL_MIN 16

/* Read-only; ENOENT, or ESTALE if it is no file of this size. */
int files_read(struct files *, const char *name, uint64_t size);
int files_read_old(
    struct files *, const uint8_t sha256[static 32], uint64_t size);

/* --- the rest --- */

void files_old_remove(struct files *, const uint8_t sha256[static 32]);

/* old/SHA256 is that content again, without a sync; version: a name for it in
 * tmp/ meanwhile. */
int files_old_write(struct files *, const uint8_t version[static 32],
    const uint8_t sha256[static 32], const void *content, size_t len);

/* Syncs old/SHA256, if it is there; the names in old/. The second, as
 * files_sync_try(): both. */
void files_old_sync(struct files *, const uint8_t sha256[static 32]);
int files_old_sync_try(struct files *, const uint8_t sha256[static 32]);
void files_old_sync_names(struct files *);

/* Bytes that may still be written, or FILES_FREE_UNKNOWN: then min_free is not
 * judged, and the write itself says that there is no room. */
#define FILES_FREE_UNKNOWN UINT64_MAX /* as disk.h has it */
uint64_t files_free(struct files *);

#endif
