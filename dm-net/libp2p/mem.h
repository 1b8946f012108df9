/* SPDX-License-Identifier: ISC */
/*
 * Memory that is there, or else the process ends: a daemon that is restarted
 * is safer than one that goes on half-way. Everything that a peer can make
 * this directory allocate is bounded before it gets here.
 *
 * Free with free().
 */
#ifndef DMNET_LIBP2P_MEM_H
#define DMNET_LIBP2P_MEM_H

#include <stddef.h>

/* `size` zeroed bytes; size > 0. */
void *mem_new(size_t size);

/* As realloc() with size > 0. */
void *mem_resize(void *mem, size_t size);

/* Hands `mem` on; ends the process if it is NULL, which a library returned
 * for want of memory. */
void *mem_need(void *mem);

#endif
