/* SPDX-License-Identifier: ISC */
#include "dmctl/network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/base64.h"
#include "common/keys/keys.h"
#include "common/log.h"
#include "dmctl/json_scan.h"
#include "dmctl/known_file.h"
#include "dmctl/retry.h"
#include "dmctl/sign.h"

#define HEALTH_MAX 4096

static int
network_parse(const char *text, struct network *n)
{
	n->has_key = strcmp(text, "-") != 0;
	return n->has_key ? signer_parse_public(text, n->key) : EX_OK;
}

static int
network_unknown(void)
{
	log_error("no network given, and the daemon names none: give --network "
		  "KEY, or --network - for none");
	return EX_UNAVAILABLE;
}

/* --- over HTTP -------------------------------------------------------- */

struct health {
	char text[HEALTH_MAX];
	size_t len;
};

static bool
health_add(void *ctx, const uint8_t *data, size_t len)
{
	struct health *h = ctx;

	if (len > sizeof(h->text) - h->len)
		len = sizeof(h->text) - h->len;
	memcpy(h->text + h->len, data, len);
	h->len += len;
	return true;
}

/* /healthz of the server. 0, or an exit code after a message. */
static int
ask_health(struct target *t, struct health *health)
{
	const struct http_call call = {.method = "GET",
	    .path = "/healthz",
	    .fields = "",
	    .body_fd = -1,
	    .on_body = health_add,
	    .ctx = health};
	const struct http_response *r;
	struct retry p;

	retry_begin(&p, t->args);
	for (;;) {
		enum http_outcome outcome;

		health->len = 0;
		outcome = http_client_call(t->http, &call, &r);
		if (outcome == HTTP_ANSWERED)
			return EX_OK;
		if ((outcome != HTTP_UNREACHABLE && outcome != HTTP_LOST) ||
		    !retry_wait(&p, http_client_error(t->http)))
			return target_http_failed(t, outcome);
	}
}

/* The server's word is not enough: the message names the option that confirms
 * it. */
static int
refuse_word(const struct target *t, const char *text)
{
	char authority[URL_AUTHORITY_MAX], key[BASE64_LEN(32) + 1];
	uint8_t public_key[32];

	if (key_parse_public(text, strlen(text), public_key) != KEY_OK)
		return network_unknown();
	base64_encode(public_key, sizeof(public_key), key);
	log_error("http://%s says that its network is %s, and nothing here "
		  "confirms it: if that is right, give --network %s once; it "
		  "is remembered for this URL",
	    url_authority(&t->url, authority), key, key);
	return EX_USAGE;
}

static int
network_from_http(struct target *t, struct network *n)
{
	struct health health = {.len = 0};
	char authority[URL_AUTHORITY_MAX], text[256];
	int code = ask_health(t, &health);

	if (code != EX_OK)
		return code;
	switch (json_scan_text(
	    health.text, health.len, "network", text, sizeof(text))) {
	case JSON_NULL:
		log_warn("signing for no network, on the word of http://%s "
			 "alone: give --network - once to confirm it",
		    url_authority(&t->url, authority));
		n->has_key = false;
		return EX_OK;
	case JSON_STRING:
		return refuse_word(t, text);
	case JSON_NONE:
		break;
	}
	return network_unknown();
}

static int
network_from_url(struct target *t, struct network *n)
{
	bool is_known;
	int code = known_file_find(&t->url, n, &is_known);

	return code != EX_OK || is_known ? code : network_from_http(t, n);
}

/* --- through the control socket --------------------------------------- */

/* Tries again until the deadline, as uploads do. */
static int
ask_id(const struct target *t, struct control_ask *ask)
{
	struct retry p;
	char why[512];

	retry_begin(&p, t->args);
	while (control_ask_open(ask, t->socket, CONTROL_ID, NULL, -1,
		   p.deadline_mono_ns) == -1) {
		int error = errno;

		snprintf(why, sizeof(why), "no dmd answers at %s: %s",
		    t->socket, strerror(error));
		if (!target_may_come(error) || !retry_wait(&p, why))
			return target_unreachable(t, error);
	}
	return EX_OK;
}

static int
network_from_control(const struct target *t, struct network *n)
{
	struct control_ask ask;
	enum ask_result result;
	char key[256] = "";
	int code = ask_id(t, &ask);

	if (code != EX_OK)
		return code;
	while ((result = control_ask_next(&ask, target_deadline(t, &ask))) ==
	       ASK_ROW) {
		const struct row_value *row = &ask.answer.row.value;

		if (ask.answer.kind == ROW_VALUE && row->key.len == 7 &&
		    memcmp(row->key.data, "network", 7) == 0 &&
		    !bytes_copy_text(row->text, key, sizeof(key)))
			key[0] = '\0';
	}
	code = target_ended(t, &ask, result, NULL);
	control_ask_close(&ask);
	if (code != EX_OK)
		return code;
	return key[0] != '\0' ? network_parse(key, n) : network_unknown();
}

/* --- all together ----------------------------------------------------- */

static int
network_from_flag(const struct target *t, struct network *n)
{
	int code = network_parse(t->args->network, n);

	if (code == EX_OK && t->http != NULL)
		known_file_remember(&t->url, n);
	return code;
}

int
network_choose(struct target *t, struct network *n)
{
	memset(n, 0, sizeof(*n));
	if (t->args->network != NULL)
		return network_from_flag(t, n);
	if (t->config != NULL) {
		n->has_key = t->config->has_network;
		memcpy(n->key, t->config->network, sizeof(n->key));
		return EX_OK;
	}
	return t->http != NULL ? network_from_url(t, n)
			       : network_from_control(t, n);
}
