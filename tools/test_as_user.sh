#!/usr/bin/env bash
# The hostile class graded by an ordinary user: as root, by a user made for it, with a copy and a Python of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
tests="tests/grading/hostile tests/grading/test_engine.py"
user=unrolled-test
folder=/var/tmp/$user
python=/usr/bin/python3.11 # root's own may be where nobody else may look

skip() { echo "test-as-user: skipped, $1"; exit 0; }
as_user() { runuser -u "$user" -- env HOME="$folder" TMPDIR="$folder/tmp" "$@"; }

if [ "$(id -u)" != 0 ]; then
  exec .venv/bin/pytest -n 0 -m "slow or not slow" $tests
fi
command -v bwrap >/dev/null || skip "Debian's package bubblewrap is missing"
"$python" -c 'import ensurepip' 2>/dev/null || skip "no $python with venv: install Debian's package python3.11-venv"
id "$user" >/dev/null 2>&1 || useradd --no-create-home --home-dir "$folder" "$user"
mkdir -p "$folder/course" "$folder/tmp"
find "$folder/course" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
git ls-files -z | xargs -0 cp --parents -t "$folder/course"
chown -R "$user" "$folder"
as_user bwrap --unshare-user --ro-bind / / true || skip "an ordinary user gets no user namespace here"
cd "$folder/course"
[ -x .venv/bin/python ] || as_user "$python" -m venv .venv
as_user .venv/bin/pip install -q -c constraints.txt -e '.[dev]'
as_user .venv/bin/pytest -n 0 -m "slow or not slow" $tests
