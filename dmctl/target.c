/* SPDX-License-Identifier: ISC */
#include "dmctl/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/log.h"
#include "dmctl/content.h"
#include "dmctl/retry.h"

#define SOCKET_DEFAULT "/run/dmd/control.sock"

/* --- which daemon ----------------------------------------------------- */

/* The configuration that was named must be good. */
static int
load_named(struct target *t, const char *path)
{
	struct config_errors errors;
	int code = EX_OK;

	if (access(path, R_OK) == -1) {
		log_error("%s: %s", path, strerror(errno));
		return EX_NOINPUT;
	}
	if (config_load(path, NULL, &t->config, &errors) == -1) {
		for (size_t i = 0; i < errors.n; i++)
			log_error("%s", errors.text[i]);
		code = EX_CONFIG;
		t->config = NULL;
	}
	config_errors_clear(&errors);
	return code;
}

/* The installed one may be missing or wrong. */
static void
load_default(struct target *t)
{
	struct config_errors errors;

	if (access(TARGET_CONFIG, R_OK) == -1)
		return;
	if (config_load(TARGET_CONFIG, NULL, &t->config, &errors) == -1) {
		log_warn("cannot use the configuration (%s): asking the daemon "
			 "at %s",
		    errors.n > 0 ? errors.text[0] : TARGET_CONFIG,
		    SOCKET_DEFAULT);
		t->config = NULL;
	}
	config_errors_clear(&errors);
}

int
target_init(struct target *t, const struct args *args)
{
	const char *bad;
	int code;

	memset(t, 0, sizeof(*t));
	t->args = args;
	t->socket = SOCKET_DEFAULT;
	if (args->url != NULL) {
		bad = url_parse(args->url, &t->url);
		if (bad != NULL) {
			log_error("--url %s: %s", args->url, bad);
			return EX_USAGE;
		}
		t->http = http_client_new(&t->url, args->deadline_mono_ns);
	}
	if (args->config != NULL) {
		code = load_named(t, args->config);
		if (code != EX_OK)
			return code;
	} else if (args->socket == NULL) {
		/* another socket belongs to another configuration */
		load_default(t);
	}
	if (args->socket != NULL)
		t->socket = args->socket;
	else if (t->config != NULL)
		t->socket = t->config->control_socket;
	return EX_OK;
}

void
target_clear(struct target *t)
{
	config_free(t->config);
	http_client_free(t->http);
	t->config = NULL;
	t->http = NULL;
}

/* --- its control socket ----------------------------------------------- */

bool
target_may_come(int error)
{
	return error == ENOENT || error == ECONNREFUSED ||
	       error == ECONNRESET || error == EPIPE || error == EAGAIN;
}

const char *
target_absent(
    const struct target *t, int error, char out[static TARGET_TEXT_MAX])
{
	snprintf(out, TARGET_TEXT_MAX,
	    "no dmd answers at %.107s: %s (check that it runs)", t->socket,
	    strerror(error));
	return out;
}

int
target_unreachable(const struct target *t, int error)
{
	if (error == EACCES || error == EPERM) {
		log_error("no permission to use %s: run dmctl as root or as a "
			  "member of the group in dm.toml",
		    t->socket);
		return EX_NOPERM;
	}
	if (error == ENAMETOOLONG) {
		log_error("%s is too long for the path of a socket: give a "
			  "shorter one with -s",
		    t->socket);
		return EX_USAGE;
	}
	log_error("no dmd answers at %s: %s (check that it runs; -s SOCKET or "
		  "-f FILE names another one)",
	    t->socket, strerror(error));
	return EX_UNAVAILABLE;
}

int
target_ask(const struct target *t, struct control_ask *ask,
    enum control_command command, const void *fields)
{
	if (control_ask_open(ask, t->socket, command, fields, -1,
		retry_deadline(t->args, t->args->timeout_ns)) == 0)
		return EX_OK;
	return target_unreachable(t, errno);
}

int
target_ended(const struct target *t, const struct control_ask *ask,
    enum ask_result result, const char *subject)
{
	char text[4 * CONTROL_SENTENCE_MAX + 1];

	if (result == ASK_LATE) {
		log_error(
		    "dmd at %s does not answer in time: try again", t->socket);
		return EX_UNAVAILABLE;
	}
	if (result == ASK_LOST) {
		log_error("dmd at %s ended the connection: %s", t->socket,
		    errno == EPROTO ? "its answer is malformed (use dmctl and "
				      "dmd of the same version)"
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
target_deadline(const struct target *t, const struct control_ask *ask)
{
	const uint64_t all = t->args->timeout_ns;

	return retry_deadline(
	    t->args, all > ask->waited_ns ? all - ask->waited_ns : 0);
}

uint64_t
target_file_max(const struct target *t)
{
	return t->config != NULL ? t->config->limits.max_file_size
				 : CONTENT_COPY_MAX;
}

int
target_http_failed(const struct target *t, enum http_outcome outcome)
{
	log_error("%s", http_client_error(t->http));
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
