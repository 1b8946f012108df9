/* SPDX-License-Identifier: ISC */
#include "common/event_log.h"

#include <event2/event.h>

#include "common/log.h"

static void
on_line(int severity, const char *text)
{
	if (severity >= EVENT_LOG_ERR)
		log_error("libevent: %s", text);
	else if (severity == EVENT_LOG_WARN)
		log_warn("libevent: %s", text);
	else
		log_debug("libevent: %s", text);
}

static void
on_fatal(int error)
{
	fatal("libevent failed (error %d)", error);
}

void
event_log_begin(void)
{
	event_set_log_callback(on_line);
	event_set_fatal_callback(on_fatal);
}
