"""PostgreSQL's own load generator with the raw INSERT: what is left when no Python runs at all."""

import os
import re
import subprocess

from benchmarks import samples
from benchmarks.harness import Timing
from benchmarks.peers import raw
from benchmarks.scratch import STATE, services


def appending(events: int, *, writers: int) -> Timing:
    """For two seconds, which is the least that it can be told after one. It keeps no latencies of single ones."""
    data, metadata = samples.encoded()
    script = STATE / "insert.sql"
    script.write_text(
        f"INSERT INTO {raw.TABLE} ({raw.COLUMNS})"
        " SELECT gen_random_uuid(), one.id, 'order', 'order.edit_staged', 1,"
        f" '{data}'::jsonb, '{metadata}'::jsonb, version"
        f" FROM (SELECT gen_random_uuid() AS id OFFSET 0) one, generate_series(1, {events}) version;\n"
    )
    command = [services.pgbin / "pgbench", "-n", "-M", "prepared", "-c", writers, "-j", 2, "-T", 2, "-f", script]
    told = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [*map(str, command), os.environ["DATABASE_URL"]], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found = re.search(r"^tps = ([\d.]+)", told, re.MULTILINE)
    done = re.search(r"transactions actually processed: (\d+)", told)
    if not (found and done):
        raise RuntimeError(f"pgbench did not say what it did: {told}")
    count = int(done[1])
    return Timing(count * events, count / float(found[1]))
