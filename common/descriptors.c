/* SPDX-License-Identifier: ISC */
#include "common/descriptors.h"

#include "common/limits.h"

#define OPENS_MAX 2048

static unsigned
at_most(unsigned n, unsigned max)
{
	return n < max ? n : max;
}

struct descriptors
descriptors_share(unsigned limit)
{
	struct descriptors d;

	d.sockets = limit / 2;
	d.http = at_most(d.sockets / 3, HTTP_CONNECTIONS_MAX);
	d.files = at_most(limit / 8, HTTP_FILES_MAX);
	d.opens = at_most(limit / 6, OPENS_MAX);
	return d;
}
