/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/envelope.h"

#include <string.h>

#include "dm-net/libp2p/pb.h"

static void
put_counted(struct pb_writer *w, const void *bytes, size_t len)
{
	pb_write_varint(w, len);
	pb_write_raw(w, bytes, len);
}

size_t
envelope_signed_bytes(uint8_t *out, size_t out_size, const char *domain,
    struct envelope_bytes type, struct envelope_bytes payload)
{
	struct pb_writer w;
	size_t domain_len = strlen(domain);

	if (domain_len > ENVELOPE_LABEL_MAX || type.len > ENVELOPE_LABEL_MAX ||
	    payload.len > ENVELOPE_PAYLOAD_MAX)
		return 0;
	pb_write_init(&w, out, out_size);
	put_counted(&w, domain, domain_len);
	put_counted(&w, type.bytes, type.len);
	put_counted(&w, payload.bytes, payload.len);
	return w.is_full ? 0 : w.len;
}

size_t
envelope_encode(uint8_t *out, size_t out_size, const struct peer_id *signer,
    struct envelope_bytes type, struct envelope_bytes payload,
    const uint8_t signature[static ENVELOPE_SIGNATURE_BYTES])
{
	struct pb_writer w;

	if (type.len > ENVELOPE_LABEL_MAX || payload.len > ENVELOPE_PAYLOAD_MAX)
		return 0;
	pb_write_init(&w, out, out_size);
	pb_write_bytes(&w, 1, peer_id_key_proto(signer), PEER_KEY_PROTO_BYTES);
	pb_write_bytes(&w, 2, type.bytes, type.len);
	pb_write_bytes(&w, 3, payload.bytes, payload.len);
	pb_write_bytes(&w, 5, signature, ENVELOPE_SIGNATURE_BYTES);
	return w.is_full ? 0 : w.len;
}
