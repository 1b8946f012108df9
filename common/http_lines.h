/* SPDX-License-Identifier: ISC */
/*
 * The lines of an HTTP/1.1 head, checked before llhttp parses it, since some of
 * its releases take what RFC 9112 forbids. Pure.
 */
#ifndef COMMON_HTTP_LINES_H
#define COMMON_HTTP_LINES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Each line ends with CR LF (section 2.2), neither stands alone, and no line
 * continues the one before (5.2) or is a field without a name (5.1).
 */
bool http_lines_are_strict(const char *head, size_t len);

#endif
