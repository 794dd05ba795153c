from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def play(lab):
    s = web(lab, clients=2, drift=lab.draw(-40, 40))
    lab.capture(s.c1, "c1.pcap", "port 53 or port 443 or port 80 or arp")
    lab.capture(s.clients[1], "c2.pcap", "port 53 or port 443 or port 80 or arp", nanoseconds=True)
    lab.capture(s.web, "web.pcap", "tcp port 443 or tcp port 80")
    for i in range(lab.random.randint(4, 7)):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="one request a connection")
    curl(s.c1, "-6", "--http1.1", s.url + "/item/v6", label="IPv6")
    curl(s.c1, "-4", "--http1.1", "--tls-max", "1.2", s.url + "/item/tls12", label="TLS 1.2")
    curl(s.c1, "-4", "--http1.1", s.url + "/item/a", s.url + "/item/b", s.url + "/item/c", label="keep-alive")
    curl(s.clients[1], "-4", "--http2", s.url + "/item/d", s.url + "/item/e", label="HTTP/2, one connection")
    curl(s.clients[1], "-4", "--http1.1", f"http://{s.name}/item/clear", label="clear HTTP")
    curl(s.clients[1], "-4", "--http1.1", "-d", "a=1&b=2", s.url + "/echo", label="POST")
    curl(s.clients[1], "-4", "--http1.1", "--curves", "P-521:X25519", s.url + "/item/hrr", label="HelloRetryRequest")
    lab.diagnosis("healthy", text="no fault: every phase is a few round trips")
    lab.clocks_differ(s.web)
    lab.claim("c1.pcap", "tcp.analysis.retransmission", 0, 0)
    lab.claim("c1.pcap", "tls.handshake.type == 1", 6)


STORY = Story("web-healthy", "web", "healthy web traffic: TLS 1.3 and 1.2, keep-alive, HTTP/2, IPv6, POST",
              "Healthy web traffic through a resolver, a router and nginx; the web server's clock is off and drifts.", WEB_NEEDS, play,
              spanish="tráfico web sano: TLS 1.3 y 1.2, conexiones persistentes, HTTP/2, IPv6, POST")
