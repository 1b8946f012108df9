/* SPDX-License-Identifier: ISC */
/*
 * The asking end of the control socket: one request a connection, then the
 * answers as they come. An answer is used only as control.h decodes it, and
 * every wait has a deadline.
 */
#ifndef DMCTL_CONTROL_ASK_H
#define DMCTL_CONTROL_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/control.h"

struct control_ask {
	int fd;
	int attached_fd;    /* came with the last row, -1: none; see below */
	uint64_t waited_ns; /* for answers, in all */
	uint64_t received;  /* bytes, in all */
	struct control_answer answer; /* borrows from buf */
	uint8_t buf[CONTROL_ANSWER_MAX + 1];
};

enum ask_result {
	ASK_ROW,  /* answer.row is set */
	ASK_END,  /* answer.verdict and answer.sentence are set */
	ASK_LATE, /* nothing came until the deadline */
	ASK_LOST, /* the daemon hung up, or its answer is malformed or endless:
		     errno EPROTO */
};

/*
 * Connects to the socket and sends the request, with fd (-1: none), which stays
 * the caller's. 0, or -1 with errno: ENOENT, ECONNREFUSED, EACCES..., EAGAIN if
 * the socket took neither until the deadline or for 10 s.
 */
int control_ask_open(struct control_ask *, const char *socket_path,
    enum control_command, const void *fields, int fd,
    uint64_t deadline_mono_ns);

/* Waits for the next answer, or for the end of the connection. A descriptor
 * that came with it is closed by the next call, unless control_ask_take_fd()
 * took it. */
enum ask_result control_ask_next(
    struct control_ask *, uint64_t deadline_mono_ns);

/* The descriptor of the last row, now the caller's; -1: none. */
int control_ask_take_fd(struct control_ask *);

void control_ask_close(struct control_ask *);

#endif
