"""Who holds a port."""

import socket

import psutil


def holder(kind: socket.SocketKind, port: int) -> tuple[int, str] | None:
    """Process id and name of the program that holds a UDP port or listens on a TCP port, as far as the system tells."""
    try:
        for connection in psutil.net_connections("udp" if kind is socket.SOCK_DGRAM else "tcp"):
            listens = kind is socket.SOCK_DGRAM or connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr and connection.laddr.port == port and connection.pid:
                return connection.pid, psutil.Process(connection.pid).name()
    except (psutil.Error, OSError):
        return None
    return None
