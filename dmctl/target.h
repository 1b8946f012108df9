/* SPDX-License-Identifier: ISC */
/*
 * The daemon that a command talks to: found from -s, -f, --url and the
 * configuration, if that can be read.
 */
#ifndef DMCTL_TARGET_H
#define DMCTL_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config/config.h"
#include "common/control.h"
#include "dmctl/args.h"
#include "dmctl/control_ask.h"
#include "dmctl/http_client.h"

#define TARGET_CONFIG DMD_SYSCONFDIR "/data-mesher/dm.toml"

struct target {
	const struct args *args;
	struct config *config;	  /* NULL: none, or it cannot be read */
	const char *socket;	  /* never NULL */
	struct url url;		  /* of http */
	struct http_client *http; /* NULL without --url */
};

/* 0 or an exit code; target_clear() in either case. */
int target_init(struct target *, const struct args *);
void target_clear(struct target *);

/* Opens the control socket with a request; writes errors to stderr. 0 or an
 * exit code. */
int target_ask(const struct target *, struct control_ask *,
    enum control_command, const void *fields);

/* True for an errno of control_ask_open() that a daemon which is about to start
 * will end. */
bool target_may_come(int error);

/* A sentence for such an errno. */
#define TARGET_TEXT_MAX 256
const char *target_absent(
    const struct target *, int error, char out[static TARGET_TEXT_MAX]);

/* The exit code, after a message, of an errno of control_ask_open(). */
int target_unreachable(const struct target *, int error);

/* The exit code, after a message if it is no success, of an answer that ended
 * as result (not ASK_ROW). subject: a name in front of the message, or NULL. */
int target_ended(const struct target *, const struct control_ask *,
    enum ask_result, const char *subject);

/* The same of a call over HTTP that was not answered. */
int target_http_failed(const struct target *, enum http_outcome);

/* The deadline for the next part of this answer of the local daemon. Without
 * --timeout only waiting counts: a reader of our output may take longer. */
uint64_t target_deadline(const struct target *, const struct control_ask *);

/* The most bytes that are taken of a file whose announced size is not trusted:
 * max_file_size if the configuration can be read. */
uint64_t target_file_max(const struct target *);

#endif
