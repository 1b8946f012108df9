/* SPDX-License-Identifier: ISC */
/* peers: the connections of this node, and configured peers without one. */
#include <sysexits.h>

#include "dmctl/command.h"
#include "dmctl/output.h"
#include "dmctl/target.h"

/* In JSON as GET /peers says it. */
static const struct column columns[] = {
    {"PEER", "peer", 0},
    {"ADDRESS", "address", 0},
    {"DIR", "direction", 0},
    {"STATE", "state", 0},
    {"SINCE", "since", 0},
    {"RTT", NULL, 0},
    {NULL, "rtt_ns", 0},
    {"SYNCED", "synced", 0},
    {"FILES", "files", 0},
    {"IN", "in_bytes", 0},
    {"OUT", "out_bytes", 0},
    {NULL, "agent", 0},
    {"LAST-ERROR", NULL, 0},
    {NULL, "last_error", 0},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void
peer_row(struct output *out, const struct row_peer *p)
{
	static const char *const directions[] = {NULL, "in", "out"};
	struct cell c[COLUMNS];

	c[0] = cell_text(p->peer);
	c[1] = cell_text(p->address);
	c[2] = cell_string(directions[p->direction]);
	c[3] = cell_text(p->state);
	c[4] = cell_time(p->since_ns);
	c[5] = cell_duration(p->rtt_ns);
	c[6] = p->rtt_ns != 0 ? cell_number(p->rtt_ns) : cell_null();
	c[7] = cell_bool(p->synced);
	c[8] = cell_number(p->files);
	c[9] = cell_size(p->in_bytes);
	c[10] = cell_size(p->out_bytes);
	c[11] = cell_text(p->agent);
	c[12] = p->last_error.len > 0 ? cell_text(p->last_error) : cell_null();
	c[13] = cell_text(p->last_error);
	output_row(out, c);
}

int
command_peers(const struct args *args)
{
	struct control_ask ask;
	enum ask_result result;
	struct output *out;
	struct target t;
	int code;

	code = target_init(&t, args);
	if (code == EX_OK)
		code = target_ask(&t, &ask, CONTROL_PEERS, NULL);
	if (code != EX_OK) {
		target_clear(&t);
		return code;
	}
	out = output_new(args, OUTPUT_TABLE, columns, COLUMNS);
	while ((result = control_ask_next(&ask, target_deadline(&t, &ask))) ==
	       ASK_ROW)
		if (ask.answer.kind == ROW_PEER)
			peer_row(out, &ask.answer.row.peer);
	code = target_ended(&t, &ask, result, NULL);
	output_end(out, code == EX_OK ? "no peers" : NULL);
	control_ask_close(&ask);
	target_clear(&t);
	return code;
}
