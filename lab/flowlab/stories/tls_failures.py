import os
import shutil

from ..programs import ntp, web as pki
from ..programs.clients import curl
from ..sandbox import WORK
from ..site import WEB_NEEDS, web
from ..story import Story

SERVER = "server {{ listen {port} ssl; server_name {name}; ssl_certificate {key}.crt; ssl_certificate_key {key}.key; {lines} location / {{ return 200 \"ok\\n\"; }} }}\n"


def more_servers(lab, name):
    """nginx servers that refuse clients in one way each, and their ports"""
    good, old = pki.keys(name), pki.keys("viejo." + lab.domain, [name], days=(-60, -7))
    ports = dict(zip(("expired", "only12", "only13", "client"), lab.random.sample(range(8441, 8499), 4)))
    text = SERVER.format(port=ports["expired"], name=name, key=old, lines="")
    text += SERVER.format(port=ports["only12"], name=name, key=good, lines="ssl_protocols TLSv1.2;")
    text += SERVER.format(port=ports["only13"], name=name, key=good, lines="ssl_protocols TLSv1.3;")
    text += SERVER.format(port=ports["client"], name=name, key=good, lines=f"ssl_verify_client on; ssl_client_certificate {WORK}/pki/ca.crt;")
    return text, ports


def play(lab):
    ahead = lab.random.randint(200, 500) * 86400.0
    later = lab.client("tarde", offset=ahead)  # its clock is past the certificate's end
    s = web(lab, offset=lab.ahead(0.2, 2), extra=lambda s: {"otro." + lab.domain: {"A": [s.web.ip]}})
    lab.resolve_with(later, s.dns)
    time = lab.server("ntp", "server of time")
    ntp.server(time, "honest")
    text, port = more_servers(lab, s.name)
    conf = s.web.path("nginx.conf")
    with open(conf, encoding="utf8") as f:
        whole = f.read()
    s.web.write("nginx.conf", whole.rstrip().rstrip("}") + text + "}\n")
    s.nginx.send_signal(1)
    s.web.listening(port["client"])
    lab.capture(s.c1, "client.pcap", "port 53 or tcp")
    lab.capture(later, "tarde.pcap", "port 53 or tcp or udp port 123")
    lab.capture(s.web, "server.pcap", "tcp")
    keys = s.c1.path("keys.txt")
    curl(s.c1, "-4", "--http1.1", s.url + "/item/1", label="works", env={"SSLKEYLOGFILE": keys})
    for what, words in (
        ("certificate expired", [f"https://{s.name}:{port['expired']}/"]),
        ("unknown authority", ["--cacert", "/etc/ssl/certs/ca-certificates.crt" if os.path.exists("/etc/ssl/certs/ca-certificates.crt") else "/dev/null", s.url + "/item/2"]),
        ("wrong name", [f"https://otro.{lab.domain}/item/3"]),
        ("no common version", ["--tlsv1.3", f"https://{s.name}:{port['only12']}/"]),
        ("no common version", ["--tls-max", "1.2", f"https://{s.name}:{port['only13']}/"]),
        ("no common cipher", ["--tls-max", "1.2", "--ciphers", "AES128-SHA", f"https://{s.name}:{port['only12']}/"]),
        ("clear HTTP on the TLS port", [f"http://{s.name}:443/"]),
        ("TLS on the clear port", [f"https://{s.name}:80/"]),
        ("no client certificate", [f"https://{s.name}:{port['client']}/"]),
    ):
        curl(s.c1, "-4", "--http1.1", *words, label=what, env={"SSLKEYLOGFILE": keys})
    ntp.sntp(later, time.ip)
    curl(later, "-4", "--http1.1", s.url + "/item/4", label="expired by the client's clock")
    curl(s.c1, "-4", "--http1.1", s.url + "/item/5", label="works", env={"SSLKEYLOGFILE": keys})
    shutil.copy(keys, s.c1.path("copy"))
    with open(s.c1.path("copy"), encoding="ascii") as f:
        lab.client_text(s.c1, "sslkeys.txt", f.read())
    for code in ("tls_certificate_expired", "tls_unknown_ca", "tls_name_mismatch", "tls_protocol_version", "tls_handshake_failure_no_cipher",
                 "http_on_tls_port", "tls_on_http_port", "tls_client_cert_required"):
        lab.diagnosis(code)
    ahead = later.clock.pieces()[0][1] / 1e9
    if ahead > pki.DAYS[1] * 86400:  # --offset may have set it right
        lab.diagnosis("tls_certificate_expired_client_clock", client=later.ip, offset_s=ahead)
    lab.clocks_differ(s.web, later)
    lab.claim("client.pcap", "tls.alert_message", 4)


STORY = Story("tls-failures", "web", "TLS that fails, one reason a request, and a client whose clock is a year ahead",
              "Expired, unknown authority, wrong name, version, cipher, wrong protocol; and a certificate that only one client finds expired. The keys are there.",
              WEB_NEEDS, play,
              spanish="TLS que falla, por una razón en cada petición, y un cliente cuyo reloj va un año adelantado")
