#!/bin/sh
# SPDX-License-Identifier: ISC
# `make deb-check`: what an administrator does with the packages that `make deb`
# made, in a fresh chroot of the same Debian: install, debian/tests, an upgrade
# over a daemon that runs, remove, purge.
#
#   deb.sh SUITE DIRECTORY_OF_THE_PACKAGES
set -eu

suite=$1 packages=$2
here=$(cd "$(dirname "$0")" && pwd)
ls "$packages"/dmd_*.deb "$packages"/dmctl_*.deb >/dev/null
mmdebstrap --variant=minbase --skip=output/dev \
    --setup-hook='mkdir -p "$1/check"' \
    --customize-hook="cp '$packages'/dmd_*.deb '$packages'/dmctl_*.deb \
	'$here/deb_life.sh' '$here/systemctl' '$here/../../debian/tests/mesh' \
	\"\$1/check\"" \
    --customize-hook='chroot "$1" sh /check/deb_life.sh' \
    "$suite" /dev/null ${MIRROR:+"$MIRROR"}
