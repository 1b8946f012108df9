/* SPDX-License-Identifier: ISC */
#include "dmctl/json_scan.h"

#include <string.h>

#include "common/hex.h"

#define DEPTH_MAX 32

struct scan {
	const char *at;
	const char *end;
};

static void
skip_blanks(struct scan *s)
{
	while (s->at < s->end && memchr(" \t\r\n", *s->at, 4) != NULL)
		s->at++;
}

/* Takes a character after blanks; false if another one is there. */
static bool
take(struct scan *s, char c)
{
	skip_blanks(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* Four hexadecimal digits as one character: '?' beyond ASCII, 0 if bad. */
static char
take_unicode(struct scan *s)
{
	unsigned value = 0;

	if (s->end - s->at < 4)
		return 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value((uint8_t)*s->at++);

		if (digit == -1)
			return 0;
		value = value << 4 | (unsigned)digit;
	}
	return value < 0x80 && value != 0 ? (char)value : '?';
}

/* The character of an escape, after its backslash; 0 if JSON has no such
 * escape. */
static char
take_escape(struct scan *s)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p;

	if (s->at == s->end || *s->at == '\0')
		return 0;
	if (*s->at == 'u') {
		s->at++;
		return take_unicode(s);
	}
	p = strchr(from, *s->at++);
	return p != NULL ? to[p - from] : 0;
}

/* A string, cut to out_size (at least 1); false if malformed. */
static bool
take_string(struct scan *s, char *out, size_t out_size)
{
	size_t n = 0;

	out[0] = '\0';
	if (!take(s, '"'))
		return false;
	while (s->at < s->end && *s->at != '"') {
		char c = *s->at++;

		if ((unsigned char)c < 0x20)
			return false;
		if (c == '\\')
			c = take_escape(s);
		if (c == 0)
			return false;
		if (n + 1 < out_size)
			out[n++] = c;
	}
	out[n] = '\0';
	return take(s, '"');
}

/* A number, true, false or null. */
static bool
skip_word(struct scan *s)
{
	const char *from = s->at;

	while (s->at < s->end &&
	       ((*s->at >= '0' && *s->at <= '9') ||
		   (*s->at >= 'a' && *s->at <= 'z') || *s->at == '-' ||
		   *s->at == '+' || *s->at == '.' || *s->at == 'E'))
		s->at++;
	return s->at > from;
}

/* Any value; brackets are counted, not matched. */
static bool
skip_value(struct scan *s)
{
	unsigned depth = 0;
	char none[1];

	do {
		skip_blanks(s);
		if (s->at == s->end)
			return false;
		switch (*s->at) {
		case '{':
		case '[':
			s->at++;
			if (++depth > DEPTH_MAX)
				return false;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return false;
			s->at++;
			depth--;
			break;
		case ',':
		case ':':
			if (depth == 0)
				return false;
			s->at++;
			break;
		case '"':
			if (!take_string(s, none, sizeof(none)))
				return false;
			break;
		default:
			if (!skip_word(s))
				return false;
			break;
		}
	} while (depth > 0);
	return true;
}

static enum json_found
take_value(struct scan *s, char *out, size_t out_size)
{
	skip_blanks(s);
	if (s->end - s->at >= 4 && memcmp(s->at, "null", 4) == 0)
		return JSON_NULL;
	return take_string(s, out, out_size) ? JSON_STRING : JSON_NONE;
}

enum json_found
json_scan_text(
    const char *text, size_t len, const char *key, char *out, size_t out_size)
{
	struct scan s = {text, text + len};
	char name[64];

	if (!take(&s, '{'))
		return JSON_NONE;
	do {
		if (!take_string(&s, name, sizeof(name)) || !take(&s, ':'))
			return JSON_NONE;
		if (strcmp(name, key) == 0)
			return take_value(&s, out, out_size);
		if (!skip_value(&s))
			return JSON_NONE;
	} while (take(&s, ','));
	return JSON_NONE;
}
