#!/usr/bin/env bash
# Starts the local stack and asks Grafana for each dashboard and each of its queries:
# what CI cannot run for lack of a container engine. `make stack-check` calls it.
#
#   grafana/smoke.sh            start the stack, wait until it is healthy, check it
#   grafana/smoke.sh --no-up    check what runs already
#
# Other options are handed to examples/shop_stack/smoke.py; `--help` lists them. Ends with 0
# when everything was answered, and 1 with a list of what was not.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = "--no-up" ]; then
  shift
else
  if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
  elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
  else
    echo "docker compose is missing: install Docker, or start the stack yourself and" \
      "run: grafana/smoke.sh --no-up" >&2
    exit 2
  fi
  if ! docker info >/dev/null 2>&1; then
    echo "docker has no engine to talk to: start it, and try again" >&2
    exit 2
  fi
  "${compose[@]}" up --detach --build
  # `up --wait` is unknown to docker-compose 1.29: look at the health by ourselves.
  deadline=$((SECONDS + ${STACK_TIMEOUT:-300}))
  until [ "$SECONDS" -ge "$deadline" ]; do
    waiting=$("${compose[@]}" ps --all --quiet | xargs -r docker inspect --format \
      '{{.Name}} {{.State.Status}}{{if .State.Health}} {{.State.Health.Status}}{{end}}' |
      grep -Ev ' running( healthy)?$' || true)
    [ -z "$waiting" ] && break
    sleep 2
  done
  if [ -n "${waiting:-}" ]; then
    echo "not healthy in time: $waiting" >&2
    "${compose[@]}" logs --tail 20 >&2
    exit 1
  fi
fi

exec "${PYTHON:-python3}" examples/shop_stack/smoke.py "$@"
