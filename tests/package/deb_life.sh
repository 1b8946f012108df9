#!/bin/sh
# SPDX-License-Identifier: ISC
# The life of the packages, run by deb.sh in the chroot; /check has what it
# needs. systemd does not run in a chroot: /check/systemctl stands in.
set -eu

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
export PATH=/check/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
state=/var/lib/data-mesher
cd /check

die() { echo "deb-check: $*" >&2; cat /check/*.log >&2; exit 1; }
# wait_for COMMAND...: polls until it succeeds, for 30 seconds
wait_for() {
	end=$(($(date +%s) + 30))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.1
	done
}
asked() { grep -c -E "^(--[a-z]+ )*$1 .*dmd" systemctl.log || :; }
cleanup() { systemctl stop dmd.service || :; }
trap cleanup EXIT

# The same package under a later version.
make_next() {
	dpkg-deb -R "$1" next
	sed -i 's/^Version: .*/&+next/; s/(= \([^)]*\))/(= \1+next)/' \
	    next/DEBIAN/control
	dpkg-deb --root-owner-group -b next "next_$(basename "$1")" >/dev/null
	rm -r next
}

echo "== install: nothing is enabled or started"
apt-get -qq -y --no-install-recommends install ./dmd_*.deb ./dmctl_*.deb \
    >install.log
mkdir -p bin /run/systemd/system
rm -f /usr/sbin/policy-rc.d
ln -s /check/systemctl bin/systemctl
: >systemctl.log
for user in _dmnet _dmstore _dmres; do
	getent passwd $user >/dev/null || die "no user $user"
done
[ "$(stat -c %U:%G:%a $state)" = root:data-mesher:750 ] ||
	die "$state: $(stat -c %U:%G:%a $state)"
[ -z "$(ls -A $state)" ] || die "a daemon was started by the installation"
! ls /etc/systemd/system/*.wants/dmd.service 2>/dev/null ||
	die "the unit is enabled"
dmd -n || die "the conffile is refused"

echo "== debian/tests/mesh"
sh /check/mesh

echo "== upgrade: one restart, and no acknowledged version is lost"
dmctl generate keypair >/dev/null
printf '"config.json" = [ "%s" ]\n' "$(cat key.pub)" >>/etc/data-mesher/dm.toml
cp /etc/data-mesher/dm.toml edited.toml
touch enabled
systemctl start dmd.service
wait_for dmctl status --json || die "dmd did not start"
echo kept >config.json
dmctl upload config.json --key key.priv
id=$(dmctl id --json)
pid=$(cat dmd.pid)
for deb in dmd_*.deb dmctl_*.deb; do make_next "$deb"; done
: >systemctl.log
dpkg -i --force-confold next_*.deb >upgrade.log
[ "$(asked "(try-)?restart")/$(asked stop)/$(asked start)" = 1/0/0 ] ||
	die "an upgrade asks for other than one restart"
[ "$(cat dmd.pid)" != "$pid" ] || die "the old daemon still runs"
wait_for dmctl status --json || die "dmd did not come back"
[ "$(dmctl id --json)" = "$id" ] || die "the node has another identity"
dmctl get config.json | cmp - config.json || die "config.json is lost"
cmp edited.toml /etc/data-mesher/dm.toml || die "the edited dm.toml is lost"

echo "== upgrade of a daemon that does not run: it is left alone"
rm enabled
systemctl stop dmd.service
dpkg -i next_*.deb >upgrade.log
[ ! -e dmd.pid ] || die "an upgrade started a daemon that was stopped"

echo "== remove: the daemon ends, its data and dm.toml stay"
touch enabled
systemctl start dmd.service
wait_for dmctl status --json || die "dmd did not start"
dpkg -r dmd >remove.log
[ ! -e dmd.pid ] || die "the daemon still runs"
[ -e $state/identity.key ] && [ -e $state/files/config.json ] ||
	die "the data is gone"
cmp edited.toml /etc/data-mesher/dm.toml || die "dm.toml is gone"

echo "== purge: nothing stays but the users"
dpkg -P dmd dmctl >purge.log
left=$(find / -xdev \( -name '*dmd*' -o -name '*data-mesher*' -o \
    -name '*dmctl*' -o -name 'dm-net*' -o -name 'dm-store*' \) \
    ! -path '/proc/*' ! -path '/sys/*' ! -path '/check/*')
[ -z "$left" ] || die "left behind: $left"
echo "deb-check: all is well"
