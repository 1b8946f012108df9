/* SPDX-License-Identifier: ISC */
/*
 * The lines that dm-store logs about files: at level info each version that is
 * stored (with its signer and with the peer or user that brought it), each file
 * that expired and each refusal; at level error each operation that the disk
 * refused. It bounds the number of lines and says how many it left out, so that
 * neither a node that joins nor an attacker fills the log. It decides nothing.
 */
#ifndef DM_STORE_STORE_LOG_H
#define DM_STORE_STORE_LOG_H

#include "common/clock.h"
#include "dm-store/store.h"

#define STORE_LOG_BURST 200		   /* lines about versions, at once */
#define STORE_LOG_PER_SECOND 20		   /* lines that come back */
#define STORE_LOG_CAUSES_MAX 16		   /* failures that are told apart */
#define STORE_LOG_CAUSE_NS (60 * NS_PER_S) /* between two lines of one */

struct store_log *store_log_new(void);
void store_log_free(struct store_log *); /* NULL is fine */

/* The version will be stored here. from: a peer's id, an address, "dmctl" or
 * "". */
void store_log_stored(struct store *, const struct entry *, const char *from);

/* The file is no longer visible, because its time is over. */
void store_log_expired(struct store *, const char *name);

/* A refusal that was not logged before; the caller bounds their number. code:
 * the stable code of the reason. name "" and a signer of zeros: not known. */
void store_log_refused(const char *name, const uint8_t signer[static 32],
    const char *code, const char *from);

/* Once a second: logs a line when the disk has no room any more, and when it
 * has room again. */
void store_log_room(struct store *, bool has_room);

/* Once a second: allows more lines, and logs how many were left out. */
void store_log_tick(struct store *);

/*
 * The disk refused an operation. One line a minute for each cause, with how
 * often it happened since the last one: a client that gets an error code looks
 * for the line in the log, and may try again at once. A cause is an operation
 * and an error. doing: "cannot write", a string that lives on. path: below
 * state_dir. name: the file that is concerned; "" if path says it, or if it is
 * many. why: the text of the error.
 */
void store_log_failure(struct store *, const char *doing, const char *path,
    const char *name, const char *why);

/* The same for a file of a redo row that could not be synced: the row stays,
 * and the next start syncs the file. error: errno. */
void store_log_unsynced(struct store *, const char *name, int error);

#endif
