/* SPDX-License-Identifier: ISC */
/*
 * A sibling that was taken over, towards the real process (child_process.h):
 * packets are sent as they are, without the project's library; dmd's end, which
 * the test has too, receives the reports of the process. For cmocka: a message
 * that does not come in time fails the test. One at a time.
 */
#ifndef TESTS_DOUBLE_SIBLING_H
#define TESTS_DOUBLE_SIBLING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <poll.h>
#include <stdbool.h>

#include "common/ipc_table.h"
#include "tests/double/child_process.h"

#define SIBLING_PATIENCE_MS 60000

struct sibling {
	enum role role; /* whose place it takes */
	struct child_process child;
	struct event_base *base;
	struct ipc *dmd; /* our end */
	bool is_ready, is_gone;
	unsigned n_violations;
	char reason[256];
	int fd; /* the hostile end, -1: none */
	uint8_t heard[IPC_MESSAGE_MAX];
	size_t heard_len, heard_left; /* of the last packet; not taken yet */
	int heard_fd;		      /* came along, or -1 */
	ipc_handler *handlers[IPC_MESSAGE_COUNT]; /* more may be set before */
};

extern struct sibling sib;

int64_t sib_now_ms(void);

/* Runs dmd's end until it is so. */
#define SIB_UNTIL(what)                                                  \
	do {                                                             \
		int64_t end_ = sib_now_ms() + SIBLING_PATIENCE_MS;       \
		while (!(what) && !sib.is_gone && sib_now_ms() < end_) { \
			event_base_loop(sib.base, EVLOOP_NONBLOCK);      \
			if (!(what))                                     \
				poll(NULL, 0, 1);                        \
		}                                                        \
		assert_false(sib.is_gone);                               \
		assert_true(what);                                       \
	} while (0)

/* Starts the process in a directory of its own; and its end. */
void sib_start(void);
void sib_end(void);

/* A new link, of which the process is told; with or without our hello. */
void sib_connect(bool is_greeting);

/* It may have found us out and gone already. */
void sib_say_bytes(const void *packet, size_t len);
void sib_say_with_fd(const void *packet, size_t len, int fd);
void sib_say(enum ipc_message, const void *msg);
/* fd -1: none. */
void sib_say_fd(enum ipc_message, const void *msg, int fd);

/* Zeros and empty texts: legal in every message of the table. */
size_t sib_plain(enum ipc_message, uint8_t buf[static IPC_MESSAGE_MAX]);

/* The next message, into msg (1 KiB); what follows it in its packet waits. */
uint64_t sib_hear_any(uint64_t msg[static 128]);

/* The next message of this kind; others are passed over. msg borrows. */
void sib_hear(enum ipc_message, void *msg);

/* dmd was told, for this reason. */
void sib_assert_reported(const char *what, const char *why);

/* Whether we may send this to the process. */
bool sib_is_ours(enum ipc_message);

/*
 * Packets that no sibling sends, each on a link of its own and each reported:
 * the messages of others, and `own` before the hello; each of ours cut, longer,
 * with a descriptor; bytes at random in the shape of messages.
 */
void sib_others_messages(enum ipc_message own);
void sib_misshapen(void);
void sib_noise(void);

/* Of /proc/PID/status. */
uint64_t sib_proc_status(const char *field);
unsigned sib_descriptors(void);

#endif
