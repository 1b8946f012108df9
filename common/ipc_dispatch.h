/* SPDX-License-Identifier: ISC */
/*
 * Generates a receiver's handler table. A source defines one of
 * IPC_RECEIVER_DMD, _NET, _STORE, _RESOLVER and IPC_CONTEXT (the type that the
 * handlers get), then includes this file. It declares, for every message to
 * that receiver,
 *
 *   void net_on_entry(IPC_CONTEXT *, struct ipc *, const struct ipc_entry *);
 *
 * with a last argument int fd, which the handler then owns, for a message that
 * carries a descriptor (MAY_FD: -1 for none). It defines the table
 * net_handlers[]. A handler that is missing does not link.
 */
#include "common/ipc.h"

#if defined(IPC_RECEIVER_DMD)
#define IPC_H(x) dmd_##x
#define IPC_TO_DMD(x) x
#define IPC_TO_NET(x)
#define IPC_TO_STORE(x)
#define IPC_TO_RESOLVER(x)
#define IPC_TO_CORE(x)
#define IPC_TO_CHILD(x)
#elif defined(IPC_RECEIVER_NET)
#define IPC_H(x) net_##x
#define IPC_TO_DMD(x)
#define IPC_TO_NET(x) x
#define IPC_TO_STORE(x)
#define IPC_TO_RESOLVER(x)
#define IPC_TO_CORE(x) x
#define IPC_TO_CHILD(x) x
#elif defined(IPC_RECEIVER_STORE)
#define IPC_H(x) store_##x
#define IPC_TO_DMD(x)
#define IPC_TO_NET(x)
#define IPC_TO_STORE(x) x
#define IPC_TO_RESOLVER(x)
#define IPC_TO_CORE(x) x
#define IPC_TO_CHILD(x) x
#elif defined(IPC_RECEIVER_RESOLVER)
#define IPC_H(x) resolver_##x
#define IPC_TO_DMD(x)
#define IPC_TO_NET(x)
#define IPC_TO_STORE(x)
#define IPC_TO_RESOLVER(x) x
#define IPC_TO_CORE(x)
#define IPC_TO_CHILD(x) x
#else
#error "define IPC_RECEIVER_DMD, _NET, _STORE or _RESOLVER"
#endif
#define IPC_TO_CHANNEL(x)

#define F_U64(name, field, max)
#define F_BOOL(name, field)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)
#define MESSAGE_END(name)

/* clang-format off */
#define IPC_DECLARE_NO_FD(name) \
	void IPC_H(on_##name)(IPC_CONTEXT *, struct ipc *, \
	    const struct ipc_##name *); \
	static void ipc_call_##name(void *ctx, struct ipc *ipc, \
	    const void *msg, int fd) \
	{ IPC_H(on_##name)(ctx, ipc, msg); }
#define IPC_DECLARE_ONE_FD(name) \
	void IPC_H(on_##name)(IPC_CONTEXT *, struct ipc *, \
	    const struct ipc_##name *, int); \
	static void ipc_call_##name(void *ctx, struct ipc *ipc, \
	    const void *msg, int fd) \
	{ IPC_H(on_##name)(ctx, ipc, msg, fd); }
#define IPC_DECLARE_MAY_FD(name) IPC_DECLARE_ONE_FD(name)
#define MESSAGE(name, NAME, from, to, fd) IPC_TO_##to(IPC_DECLARE_##fd(name))
#include "common/ipc_messages.def"
#undef MESSAGE

#define IPC_ROW(name, NAME) [IPC_##NAME] = ipc_call_##name,
static ipc_handler *const IPC_H(handlers)[IPC_MESSAGE_COUNT] = {
#define MESSAGE(name, NAME, from, to, fd) IPC_TO_##to(IPC_ROW(name, NAME))
#include "common/ipc_messages.def"
#undef MESSAGE
};
/* clang-format on */

#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
#undef MESSAGE_END
