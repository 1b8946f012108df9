/* SPDX-License-Identifier: ISC */
/* The consequence of an error of accept(2) for the listening socket. Pure. */
#ifndef DM_NET_MESH_ACCEPTING_H
#define DM_NET_MESH_ACCEPTING_H

enum accepting {
	ACCEPTING_GOES_ON,	 /* nobody waits, or one gave up */
	ACCEPTING_NO_DESCRIPTOR, /* rest: it stays readable */
	ACCEPTING_ENDED		 /* it accepts no more, and stays readable */
};

enum accepting accepting_after(int error);

#endif
