/* SPDX-License-Identifier: ISC */
/*
 * Finds wrong owners and modes, after a restore or a copy: all of them at once,
 * each with the command that corrects it. dmd looks for them before it makes
 * anything, and for dmd -n. It changes nothing.
 */
#ifndef DMD_FAULTS_H
#define DMD_FAULTS_H

#include "common/config/config.h"
#include "dmd/users.h"

/*
 * Looks at state_dir and its content, at the identity key and at the control
 * socket's directory. Logs each fault; content with the same fault is one line.
 * 0, or EX_NOPERM.
 *
 * At a start content is looked at only if something else is wrong: one file
 * with a wrong owner is no reason not to serve the others.
 */
int faults_at_start(const struct config *, const struct users *);
int faults_of_all(const struct config *, const struct users *);

#endif
