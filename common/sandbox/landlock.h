/* SPDX-License-Identifier: ISC */
/*
 * Landlock, by system call and with constants of our own: C libraries lag years
 * behind the kernel's header. A private part of sandbox.h: it limits the files,
 * ports and processes that each role may reach. It keeps nothing open.
 */
#ifndef COMMON_SANDBOX_LANDLOCK_H
#define COMMON_SANDBOX_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "common/ipc.h"

/*
 * Puts the rules of a child's role in force for the calling thread and those it
 * starts later. dirs as in sandbox_enter(). Sets SANDBOX_LANDLOCK_* for the
 * rules that this kernel supports; 0 also if it supports none. -1 with errno:
 * it should have worked.
 */
int landlock_enter(enum role, const int *dirs, size_t n, uint32_t *layers);

#endif
