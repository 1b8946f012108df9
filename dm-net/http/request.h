/* SPDX-License-Identifier: ISC */
/*
 * A request's head as both versions of HTTP hand it over, and what its fields
 * mean. Pure; everything borrows from the buffer of whoever read the head.
 */
#ifndef DM_NET_HTTP_REQUEST_H
#define DM_NET_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"
#include "common/entry.h"
#include "common/verdict.h"

struct http_settings;

enum http_method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_COUNT,
};

/* The fields that mean something here; the others are skipped. */
enum http_field {
	FIELD_HOST,
	FIELD_ORIGIN,
	FIELD_SEC_FETCH_SITE,
	FIELD_CONTENT_LENGTH,
	FIELD_CONTENT_TYPE,
	FIELD_CONTENT_ENCODING,
	FIELD_TRANSFER_ENCODING,
	FIELD_EXPECT,
	FIELD_RANGE,
	FIELD_IF_RANGE,
	FIELD_IF_NONE_MATCH,
	FIELD_LAST_EVENT_ID,
	FIELD_X_SIGNEDAT,
	FIELD_X_SIGNEDBY,
	FIELD_X_SIGNATURE,
	FIELD_X_VALIDFOR,
	FIELD_X_SHA256,
	FIELD_COUNT,
};

struct http_request {
	enum http_method method;
	struct bytes target;
	struct bytes field[FIELD_COUNT]; /* data NULL: not there */
	bool is_repeated;		 /* one of them came twice */
	bool is_version_2;
	bool is_version_10;
};

/* The method of these letters. */
enum http_method http_method_from(const void *text, size_t len);
const char *http_method_name(enum http_method);

/* Which field a name is (in any case), FIELD_COUNT for one that is skipped. */
enum http_field http_field_from(const void *name, size_t len);

/* Notes a field; a skipped one is fine. */
void http_request_field(
    struct http_request *, enum http_field, struct bytes value);

bool http_request_has(const struct http_request *, enum http_field);

/* Content-Length: false if it is not there or malformed. */
bool http_request_length(const struct http_request *, uint64_t *length);

/* True if the field is this text, in any case. */
bool http_request_is(
    const struct http_request *, enum http_field, const char *text);

/*
 * The entry that a PUT (kind file) or DELETE describes with its X- fields.
 * BAD_FIELD with a sentence in *why (a constant) if one is missing or
 * malformed; SHA256_REQUIRED and TOO_LARGE by size. *sha256_known is false
 * when the content's hash was not said. Nothing is verified here.
 */
enum verdict http_request_entry(const struct http_request *,
    const struct http_settings *, enum entry_kind, const char *name,
    uint64_t size, struct entry *out, bool *sha256_known, const char **why);

#endif
