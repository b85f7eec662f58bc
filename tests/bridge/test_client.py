import socket
import threading

from pythonosc.osc_message import OscMessage

from bridge.osc import client as c
from bridge.protocol import messages as m
from bridge.protocol.codec import encode


def test_who_waits_for_a_long_job_renews_its_lease(monkeypatch):
    """A daemon that is slow, and that sends results to those alone whom it has heard."""
    monkeypatch.setattr(c, "RENEW_SECONDS", 0.3)
    daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    daemon.bind(("127.0.0.1", 0))
    daemon.settimeout(30)
    heard = []

    def answer():
        while len(heard) < 3:
            packet, client = daemon.recvfrom(8192)
            message = OscMessage(packet)
            heard.append(message.address)
            if len(heard) == 1:
                daemon.sendto(encode(m.Accepted(request_id=message.params[0], job_id="j")), client)
        daemon.sendto(encode(m.Done(job_id="j", count=0)), client)

    slow = threading.Thread(target=answer)
    slow.start()
    with c.Client(*daemon.getsockname()) as client:
        replies = list(client.render("generate", {"prompt": "x", "length": 1.0}))
    slow.join()
    daemon.close()
    assert heard == ["/punchin/generate", "/punchin/ping", "/punchin/ping"]
    assert isinstance(replies[-1], m.Done)
