#!/bin/busybox sh
# SPDX-License-Identifier: ISC
# The first process of the virtual machine. It starts dmd on the disk as the
# disk is, and reports on the second serial port: the files before dmd runs
# ("early"), those when it serves ("late"), and what else a person would have
# to look at. The first port has the kernel's messages and dmd's log.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run

report() {
	echo "$*" >/dev/ttyS1
}

# sha256 and name of each file below a directory of the state
list() {
	cd "/disk/data-mesher/$2" 2>/dev/null || return
	find . -type f -exec sha256sum {} + | sed "s/^/$1 /" >/dev/ttyS1
	cd /
}

while read -r module; do
	insmod "/modules/$module" || report "failed: insmod $module"
done </modules/order
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up

report begin
if ! mount -t "$(cat /etc/fs)" /dev/vda /disk; then
	report "failed: mount"
	exec sleep 1000000
fi
list early files

dmd -d -f /etc/dm.toml &
until wget -q -O /dev/null http://127.0.0.1:7331/files; do
	if ! kill -0 $! 2>/dev/null; then
		wait $!
		report "failed: dmd ended with $?"
		exec sleep 1000000
	fi
	sleep 0.1
done
list late files
list quarantined quarantine
report ready
wait $!
report "failed: dmd ended with $?"
exec sleep 1000000
