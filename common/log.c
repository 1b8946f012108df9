/* SPDX-License-Identifier: ISC */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/log_out.h"

#define LOG_TEXT_MAX 2048 /* bytes of a message before escaping */
#define LOG_LINE_MAX (LOG_TEXT_MAX + 256)
#define LOG_FACILITY (3 << 3) /* daemon */
#define LOG_LAST_MS 100	      /* the last words of a process wait so long */

_Static_assert(LOG_LINE_MAX <= LOG_OUT_MAX, "a line goes as a whole");

static const struct {
	const char *name;
	int severity; /* syslog(3) */
} levels[] = {
    [LOG_L_FATAL] = {"fatal", 2},
    [LOG_L_ERROR] = {"error", 3},
    [LOG_L_WARN] = {"warn", 4},
    [LOG_L_INFO] = {"info", 6},
    [LOG_L_DEBUG] = {"debug", 7},
};

static struct {
	const char *tag;
	enum log_level level;
	enum log_style style;
	int sink_fd;
	bool lost;
	unsigned dropped;	 /* of the sink */
	unsigned long unwritten; /* of stderr */
} log_state = {"dmd", LOG_L_INFO, LOG_STYLE_TIME, -1, false, 0, 0};

/* As sd-daemon(3) tells: JOURNAL_STREAM is the journal's device:inode. */
static bool
log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
	       st.st_ino == ino;
}

void
log_init(const char *tag)
{
	struct tm tm;
	time_t now = time(NULL);

	tzset();
	localtime_r(&now, &tm);
	log_set_sink(-1);
	log_state.tag = tag;
	log_state.level = LOG_L_INFO;
	log_state.style = log_is_journal() ? LOG_STYLE_PREFIX : LOG_STYLE_TIME;
}

void
log_set_style(enum log_style style)
{
	log_state.style = style;
}

enum log_style
log_get_style(void)
{
	return log_state.style;
}

void
log_set_level(enum log_level level)
{
	log_state.level = level;
}

enum log_level
log_get_level(void)
{
	return log_state.level;
}

bool
log_level_parse(const char *text, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].name, text) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

const char *
log_level_name(enum log_level level)
{
	return (unsigned)level <= LOG_L_DEBUG ? levels[level].name : "unknown";
}

void
log_set_sink(int fd)
{
	if (log_state.sink_fd != -1)
		close(log_state.sink_fd);
	log_state.sink_fd = fd;
	log_state.lost = false;
	log_state.dropped = 0;
}

bool
log_sink_is_lost(void)
{
	return log_state.lost;
}

/* RFC 3164, the form syslog(3) itself writes to /dev/log. */
static bool
log_to_sink(enum log_level level, const char *text)
{
	char line[LOG_LINE_MAX], when[32], note[48] = "";
	time_t now = time(NULL);
	struct tm tm;
	int len;

	if (log_state.dropped > 0)
		snprintf(
		    note, sizeof(note), "(%u dropped) ", log_state.dropped);
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	len = snprintf(line, sizeof(line), "<%d>%s %s[%ld]: %s%s",
	    LOG_FACILITY | levels[level].severity, when, log_state.tag,
	    (long)getpid(), note, text);
	if ((size_t)len >= sizeof(line))
		len = (int)sizeof(line) - 1;
	if (send(log_state.sink_fd, line, (size_t)len,
		MSG_DONTWAIT | MSG_NOSIGNAL) != -1) {
		log_state.dropped = 0;
		return true;
	}
	if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
		log_state.dropped++;
		return true;
	}
	log_state.lost = true;
	return false;
}

/* Returns the length. */
static size_t
log_format(
    enum log_level level, const char *text, char line[static LOG_LINE_MAX])
{
	time_t now = time(NULL);
	char when[32];
	struct tm tm;
	int len = 0;

	switch (log_state.style) {
	case LOG_STYLE_PREFIX:
		len = snprintf(line, LOG_LINE_MAX, "<%d>%s: %s\n",
		    levels[level].severity, log_state.tag, text);
		break;
	case LOG_STYLE_PLAIN:
		len = snprintf(
		    line, LOG_LINE_MAX, "%s: %s\n", log_state.tag, text);
		break;
	case LOG_STYLE_TIME:
		localtime_r(&now, &tm);
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
		len = snprintf(line, LOG_LINE_MAX, "%s %s: %s: %s\n", when,
		    log_state.tag, levels[level].name, text);
		break;
	}
	if (len >= LOG_LINE_MAX) {
		len = LOG_LINE_MAX - 1;
		line[len - 1] = '\n';
	}
	return (size_t)len;
}

/* True once it is said that lines are missing, if any are. */
static bool
log_say_unwritten(int wait_ms)
{
	char line[LOG_LINE_MAX], text[96];
	size_t len;

	if (log_state.unwritten == 0)
		return true;
	snprintf(text, sizeof(text),
	    "%lu line%s dropped here: nobody read this log",
	    log_state.unwritten, log_state.unwritten == 1 ? " was" : "s were");
	len = log_format(LOG_L_WARN, text, line);
	if (!log_out_write(line, len, wait_ms))
		return false;
	log_state.unwritten = 0;
	return true;
}

static void
log_to_stderr(enum log_level level, const char *text)
{
	int wait_ms = level == LOG_L_FATAL ? LOG_LAST_MS : 0;
	char line[LOG_LINE_MAX];

	if (!log_say_unwritten(wait_ms) ||
	    !log_out_write(line, log_format(level, text, line), wait_ms))
		log_state.unwritten++;
}

void
log_catch_up(void)
{
	int saved = errno;

	(void)log_say_unwritten(0);
	errno = saved;
}

/* errno is kept: callers log and then return it. */
static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *fmt, va_list ap)
{
	char text[LOG_TEXT_MAX], safe[LOG_TEXT_MAX];
	int saved = errno, len;

	if (level > log_state.level)
		return;
	len = vsnprintf(text, sizeof(text), fmt, ap);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(text))
		len = (int)sizeof(text) - 1;
	log_escape(text, (size_t)len, safe, sizeof(safe));
	if (log_state.sink_fd == -1 || log_state.lost ||
	    !log_to_sink(level, safe))
		log_to_stderr(level, safe);
	errno = saved;
}

#define LOG_FUNCTION(name, level)         \
	void name(const char *fmt, ...)   \
	{                                 \
		va_list ap;               \
                                          \
		va_start(ap, fmt);        \
		log_line(level, fmt, ap); \
		va_end(ap);               \
	}

LOG_FUNCTION(log_fatal, LOG_L_FATAL)
LOG_FUNCTION(log_error, LOG_L_ERROR)
LOG_FUNCTION(log_warn, LOG_L_WARN)
LOG_FUNCTION(log_info, LOG_L_INFO)
LOG_FUNCTION(log_debug, LOG_L_DEBUG)

void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_L_FATAL, fmt, ap);
	va_end(ap);
	_exit(EX_SOFTWARE);
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

	if (p == NULL)
		fatal("out of memory (%zu times %zu bytes)", n, size);
	return p;
}

void *
xmalloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		fatal("out of memory (%zu bytes)", size);
	return p;
}

void *
xrealloc(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n > 0 ? n : 1, size > 0 ? size : 1);

	if (p == NULL)
		fatal("out of memory (%zu times %zu bytes)", n, size);
	return p;
}

char *
xstrdup(const char *text)
{
	char *p = strdup(text);

	if (p == NULL)
		fatal("out of memory (%zu bytes)", strlen(text));
	return p;
}

const char *
log_escape(const void *text, size_t len, char *out, size_t out_size)
{
	const unsigned char *in = text;
	size_t n = 0;

	if (out_size == 0)
		return out;
	for (size_t i = 0; i < len; i++) {
		bool plain = in[i] >= 0x20 && in[i] < 0x7f;

		if (n + (plain ? 1 : 4) >= out_size)
			break;
		if (plain)
			out[n++] = (char)in[i];
		else
			n += (size_t)snprintf(
			    out + n, out_size - n, "\\x%02x", in[i]);
	}
	out[n] = '\0';
	return out;
}
