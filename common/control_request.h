/* SPDX-License-Identifier: ISC */
/*
 * One request record of the control socket, from the socket to a decoded and
 * judged body. Owns nothing but the descriptor that came with it. It never
 * answers and never waits.
 */
#ifndef COMMON_CONTROL_REQUEST_H
#define COMMON_CONTROL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"

/* A request record as it came, before anything in it is believed. */
struct control_request {
	uint8_t buf[CONTROL_REQUEST_MAX + 1]; /* one more: too long */
	size_t len;
	int fd; /* attached, -1: none; the caller's */
	bool is_bad_ancillary;
};

/* clang-format off */
/* The decoded body of any command; borrows from the request. */
union control_body {
#define F_U64(name, field, max)
#define F_BOOL(name, field)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)
#define COMMAND(name, NAME, number, owner, privileged, fd) \
	struct control_##name name;
#define COMMAND_END(name)
#include "common/control.def"
#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
#undef COMMAND
#undef COMMAND_END
};
/* clang-format on */

/*
 * Reads one record. may_attach false: descriptors never reach this process.
 * 0, or -1 with errno: EAGAIN, not here yet; ECONNRESET, it hung up.
 */
int control_request_receive(int fd, bool may_attach, struct control_request *);

/*
 * Judges whether the record is a whole request that self answers. header is the
 * part that dmd has read, privileged is dmd's judgement of the client. OK:
 * *info and *body are set, body borrowing from the record. Else the verdict of
 * the refusal; *why is then a sentence that says more than the verdict's own,
 * or NULL.
 */
enum verdict control_request_judge(const struct control_request *,
    enum role self, const uint8_t header[static CONTROL_HEADER_SIZE],
    bool privileged, const struct control_info **info, union control_body *body,
    const char **why);

#endif
