/* SPDX-License-Identifier: ISC */
/*
 * Every system call that changes or opens something on the disk, one thin
 * function each, and nothing else: the one place where a test can make the Nth
 * write fail. LMDB makes its own calls.
 *
 * All return -1 with errno; EINTR is retried. Paths are relative to a held
 * directory and never followed through symbolic links.
 */
#ifndef DMSTORE_DISK_H
#define DMSTORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Opens what is at or below dir_fd, with O_CLOEXEC. EXDEV: the path leads out
 * of it; ELOOP: a part of it is a symbolic link. */
int disk_open(int dir_fd, const char *path, int flags, mode_t mode);

/* All of it. */
int disk_write(int fd, const void *data, size_t len);

/* Bytes read, fewer than len only at the end of the file. */
ssize_t disk_read(int fd, void *data, size_t len, uint64_t offset);

int disk_sync(int fd);
int disk_sync_all(int fd); /* syncfs(2) */
int disk_rename(int from_fd, const char *from, int to_fd, const char *to);
int disk_link(int from_fd, const char *from, int to_fd, const char *to);
int disk_unlink(int dir_fd, const char *name);
int disk_mkdir(int dir_fd, const char *name, mode_t mode);
int disk_rmdir(int dir_fd, const char *name);
int disk_stat(int fd, struct stat *st);

/* Bytes that we may still write on the file system of fd; DISK_FREE_UNKNOWN if
 * it counts none. */
#define DISK_FREE_UNKNOWN UINT64_MAX
int disk_free(int fd, uint64_t *bytes);

/* No room is left: of the disk, of a quota, or of `ulimit -f`. */
bool disk_error_is_full(int error);

/* The file of fd can grow by less than margin bytes: the disk or `ulimit -f`
 * does not let it. */
bool disk_is_nearly_full(int fd, uint64_t margin);

/* A memfd of that size that nobody can change any more: what is hashed is what
 * is stored. */
bool disk_is_sealed(int fd, uint64_t size);

#endif
