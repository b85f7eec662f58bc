"""Who holds a UDP port, in words for a user."""

import psutil


def holder(port: int) -> str:
    """Names the process that holds a UDP port, as far as the system tells."""
    try:
        connections = psutil.net_connections(kind="udp")
    except (psutil.AccessDenied, OSError):
        return "another program holds it; choose another with --port"
    for connection in connections:
        if connection.laddr and connection.laddr.port == port and connection.pid:
            return f"{_name(connection.pid)} (pid {connection.pid}) holds it; end that or choose another with --port"
    return "another program holds it; choose another with --port"


def _name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "a program"
