/* SPDX-License-Identifier: ISC */
/*
 * The rights that dmd itself gives up once everything is open, before its first
 * child runs.
 */
#ifndef DMD_CONFINE_H
#define DMD_CONFINE_H

#include <stdint.h>

#include "common/config/config.h"

/*
 * Keeps the capabilities that starting and killing children takes, and
 * NET_BIND_SERVICE if a port is below 1024; then the deny-list of sandbox.h.
 * Warns of layers that the system lacks. -1 with errno: dmd must end.
 */
int confine(const struct config *, uint32_t *layers);

/*
 * The system's limit of open files. 0, after a warning if it makes the node
 * smaller than it is configured to be; or an exit code after a line that names
 * the limit to raise.
 */
int confine_check_descriptors(const struct config *);

#endif
