/* SPDX-License-Identifier: ISC */
/* For cores whose peers have no signed records. */
#ifndef TESTS_NO_RECORD_H
#define TESTS_NO_RECORD_H

#include "dm-net/sync/sync.h"

static bool
no_record(const uint8_t *bytes, size_t len, struct sync_record *out)
{
	return false;
}

#endif
