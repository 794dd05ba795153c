"""Waits of a client that neither the path nor the server's work explains."""
import sys
import threading

from ..programs import apache
from ..programs.clients import curl
from ..site import WEB_NEEDS, dns, web
from ..story import Story

# Several POSTs on one connection, each written in two small pieces by a program that leaves Nagle's algorithm on.
PIECES = """
import socket, sys, time
host, count = sys.argv[1], int(sys.argv[2])
s = socket.create_connection((host, 80))
for i in range(count):
    begun = time.monotonic()
    s.sendall(f"POST /echo/{i} HTTP/1.1\\r\\nHost: {host}\\r\\nContent-Length: 60\\r\\n\\r\\n".encode())
    s.sendall(b"a" * 30)
    s.sendall(b"b" * 30)
    got = b""
    while b"</html>" not in got:
        got += s.recv(4096)
    print(f"request {i}: {time.monotonic() - begun:.3f} s")
    time.sleep(0.2)
"""

# A download whose program does something else before it reads.
READER = """
import socket, sys, time
host, path, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
s.connect((host, 80))
s.sendall(f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n".encode())
time.sleep(pause)
size = 0
while piece := s.recv(65536):
    size += len(piece)
print(f"{path}: {size} bytes")
"""


# A program that opens its connections before it needs them, as browsers do, and uses them again later.
AHEAD = """
import socket, ssl, sys, time
host, pause, context = sys.argv[1], float(sys.argv[2]), ssl._create_unverified_context()

def ask(s, path):
    begun = time.monotonic()
    s.sendall(f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n".encode())
    got = b""
    while b"</html>" not in got:
        got += s.recv(4096)
    print(f"{path}: {time.monotonic() - begun:.3f} s")

ready = [context.wrap_socket(socket.create_connection((host, 443)), server_hostname=host) for _ in range(2)]
ask(ready[0], "/item/at-once")
time.sleep(pause)
ask(ready[1], "/item/reserve")
time.sleep(pause)
ask(ready[0], "/item/again")
"""


def ahead(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="opens and asks")
    pause = lab.draw(1.6, 4)
    code, out, err = s.c1.run(sys.executable, "-c", AHEAD, s.name, str(pause))
    lab.client_text(s.c1, "ahead.txt", out + err)
    lab.hold("the program came to its end: " + err, code == 0)
    lab.fault(f"a connection that is opened {pause} s before it is needed", host="c1")
    lab.diagnosis("healthy", text="nobody waited for the connection in reserve")
    lab.clocks_differ(s.web)


def reader(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 80")
    lab.capture(s.web, "server.pcap", "tcp port 80")
    for i in range(3):
        curl(s.c1, "-4", f"http://{s.name}/big?kb=20", label="read at once")
    for i in range(3):
        _, out, err = s.c1.run(sys.executable, "-c", READER, s.name, f"/big?kb={lab.random.randint(90, 150)}", str(lab.draw(1, 2)))
        lab.client_text(s.c1, "reader.txt", out + err, append=True)
    lab.fault("the client's program reads late", host="c1")
    lab.diagnosis("window_limited", client=s.c1.ip)
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", "tcp.analysis.zero_window", 1)


def pieces(lab):
    lab.path.set(lab.way(1, 4))
    s = web(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 80")
    lab.capture(s.web, "server.pcap", "tcp port 80")
    for i in range(3):
        curl(s.c1, "-4", "-d", "x" * 60, f"http://{s.name}/echo/c{i}", label="in one piece")
    count = lab.random.randint(6, 9)
    code, out, err = s.c1.run(sys.executable, "-c", PIECES, s.name, str(count))
    lab.client_text(s.c1, "posts.txt", out + err)
    lab.hold("the program came to its end", code == 0)
    lab.fault("small pieces: Nagle's algorithm waits for an acknowledgement that is delayed", host="c1")
    lab.diagnosis("delayed_ack", client=s.c1.ip)
    lab.diagnosis("healthy", text="40 ms a request: nobody is slow")
    lab.clocks_differ(s.web)


def gateway(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "arp or port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(2):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="the router's address is known")
    for i in range(3):
        late = lab.draw(0.4, 2.4)
        lab.rt.must("nft", "add table arp deaf; add chain arp deaf in { type filter hook input priority 0; }; add rule arp deaf in drop")
        s.c1.must("ip", "neighbour", "flush", "dev", "eth0")
        t = threading.Timer(late, lambda: lab.rt.must("nft", "delete table arp deaf"))
        t.start()
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/late{i}", label=f"the router hears no ARP for {late} s")
        t.join()
    lab.fault("the router hears the first ARP requests not", where="between client and router")
    lab.diagnosis("neighbour_wait", client=s.c1.ip)
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", f"arp.opcode == 1 and arp.src.proto_ipv4 == {s.c1.ip}", 4)


def expecting(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    body, large = s.c1.write("upload", "x" * 24000), s.c1.write("large", "x" * 300000)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(s.web, "server.pcap", "tcp port 443 or tcp port 80")
    for scheme in ("http", "https"):
        for i in range(2):
            curl(s.c1, "-4", "--http1.1", "-H", "Expect: 100-continue", "--data-binary", f"@{body}", f"{scheme}://{s.name}/sleep?ms={lab.random.randint(300, 700)}",
                 label="asks before it sends the body")
        curl(s.c1, "-4", "--http1.1", "-H", "Expect:", "--data-binary", f"@{body}", f"{scheme}://{s.name}/sleep?ms=400", label="sends at once")
    curl(s.c1, "-4", "--http1.1", "-H", "Expect:", "--data-binary", f"@{large}", f"http://{s.name}/sleep?ms=400", label="sends at once what takes several round trips")
    lab.diagnosis("slow_application", server=s.web.ip)
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "http.response.code == 100", 2, 2)


def coarse(lab):
    server = lab.server("web", "Apache whose log counts whole seconds", offset=lab.ahead(0.2, 2), tz=lab.zone())
    c1, name = lab.client("c1"), "www." + lab.domain
    dns(lab, {name: server}, hosts=[c1])
    apache.start(server, name, "seconds")
    body = c1.write("upload", "x" * 24000)
    lab.capture(c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(server, "server.pcap", "tcp port 443 or tcp port 80")
    for i in range(3):
        curl(c1, "-4", "--http1.1", f"https://{name}/", label="quick")
        curl(c1, "-4", "--http1.1", f"https://{name}/app/sleep?ms={lab.random.randint(600, 2700)}", label="slow")
        curl(c1, "-4", "--http1.1", "-H", "Expect: 100-continue", "--data-binary", f"@{body}", f"https://{name}/app/sleep?ms={lab.random.randint(300, 900)}",
             label="asks before it sends the body")
    lab.diagnosis("slow_application", server=server.ip)
    lab.clocks_differ(server)
    lab.claim("client.pcap", "tcp.flags.syn == 1", 18)


STORIES = [
    Story("slow-reader", "web", "a download that waits for its own reader",
          "The client's program reads late: its window closes, and the server waits.", WEB_NEEDS, reader,
          spanish="una descarga que espera a quien la lee"),
    Story("small-pieces", "web", "requests in small pieces: Nagle's algorithm and a delayed acknowledgement",
          "A program writes each request in three pieces; the second waits until the first is acknowledged, which the server delays.", WEB_NEEDS, pieces,
          spanish="peticiones en trozos pequeños: el algoritmo de Nagle y una confirmación retrasada"),
    Story("in-reserve", "web", "a connection opened before it is needed",
          "A program opens two connections at once, uses the second seconds later, and the first again after as long.", WEB_NEEDS, ahead,
          spanish="una conexión abierta antes de necesitarla"),
    Story("late-gateway", "web", "a router that answers ARP late",
          "The client has forgotten its router's link address, and the router does not hear the first requests for it.", WEB_NEEDS + ["nft"], gateway,
          spanish="un router que tarda en responder a ARP"),
    Story("expect-continue", "web", "uploads that ask first: 100 Continue",
          "The client asks before it sends a body; its first byte is that of the interim answer.", WEB_NEEDS, expecting,
          spanish="subidas que preguntan antes: 100 Continue"),
    Story("whole-seconds", "web", "a log that counts whole seconds",
          "Apache's %T: the log's durations are whole seconds, the client's and the packets' are not.", ["apache2", "unbound", "curl"], coarse,
          spanish="un registro que cuenta segundos enteros"),
]
