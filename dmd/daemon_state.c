/* SPDX-License-Identifier: ISC */
#include "dmd/daemon_state.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"

struct ipc *
daemon_net(struct dmd *d)
{
	const struct child *c;

	if (d->children == NULL)
		return NULL;
	c = children_get(d->children, ROLE_NET);
	return c->has_signed ? c->ipc : NULL;
}

bool
daemon_is_ready(const struct dmd *d)
{
	return !d->is_stopping && children_are_ready(d->children);
}

/* Twice within a second is once: some tools signal a process and its group. */
void
daemon_stop(struct dmd *d)
{
	if (!d->is_stopping) {
		log_info("stopping");
		notify_send(&d->notify, "STOPPING=1\nSTATUS=stopping");
		d->stopping_ns = clock_mono_ns();
	} else if (clock_mono_ns() - d->stopping_ns < NS_PER_S) {
		return;
	}
	d->is_stopping = true;
	children_stop(d->children);
}

void
daemon_check_resolver(struct dmd *d)
{
	const char *path = resolver_watch_news(&d->resolver_watch);
	char why[128];

	if (path == NULL)
		return;
	snprintf(why, sizeof(why), "%s is there now, or leads to another file",
	    path);
	children_renew_resolver(d->children, why);
}
