"""A network on a bad day between clients and a daemon: it loses, doubles and overtakes datagrams, both ways."""

import heapq
import random
import selectors
import socket
import threading
import time
from collections import Counter
from itertools import count

LOSS, DOUBLES, OVERTAKEN = 0.3, 0.1, 0.2
LATE_SECONDS = (0.01, 0.1)
"""How much later a datagram arrives that others overtake."""


class LossyNetwork:
    """A UDP port that stands for the daemon's; each client gets a port of its own on the far side.

    Of the datagrams each way, 30 % are lost; of the others 10 % come twice and 20 % come late. What happens to the n-th
    datagram of a direction is settled by the seed. `fate` counts them as (direction, "lost" | "doubled" | "late" | "passed").
    """

    def __init__(self, port: int, seed: int):
        self.fate = Counter()
        self._far = ("127.0.0.1", port)
        self._chances = {direction: random.Random(f"{seed} {direction}") for direction in ("there", "back")}
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind(("127.0.0.1", 0))
        self.port = self._near.getsockname()[1]
        self._upstream = {}
        self._waiting = []
        self._order = count()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._near, selectors.EVENT_READ, None)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _run(self):
        while not self._ended.is_set():
            pause = max(0.0, min(0.05, self._waiting[0][0] - time.monotonic())) if self._waiting else 0.05
            for key, _ in self._selector.select(pause):
                if key.data is None:
                    datagram, client = self._near.recvfrom(65536)
                    self._meet("there", self._side_of(client), datagram, self._far)
                else:
                    self._meet("back", self._near, key.fileobj.recv(65536), key.data)
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, way, datagram, target = heapq.heappop(self._waiting)
                way.sendto(datagram, target)

    def _side_of(self, client):
        if client not in self._upstream:
            self._upstream[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._upstream[client].bind(("127.0.0.1", 0))
            self._selector.register(self._upstream[client], selectors.EVENT_READ, client)
        return self._upstream[client]

    def _meet(self, direction, way, datagram, target):
        chance = self._chances[direction]
        lost, doubled = chance.random() < LOSS, chance.random() < DOUBLES
        late = [chance.uniform(*LATE_SECONDS) if chance.random() < OVERTAKEN else 0.0 for _ in range(2)]
        if lost:
            self.fate[direction, "lost"] += 1
            return
        self.fate[direction, "doubled"] += doubled
        for delay in late[: 1 + doubled]:
            self.fate[direction, "late" if delay else "passed"] += 1
            heapq.heappush(self._waiting, (time.monotonic() + delay, next(self._order), way, datagram, target))
