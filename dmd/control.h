/* SPDX-License-Identifier: ISC */
/*
 * The control socket's front: dmd accepts a client, asks the kernel for its
 * user, peeks at the fixed header of its request and at nothing else, and hands
 * the descriptor, request unread, to the process that answers. Owns the
 * listening socket and the clients that have not sent anything yet.
 */
#ifndef DMD_CONTROL_H
#define DMD_CONTROL_H

#include "common/control_serve.h"
#include "dmd/children.h"
#include "dmd/users.h"

struct control;

/*
 * Makes the socket, 0660 and of the group. Replaces the socket of a dead dmd.
 * own answers dmd's own commands. NULL: logged, *exit_code is set (75: a
 * running daemon has it).
 */
struct control *control_new(struct event_base *, const char *path,
    const struct users *, struct control_server *own, int *exit_code);

/* Sets the children that get the clients; before the first turn of the loop. */
void control_attach(struct control *, struct children *);

/* Closes it and removes the socket. */
void control_free(struct control *);

#endif
