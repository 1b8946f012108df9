#!/bin/sh
# SPDX-License-Identifier: ISC
# `make deb`: Debian packages of a release, built in a chroot that has nothing
# but what debian/control asks for, by a user without rights, and looked at by
# that Debian's lintian.
#
#   build.sh SUITE dmd-VERSION.tar.gz OUTPUT_DIRECTORY
#
# MIRROR names another mirror of Debian, DEB_BUILD_OPTIONS=nocheck leaves the
# tests out. Needs mmdebstrap, and root or user
# namespaces.
set -eu

suite=$1 tarball=$2 out=$3
command -v mmdebstrap >/dev/null || {
	echo "make deb needs mmdebstrap: apt-get install mmdebstrap" >&2
	exit 77
}
tree=$(basename "$tarball" .tar.gz)
rm -rf "$out"
mkdir -p "$out"

# Runs in the chroot, in /build.
build() {
	cat <<EOF
set -eux
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/build
export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-}"
# as sbuild has it
echo 127.0.0.1 localhost >/etc/hosts
cd /build
tar -xzf $tree.tar.gz
apt-get -qq -y --no-install-recommends build-dep ./$tree >/dev/null
chown -R nobody:nogroup .
cd $tree
setpriv --reuid=nobody --regid=nogroup --clear-groups \
    dpkg-buildpackage -us -uc
cd ..
rm $tree.tar.gz
apt-get -qq -y --no-install-recommends install lintian >/dev/null
setpriv --reuid=nobody --regid=nogroup --clear-groups \
    lintian --info --display-info --fail-on error,warning *.changes
mkdir result
mv *.deb *.dsc *.tar.* *.changes *.buildinfo result
EOF
}

script=$(mktemp)
trap 'rm -f "$script"' EXIT
build >"$script"

mmdebstrap --variant=buildd --skip=output/dev \
    --setup-hook='mkdir -p "$1/build"' \
    --customize-hook="copy-in $tarball /build" \
    --customize-hook="chroot \"\$1\" sh -s <$script" \
    --customize-hook="copy-out /build/result $out" \
    "$suite" /dev/null ${MIRROR:+"$MIRROR"}
mv "$out"/result/* "$out"
rmdir "$out/result"
ls "$out"
