/* SPDX-License-Identifier: ISC */
/*
 * A library that makes every request to write to the disk a lie. A dmd that
 * loads it behaves like one that forgets them: the power cuts have to find it.
 */
#include <stddef.h>

int fsync(int);
int fdatasync(int);
int syncfs(int);
int msync(void *, size_t, int);

int
fsync(int fd)
{
	return 0;
}

int
fdatasync(int fd)
{
	return 0;
}

int
syncfs(int fd)
{
	return 0;
}

int
msync(void *addr, size_t len, int flags)
{
	return 0;
}
