/* SPDX-License-Identifier: ISC */
/*
 * The message table as data: the sender and the receiver of each message, and
 * whether a descriptor rides along. Read by ipc.c and by the tests; made from
 * ipc_messages.def.
 */
#ifndef COMMON_IPC_TABLE_H
#define COMMON_IPC_TABLE_H

#include "common/ipc.h"

#define IPC_ROLES_DMD (1u << ROLE_DMD)
#define IPC_ROLES_NET (1u << ROLE_NET)
#define IPC_ROLES_STORE (1u << ROLE_STORE)
#define IPC_ROLES_RESOLVER (1u << ROLE_RESOLVER)
#define IPC_ROLES_CORE (IPC_ROLES_NET | IPC_ROLES_STORE)
#define IPC_ROLES_CHILD (IPC_ROLES_CORE | IPC_ROLES_RESOLVER)
#define IPC_ROLES_ANY (IPC_ROLES_CHILD | IPC_ROLES_DMD)
#define IPC_ROLES_CHANNEL IPC_ROLES_ANY

enum ipc_fd { IPC_NO_FD, IPC_ONE_FD, IPC_MAY_FD };

struct ipc_row {
	struct codec_struct layout;
	unsigned from; /* mask of 1 << role */
	unsigned to;
	enum ipc_fd fd;
};

extern const struct ipc_row ipc_table[IPC_MESSAGE_COUNT];

#endif
