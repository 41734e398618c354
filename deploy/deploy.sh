#!/bin/sh
# Copies edge to a board over ssh and installs it there:
#
#	deploy/deploy.sh HOST EDGE [FILE…]
#
# HOST is what ssh takes, EDGE the program for the board (make build-arm64). Each FILE goes to /etc/edge: a model,
# labels, or your edge.yaml, which is otherwise left as it is.
set -eu

if [ $# -lt 2 ]; then
	sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
	exit 1
fi
here=$(cd "$(dirname "$0")" && pwd)
host=$1
program=$2
shift 2

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/config"
cp "$program" "$stage/edge"
cp -R "$here/install.sh" "$here/edge.service" "$here/edge.socket" "$here/edge.service.d" "$here/edge.sysusers" "$here/60-edge.rules" \
	"$here/edge.yaml" "$stage"
cp "$here/../licences/licences.txt" "$stage/LICENCES"
for file in "$@"; do
	cp "$file" "$stage/config"
done

# Twice ssh, because the first has the files as its input and the second may have to ask for sudo's password.
folder=$(tar -C "$stage" -cf - . | ssh "$host" '
	case $(uname -m) in
	aarch64) ;;
	*)
		echo "this machine is $(uname -m); edge for boards is built for 64-bit ARM (aarch64)" >&2
		exit 1
		;;
	esac
	folder=$(mktemp -d 2>/dev/null || mktemp -d -p /dev/shm) || exit 1
	tar -C "$folder" -xf - || { rm -rf "$folder"; echo "no room in $folder" >&2; exit 1; }
	echo "$folder"')
tty=
if [ -t 0 ]; then
	tty=-t
fi
# shellcheck disable=SC2029 # the folder's name comes from the board
ssh $tty "$host" "
	if [ \"\$(id -u)\" = 0 ]; then sudo=; else sudo=sudo; fi
	\$sudo sh $folder/install.sh
	status=\$?
	rm -rf $folder
	exit \$status"
