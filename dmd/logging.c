/* SPDX-License-Identifier: ISC */
#include "dmd/logging.h"

#include "common/log.h"
#include "dmd/background.h"
#include "dmd/syslog_socket.h"

void
logging_send_sinks(struct dmd *d)
{
	const struct child *c;
	int fd;

	for (unsigned role = ROLE_NET; role < ROLE_COUNT; role++) {
		c = children_get(d->children, role);
		if ((d->sinks_lost & (1u << role)) == 0 || c->ipc == NULL)
			continue;
		fd = syslog_socket_connect();
		if (fd == -1)
			continue;
		ipc_send(c->ipc, IPC_LOG_SINK, NULL, fd);
		d->sinks_lost &= ~(1u << role);
	}
}

/* Once a second: syslog may have been restarted. */
void
logging_on_timer(evutil_socket_t unused, short what, void *arg)
{
	struct dmd *d = arg;
	int fd;

	logging_send_sinks(d);
	if (d->background_fd == -1 &&
	    (log_sink_is_lost() || (d->sinks_lost & 1u << ROLE_DMD) != 0)) {
		fd = syslog_socket_connect();
		if (fd != -1) {
			log_set_sink(fd);
			d->sinks_lost &= ~(1u << ROLE_DMD);
		}
	}
}

/* From here on the log does not go to the terminal. */
void
logging_leave_terminal(struct dmd *d)
{
	int fd = syslog_socket_connect();

	if (fd != -1)
		log_set_sink(fd);
	else
		d->sinks_lost |= 1u << ROLE_DMD;
	background_ready(d->background_fd);
	d->background_fd = -1;
}

void
logging_set_level(struct dmd *d, enum log_level level)
{
	struct ipc_log_level msg = {.level = level};

	log_set_level(level);
	children_send(d->children, ~0u, IPC_LOG_LEVEL, &msg);
}
