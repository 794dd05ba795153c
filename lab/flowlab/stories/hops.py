"""One action over several connections, and one connection that is another one behind a router."""
from ..programs import web as servers
from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def proxied(lab):
    app = lab.server("app", "application behind the proxy")
    servers.application(app, 8082, app.ip)
    site = (f"location /far/ {{ proxy_pass http://{app.ip}:8082/; }}\n"
            f"    location /gone/ {{ proxy_connect_timeout 2s; proxy_pass http://{app.ip}:8099/; }}\n"
            "    location /moved { return 301 $scheme://$host/old; }")
    s = web(lab, offset=lab.ahead(0.2, 2), site=site)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(s.web, "proxy.pcap", "tcp")
    lab.capture(app, "app.pcap", "tcp")
    for i in range(4):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/far/item/{i}", label="quick behind the proxy")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/far/sleep?ms={lab.random.randint(500, 900)}", label="slow behind the proxy")
    curl(s.c1, "-4", "--http1.1", f"{s.url}/gone/item", label="nobody listens behind the proxy")
    for _ in range(2):
        curl(s.c1, "-4", "--http1.1", "-L", f"http://{s.name}/moved", label="redirected twice, then to TLS")
    lab.fault("the application behind the proxy is slow", host="app")
    lab.diagnosis("slow_application", server=app.ip)
    lab.diagnosis("connection_refused", server=f"{app.ip}:8099")
    lab.diagnosis("http_5xx", text="one request to a port behind the proxy where nobody listens")
    lab.clocks_differ(s.web)
    lab.claim("proxy.pcap", "http.response and tcp.srcport == 8082", 7, 7)
    lab.claim("client.pcap", "http.response.code == 301", 2, 2)


def translated(lab):
    """The kernel translates the clients' addresses and, as a SYN proxy, answers for the server: its sequence numbers are others."""
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2))
    lab.network.masquerade(lab.rt)
    without = s.clients[1]
    without.must("sysctl", "-qw", "net.ipv4.tcp_timestamps=0")
    lab.capture(s.c1, "one.pcap", "port 53 or tcp port 443")
    lab.capture(without, "two.pcap", "port 53 or tcp port 443")
    lab.capture(lab.rt, "router_inside.pcap", "tcp port 443", device="lan")
    lab.capture(lab.rt, "router_outside.pcap", "tcp port 443", device="wan")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for c in s.clients:
        for i in range(2):
            curl(c, "-4", "--http1.1", f"{s.url}/item/{i}", s.url + f"/big?kb={lab.random.randint(3, 9)}", label="translated address")
    lab.path.rule("data", "drop", dir="ba", sport=443, longer=1000, nth=lab.random.randint(5, 9), proto="tcp")
    for c in s.clients:
        curl(c, "-4", "--http1.1", s.url + "/big?kb=20", label="a segment is lost behind the router")
    lab.path.clear("data")
    guard(lab)
    for c in s.clients:
        for i in range(2):
            curl(c, "-4", "--http1.1", f"{s.url}/item/g{i}", s.url + f"/big?kb={lab.random.randint(3, 9)}", label="behind a SYN proxy")
    lab.fault("one data segment is lost", where="between router and server")
    lab.diagnosis("packet_loss", where="between router and server")
    lab.diagnosis("healthy", text="the lost segment costs one download a round trip")
    lab.clocks_differ(s.web)
    lab.claim("server.pcap", f"ip.src != {lab.rt.wan} and ip.src != {s.web.ip}", 0, 0)
    lab.claim("server.pcap", "(tcp.analysis.retransmission or tcp.analysis.out_of_order) and tcp.srcport == 443", 1)


def guard(lab):
    """From now on the router's kernel answers the clients' SYNs, and connects to the server itself (nft, synproxy)."""
    lab.rt.must("sysctl", "-qw", "net.netfilter.nf_conntrack_tcp_loose=0", "net.ipv4.tcp_syncookies=1")
    lab.rt.must("nft", "-f", lab.rt.write("guard.nft", """table ip guard {
 chain raw { type filter hook prerouting priority -300; iifname "lan" tcp dport 443 tcp flags syn notrack; }
 chain forward { type filter hook forward priority 0;
  iifname "lan" tcp dport 443 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
  ct state invalid drop
 }
}
"""))


STORIES = [
    Story("proxy-chain", "web", "a proxy, the server behind it, and redirects",
          "nginx passes requests on to another host, which is slow now and then; a name redirects twice, at last to TLS.", WEB_NEEDS, proxied,
          spanish="un proxy, el servidor que hay detrás, y redirecciones"),
    Story("nat-points", "web", "both sides of an address translation, and a SYN proxy",
          "Captures at two clients, on both sides of their router and at the server; the router translates addresses and at last sequence numbers.",
          WEB_NEEDS + ["nft", "conntrack"], translated, spanish="los dos lados de una traducción de direcciones, y un proxy de SYN"),
]
