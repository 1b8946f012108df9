/* SPDX-License-Identifier: ISC */
/*
 * An HTTP/1.1 client over TCP, for uploads and reads of dmd's HTTP side:
 * requests one after another over one connection, bodies streamed from a
 * descriptor, nothing kept in memory but the head and a buffer. Every wait has
 * an end. No redirects, no TLS, no proxies.
 */
#ifndef DMCTL_HTTP_CLIENT_H
#define DMCTL_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "dmctl/http_response.h"
#include "dmctl/url.h"

#define HTTP_CLIENT_ERROR_MAX 256

struct http_client;

struct http_call {
	const char *method;
	const char *path;   /* "/files/a", below the URL's prefix */
	const char *fields; /* lines "Name: value\r\n", may be "" */
	bool has_body;
	int body_fd; /* read with pread(2) from 0 to body_size */
	uint64_t body_size;
	http_body_fn *on_body; /* the response's; not for what is refused */
	void *ctx;
};

enum http_outcome {
	HTTP_ANSWERED,	  /* response is complete, whatever its status */
	HTTP_UNREACHABLE, /* no connection: worth another try */
	HTTP_LOST,	  /* broke off or fell silent: worth another try */
	HTTP_UNRESOLVED,  /* the host has no address */
	HTTP_MALFORMED,	  /* what answers does not speak HTTP/1.1 */
	HTTP_BODY,	  /* our body cannot be read */
};

/* idle_ns: how long silence lasts before it is HTTP_LOST; 0: a minute. */
struct http_client *http_client_new(const struct url *, uint64_t idle_ns);
void http_client_free(struct http_client *);

/*
 * One request and its response, which is the client's until the next call. The
 * whole may take as long as bytes move.
 */
enum http_outcome http_client_call(struct http_client *,
    const struct http_call *, const struct http_response **);

/* What went wrong, a sentence. */
const char *http_client_error(const struct http_client *);

#endif
