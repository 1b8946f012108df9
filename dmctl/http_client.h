/* SPDX-License-Identifier: ISC */
/*
 * An HTTP/1.1 client over TCP, for uploads and reads of dmd's HTTP side:
 * requests one after another over one connection, bodies streamed from a
 * descriptor, nothing kept in memory but the head and a buffer. A call ends at
 * a deadline that no byte moves, and takes no more of a body than it was told.
 * No redirects, no TLS, no proxies.
 */
#ifndef DMCTL_HTTP_CLIENT_H
#define DMCTL_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "dmctl/http_response.h"
#include "dmctl/url.h"

#define HTTP_CLIENT_ERROR_MAX 256

struct http_client;

/* The bound of a body if the caller sets none: refusals, healthz. */
#define HTTP_CLIENT_BODY_MAX 65536

/* Takes a piece of a body; false ends the call with HTTP_STOPPED. */
typedef bool http_take_fn(void *ctx, const uint8_t *data, size_t len);

/* Called with the final head before the first byte of a body, to say how many
 * may come; false as above. */
typedef bool http_head_fn(
    void *ctx, const struct http_response *, uint64_t *body_max);

struct http_call {
	const char *method;
	const char *path;   /* "/files/a", below the URL's prefix */
	const char *fields; /* lines "Name: value\r\n", may be "" */
	bool has_body;
	int body_fd; /* read with pread(2) from 0 to body_size */
	uint64_t body_size;
	http_head_fn *on_head; /* NULL: HTTP_CLIENT_BODY_MAX */
	http_take_fn *on_body; /* the response's */
	void *ctx;
};

enum http_outcome {
	HTTP_ANSWERED,	  /* response is complete, whatever its status */
	HTTP_UNREACHABLE, /* no connection: worth another try */
	HTTP_LOST,	  /* broke off or fell silent: worth another try */
	HTTP_UNRESOLVED,  /* the host has no address */
	HTTP_MALFORMED,	  /* the server does not speak HTTP/1.1, or its body is
			     longer than the bound */
	HTTP_BODY,	  /* our body cannot be read */
	HTTP_STOPPED,	  /* on_head or on_body returned false */
};

/*
 * deadline_mono_ns ends every call, from the look-up of the host to the last
 * byte. 0: a call has a minute, and the time that the slowest network
 * (time_text.h) takes for the announced bodies; silence for a minute ends it
 * before.
 */
struct http_client *http_client_new(
    const struct url *, uint64_t deadline_mono_ns);
void http_client_free(struct http_client *);

/* One request and its response, which is the client's until the next call. A
 * call that runs out of time returns HTTP_LOST, or HTTP_UNREACHABLE before
 * there is a connection. */
enum http_outcome http_client_call(struct http_client *,
    const struct http_call *, const struct http_response **);

/* The reason of the last failure, a sentence. */
const char *http_client_error(const struct http_client *);

#endif
