/* SPDX-License-Identifier: ISC */
/*
 * Indexes as earlier versions of dm-store left them, for the scenario of a
 * first start after an upgrade.
 */
#ifndef TESTS_CRASH_OLDER_H
#define TESTS_CRASH_OLDER_H

/*
 * The index at path (closed) becomes one of format 1: its thirteen tables with
 * the same rows, in an environment that never had others.
 */
void older_make_v1(const char *path);

#endif
