/* SPDX-License-Identifier: ISC */
/*
 * How dm-net shares out the descriptors that the system lets it have (ulimit
 * -n, LimitNOFILE=): with few of them the node takes fewer clients, and a
 * descriptor from a sibling always finds a place. dmd refuses to start with too
 * few. Pure.
 */
#ifndef COMMON_DESCRIPTORS_H
#define COMMON_DESCRIPTORS_H

/* At the least; dmd does not start with less. */
#define DESCRIPTORS_MIN 512

struct descriptors {
	unsigned sockets; /* of peers and HTTP clients together */
	unsigned http;	  /* of these, HTTP clients */
	unsigned files;	  /* held open for HTTP */
	unsigned opens;	  /* ... for peers */
};

/* The rest is for the control socket's clients, listeners and siblings. */
struct descriptors descriptors_share(unsigned limit);

#endif
