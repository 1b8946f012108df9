/* SPDX-License-Identifier: ISC */
/*
 * How a line gets to stderr. Owns the handling of a slow reader: no line ever
 * waits for it. Knows nothing of levels and forms (log.h).
 *
 * O_NONBLOCK belongs to the open file, which stderr shares with whoever started
 * us and with our siblings; so it is never set on that, and a process of dmd
 * opens the file behind stderr anew.
 */
#ifndef COMMON_LOG_OUT_H
#define COMMON_LOG_OUT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From now on no line waits. Descriptor 2 becomes an open file of this process
 * alone where that can be had: a pipe, a terminal. A socket is sent to without
 * waiting; a regular file stays as it is, since its offset is shared; a file
 * that cannot be opened anew is written only as far as poll(2) finds room. To
 * be called again after descriptor 2 was replaced. Until the first call, writes
 * may wait, as a command's do.
 */
void log_out_own(void);

/*
 * Writes a line that ends with a line feed, at most LOG_OUT_MAX bytes. False if
 * not all of it went: there was no room, also after wait_ms (0: without
 * waiting), or nobody reads any more. A line that was cut off is ended before
 * the next one.
 */
#define LOG_OUT_MAX 4096 /* PIPE_BUF: in a pipe, all of it or nothing */
bool log_out_write(const char *line, size_t len, int wait_ms);

#endif
