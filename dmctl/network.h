/* SPDX-License-Identifier: ISC */
/*
 * The network that a signature is for. A server that answers over HTTP may be
 * an impostor, and a signature for a network is good in all of it: so the
 * server's word alone never names a network.
 */
#ifndef DMCTL_NETWORK_H
#define DMCTL_NETWORK_H

#include "dmctl/known_networks.h"
#include "dmctl/target.h"

/*
 * --network, which is remembered for --url; else the configuration; else, with
 * --url, the network that is remembered for it, or none if the server says that
 * there is none; else the daemon at the control socket is asked. 0, or an exit
 * code after a message.
 */
int network_choose(struct target *, struct network *);

#endif
