"""TLS that waits for something between client and server."""
import os
import sys

from ..programs import web as pki
from ..programs.clients import curl
from ..site import WEB_NEEDS, web
from ..story import Story

# An OCSP responder that thinks before it answers (openssl makes the answers).
SLOW = """
import http.server, subprocess, sys, tempfile, time
wait, base, ca = float(sys.argv[1]), sys.argv[2], sys.argv[3]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        q = self.rfile.read(int(self.headers["Content-Length"]))
        with tempfile.NamedTemporaryFile() as i, tempfile.NamedTemporaryFile() as o:
            i.write(q); i.flush(); time.sleep(wait)
            subprocess.run(["openssl", "ocsp", "-index", base + "/index", "-CA", ca + ".crt", "-rsigner", ca + ".crt", "-rkey", ca + ".key", "-reqin", i.name, "-respout", o.name], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            a = open(o.name, "rb").read()
        self.send_response(200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(a)))
        self.end_headers()
        self.wfile.write(a)
http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
"""

STUNNEL = """foreground = yes
pid =
debug = 5
[out]
client = yes
accept = 127.0.0.1:8443
connect = {name}:443
sni = {name}
checkHost = {name}
verifyChain = yes
sessionResume = no
CAfile = {ca}.crt
OCSP = http://ocsp.{domain}/
"""


def browser(host, url, seconds):
    """A browser that offers a post-quantum key share opens a page and is closed some seconds later."""
    p = host.spawn("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--ignore-certificate-errors", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
                   f"--user-data-dir={host.path('chromium')}", url, clocked=False)
    host.lab.pause(seconds)
    host.stop(p)
    host.lab.client_text(host, "browser.txt", f"$ chromium --headless {url}\nclosed after {seconds} s\n", append=True)


def large_hello(lab):
    s = web(lab, offset=lab.ahead(0.2, 2))
    lab.capture(s.c1, "client.pcap", "port 53 or port 443")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(s.c1, "--http1.1", f"{s.url}/item/{i}", label="a small ClientHello")
    # The device looks at the first segment of a ClientHello and drops what it cannot place.
    lab.path.rule("hello", "drop", dir="ab", dport=443, proto="tcp", data=1, nth="2-9999", per="flow")
    browser(s.c1, s.url + "/item/large", lab.draw(7, 9))
    lab.path.clear("hello")
    for i in range(3):
        curl(s.c1, "--http1.1", f"{s.url}/item/after{i}", label="a small ClientHello")
    lab.fault("the second segment of a ClientHello is dropped", where="between router and server")
    lab.diagnosis("tls_large_hello_dropped", server=s.web.ip)
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "tcp.analysis.retransmission and tcp.dstport == 443", 2)


def validation(lab):
    def more(s):
        return {"ocsp." + lab.domain: {"A": [asked.ip]}}
    asked = lab.server("ocsp", "OCSP responder")
    s = web(lab, extra=more, offset=lab.ahead(0.2, 2))
    key = pki.keys(s.name)
    ca = os.path.join(os.path.dirname(key), "ca")
    wait = lab.draw(0.3, 1.2)
    asked.spawn(sys.executable, "-c", SLOW, str(wait), key + ".d", ca)
    asked.listening(80)
    lab.resolve_with(asked, s.dns)
    s.c1.spawn("stunnel", s.c1.write("stunnel.conf", STUNNEL.format(name=s.name, ca=ca, domain=lab.domain)))
    s.c1.listening(8443)
    lab.capture(s.c1, "client.pcap", "port 53 or port 443 or port 80")
    lab.capture(s.web, "server.pcap", "tcp port 443")
    for i in range(3):
        curl(s.c1, "-4", "--http1.1", f"{s.url}/item/{i}", label="does not ask about the certificate")
        code, out, err = s.c1.run("curl", "-sS", "-o", "/dev/null", "-w", "%{json}\\n", f"http://127.0.0.1:8443/item/s{i}")
        lab.client_text(s.c1, "through_stunnel.txt", f"exit={code} {out}{err}", append=True)
        lab.hold(f"stunnel's request {i} was answered", code == 0)
    lab.fault("the client asks a slow OCSP responder in the middle of the handshake", seconds=wait)
    lab.diagnosis("tls_client_validation", server=s.web.ip)
    lab.diagnosis("slow_application", server=asked.ip, text="the responder itself")
    lab.clocks_differ(s.web)
    lab.claim("client.pcap", "ocsp", 3)


STORIES = [
    Story("large-hello", "web", "a browser's ClientHello takes two segments, and a device drops the second",
          "curl's small ClientHello works; the browser's, with a post-quantum key share, is never answered.", WEB_NEEDS + ["chromium"], large_hello,
          spanish="el ClientHello de un navegador ocupa dos segmentos, y un equipo descarta el segundo"),
    Story("client-validation", "web", "a client that asks an OCSP responder in the middle of the handshake",
          "stunnel verifies the server's certificate with a slow OCSP responder before it finishes the handshake.", WEB_NEEDS + ["stunnel"], validation,
          spanish="un cliente que pregunta a un servidor OCSP en mitad del establecimiento"),
]
