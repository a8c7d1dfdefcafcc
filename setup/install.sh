#!/bin/sh
# Installs the Debian packages of packages.txt that are missing. Does nothing, and needs no root, when none is.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

has() { # a package counts as there when dpkg says so, or when its program is on the path by other means
  dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -q '^installed$' && return 0
  case "$1" in
    nodejs) command -v node >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ] ;;
    npm | git | curl | make | ccache | python3) command -v "$1" >/dev/null ;;
    *) return 1 ;;
  esac
}

missing=
for package in $(sed 's/#.*//' "$here/packages.txt"); do
  has "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: as root, run: apt-get install$missing" >&2; exit 77; }
  sudo=sudo
fi
echo "setup: installing$missing" >&2
$sudo apt-get update -qq
# shellcheck disable=SC2086  # the list is words on purpose
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing >&2
