/* SPDX-License-Identifier: ISC */
#include "dm-net/libp2p/peer_record.h"

#include "dm-net/libp2p/pb.h"
#include "dm-net/libp2p/varint.h"

static const uint8_t payload_type[] = {0x03, 0x01};

struct envelope_bytes
peer_record_type(void)
{
	return (struct envelope_bytes){payload_type, sizeof(payload_type)};
}

size_t
peer_record_payload(uint8_t *out, size_t out_size, const struct peer_id *id,
    uint64_t seq, const struct multiaddr_raw *addrs, size_t addr_count)
{
	struct pb_writer w;

	if (addr_count > PEER_RECORD_ADDRS_MAX || seq > VARINT_VALUE_MAX)
		return 0;
	pb_write_init(&w, out, out_size);
	pb_write_bytes(&w, 1, id->bytes, sizeof(id->bytes));
	pb_write_uint(&w, 2, seq);
	for (size_t i = 0; i < addr_count; i++) {
		/* AddressInfo { multiaddr = 1 } */
		pb_write_head(&w, 3, pb_bytes_size(addrs[i].len));
		pb_write_bytes(&w, 1, addrs[i].bytes, addrs[i].len);
	}
	return w.is_full ? 0 : w.len;
}

size_t
peer_record_signed(uint8_t *out, size_t out_size, struct envelope_bytes payload)
{
	return envelope_signed_bytes(
	    out, out_size, PEER_RECORD_DOMAIN, peer_record_type(), payload);
}

size_t
peer_record_seal(uint8_t *out, size_t out_size, const struct peer_id *id,
    struct envelope_bytes payload,
    const uint8_t signature[static ENVELOPE_SIGNATURE_BYTES])
{
	return envelope_encode(
	    out, out_size, id, peer_record_type(), payload, signature);
}
