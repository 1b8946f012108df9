/* SPDX-License-Identifier: ISC */
/*
 * Generates the table of the commands that a process answers, from the owner
 * column of control.def. A source defines one of CONTROL_OWNER_DMD, _NET and
 * _STORE and CONTROL_CONTEXT (the type that the handlers get), then includes
 * this file. It declares, for every command of that owner,
 *
 *   void net_command_peers(CONTROL_CONTEXT *, struct control_client *,
 *       const struct control_peers *);
 *
 * with a last argument int fd, which the handler then owns (-1: none), for a
 * command that may carry a descriptor. It defines the table net_commands[] for
 * control_server_new(). A handler that is missing does not link. Each handler
 * ends with control_client_end(), now or later.
 */
#include "common/control_serve.h"

#if defined(CONTROL_OWNER_DMD)
#define CONTROL_H(x) dmd_##x
#define CONTROL_OF_DMD(x) x
#define CONTROL_OF_NET(x)
#define CONTROL_OF_STORE(x)
#elif defined(CONTROL_OWNER_NET)
#define CONTROL_H(x) net_##x
#define CONTROL_OF_DMD(x)
#define CONTROL_OF_NET(x) x
#define CONTROL_OF_STORE(x)
#elif defined(CONTROL_OWNER_STORE)
#define CONTROL_H(x) store_##x
#define CONTROL_OF_DMD(x)
#define CONTROL_OF_NET(x)
#define CONTROL_OF_STORE(x) x
#else
#error "define CONTROL_OWNER_DMD, _NET or _STORE"
#endif

#define F_U64(name, field, max)
#define F_BOOL(name, field)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)
#define COMMAND_END(name)

/* clang-format off */
#define CONTROL_DECLARE_NO_FD(name) \
	void CONTROL_H(command_##name)(CONTROL_CONTEXT *, \
	    struct control_client *, const struct control_##name *); \
	static void control_call_##name(void *ctx, \
	    struct control_client *client, const void *request, int fd) \
	{ CONTROL_H(command_##name)(ctx, client, request); }
#define CONTROL_DECLARE_MAY_FD(name) \
	void CONTROL_H(command_##name)(CONTROL_CONTEXT *, \
	    struct control_client *, const struct control_##name *, int); \
	static void control_call_##name(void *ctx, \
	    struct control_client *client, const void *request, int fd) \
	{ CONTROL_H(command_##name)(ctx, client, request, fd); }
#define COMMAND(name, NAME, number, owner, privileged, fd) \
	CONTROL_OF_##owner(CONTROL_DECLARE_##fd(name))
#include "common/control.def"
#undef COMMAND

#define CONTROL_ENTRY(name, NAME) [CONTROL_##NAME] = control_call_##name,
static control_handler *const CONTROL_H(commands)[CONTROL_COMMAND_COUNT] = {
#define COMMAND(name, NAME, number, owner, privileged, fd) \
	CONTROL_OF_##owner(CONTROL_ENTRY(name, NAME))
#include "common/control.def"
#undef COMMAND
};
/* clang-format on */

#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
#undef COMMAND_END
