/* SPDX-License-Identifier: ISC */
#include "dmctl/network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/base64.h"
#include "common/keys.h"
#include "common/log.h"
#include "dmctl/json_scan.h"
#include "dmctl/known_file.h"
#include "dmctl/patience.h"
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
	log_error("for which network? The daemon does not say: give --network "
		  "KEY, or - for none");
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
ask_health(struct where *w, struct health *health)
{
	const struct http_call call = {.method = "GET",
	    .path = "/healthz",
	    .fields = "",
	    .body_fd = -1,
	    .on_body = health_add,
	    .ctx = health};
	const struct http_response *r;
	struct patience p;

	patience_begin(&p, w->args);
	for (;;) {
		enum http_outcome outcome;

		health->len = 0;
		outcome = http_client_call(w->http, &call, &r);
		if (outcome == HTTP_ANSWERED)
			return EX_OK;
		if ((outcome != HTTP_UNREACHABLE && outcome != HTTP_LOST) ||
		    !patience_wait(&p, http_client_error(w->http)))
			return where_http_failed(w, outcome);
	}
}

/* The server's word is not enough: says with which flag the user gives it. */
static int
refuse_word(const struct where *w, const char *text)
{
	char authority[URL_AUTHORITY_MAX], key[BASE64_LEN(32) + 1];
	uint8_t public_key[32];

	if (key_parse_public(text, strlen(text), public_key) != KEY_OK)
		return network_unknown();
	base64_encode(public_key, sizeof(public_key), key);
	log_error("http://%s says that its network is %s, and nothing here "
		  "confirms it: if that is right, give --network %s once, "
		  "which is remembered for this URL",
	    url_authority(&w->url, authority), key, key);
	return EX_USAGE;
}

static int
network_from_http(struct where *w, struct network *n)
{
	struct health health = {.len = 0};
	char authority[URL_AUTHORITY_MAX], text[256];
	int code = ask_health(w, &health);

	if (code != EX_OK)
		return code;
	switch (json_scan_text(
	    health.text, health.len, "network", text, sizeof(text))) {
	case JSON_NULL:
		log_warn("no network is taken, on the word of http://%s alone: "
			 "--network - given once confirms it",
		    url_authority(&w->url, authority));
		n->has_key = false;
		return EX_OK;
	case JSON_STRING:
		return refuse_word(w, text);
	case JSON_NONE:
		break;
	}
	return network_unknown();
}

static int
network_from_url(struct where *w, struct network *n)
{
	bool is_known;
	int code = known_file_find(&w->url, n, &is_known);

	return code != EX_OK || is_known ? code : network_from_http(w, n);
}

/* --- through the control socket --------------------------------------- */

/* Patient, since uploads are. */
static int
ask_id(const struct where *w, struct control_ask *ask)
{
	struct patience p;
	char why[512];

	patience_begin(&p, w->args);
	while (control_ask_open(ask, w->socket, CONTROL_ID, NULL, -1,
		   p.deadline_mono_ns) == -1) {
		int error = errno;

		snprintf(why, sizeof(why), "no dmd answers at %s: %s",
		    w->socket, strerror(error));
		if (!where_may_come(error) || !patience_wait(&p, why))
			return where_unreachable(w, error);
	}
	return EX_OK;
}

static int
network_from_control(const struct where *w, struct network *n)
{
	struct control_ask ask;
	enum ask_result result;
	char key[256] = "";
	int code = ask_id(w, &ask);

	if (code != EX_OK)
		return code;
	while ((result = control_ask_next(&ask, where_deadline(w, &ask))) ==
	       ASK_ROW) {
		const struct row_value *row = &ask.answer.row.value;

		if (ask.answer.kind == ROW_VALUE && row->key.len == 7 &&
		    memcmp(row->key.data, "network", 7) == 0 &&
		    !bytes_copy_text(row->text, key, sizeof(key)))
			key[0] = '\0';
	}
	code = where_ended(w, &ask, result, NULL);
	control_ask_close(&ask);
	if (code != EX_OK)
		return code;
	return key[0] != '\0' ? network_parse(key, n) : network_unknown();
}

/* --- all together ----------------------------------------------------- */

static int
network_from_flag(const struct where *w, struct network *n)
{
	int code = network_parse(w->args->network, n);

	if (code == EX_OK && w->http != NULL)
		known_file_remember(&w->url, n);
	return code;
}

int
network_choose(struct where *w, struct network *n)
{
	memset(n, 0, sizeof(*n));
	if (w->args->network != NULL)
		return network_from_flag(w, n);
	if (w->config != NULL) {
		n->has_key = w->config->has_network;
		memcpy(n->key, w->config->network, sizeof(n->key));
		return EX_OK;
	}
	return w->http != NULL ? network_from_url(w, n)
			       : network_from_control(w, n);
}
