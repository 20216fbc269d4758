"""PostgreSQL's own load generator with the raw INSERT: the limit without any Python."""

import os
import re
import subprocess

from benchmarks import samples
from benchmarks.harness import Timing
from benchmarks.peers import raw
from benchmarks.scratch import STATE, services


def appending(events: int, *, writers: int) -> Timing:
    """Measure for two seconds. pgbench reports no latencies of single calls."""
    data, metadata = samples.encoded()
    script = STATE / "insert.sql"
    script.write_text(
        f"INSERT INTO {raw.TABLE} ({raw.COLUMNS})"
        " SELECT gen_random_uuid(), one.id, 'order', 'order.edit_staged', 1,"
        f" '{data}'::jsonb, '{metadata}'::jsonb, version"
        f" FROM (SELECT gen_random_uuid() AS id OFFSET 0) one, generate_series(1, {events}) version;\n"
    )
    pgbench = services.postgres.pgbin / "pgbench"
    command = [pgbench, "-n", "-M", "prepared", "-c", writers, "-j", 2, "-T", 2, "-f", script]
    output = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        [*map(str, command), os.environ["DATABASE_URL"]], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    rate = re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)
    done = re.search(r"transactions actually processed: (\d+)", output)
    if not (rate and done):
        raise RuntimeError(f"pgbench printed no result: {output}")
    count = int(done[1])
    return Timing(count * events, count / float(rate[1]))
