/* SPDX-License-Identifier: ISC */
#include "common/control.h"

#include <string.h>

#include "common/log.h"

#define ROW_PREFIX_SIZE 2 /* array of two, 0 */

/* clang-format off */
#define F_U64(name, field, max) \
	{ #field, CODEC_U64, offsetof(struct FIELDS_OF(name), field), max },
#define F_BOOL(name, field) \
	{ #field, CODEC_BOOL, offsetof(struct FIELDS_OF(name), field), 0 },
#define F_FIXED(name, field, len) \
	{ #field, CODEC_FIXED, offsetof(struct FIELDS_OF(name), field), len },
#define F_BYTES(name, field, max) \
	{ #field, CODEC_BYTES, offsetof(struct FIELDS_OF(name), field), max },
#define F_TEXT(name, field, max) \
	{ #field, CODEC_TEXT, offsetof(struct FIELDS_OF(name), field), max },

/* The last element only keeps the arrays of commands without fields legal. */
#define COMMAND(name, NAME, number, owner, privileged, fd) \
	static const struct codec_field command_fields_##name[] = {
#define COMMAND_END(name) { NULL, CODEC_BOOL, 0, 0 } };
#define FIELDS_OF(name) control_##name
#include "common/control.def"
#undef FIELDS_OF
#undef COMMAND
#undef COMMAND_END

#define ROW(name, NAME) static const struct codec_field row_fields_##name[] = {
#define ROW_END(name) { NULL, CODEC_BOOL, 0, 0 } };
#define FIELDS_OF(name) row_##name
#include "common/control.def"
#undef FIELDS_OF
#undef ROW
#undef ROW_END

#undef F_U64
#undef F_BOOL
#undef F_FIXED
#undef F_BYTES
#undef F_TEXT
#define F_U64(name, field, max)
#define F_BOOL(name, field)
#define F_FIXED(name, field, len)
#define F_BYTES(name, field, max)
#define F_TEXT(name, field, max)

#define LAYOUT(type, name_, fields) \
	{ #name_, sizeof(struct type##_##name_), fields, \
	    sizeof(fields) / sizeof(fields[0]) - 1 }
#define NO_FD false
#define MAY_FD true
#define COMMAND(name_, NAME, number, owner_, privileged_, fd_) \
	{ #name_, CONTROL_##NAME, ROLE_##owner_, privileged_, fd_, \
	    LAYOUT(control, name_, command_fields_##name_) },
#define COMMAND_END(name)
static const struct control_info commands[] = {
#include "common/control.def"
};
#undef NO_FD
#undef MAY_FD
#undef COMMAND
#undef COMMAND_END

#define ROW(name_, NAME) \
	[ROW_##NAME] = LAYOUT(row, name_, row_fields_##name_),
#define ROW_END(name)
static const struct codec_struct rows[ROW_COUNT] = {
#include "common/control.def"
};
#undef ROW
#undef ROW_END
/* clang-format on */

/* The last record: not a row, so not in control.def. */
struct answer_end {
	uint64_t verdict;
	struct bytes sentence;
};

static const struct codec_field end_fields[] = {
    {"verdict", CODEC_U64, offsetof(struct answer_end, verdict),
	VERDICT_COUNT - 1},
    {"sentence", CODEC_TEXT, offsetof(struct answer_end, sentence),
	CONTROL_SENTENCE_MAX},
};
static const struct codec_struct end_layout = {
    "end", sizeof(struct answer_end), end_fields, 2};

#define ANSWER_END 1 /* first element of the last record */

static const uint8_t magic[4] = {'D', 'M', 'C', '1'};
static const uint8_t row_prefix[ROW_PREFIX_SIZE] = {0x92, 0x00};

const struct control_info *
control_info(uint64_t command)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].command == command)
			return &commands[i];
	return NULL;
}

const struct codec_struct *
control_row_struct(enum control_row kind)
{
	return &rows[kind];
}

bool
control_header_decode(const uint8_t header[static CONTROL_HEADER_SIZE],
    uint8_t *command, uint16_t *body_len)
{
	size_t len = (size_t)header[6] | (size_t)header[7] << 8;

	if (memcmp(header, magic, sizeof(magic)) != 0 ||
	    header[4] != CONTROL_VERSION ||
	    len > CONTROL_REQUEST_MAX - CONTROL_HEADER_SIZE)
		return false;
	*command = header[5];
	*body_len = (uint16_t)len;
	return true;
}

size_t
control_request_encode(enum control_command command, const void *fields,
    uint8_t buf[static CONTROL_REQUEST_MAX])
{
	const struct control_info *info = control_info(command);
	size_t len;

	if (info == NULL)
		fatal("control: no command %u", (unsigned)command);
	len = codec_encode(&info->layout, command, fields,
	    buf + CONTROL_HEADER_SIZE,
	    CONTROL_REQUEST_MAX - CONTROL_HEADER_SIZE);
	if (len == 0)
		fatal("control: a %s request breaks its table", info->name);
	memcpy(buf, magic, sizeof(magic));
	buf[4] = CONTROL_VERSION;
	buf[5] = (uint8_t)command;
	buf[6] = (uint8_t)(len & 0xff);
	buf[7] = (uint8_t)(len >> 8);
	return CONTROL_HEADER_SIZE + len;
}

bool
control_body_decode(
    enum control_command command, void *fields, const uint8_t *body, size_t len)
{
	const struct control_info *info = control_info(command);

	return info != NULL &&
	       codec_decode(&info->layout, command, fields, body, len);
}

size_t
control_row_encode(enum control_row kind, const void *fields,
    uint8_t buf[static CONTROL_ANSWER_MAX])
{
	size_t len;

	memcpy(buf, row_prefix, ROW_PREFIX_SIZE);
	len = codec_encode(&rows[kind], kind, fields, buf + ROW_PREFIX_SIZE,
	    CONTROL_ANSWER_MAX - ROW_PREFIX_SIZE);
	if (len == 0)
		fatal("control: a %s row breaks its table", rows[kind].name);
	return ROW_PREFIX_SIZE + len;
}

size_t
control_end_encode(enum verdict verdict, const char *sentence,
    uint8_t buf[static CONTROL_ANSWER_MAX])
{
	struct answer_end end = {verdict,
	    bytes_text(
		sentence != NULL ? sentence : verdict_sentence(verdict))};
	size_t len;

	if (end.sentence.len > CONTROL_SENTENCE_MAX)
		end.sentence.len = CONTROL_SENTENCE_MAX;
	len = codec_encode(
	    &end_layout, ANSWER_END, &end, buf, CONTROL_ANSWER_MAX);
	if (len == 0)
		fatal("control: verdict %u is out of range", (unsigned)verdict);
	return len;
}

static bool
row_decode(struct control_answer *answer, const uint8_t *buf, size_t len)
{
	uint64_t kind;

	if (!codec_number(buf, len, &kind) || kind >= ROW_COUNT)
		return false;
	answer->kind = (enum control_row)kind;
	return codec_decode(&rows[kind], kind, &answer->row, buf, len);
}

bool
control_answer_decode(
    struct control_answer *answer, const uint8_t *buf, size_t len)
{
	struct answer_end end;

	memset(answer, 0, sizeof(*answer));
	if (len > CONTROL_ANSWER_MAX)
		return false;
	if (len >= ROW_PREFIX_SIZE &&
	    memcmp(buf, row_prefix, ROW_PREFIX_SIZE) == 0)
		return row_decode(
		    answer, buf + ROW_PREFIX_SIZE, len - ROW_PREFIX_SIZE);
	if (!codec_decode(&end_layout, ANSWER_END, &end, buf, len) ||
	    !verdict_from(end.verdict, &answer->verdict))
		return false;
	answer->is_end = true;
	answer->sentence = end.sentence;
	return true;
}
