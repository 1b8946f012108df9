#!/bin/sh
# SPDX-License-Identifier: ISC
# For `make lint-musl`: the headers of the libraries and of the kernel without
# those of the C library, and <sys/queue.h>, which musl leaves to others
# (Alpine: bsd-compat-headers).
#
#   musl_headers.sh DIRECTORY
set -eu

to=$1
multiarch=$(gcc -print-multiarch)
rm -rf "$to"
mkdir -p "$to/sys"
for from in /usr/include "/usr/include/$multiarch"; do
	for name in asm asm-generic linux event.h event2 evutil.h ini.h \
	    llhttp.h lmdb.h msgpack msgpack.h nghttp2 openssl protobuf-c \
	    seccomp-syscalls.h seccomp.h; do
		[ ! -e "$from/$name" ] || cp -rL "$from/$name" "$to"
	done
	[ ! -e "$from/sys/queue.h" ] || cp "$from/sys/queue.h" "$to/sys"
done
