/* SPDX-License-Identifier: ISC */
/*
 * Logging for all processes: stderr with <0>..<7> prefixes under the journal
 * (or plain on a terminal), else a /dev/log datagram socket that dmd connects
 * and hands out. Text from outside is escaped here, once, before any terminal
 * or log sees it. Tag: "dmd", "dmd[net]", "dmd[store]", "dmd[resolver]".
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_L_FATAL,
	LOG_L_ERROR,
	LOG_L_WARN,
	LOG_L_INFO,
	LOG_L_DEBUG
};

/*
 * tag is kept by reference. Starts on stderr at level info. Reads the time
 * zone, so that later lines need no file.
 */
void log_init(const char *tag);

/*
 * Once log_out_own() (log_out.h) was called, no line waits for a reader of
 * stderr either: a line that does not fit is dropped, and the number of dropped
 * lines is logged before the next one that fits, or here. To be called now and
 * then.
 */
void log_catch_up(void);

/* How lines look on stderr. */
enum log_style {
	LOG_STYLE_TIME,	  /* date, time, tag and level: for a terminal */
	LOG_STYLE_PREFIX, /* <0>..<7> in front: for the journal */
	LOG_STYLE_PLAIN,  /* tag and text: for a command */
};

/*
 * log_init() has chosen PREFIX if stderr is the journal's (JOURNAL_STREAM),
 * else TIME. A child with an empty environment is told by its parent.
 */
void log_set_style(enum log_style);
enum log_style log_get_style(void);

void log_set_level(enum log_level);
enum log_level log_get_level(void);
bool log_level_parse(const char *text, enum log_level *out);
const char *log_level_name(enum log_level);

/*
 * Sends further lines to a connected AF_UNIX datagram socket (syslog), which it
 * owns from now on; -1: back to stderr. Never blocks: a line that does not fit
 * is dropped and counted, and the next line that fits has the count. Uses
 * sendto(2).
 */
void log_set_sink(int fd);

/* True once a send to the sink failed because its reader is gone. */
bool log_sink_is_lost(void);

void log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A bug or no memory: logs, with a tenth of a second of patience for a reader,
 * and ends the process with EX_SOFTWARE. */
void fatal(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

/* Memory or fatal(). */
void *xcalloc(size_t n, size_t size);
void *xmalloc(size_t size);
void *xrealloc(void *, size_t n, size_t size);
char *xstrdup(const char *);

/*
 * Copies at most len bytes of outside text into out (terminated, at most
 * out_size), printing control and non-ASCII bytes as \xNN. Returns out.
 */
const char *log_escape(
    const void *text, size_t len, char *out, size_t out_size);

#endif
