"""What the embedded PostgreSQL is told: its configuration and who may connect.

The files lie outside the cluster and are written at each start, so an upgrade of Keyuan brings its settings along.
Personal data must not reach the log: statements, parameters and details of errors stay out of it.
Sizes fit the whole product into 2,500 MB.
"""

from pathlib import Path

from keyuan.engines.database.embedded.layout import Layout

ACCESS = """\
# Passwords for everybody, on the socket too. No replication.
local  all  all                scram-sha-256
host   all  all  127.0.0.1/32  scram-sha-256
"""

_SETTINGS: dict[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "password_encryption": "scram-sha-256",
    # Durable, always.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # Nobody replicates from an embedded server.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Few checkpoints during an import.
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "wal_buffers": "16MB",
    "checkpoint_timeout": "15min",
    # Memory: keys are random, so the ends of their indexes have to be at hand.
    "shared_buffers": "384MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "96MB",
    "huge_pages": "off",
    # Files of the cluster instead of /dev/shm: containers give that 64 MB, and a kill would leave segments behind.
    "dynamic_shared_memory_type": "mmap",
    # Two cores.
    "io_workers": "2",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "max_parallel_maintenance_workers": "1",
    "autovacuum_max_workers": "2",
    # A young table has no statistics, and a plan that takes it for empty walks all of it: look soon. But small tables
    # that are rewritten all the time, which their pages are made for, need no round each time.
    "autovacuum_naptime": "20s",
    "autovacuum_analyze_scale_factor": "0.5",
    "autovacuum_vacuum_threshold": "20000",
    # Most of our tables are only added to. A round after each fifth of growth reads them whole and changes nothing that
    # anybody waits for; freezing has its own time.
    "autovacuum_vacuum_insert_threshold": "5000000",
    "random_page_cost": "1.1",
    "jit": "off",
    # A batch may touch every monthly partition.
    "max_locks_per_transaction": "256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # The log: a file per hour of the week, each overwritten a week later.
    "logging_collector": "on",
    "log_filename": "postgresql-%a-%H.log",
    "log_file_mode": "0600",
    "log_rotation_age": "60",
    "log_rotation_size": "0",
    "log_truncate_on_rotation": "on",
    # An ERROR may quote the value that it refuses, and the application gets it anyway: only what concerns the server.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_checkpoints": "off",
    "log_connections": "off",
    "log_disconnections": "off",
    "cluster_name": "keyuan",
    # The truth about settings is this file.
    "allow_alter_system": "off",
}


def write_settings(layout: Layout, port: int) -> None:
    """Write `postgresql.conf` and `pg_hba.conf` of this start."""
    settings = {
        **_SETTINGS,
        "port": str(port),
        "unix_socket_directories": f'"{layout.sockets}"',
        "data_directory": str(layout.data),
        "hba_file": str(layout.access),
        "ident_file": str(layout.data / "pg_ident.conf"),
        "log_directory": str(layout.log),
    }
    _write(layout, layout.access, ACCESS)
    _write(layout, layout.settings, "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items()))


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _write(layout: Layout, path: Path, text: str) -> None:
    staging = path.with_name(f"{path.name}.new")
    staging.unlink(missing_ok=True)
    staging.write_text(text, encoding="utf-8")
    staging.chmod(0o640)
    layout.account.lend(staging)
    staging.replace(path)
