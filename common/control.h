/* SPDX-License-Identifier: ISC */
/*
 * The control socket's protocol (dmctl(8), SEQPACKET): one request record a
 * connection, answered by records and closed. Encoders and decoders for both
 * ends, made from control.def; the serving end is control_serve.h.
 *
 * Request: "DMC1", version u8 = 1, command u8, body length u16 LE, then the
 * body: one MessagePack array, [command, fields...]. Answers: [0, row] ... and
 * a last [1, verdict, sentence]; a row is [row kind, fields...].
 */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec.h"
#include "common/ipc.h"
#include "common/limits.h"
#include "common/verdict.h"

#define CONTROL_VERSION 1
#define CONTROL_ANSWER_MAX 4096 /* bytes of one answer record */

/* clang-format off */
#define F_U64(name, field, max) uint64_t field;
#define F_BOOL(name, field) bool field;
#define F_FIXED(name, field, len) uint8_t field[len];
#define F_BYTES(name, field, max) struct bytes field;
#define F_TEXT(name, field, max) struct bytes field;
/* struct control_list { struct bytes prefix; } */
#define COMMAND(name, NAME, number, owner, privileged, fd) \
	struct control_##name {
#define COMMAND_END(name) };
/* struct row_peer { ... } */
#define ROW(name, NAME) struct row_##name {
#define ROW_END(name) };
#include "common/control.def"
#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
#undef COMMAND
#undef COMMAND_END
#undef ROW
#undef ROW_END

#define F_U64(name, field, max)
#define F_BOOL(name, field)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)
#define COMMAND(name, NAME, number, owner, privileged, fd) \
	CONTROL_##NAME = number,
#define COMMAND_END(name)
enum control_command {
	CONTROL_NONE = 0,
#include "common/control.def"
	CONTROL_COMMAND_COUNT /* one more than the last number */
};
#undef COMMAND
#undef COMMAND_END
#define ROW(name, NAME) ROW_##NAME,
#define ROW_END(name)
enum control_row {
#include "common/control.def"
	ROW_COUNT
};
#undef ROW
#undef ROW_END
#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
/* clang-format on */

/* The type of the value in a row of kind value; append, never renumber. All
 * kinds but TEXT have the value in number. */
enum row_value_kind {
	VALUE_TEXT = 0,
	VALUE_NUMBER = 1,
	VALUE_BOOL = 2,
	VALUE_NS = 3, /* a duration */
	VALUE_UNIX_NS = 4,
	VALUE_BYTES = 5, /* a size */
};

struct control_info {
	const char *name; /* "status_dmd" */
	enum control_command command;
	enum role owner;
	bool privileged;
	bool may_fd;
	struct codec_struct layout;
};

/* NULL for a command that does not exist. */
const struct control_info *control_info(uint64_t command);

/* Layout of a row kind. */
const struct codec_struct *control_row_struct(enum control_row);

/*
 * Checks magic, version and that the body length fits a request. False: not
 * our protocol. Never looks beyond the 8 bytes.
 */
bool control_header_decode(const uint8_t header[static CONTROL_HEADER_SIZE],
    uint8_t *command, uint16_t *body_len);

/* Whole request record into buf. Returns its length. A value that breaks the
 * limits of control.def is fatal(): check the user's input before. */
size_t control_request_encode(enum control_command, const void *fields,
    uint8_t buf[static CONTROL_REQUEST_MAX]);

/* Decodes a body (after the header) into the struct of its command. */
bool control_body_decode(
    enum control_command, void *fields, const uint8_t *body, size_t len);

/* Answer records. Return the length. A row that breaks its limits is fatal();
 * a sentence is cut at CONTROL_SENTENCE_MAX; NULL is the verdict's own. */
size_t control_row_encode(enum control_row, const void *fields,
    uint8_t buf[static CONTROL_ANSWER_MAX]);
size_t control_end_encode(
    enum verdict, const char *sentence, uint8_t buf[static CONTROL_ANSWER_MAX]);

/* The largest of all row structs, so a client needs no allocation. */
union control_row_any {
	struct row_value value;
	struct row_file file;
	struct row_content content;
	struct row_held held;
	struct row_peer peer;
	struct row_version version;
	struct row_reject reject;
	struct row_progress progress;
};

struct control_answer {
	bool is_end;
	enum control_row kind; /* rows */
	union control_row_any row;
	enum verdict verdict; /* the end */
	struct bytes sentence;
};

/* Decodes one answer record; borrowed from buf. False if malformed. */
bool control_answer_decode(
    struct control_answer *, const uint8_t *buf, size_t len);

#endif
