"""What limits a transfer that loses nothing: a queue, a window, the distance."""
from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def bloated(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(4):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="without load")
    # Slow start goes on until the queue is full, as with a sender that does not watch the round trip.
    s.web.must("sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")
    one_way, mbit, queue = lab.way(4, 12), lab.random.choice([4, 6, 8]), lab.random.choice([400, 600, 900])
    lab.path.set(one_way, mbit=mbit, queue=queue)
    for _ in range(2):
        curl(s.c1, "-4", "--http1.1", s.url + "/big?kb=1500", label="a download that fills the queue")
    lab.path.set(one_way)
    lab.fault(f"a bottleneck of {mbit} Mbit/s with a queue of {queue} ms", where="between router and server")
    lab.diagnosis("bufferbloat", server=s.web.ip)
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", "tcp.analysis.ack_rtt > 0.15", 10)


def small_window(lab):
    lab.path.set(lab.way(25, 60), jitter=0.5)
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2))
    room = lab.random.choice([16384, 24576, 32768])
    s.c1.must("sysctl", "-qw", f"net.ipv4.tcp_rmem=4096 {room} {room}")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for _ in range(2):
        curl(s.c1, "-4", "--http1.1", s.url + "/big?kb=400", label="small receive buffer")
        curl(s.clients[1], "-4", "--http1.1", s.url + "/big?kb=400", label="the same with room")
    lab.fault("the receive buffer of one client is small", bytes=room)
    lab.diagnosis("window_limited", client=s.c1.ip)
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", f"tcp.analysis.window_full and ip.dst == {s.c1.ip}", 3)


def far(lab):
    lab.path.set(lab.way(60, 120), jitter=0.5)
    s = web(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for kb in (lab.random.randint(120, 200), 4, lab.random.randint(250, 400)):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/big?kb={kb}", label=f"{kb} KiB over a long path")
    lab.diagnosis("healthy")
    lab.diagnosis("slow_start", text="the larger answers take several round trips; nothing is lost and nobody is slow")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tcp.analysis.retransmission", 0, 0)


STORIES = [
    Story("bufferbloat", "web", "a queue in the path: the round trip grows under load",
          "Downloads fill the queue of a bottleneck; the round trip grows to many times its minimum.", WEB_NEEDS, bloated,
          spanish="una cola en el camino: la ida y vuelta crece con carga"),
    Story("small-window", "web", "a download limited by the receiver's window",
          "One client's receive buffer is small: each round trip carries no more than it holds.", WEB_NEEDS, small_window,
          spanish="una descarga limitada por la ventana del receptor"),
    Story("slow-start", "web", "answers that grow through slow start over a long path",
          "Answers larger than the first window take several round trips though nothing is lost.", WEB_NEEDS, far,
          spanish="respuestas que pasan por el arranque lento en un camino largo"),
]
