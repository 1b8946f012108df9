/* SPDX-License-Identifier: ISC */
/*
 * Looks a host name up, with a deadline, which getaddrinfo(3) does not have: a
 * name server that does not answer takes it half a minute.
 */
#ifndef DMCTL_LOOKUP_H
#define DMCTL_LOOKUP_H

#include <netdb.h>
#include <stdint.h>

/*
 * The addresses for streams at host (NULL: this machine) and a numeric port, to
 * be freed with freeaddrinfo(3). 0 or an EAI_ code; EAI_SYSTEM with errno,
 * which is ETIMEDOUT if no answer came before the deadline.
 */
int lookup(const char *host, const char *port, uint64_t deadline_mono_ns,
    struct addrinfo **);

#endif
