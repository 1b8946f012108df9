/* SPDX-License-Identifier: ISC */
/*
 * The head of a response: its fields as HTTP/1.1 writes them, and where each
 * begins, so that HTTP/2 takes them from the same text. Connection, Date and
 * the status line are added by whoever sends it. Pure.
 */
#ifndef DM_NET_HTTP_HEAD_H
#define DM_NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_TEXT_MAX 1200
#define HEAD_FIELDS_MAX 14

struct http_head {
	unsigned n_fields;
	size_t len;
	struct {
		uint16_t name;
		uint16_t name_len;
		uint16_t value;
		uint16_t value_len;
	} field[HEAD_FIELDS_MAX];
	char text[HEAD_TEXT_MAX]; /* "Name: value\r\n" ... */
};

/* Appends a field; one that does not fit is a bug. */
void http_head_add(struct http_head *, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "Not Found"; "" for a status that is never sent. */
const char *http_reason(int status);

#endif
