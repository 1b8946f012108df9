/* SPDX-License-Identifier: ISC */
/*
 * The heads of /data-mesher/file/1.0.0: a request for the content of one
 * version, and the answer that precedes the bytes. Each is an unsigned varint
 * length and a MessagePack array; surplus elements are ignored.
 *
 * The driver of the streams calls it; the content that follows an OK answer
 * (exactly size - offset raw bytes) is the driver's. Pure, no allocation.
 */
#ifndef DMNET_SYNC_FILE_WIRE_H
#define DMNET_SYNC_FILE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FILE_PROTOCOL "/data-mesher/file/1.0.0"
#define FILE_HEAD_MAX 256    /* bytes of a head, its length included */
#define FILE_PIPELINE_MAX 16 /* requests of one stream looked at at a time */
#define FILE_ASKED_MAX 64    /* requests sent ahead; the rest of them waits */
#define FILE_STREAMS_MAX 4   /* large transfers from one peer */

struct file_request {
	uint8_t key[16];
	uint8_t version[32];
	uint64_t offset;
};

enum file_status {
	FILE_OK = 0,
	FILE_GONE = 1,
	FILE_BUSY = 2,
	FILE_BAD_OFFSET = 3,
};

struct file_answer {
	enum file_status status;
	uint64_t size; /* of the whole file; 0 unless OK */
};

/* Both return the bytes written, always > 0. */
size_t file_request_encode(
    const struct file_request *, uint8_t buf[static FILE_HEAD_MAX]);
size_t file_answer_encode(
    const struct file_answer *, uint8_t buf[static FILE_HEAD_MAX]);

/*
 * Decode from the start of buf: the bytes taken; 0 if more are needed (never
 * with FILE_HEAD_MAX bytes at hand); -1 if malformed.
 */
ssize_t file_request_decode(
    struct file_request *, const uint8_t *buf, size_t len);
ssize_t file_answer_decode(
    struct file_answer *, const uint8_t *buf, size_t len);

#endif
