#!/usr/bin/env bash
# Set up, run the demo and the tests in a bare Debian with python3, make and git alone, as root:
#
#     tools/bare_debian.sh [FOLDER] [COMMAND ...]      (default: a temporary folder; make test demo)
#
# The root is made by debootstrap (apt-get install debootstrap) and kept if FOLDER is named. The
# checkout's last commit is cloned into it. BIND names further folders that are shown read-only
# inside, with the same paths, for package sources that the machine keeps on its disk; variables
# that begin with PIP_ or SSL_ go in with their values.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
command -v debootstrap >/dev/null || { echo "error: debootstrap is missing: apt-get install debootstrap" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "error: debootstrap and chroot need root" >&2; exit 2; }

root=${1:-}
if [ -z "$root" ]; then
    root=$(mktemp -d)
    trap 'umount -R "$root"/* 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT
fi
commands=("${@:2}")
[ ${#commands[@]} -gt 0 ] || commands=("make test" "make demo")

[ -x "$root/usr/bin/make" ] || debootstrap --variant=minbase \
    --include=python3,make,git,ca-certificates "${SUITE:-bookworm}" "$root" >/dev/null

# A mount namespace of its own: whatever is mounted inside goes with the process.
exec_inside() {
    unshare --mount bash -c '
        set -euo pipefail
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount --bind /dev "$root/dev"
        mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" 2>/dev/null || true
        for folder in ${BIND:-}; do
            mkdir -p "$root$folder"
            mount --bind -o ro "$folder" "$root$folder"
        done
        cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
        # By name: a value may hold spaces, as a list of indexes does.
        variables=()
        for name in ${!PIP_@} ${!SSL_@}; do variables+=("$name=${!name}"); done
        exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            "${variables[@]}" bash -ec "cd /checkout && $*"
    ' _ "$root" "$@"
}

rm -rf "$root/checkout"
git clone -q --no-hardlinks "$repository" "$root/checkout"
for command in "${commands[@]}"; do
    echo "bare Debian: $command"
    exec_inside "$command"
done
