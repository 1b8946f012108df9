/* SPDX-License-Identifier: ISC */
/*
 * A channel between two processes: SOCK_SEQPACKET socketpair, packets of one or
 * more MessagePack arrays (ipc_messages.def); a message with a descriptor has a
 * packet for itself. It runs on a libevent base.
 *
 * A channel reads whenever less than 64 MiB wait for the peer, and never blocks
 * on a send: packets that the socket does not take are queued. hello (role and
 * hash of the message table) comes first each way and is handled here, as are
 * ping and pong. A message that is malformed, comes from the wrong sender,
 * lacks its descriptor or has one too many ends the channel: closed() is called
 * with the reason.
 */
#ifndef COMMON_IPC_H
#define COMMON_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"
#include "common/limits.h"
#include "common/verdict.h"

struct event_base;
struct ipc;

enum role { ROLE_DMD = 0, ROLE_NET = 1, ROLE_STORE = 2, ROLE_RESOLVER = 3 };
#define ROLE_COUNT 4
const char *role_name(enum role); /* "dmd", "dm-net", ... */

enum ipc_message {
#define MESSAGE(name, NAME, from, to, fd) IPC_##NAME,
#define F_U64(name, field, max)
#define F_BOOL(name, field)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)
#define MESSAGE_END(name)
#include "common/ipc_messages.def"
#undef MESSAGE
#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
#undef MESSAGE_END
	IPC_MESSAGE_COUNT
};

/* struct ipc_config_begin { uint64_t generation; struct bytes network; ... } */
#define MESSAGE(name, NAME, from, to, fd) struct ipc_##name {
#define F_U64(name, field, max) uint64_t field;
#define F_BOOL(name, field) bool field;
#define F_FIXED(name, field, len) uint8_t field[len];
#define F_BYTES(name, field, max) struct bytes field;
#define F_TEXT(name, field, max) struct bytes field;
#define MESSAGE_END(name) \
	}                 \
	;
#include "common/ipc_messages.def"
#undef MESSAGE
#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
#undef MESSAGE_END

/* "config-begin" */
const char *ipc_message_name(enum ipc_message);

/* The descriptor table of a message. */
const struct codec_struct *ipc_message_struct(enum ipc_message);

/* sha256 over all rows of the table. */
void ipc_table_hash(uint8_t hash[static 32]);

/*
 * Handles a decoded message. msg and the bytes it borrows live until the
 * handler returns. fd is -1 without a descriptor; the handler owns it. A
 * handler may call ipc_violate() or ipc_free() on its channel.
 */
typedef void ipc_handler(void *ctx, struct ipc *, const void *msg, int fd);

struct ipc_owner {
	ipc_handler *const *handlers; /* IPC_MESSAGE_COUNT, NULL: refused;
					 made by ipc_dispatch.h */
	/* The peer's hello was right: messages may come now. May be NULL. */
	void (*opened)(void *ctx, struct ipc *);
	/* Ended: violation is NULL at end of file, else a sentence. The owner
	 * calls ipc_free(), here or later. */
	void (*closed)(void *ctx, struct ipc *, const char *violation);
	void *ctx;
};

/*
 * Takes fd (made non-blocking) and sends hello. peer is the role that must be
 * at the other end. owner is copied.
 */
struct ipc *ipc_new(struct event_base *, int fd, enum role self, enum role peer,
    const struct ipc_owner *);

/* Closes and frees; safe in a handler of this channel. NULL is fine. */
void ipc_free(struct ipc *);

/*
 * Sends at the end of the loop's turn, together with the other messages of the
 * turn; queues when the socket is full. It keeps the order. Takes fd (-1:
 * none). Messages may be sent before the peer's hello came. Once the channel
 * has ended it drops the message and closes fd. A message that breaks its own
 * table is fatal().
 */
void ipc_send(struct ipc *, enum ipc_message, const void *msg, int fd);

/* Sends now: for a process that is about to be busy for long. NULL is fine. */
void ipc_flush(struct ipc *);

/*
 * Bytes of memory queued because the socket was full, and descriptors in it.
 * Many bytes alone prove nothing: the peer may be busy, and the messages large.
 * Nothing is read from it until it has taken half, and the channel ends when it
 * takes nothing for our patience (IPC_SILENT_NS_MAX unless set). More
 * descriptors than it may ask for end the channel at once.
 */
size_t ipc_queued(const struct ipc *);
size_t ipc_queued_fds(const struct ipc *);

/* Ends the channel as the peer broke the rules: closed() is called with this
 * reason (copied) at the end of the current turn. */
void ipc_violate(struct ipc *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

void ipc_set_patience(struct ipc *, uint64_t ns);

/* Called when the ping of that number was answered: the messages before it have
 * been read and handled. */
void ipc_on_pong(
    struct ipc *, void (*fn)(void *ctx, struct ipc *, uint64_t number));

/* Asks for a sign of life; the number of the ping, which rises from 1. */
uint64_t ipc_ping(struct ipc *);

/* True if the peer has sent something, or has read of its waiting messages,
 * since the last call. */
bool ipc_is_active(struct ipc *);

enum role ipc_peer(const struct ipc *);

/* A SEQPACKET socketpair, close-on-exec, non-blocking. -1 with errno. */
int ipc_pair(int fds[static 2]);

#endif
