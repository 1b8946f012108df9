/* SPDX-License-Identifier: ISC */
/*
 * The text of --version of dmd, dm-net and dm-store: version.h, and the
 * libraries that all three have and dmctl has not.
 */
#ifndef COMMON_VERSION_DAEMON_H
#define COMMON_VERSION_DAEMON_H

void version_daemon_print(const char *program);

#endif
