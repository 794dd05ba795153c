"""Connections that are meant to be long, and evidence that is not whole."""
import sys

from ..programs import nginx, sshd
from ..programs.clients import curl, ssh, together
from ..site import SSH_NEEDS, WEB_NEEDS, web
from ..story import Story

# A chat over WebSocket (RFC 6455), as server and as client: `chat serve PORT` and `chat talk HOST PORT COUNT PAUSE`.
CHAT = """
import base64, hashlib, os, socket, socketserver, sys, time

class Chat(socketserver.StreamRequestHandler):
    def handle(self):
        key = ""
        while (line := self.rfile.readline().decode().strip()):
            if line.lower().startswith("sec-websocket-key:"):
                key = line.split(":", 1)[1].strip()
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        self.wfile.write(f"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: {accept}\\r\\n\\r\\n".encode())
        while (head := self.rfile.read(6)):
            size = head[1] & 127
            self.rfile.read(size)
            if head[0] & 15 == 8:
                self.wfile.write(b"\\x88\\x00")
                return
            self.wfile.write(b"\\x81" + bytes([size]) + b"y" * size)

if sys.argv[1] == "serve":
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[2])), Chat).serve_forever()
host, port, count, pause = sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
s = socket.create_connection((host, port))
s.sendall(f"GET /chat HTTP/1.1\\r\\nHost: {host}\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\n"
          f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\\r\\n\\r\\n".encode())
print(s.recv(4096).split(b"\\r\\n")[0].decode())
for i in range(count):
    text = os.urandom(20 + i)
    s.sendall(b"\\x81" + bytes([0x80 | len(text)]) + b"\\0\\0\\0\\0" + text)
    s.recv(4096)
    time.sleep(pause)
s.sendall(b"\\x88\\x80\\0\\0\\0\\0")
s.recv(100)
"""


def chats(lab):
    port = lab.random.randint(8090, 8098)
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2), form="timed",
            site=f"location /chat {{ proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection Upgrade; proxy_pass http://127.0.0.1:{port}; }}")
    s.web.spawn(sys.executable, "-c", CHAT, "serve", str(port))
    s.web.listening(port)
    s.c1.must("sysctl", "-qw", "net.ipv4.tcp_rmem=4096 16384 32768")  # else the kernel takes the whole download at once
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(s.web, "server.pcap", "tcp port 443 or tcp port 80")

    def talk(client, count, pause):
        text = client.run(sys.executable, "-c", CHAT, "talk", s.name, "80", str(count), str(pause))
        lab.client_text(client, "chat.txt", text[1] + text[2], append=True)

    def pages():
        for i in range(8):
            curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="a page, meanwhile")
            lab.pause(0.6)
    think = lab.random.randint(600, 1100)
    together(lambda: talk(s.c1, 9, 0.8), lambda: talk(s.clients[1], 4, 2.1), pages,
             lambda: curl(s.c1, "-4", "--http1.1", "--limit-rate", "24k", "-r", "0-", f"{s.url}/big?kb=150", label="a download that the client throttles"),
             lambda: curl(s.c1, "-4", "--http2", f"{s.url}/sleep?ms={think}", f"{s.url}/sleep?ms={think + 40}", label="the slow ones"))
    lab.fault("two requests are slow; chats and a throttled download last long, as they are meant to", host="web")
    lab.diagnosis("slow_application", server=s.web.ip)
    lab.diagnosis("window_limited", client=s.c1.ip, text="the throttled download")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "websocket", 10)


def leaky(lab):
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2), form=lab.random.choice(["timed", "json", "exact"]))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443", missing=lab.draw(0.03, 0.08, 3))
    lab.capture(s.web, "server.pcap", "tcp port 443", missing=lab.draw(0.03, 0.08, 3))
    for i in range(18):
        curl(lab.random.choice(s.clients), "-4", "--http1.1", lab.random.choice([f"{s.url}/item/{i}", f"{s.url}/big?kb=40&n={i}"]), label="a page", trace=i % 3 == 0)
        lab.pause(lab.draw(0.05, 0.3))
    think = lab.random.randint(700, 1200)
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/sleep?ms={think + i}", label="slow")
    lab.note("both captures miss packets that were on the wire: nothing was lost on the path")
    lab.diagnosis("slow_application", server=s.web.ip)
    lab.diagnosis("capture_lost_packets")
    lab.clocks_differ(s.web)


def zones(lab):
    zone = lab.random.choice(["America/Bogota", "Europe/Madrid", "Asia/Kolkata", "America/Argentina/Buenos_Aires"])
    s = web(lab, offset=lab.ahead(0.2, 5), tz=zone, form=lab.random.choice(["combined", "timed", "json"]), level="info", client_offsets=[lab.ahead(0.2, 1)])
    sshd.start(s.web, log=lambda h: sshd.rsyslog(h, True))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 22")

    def go(n, label):
        for i in range(n):
            curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{label}{i}", label="a page", trace=False)
            if i % 3 == 0:
                curl(s.c1, "-4", "--http1.1", f"{s.url}/down/{label}{i}", label="nobody listens behind the proxy", trace=False)
            lab.pause(lab.draw(0.1, 0.5))
        ssh(s.c1, s.name, label="a login")
    go(6, "a")
    nginx.rotate(s.web, copy=True)
    go(6, "b")
    think = lab.random.randint(800, 1400)
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/sleep?ms={think + i}", label="slow")
    lab.fault("one location has nobody behind it; another is slow. The log was rotated by copying it")
    lab.diagnosis("http_5xx")
    lab.diagnosis("slow_application", server=s.web.ip)
    lab.clocks_differ(s.web, s.c1)


STORIES = [
    Story("chats", "web", "WebSockets and a throttled download beside two slow requests",
          "Chats last as long as they are meant to and the log counts them so; two requests are slow.", WEB_NEEDS, chats,
          spanish="WebSockets y una descarga limitada junto a dos peticiones lentas"),
    Story("leaky-captures", "web", "captures that miss packets, on a path that loses none",
          "Both captures miss some packets of a hundred; the application is slow.", WEB_NEEDS, leaky,
          spanish="capturas a las que les faltan paquetes, en un camino que no pierde ninguno"),
    Story("copied-log", "web", "an access log rotated by copying it, and logs in three zones",
          "logrotate's copytruncate in the middle; the error log and auth.log tell local time without saying so, the application UTC.", [*WEB_NEEDS, *SSH_NEEDS], zones,
          spanish="un registro rotado copiándolo, y registros en tres zonas"),
]
