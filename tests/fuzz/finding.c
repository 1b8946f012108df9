/* SPDX-License-Identifier: ISC */
/*
 * libFuzzer keeps the input of what aborts, not of what ends by _exit(), as
 * fatal() does: a finding must not be lost.
 */
#include <stdlib.h>
#include <unistd.h>

void
_exit(int status)
{
	abort();
}
