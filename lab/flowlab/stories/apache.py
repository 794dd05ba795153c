import sys

from ..programs import apache
from ..programs.clients import curl
from ..site import dns
from ..story import Story

# a client that begins a request and never ends it
HALF = "import socket,sys,time; s=socket.create_connection((sys.argv[1],80)); s.sendall(b'GET /half HTTP/1.1\\r\\nHost: x\\r\\n'); s.settimeout(20); print(s.recv(300)[:12])"


def play(lab):
    name = "app2." + lab.domain
    c1 = lab.client("c1")
    web = lab.server("apache", "Apache", offset=lab.ahead(1, 6), drift=lab.draw(-20, 20), tz=lab.zone())
    server = dns(lab, {name: web}, hosts=[c1], tz=lab.zone())
    apache.start(web, name, lab.random.choice(["combined", "timed"]), header_timeout=3)
    lab.capture(c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(web, "server.pcap", "port 443 or port 80")
    url, ms = "https://" + name, lab.random.randrange(700, 1300, 100)
    for i in range(4):
        curl(c1, "-4", "--http1.1", url + "/", label="static")
        curl(c1, "-4", "--http1.1", f"{url}/app/item/{i}", label="application, fast")
        curl(c1, "-4", "--http1.1", f"{url}/app/sleep?ms={ms}", label="application, slow")
    curl(c1, "-4", "--http1.1", url + "/", url + "/manual.txt", url + "/no-existe", label="keep-alive")
    curl(c1, "-4", "--http2", "--parallel", f"{url}/app/sleep?ms={ms}", url + "/manual.txt", url + "/app/item/h2", label="HTTP/2 in parallel")
    curl(c1, "-6", "--http1.1", url + "/app/item/six", label="IPv6")
    c1.run(sys.executable, "-c", HALF, web.ip)
    lab.pause(1)
    lab.fault("application sleeps", paths=["/app/sleep"], ms=ms)
    lab.diagnosis("slow_application", scope="/app/sleep")
    lab.diagnosis("http_408", scope="a request that never ends")
    lab.clocks_differ(web, server)
    lab.claim("client.pcap", "http.request or tcp contains \"GET /half\"", 1)


STORY = Story("apache", "web", "Apache: stamps of the beginning, HTTP/2, a slow application, a 408",
              "Apache's log tells when a request began, nginx's when it ended; the server's clock is seconds off.", ["apache2", "unbound", "curl"], play,
              spanish="Apache: marcas del comienzo, HTTP/2, una aplicación lenta, un 408")
