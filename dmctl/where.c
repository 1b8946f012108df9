/* SPDX-License-Identifier: ISC */
#include "dmctl/where.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "dmctl/content.h"
#include "dmctl/patience.h"

#define SOCKET_DEFAULT "/run/dmd/control.sock"

/* --- which daemon ----------------------------------------------------- */

/* The configuration that was named must be good. */
static int
load_named(struct where *w, const char *path)
{
	struct config_errors errors;
	int code = EX_OK;

	if (access(path, R_OK) == -1) {
		log_error("%s: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	if (config_load(path, NULL, &w->config, &errors) == -1) {
		for (size_t i = 0; i < errors.n; i++)
			log_error("%s", errors.text[i]);
		code = EX_CONFIG;
		w->config = NULL;
	}
	config_errors_clear(&errors);
	return code;
}

/* The installed one is a help, not a must. */
static void
load_default(struct where *w)
{
	struct config_errors errors;

	if (access(WHERE_CONFIG, R_OK) == -1)
		return;
	if (config_load(WHERE_CONFIG, NULL, &w->config, &errors) == -1) {
		log_warn("the configuration cannot be used (%s): asking at %s",
		    errors.n > 0 ? errors.text[0] : WHERE_CONFIG,
		    SOCKET_DEFAULT);
		w->config = NULL;
	}
	config_errors_clear(&errors);
}

int
where_init(struct where *w, const struct args *args)
{
	const char *bad;
	int code;

	memset(w, 0, sizeof(*w));
	w->args = args;
	w->socket = SOCKET_DEFAULT;
	if (args->url != NULL) {
		bad = url_parse(args->url, &w->url);
		if (bad != NULL) {
			log_error("--url %s: %s", args->url, bad);
			return EX_USAGE;
		}
		w->http = http_client_new(&w->url, args->deadline_mono_ns);
	}
	if (args->config != NULL) {
		code = load_named(w, args->config);
		if (code != EX_OK)
			return code;
	} else if (args->socket == NULL) {
		/* another socket belongs to another configuration */
		load_default(w);
	}
	if (args->socket != NULL)
		w->socket = args->socket;
	else if (w->config != NULL)
		w->socket = w->config->control_socket;
	return EX_OK;
}

void
where_clear(struct where *w)
{
	config_free(w->config);
	http_client_free(w->http);
	w->config = NULL;
	w->http = NULL;
}

/* --- its control socket ----------------------------------------------- */

bool
where_may_come(int error)
{
	return error == ENOENT || error == ECONNREFUSED ||
	       error == ECONNRESET || error == EPIPE || error == EAGAIN;
}

const char *
where_absent(const struct where *w, int error, char out[static WHERE_TEXT_MAX])
{
	snprintf(out, WHERE_TEXT_MAX,
	    "no dmd answers at %.107s: %s (is it running?)", w->socket,
	    strerror(error));
	return out;
}

int
where_unreachable(const struct where *w, int error)
{
	if (error == EACCES || error == EPERM) {
		log_error("you may not use %s: root and the group of dm.toml "
			  "may",
		    w->socket);
		return EX_NOPERM;
	}
	if (error == ENAMETOOLONG) {
		log_error("%s is too long for a socket", w->socket);
		return EX_USAGE;
	}
	log_error("no dmd answers at %s: %s (is it running? -s SOCKET or -f "
		  "FILE says where)",
	    w->socket, strerror(error));
	return EX_UNAVAILABLE;
}

int
where_ask(const struct where *w, struct control_ask *ask,
    enum control_command command, const void *fields)
{
	if (control_ask_open(ask, w->socket, command, fields, -1,
		patience_deadline(w->args, w->args->timeout_ns)) == 0)
		return EX_OK;
	return where_unreachable(w, errno);
}

int
where_ended(const struct where *w, const struct control_ask *ask,
    enum ask_result result, const char *subject)
{
	char text[4 * CONTROL_SENTENCE_MAX + 1];

	if (result == ASK_LATE) {
		log_error("dmd at %s does not answer in time", w->socket);
		return EX_UNAVAILABLE;
	}
	if (result == ASK_LOST) {
		log_error("dmd at %s broke off: %s", w->socket,
		    errno == EPROTO ? "its answer is not understood (is dmctl "
				      "of another version?)"
				    : strerror(errno));
		return errno == EPROTO ? EX_PROTOCOL : EX_UNAVAILABLE;
	}
	if (verdict_is_ok(ask->answer.verdict))
		return EX_OK;
	log_escape(ask->answer.sentence.data, ask->answer.sentence.len, text,
	    sizeof(text));
	if (subject != NULL)
		log_error("%s: %s", subject, text);
	else
		log_error("%s", text);
	return verdict_exit(ask->answer.verdict);
}

uint64_t
where_deadline(const struct where *w, const struct control_ask *ask)
{
	const uint64_t all = w->args->timeout_ns;

	return patience_deadline(
	    w->args, all > ask->waited_ns ? all - ask->waited_ns : 0);
}

uint64_t
where_file_max(const struct where *w)
{
	return w->config != NULL ? w->config->limits.max_file_size
				 : CONTENT_COPY_MAX;
}

int
where_http_failed(const struct where *w, enum http_outcome outcome)
{
	log_error("%s", http_client_error(w->http));
	switch (outcome) {
	case HTTP_UNRESOLVED:
		return EX_NOHOST;
	case HTTP_MALFORMED:
		return EX_PROTOCOL;
	case HTTP_BODY:
	case HTTP_STOPPED:
		return EX_DATAERR;
	case HTTP_ANSWERED:
	case HTTP_UNREACHABLE:
	case HTTP_LOST:
		break;
	}
	return EX_UNAVAILABLE;
}
