/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/mem.h"

#include <stdio.h>
#include <stdlib.h>

void *
mem_need(void *mem)
{
	if (mem == NULL) {
		fputs("libp2p: out of memory\n", stderr);
		abort();
	}
	return mem;
}

void *
mem_new(size_t size)
{
	return mem_need(calloc(1, size));
}

void *
mem_resize(void *mem, size_t size)
{
	return mem_need(realloc(mem, size));
}
