#!/bin/sh
# Installs edge from the folder that holds this script and a program "edge", on the machine that it is to run on, as
# root. Run again it changes only what differs. With DESTDIR set it puts the files there and starts nothing.
#
# Other files in the folder config/ (a model, labels, edge.yaml) go to /etc/edge.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
etc=$root/etc/edge
changed=

# put FILE TARGET [MODE]: copies FILE where it differs from TARGET, in one step, so that nobody sees half of it.
put() {
	if cmp -s "$1" "$2"; then
		return
	fi
	mkdir -p "$(dirname "$2")"
	cp "$1" "$2.new"
	chmod "${3:-0644}" "$2.new"
	mv -f "$2.new" "$2"
	changed="$changed $2"
	echo "installed $2"
}

if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
	echo "install.sh: run it as root: sudo sh $0" >&2
	exit 1
fi

put "$here/edge" "$root/usr/local/bin/edge" 0755
put "$here/edge.sysusers" "$root/etc/sysusers.d/edge.conf"
put "$here/60-edge.rules" "$root/etc/udev/rules.d/60-edge.rules"
put "$here/edge.service" "$root/etc/systemd/system/edge.service"
put "$here/edge.socket" "$root/etc/systemd/system/edge.socket"
if command -v rpicam-vid >/dev/null; then
	put "$here/edge.service.d/rpicam.conf" "$root/etc/systemd/system/edge.service.d/rpicam.conf"
fi
put "$here/edge.yaml" "$etc/edge.yaml.example"
for file in "$here"/config/*; do
	if [ -f "$file" ]; then
		put "$file" "$etc/$(basename "$file")"
	fi
done
if [ ! -e "$etc/edge.yaml" ]; then # never over somebody's own
	put "$here/edge.yaml" "$etc/edge.yaml"
fi

if [ -n "$root" ]; then
	exit 0
fi
if [ -n "$changed" ]; then
	systemd-sysusers /etc/sysusers.d/edge.conf
	udevadm control --reload
	udevadm trigger --action=change --subsystem-match=gpio --subsystem-match=video4linux --subsystem-match=media \
		--subsystem-match=dma_heap
	udevadm settle --timeout=10
	systemctl daemon-reload
fi
systemctl --quiet enable edge.service
if ! /usr/local/bin/edge check-config /etc/edge/edge.yaml; then
	echo "edge isn't started: put /etc/edge/edge.yaml right, then: sudo systemctl restart edge" >&2
	exit 78
fi
action=start
if [ -n "$changed" ]; then
	action=restart
fi
if ! systemctl $action edge.service; then
	echo "edge doesn't run yet: journalctl -u edge says why; systemd goes on trying" >&2
	exit 1
fi
echo "edge runs; its log: journalctl -u edge"
