/* SPDX-License-Identifier: ISC */
#include "dmd/reload.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "dmd/config_file.h"
#include "dmd/config_send.h"
#include "dmd/daemon_state.h"
#include "dmd/listening.h"
#include "dmd/logging.h"

void
reload_send(struct dmd *d, struct child *c)
{
	const struct interfaces *interfaces = netlink_interfaces(d->netlink);
	uint8_t digest[DELIVERY_DIGEST_LEN];

	config_send_digest(c->role, d->config, interfaces, digest);
	if (!delivery_is_due(&c->delivery, digest))
		return;
	config_send(c->ipc, c->role, d->config, d->generation, interfaces);
	delivery_sent(&c->delivery, digest, ipc_ping(c->ipc));
	if (c->role == ROLE_NET)
		d->zones = config_send_zones(d->config, interfaces);
}

void
reload_answered(struct dmd *d, struct child *c, uint64_t ping)
{
	if (delivery_answered(&c->delivery, ping) && !d->is_stopping)
		reload_send(d, c);
}

void
reload_follow_zones(struct dmd *d)
{
	if (daemon_net(d) != NULL &&
	    config_send_zones(d->config, netlink_interfaces(d->netlink)) !=
		d->zones)
		reload_send(d, children_get(d->children, ROLE_NET));
}

static enum verdict
refuse(const struct config_errors *errors, char text[static RELOAD_TEXT_MAX])
{
	for (size_t i = 0; i < errors->n; i++)
		log_error("%s", errors->text[i]);
	log_error("the configuration has errors: nothing has changed");
	snprintf(text, RELOAD_TEXT_MAX, "%s%s", errors->text[0],
	    errors->n > 1 ? " (and more: run dmd -n)" : "");
	return VERDICT_BAD_CONFIG;
}

/* True if the change has no effect on the children. */
static bool
is_same(const struct dmd *d, const struct config *new)
{
	const struct interfaces *interfaces = netlink_interfaces(d->netlink);
	uint8_t was[DELIVERY_DIGEST_LEN], is[DELIVERY_DIGEST_LEN];

	/* dm-net gets all messages that dm-store gets */
	config_send_digest(ROLE_NET, d->config, interfaces, was);
	config_send_digest(ROLE_NET, new, interfaces, is);
	return memcmp(was, is, sizeof(was)) == 0;
}

static void
apply(struct dmd *d, struct config *new)
{
	bool is_level_new = d->config->log_level != new->log_level;

	if (!is_same(d, new))
		d->generation++;
	config_free(d->config);
	d->config = new;
	if (is_level_new && !d->options->is_verbose)
		logging_set_level(d, new->log_level);
	for (unsigned role = ROLE_NET; role <= ROLE_STORE; role++) {
		struct child *c = children_get(d->children, role);

		if (c->ipc != NULL && (role == ROLE_STORE || c->has_signed))
			reload_send(d, c);
	}
	listening_update(d);
	listening_warn_missing(d);
}

static enum verdict
read_again(struct dmd *d, char text[static RELOAD_TEXT_MAX])
{
	struct config_errors errors;
	struct config *new = NULL;
	enum verdict verdict = VERDICT_OK;
	const char *what;

	if (config_file_load(d->options->config_path, &new, &errors) == -1) {
		verdict = refuse(&errors, text);
	} else if (config_needs_restart(d->config, new, &what)) {
		snprintf(text, RELOAD_TEXT_MAX,
		    "a change of %s needs a restart of dmd", what);
		log_error("%s: nothing has changed", text);
		config_free(new);
		verdict = VERDICT_NEEDS_RESTART;
	} else {
		config_describe_change(d->config, new, text, RELOAD_TEXT_MAX);
		log_info("reloaded: %s", text);
		config_file_log_doubt(d->options->config_path);
		apply(d, new);
	}
	config_errors_clear(&errors);
	return verdict;
}

enum verdict
reload_now(struct dmd *d, char text[static RELOAD_TEXT_MAX])
{
	enum verdict verdict;

	notify_send(&d->notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)(clock_mono_ns() / 1000));
	verdict = read_again(d, text);
	daemon_check_resolver(d);
	notify_send(&d->notify, "READY=1");
	return verdict;
}
