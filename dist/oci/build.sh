#!/bin/sh
# SPDX-License-Identifier: ISC
# `make oci`: a container image of the packages that `make deb` made and of the
# libraries that they need, in the versions of that Debian. Nothing of the image
# is run while it is made, so no daemon and no rights are needed, and packages
# for another machine make an image for that machine.
#
#   build.sh SUITE DIRECTORY_OF_THE_PACKAGES OUTPUT_DIRECTORY
#
# MIRROR names another mirror of Debian. Needs mmdebstrap, dpkg-deb, readelf,
# and root or user namespaces.
set -eu

suite=$1 packages=$2 out=$3
here=$(cd "$(dirname "$0")" && pwd)
for tool in mmdebstrap:mmdebstrap dpkg-deb:dpkg readelf:binutils; do
	command -v ${tool%:*} >/dev/null || {
		echo "make oci needs ${tool%:*}: apt-get install ${tool#*:}" >&2
		exit 77
	}
done
dmd=$(echo "$packages"/dmd_*.deb) dmctl=$(echo "$packages"/dmctl_*.deb)
arch=$(dpkg-deb -f "$dmd" Architecture)

# What the packages depend on besides libraries is for their installation.
libraries=$(for deb in "$dmd" "$dmctl"; do
	dpkg-deb -f "$deb" Depends | tr , '\n' | sed -n 's/^ *\(lib[^ ]*\).*/\1/p'
done | sort -u | paste -sd,)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# base-files says which Debian this is, for whoever looks for old libraries
mmdebstrap --quiet --variant=extract --architectures="$arch" \
    --include="base-files,$libraries" \
    --extract-hook="copy-out /var/cache/apt/archives $work" \
    "$suite" /dev/null ${MIRROR:+"$MIRROR"}
cp "$dmd" "$dmctl" "$work/archives"
rm -rf "$out"
mkdir -p "$out"
python3 "$here/image.py" "$work/archives" "$out"
