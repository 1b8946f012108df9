/* SPDX-License-Identifier: ISC */
/* A binary SSHSIG blob from an HTTP header. */
#include <stdlib.h>
#include <string.h>

#include "common/keys/sshsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t key[32], signature[64];
	char armor[SSHSIG_ARMOR_MAX];

	if (!sshsig_decode(data, len, key, signature))
		return 0;
	if (sshsig_armor(key, signature, armor) != strlen(armor) ||
	    strncmp(armor, "-----BEGIN SSH SIGNATURE-----\n", 30) != 0)
		abort();
	return 0;
}
