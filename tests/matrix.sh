#!/usr/bin/env bash
# Run the tests on one FastAPI version: tests/matrix.sh 0.135.0
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1
env=.venvs/fastapi-$version
python=$env/bin/python
pins=("fastapi==$version")
# The lowest FastAPI is tested with the lowest Starlette, the others with the newest.
[ "$version" = 0.135.0 ] && pins+=("starlette==1.3.1")

test -x "$python" || .venv/bin/python -m venv --without-pip "$env"
grep -vE '^(fastapi|starlette)==' requirements/dev.txt > "$env/constraints.txt"
.venv/bin/uv pip install --quiet --compile-bytecode --python "$python" -c "$env/constraints.txt" \
  --group test -e '.[demo,postgres]' "${pins[@]}"
echo "== FastAPI $version, Starlette $("$python" -c 'import starlette; print(starlette.__version__)')"
# shellcheck disable=SC2086 # several words each
"$python" -m pytest -q -n "${WORKERS:-auto}" -m "not soak" \
  -o "cache_dir=$PWD/$env/.pytest_cache" ${ARGS:-} ${MATRIX_TESTS:-tests}
