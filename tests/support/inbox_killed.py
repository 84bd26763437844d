"""A writer that is killed: writes batches, says which were acknowledged, for ever.

    python -m support.inbox_killed <file>

prints the ids of each batch once the store has returned.
"""

import sys

from steadfastapi.inbox.sqlite import SQLiteStore
from support.inbox import batch, entry


def main() -> None:
    """Write until the end."""
    store = SQLiteStore(sys.argv[1])
    while True:
        entries = [entry("a", message="x" * 500), entry("b")]
        store.write(batch(*entries))
        sys.stdout.write(" ".join(one.id for one in entries) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
