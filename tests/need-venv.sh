#!/bin/sh
# Make sure that this Python is new enough and can make virtual environments; Debian keeps that in a package of its own.
set -eu
python=$1
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: $python is older than Python 3.11; name another: make PYTHON=python3.12" >&2
    exit 4
}
"$python" -c 'import ensurepip, venv' 2>/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Debian's python3-venv ..."
    apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null
else
    echo "error: this Python cannot make virtual environments; install the package python3-venv, then try again" >&2
    exit 4
fi
