#!/usr/bin/env bash
# Build the wheel of the last commit, install it into a new environment, and use it in an empty
# folder, where nothing of the checkout can be found:
#
#     tools/try_wheel.sh [FOLDER] [COMMAND ...]     (default: a temporary folder; unigs demo)
#
# About ten minutes on 2 cores, most of it for the demo. PYTHON names the interpreter; FOLDER, if
# named, is kept. `demo` has to end with results/index.html, and no file of the results may name the
# checkout.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}

root=${1:-}
if [ -z "$root" ]; then
    root=$(mktemp -d)
    trap 'rm -rf "$root"' EXIT
fi
commands=("${@:2}")
[ ${#commands[@]} -gt 0 ] || commands=("unigs demo")

mkdir -p "$root/empty"
root=$(cd "$root" && pwd)
[ -z "$(ls -A "$root/empty")" ] || { echo "error: $root/empty is not empty" >&2; exit 2; }
rm -rf "$root/source" "$root/venv" "$root/wheel"
git clone -q --no-hardlinks "$repository" "$root/source"
"$python" "$repository/tools/make_venv.py" "$root/venv"
"$root/venv/bin/pip" wheel -q --no-deps --wheel-dir "$root/wheel" "$root/source"
"$root/venv/bin/pip" install -q -c "$root/source/constraints.txt" "$root"/wheel/unigs-*.whl
"$root/venv/bin/pip" check
rm -rf "$root/source"

cd "$root/empty"
for command in "${commands[@]}"; do
    echo "wheel in an empty folder: $command"
    env -u PYTHONPATH -u UNIGS_MODELS PATH="$root/venv/bin:/usr/local/bin:/usr/bin:/bin" \
        bash -euc "$command"
    case $command in
        *demo*)
            [ -s results/index.html ] || { echo "error: no page" >&2; exit 1; }
            if grep -rqF "$repository" results logs; then
                echo "error: results or logs name the checkout" >&2
                exit 1
            fi
            ;;
    esac
done
echo "the wheel works"
