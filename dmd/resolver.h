/* SPDX-License-Identifier: ISC */
/*
 * The resolver: the process that looks up the names of peers for dm-net, so
 * that neither dm-net nor dmd reads an answer of a name server. It is dmd's
 * own binary, executed as `dmd --role=resolver`, and knows no file but those
 * that getaddrinfo(3) reads (hosts and resolv.conf, through files and dns).
 */
#ifndef DMD_RESOLVER_H
#define DMD_RESOLVER_H

/* The whole life of the process. Returns its exit status. */
int resolver_main(void);

#endif
