"""Certificates that are right at one place and time and wrong at another."""
from ..programs import ntp, web as pki
from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story


def between(lab):
    days = lab.random.randint(2, 20)
    s = web(lab, clients=2, offset=lab.ahead(0.2, 2))
    conf = s.web.path("nginx.conf")
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="the chain is whole")
    key, old = pki.keys(s.name), pki.chained(s.name, (-400, -days))
    with open(conf, encoding="utf8") as f:
        text = f.read()
    s.web.write("nginx.conf", text.replace(key + ".crt", old + ".crt").replace(key + ".key", old + ".key"))
    s.nginx.send_signal(1)
    lab.pause(1)
    for i in range(4):
        curl(s.c1, "-4", "--http1.1", *(["--tls-max", "1.2"] if i % 2 else []), f"{s.url}/item/x{i}", label="the authority in between has expired")
    for i in range(2):
        curl(s.clients[1], "-4", "--http1.1", "-k", f"{s.url}/item/k{i}", label="does not look")
    lab.fault(f"the certificate of the authority in between expired {days} days ago; the server's own has not", host="web")
    lab.diagnosis("tls_certificate_expired")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tls.alert_message.desc == 45", 2)


def too_young(lab):
    years = lab.random.randint(1, 6)
    behind = lab.client("viejo", offset=-years * 31557600.0 - lab.random.randint(0, 10**6))
    s = web(lab, offset=lab.ahead(0.2, 2))
    time = lab.server("ntp", "server of time")
    ntp.server(time, "honest")
    lab.resolve_with(behind, s.dns)
    lab.path.rule("ntp", "drop", dir="ab", proto="udp", dport=123)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(behind, "viejo.pcap", "port 53 or port 443 or port 80 or udp port 123")
    for i in range(8):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="whose clock is right")
        lab.pause(lab.draw(0.1, 0.6))
    for _ in range(2):
        ntp.sntp(behind, time.ip)
    for i in range(3):
        curl(behind, "-4", "--http1.1", *(["--tls-max", "1.2"] if i == 1 else []), f"{s.url}/item/young{i}", label="whose clock is years behind")
    curl(behind, "-4", "--http1.1", f"http://{s.name}/item/clear", label="in clear")
    lab.fault("a client's clock is years behind, and its NTP is filtered", host="viejo", years=years)
    lab.diagnosis("tls_certificate_not_yet_valid_client_clock", client=behind.ip)
    lab.diagnosis("ntp_unanswered", client=behind.ip)
    lab.clocks_differ(s.web, behind)


STORIES = [
    Story("issuer-expired", "web", "a chain whose certificate in between has expired",
          "The server's certificate is valid; that of the authority that signed it has expired.", WEB_NEEDS, between,
          spanish="una cadena cuyo certificado intermedio ha caducado"),
    Story("too-young", "web", "a client years behind, for which no certificate is valid yet, and whose NTP is filtered",
          "The battery of a client's clock is empty and its NTP goes unanswered: every certificate is too young.", WEB_NEEDS, too_young,
          spanish="un cliente con años de retraso, para el que ningún certificado vale todavía, y sin NTP"),
]
