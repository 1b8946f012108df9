/* SPDX-License-Identifier: ISC */
#include "dm-net/mesh/accepting.h"

#include <errno.h>

enum accepting
accepting_after(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return ACCEPTING_NO_DESCRIPTOR;
	case EINVAL: /* shutdown(2) of whoever shares the socket, ss -K */
	case EBADF:
	case ENOTSOCK:
	case EOPNOTSUPP:
		return ACCEPTING_ENDED;
	default:
		return ACCEPTING_GOES_ON;
	}
}
