#!/bin/sh
# SPDX-License-Identifier: ISC
# dist/openrc in a fresh chroot with Debian's OpenRC and the packages that
# `make deb` made: start, reload, a bad configuration, a crash, stop.
#
#   openrc.sh SUITE DIRECTORY_OF_THE_PACKAGES
set -eu

suite=$1 packages=$2
here=$(cd "$(dirname "$0")" && pwd)
ls "$packages"/dmd_*.deb "$packages"/dmctl_*.deb >/dev/null
# shellcheck disable=SC2016 # mmdebstrap's shell expands $1
mmdebstrap --variant=minbase --include=openrc,procps --skip=output/dev \
    --setup-hook='mkdir -p "$1/check"' \
    --customize-hook="cp '$packages'/dmd_*.deb '$packages'/dmctl_*.deb \
	'$here'/openrc_life.sh '$here'/../../dist/openrc/dmd.* \"\$1/check\"" \
    --customize-hook='chroot "$1" sh /check/openrc_life.sh' \
    "$suite" /dev/null ${MIRROR:+"$MIRROR"}
