#!/bin/sh
# Installs edge from the folder that holds this script and a program "edge", on the machine that it is to run on, as
# root. Run again it changes only what differs. With DESTDIR set it puts the files there and starts nothing.
#
# Other files in the folder config/ (a model, labels, edge.yaml) go to /etc/edge. All is checked with the new program and
# copied beside its place before anything is replaced; what is replaced stays as NAME.previous.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
etc=$root/etc/edge
program=$root/usr/local/bin/edge
newline='
'
staged=
check=$(mktemp -d 2>/dev/null || mktemp -d -p /run) # /run also if the root is read-only
trap 'rm -rf "$check"' EXIT

# stage FILE TARGET [MODE]: copies FILE to TARGET.new, if it differs from TARGET.
stage() {
	if cmp -s "$1" "$2"; then
		return
	fi
	staged="$staged$2$newline"
	if ! { mkdir -p "$(dirname "$2")" && cp "$1" "$2.new" && chmod "${3:-0644}" "$2.new"; }; then
		each unstage
		echo "install.sh: $2 can't be written: if the file system is full, make room (df -h); if it is read-only: sudo mount -o remount,rw /" >&2
		unchanged
		exit 1
	fi
}

# each FUNCTION: calls it for each target that is staged.
each() {
	rest=$staged
	while [ -n "$rest" ]; do
		target=${rest%%"$newline"*}
		rest=${rest#*"$newline"}
		"$1" "$target"
	done
}

unstage() { rm -f "$1.new" 2>/dev/null || true; }

# place TARGET: puts TARGET.new there in one step, so that nobody sees half of it, and keeps what was there.
place() {
	case $1 in
	"$program" | "$etc"/*)
		if [ -e "$1" ]; then
			ln -f "$1" "$1.previous" 2>/dev/null || cp -p "$1" "$1.previous" || true
		fi
		;;
	esac
	mv -f "$1.new" "$1"
	echo "installed $1"
}

# unchanged says what still runs after a deployment that was refused.
unchanged() {
	echo "install.sh: nothing was changed" >&2
	if [ -z "$root" ]; then
		echo "the service edge, with what it had: $(systemctl is-active edge.service || true)" >&2
	fi
}

# checked PROGRAM FILE: runs check-config and leaves what it says in $said.
checked() { said=$("$1" check-config "$2" 2>&1); }

if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
	echo "install.sh: run it as root: sudo sh $0" >&2
	exit 1
fi

# What /etc/edge will hold, as links, for the new program to check.
for file in "$etc"/* "$here"/config/*; do
	if [ -f "$file" ]; then
		ln -sf "$file" "$check/$(basename "$file")"
	fi
done
if [ ! -e "$check/edge.yaml" ]; then
	ln -s "$here/edge.yaml" "$check/edge.yaml"
fi
status=0
checked "$here/edge" "$check/edge.yaml" || status=$?
if [ "$status" = 126 ] || [ "$status" = 127 ]; then
	if [ -z "$root" ]; then
		echo "install.sh: the new program doesn't run on this machine: $said" >&2
		unchanged
		exit 1
	fi
	status=0 # files for another machine can't be checked here
fi
if [ "$status" != 0 ]; then
	echo "$said" | sed "s|$check/|$etc/|g" >&2
	if [ -e "$here/config/edge.yaml" ] || { [ -x "$program" ] && checked "$program" "$etc/edge.yaml"; }; then
		unchanged # there is a good one, or the one that is brought is wrong
		exit 78
	fi
fi

stage "$here/edge" "$program" 0755
stage "$here/edge.sysusers" "$root/etc/sysusers.d/edge.conf"
stage "$here/60-edge.rules" "$root/etc/udev/rules.d/60-edge.rules"
stage "$here/edge.service" "$root/etc/systemd/system/edge.service"
stage "$here/edge.socket" "$root/etc/systemd/system/edge.socket" # enabled by whoever wants the page
if command -v rpicam-vid >/dev/null; then
	stage "$here/edge.service.d/rpicam.conf" "$root/etc/systemd/system/edge.service.d/rpicam.conf"
fi
stage "$here/edge.yaml" "$etc/edge.yaml.example"
if [ -f "$here/LICENCES" ]; then
	stage "$here/LICENCES" "$root/usr/local/share/doc/edge/LICENCES"
fi
for file in "$here"/config/*; do
	if [ -f "$file" ]; then
		stage "$file" "$etc/$(basename "$file")"
	fi
done
if [ ! -e "$etc/edge.yaml" ] && [ ! -e "$here/config/edge.yaml" ]; then # never over somebody's own
	stage "$here/edge.yaml" "$etc/edge.yaml"
fi
# What is staged is on the card before anything is replaced, and what is replaced at the end: a power cut finds whole files, and,
# but for the moment between, all of the old ones or all of the new ones.
settle() {
	if [ -n "$staged" ]; then
		sync
	fi
}
settle
each place
settle

for file in "$here"/config/*.tflite; do
	name=$(basename "$file")
	if [ -f "$file" ] && ! sed 's/#.*//' "$etc/edge.yaml" | grep -qF "$name"; then
		echo "$etc/edge.yaml doesn't use $name: write there \"model: $name\"" >&2
	fi
done

if [ -n "$root" ]; then
	exit 0
fi
if [ -n "$staged" ]; then
	systemd-sysusers /etc/sysusers.d/edge.conf
	udevadm control --reload
	udevadm trigger --action=change --subsystem-match=gpio --subsystem-match=video4linux --subsystem-match=media \
		--subsystem-match=dma_heap
	udevadm settle --timeout=10
	systemctl daemon-reload
fi
systemctl --quiet enable edge.service
if [ "$status" != 0 ]; then
	echo "edge isn't started: put /etc/edge/edge.yaml right, then: sudo systemctl restart edge" >&2
	exit 78
fi
action=start
if [ -n "$staged" ]; then
	action=restart
fi
if ! systemctl $action edge.service; then
	echo "edge doesn't run yet: journalctl -u edge says why; systemd continues to try" >&2
	echo "what was there before is beside each file, as NAME.previous" >&2
	exit 1
fi
echo "edge runs; its log: journalctl -u edge"
