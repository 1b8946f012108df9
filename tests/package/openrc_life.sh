#!/bin/sh
# SPDX-License-Identifier: ISC
# What an administrator does with OpenRC's script, run by openrc.sh in the
# chroot.
set -eu

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
cd /check
toml=/etc/data-mesher/dm.toml
die() { echo "openrc: $*" >&2; cat /var/log/dmd.log ./*.log >&2; exit 1; }
# wait_for COMMAND...: polls until it succeeds, for 30 seconds
wait_for() {
	end=$(($(date +%s) + 30))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.1
	done
}
rc() { rc-service dmd "$@" >>rc.log 2>&1; }
trap 'rc stop || :' EXIT

apt-get -qq -y --no-install-recommends install ./dmd_*.deb ./dmctl_*.deb \
    >install.log
# of the package for Debian, for another init
rm -f /etc/init.d/dmd
install -D -m 755 dmd.initd /etc/init.d/dmd
install -D -m 644 dmd.confd /etc/conf.d/dmd
# what the boot makes
for state in exclusive starting started stopping inactive wasinactive failed \
    hotplugged daemons options scheduled tmp; do
	mkdir -p "/run/openrc/$state"
done
touch /run/openrc/softlevel
printf '[cluster]\ninterface = "lo"\n[files]\n' >$toml

echo "== a bad configuration: nothing is started"
cp $toml good.toml
echo nonsense >>$toml
! rc start || die "it started with a bad configuration"
grep -q 'dm.toml:4: ' rc.log || die "it does not say what is wrong"
! dmctl id >/dev/null 2>&1 || die "a daemon runs"
cp good.toml $toml

echo "== start: it works when the command is done"
rc start || die "it does not start"
dmctl id >/dev/null || die "it does not answer"
rc status || die "its status is not started"
grep -q ready /var/log/dmd.log || die "nothing in its log"
[ "$(stat -c %U:%G:%a /var/lib/data-mesher)" = root:data-mesher:750 ] ||
	die "its state directory: $(stat -c %U:%G:%a /var/lib/data-mesher)"

echo "== reload: a bad configuration is refused, a good one taken up"
echo nonsense >>$toml
! rc reload || die "a bad configuration was taken up"
sed '1i log_level = "debug"' good.toml >$toml
rc reload || die "it does not reload"
dmctl status --json | grep -q '"log_level":"debug"' ||
	die "the configuration was not taken up"

echo "== a daemon that was killed comes back"
pid_of() { dmctl status --json | sed -n 's/.*"pid":\([0-9]*\).*/\1/p'; }
is_another() { new=$(pid_of) && [ -n "$new" ] && [ "$new" != "$pid" ]; }
pid=$(pid_of)
[ "$(cat "/proc/$pid/comm")" = dmd ] || die "$pid is not dmd"
kill -9 "$pid"
wait_for is_another || die "it did not come back"

echo "== stop: no process is left when the command is done"
children=$(pgrep -P "$new" | tr '\n' ' ')
[ "$(echo "$children" | wc -w)" = 3 ] || die "its processes: $children"
rc stop || die "it does not stop"
for left in "$new" $children; do
	[ ! -e "/proc/$left" ] || die "left behind: $left"
done
! rc status || die "its status is started"
echo "openrc: all is well"
