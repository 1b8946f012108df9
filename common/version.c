/* SPDX-License-Identifier: ISC */
#include "common/version.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "common/msgput.h"

bool
version_is_asked(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], "--version") == 0;
}

void
version_print(const char *program)
{
	printf("%s %s\n", program, DMD_VERSION);
	printf("OpenSSL %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
	printf("msgpack-c %s\n", msgput_library_version());
}
