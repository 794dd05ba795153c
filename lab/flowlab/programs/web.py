"""What nginx and Apache have in common: keys, the application, logs with a truth beside each line.

Each server writes one log whose lines are "public TAB # TAB private": two logs
of one server are not in the same order. split() takes them apart."""
import json
import os
import sys
import time
import zlib

from ..hosts import must
from ..sandbox import WORK

MARK = "\t#\t"


DAYS = (-5, 85)  # from when to when certificates are valid, unless told otherwise


def keys(name, others=(), days=DAYS):
    """A certificate for the names by the lab's own authority; days: from when to when it is valid. Returns its path without ending."""
    folder = os.path.join(WORK, "pki")
    ca, out = os.path.join(folder, "ca"), os.path.join(folder, name)
    if not os.path.exists(ca + ".crt"):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        sign(None, ca, "Root CA", [], (-30, 3000))
    sign(ca, out, name, [name, *others], days)
    return out


def chained(name, between, days=DAYS):
    """The keys of a name signed by an authority in between, which is valid for the days between tells; the chain is in the file. Returns its path without ending."""
    folder = os.path.dirname(keys(name))
    middle, out = os.path.join(folder, "between"), os.path.join(folder, "chained." + name)
    sign(os.path.join(folder, "ca"), middle, "Issuing CA", [], between, authority=True)
    sign(middle, out, name, [name], days)
    with open(middle + ".crt", encoding="ascii") as f, open(out + ".crt", "a", encoding="ascii") as g:
        g.write(f.read())
    return out


CONF = """[ca]
default_ca=c
[c]
database={base}/index
serial={base}/serial
new_certs_dir={base}
default_md=sha256
policy=p
x509_extensions=x
unique_subject=no
[p]
commonName=supplied
[x]
{names}basicConstraints=CA:{authority}
"""


def sign(ca, out, name, names, days, authority=False):
    """Makes a key and its certificate, by an authority or (ca None) as one; authority: it may sign others itself. Uses `openssl ca`, which alone takes a date of begin:
    a client whose clock is behind must not find the authority too young."""
    def stamp(d):
        return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + d * 86400))
    base = out + ".d"
    os.makedirs(base, exist_ok=True)
    alternative = f"subjectAltName={','.join('DNS:' + n for n in names)}\n" if names else ""
    for file, text in (("index", ""), ("serial", f"{zlib.crc32(out.encode()) % 10**8 + 1:08d}\n"),
                       ("conf", CONF.format(base=base, names=alternative, authority="TRUE" if authority or not ca else "FALSE"))):
        with open(os.path.join(base, file), "w", encoding="ascii") as f:
            f.write(text)
    must("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", out + ".key",
         "-out", out + ".csr", "-subj", f"/CN={name}")
    issuer = ["-cert", ca + ".crt", "-keyfile", ca + ".key"] if ca else ["-selfsign", "-keyfile", out + ".key"]
    must("openssl", "ca", "-batch", "-notext", "-config", base + "/conf", *issuer,
         "-in", out + ".csr", "-out", out + ".crt", "-startdate", stamp(days[0]), "-enddate", stamp(days[1]))
    os.chmod(out + ".key", 0o644)


def application(host, port=8081, address="127.0.0.1"):
    """Starts app.py, beside the web server or at an address of its own; its log goes to app.log."""
    log = host.path("app.log")
    host.spawn(sys.executable, os.path.join(os.path.dirname(__file__), "app.py"), str(port), log, address)
    host.listening(port)
    host.lab.log(host, "app.log", log, "application (JSON, UTC, microseconds)", "end of the request")


def backend(host, port=8082, address=None, **config):
    """Starts backend.py at an address of the host (its own, unless told); its log goes to app.log. Returns the process."""
    log = host.path("app.log")
    process = host.spawn(sys.executable, os.path.join(os.path.dirname(__file__), "backend.py"), str(port), log, address or host.ip, json.dumps(config))
    host.listening(port)
    host.lab.log(host, "app.log", log, "application (JSON, UTC, microseconds)", "end of the request")
    return process


def database(host, port):
    """Starts the database that backend.py asks."""
    host.spawn(sys.executable, os.path.join(os.path.dirname(__file__), "backend.py"), "database", str(port))
    host.listening(port)


def serve(host, words, product, form, means, read):
    """Starts the web server by these words and hands its logs over: error.log as it is, access.log as read(host, public path) splits it."""
    process = host.spawn(*words)
    host.listening(443)
    host.lab.log(host, "error.log", host.path("error.log"), f"{product} error.log", "when it happened")
    host.lab.access(host, "access.log", f"{product} {form}", means, read)
    return process


def split(raw, public):
    """Writes the public part of every line and returns the private fields of each."""
    private = []
    with open(raw, encoding="utf8", errors="surrogateescape") as f, open(public, "w", encoding="utf8", errors="surrogateescape") as out:
        for line in f:
            shown, _, hidden = line.rstrip("\n").partition(MARK)
            out.write(shown + "\n")
            private.append((shown, hidden.split("\t")))
    return private
