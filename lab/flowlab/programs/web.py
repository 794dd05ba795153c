"""What nginx and Apache have in common: keys, the application, logs with a truth beside each line.

Each server writes one log whose lines are "public TAB # TAB private": two logs
of one server are not in the same order. split() takes them apart."""
import os
import sys

from ..hosts import must
from ..sandbox import WORK

MARK = "\t#\t"


def keys(name, others=(), days=(-5, 85)):
    """A certificate for the names by the lab's own authority; days: from when to when it is valid. Returns its path without ending."""
    folder = os.path.join(WORK, "pki")
    ca, out = os.path.join(folder, "ca"), os.path.join(folder, name)
    if not os.path.exists(ca + ".crt"):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        authority(ca, "Root CA")
    sign(ca, out, name, [name, *others], days)
    return out


def authority(path, name):
    must("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path + ".key",
         "-out", path + ".crt", "-subj", f"/CN={name}", "-days", "3650")


def sign(ca, out, name, names, days):
    """Uses `openssl ca`, which alone takes a date of begin."""
    import time
    def stamp(d):
        return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + d * 86400))
    base = out + ".d"
    os.makedirs(base, exist_ok=True)
    for f, text in (("index", ""), ("serial", f"{abs(hash(out)) % 10**8 + 1:08d}\n"),
                    ("conf", f"[ca]\ndefault_ca=c\n[c]\ndatabase={base}/index\nserial={base}/serial\nnew_certs_dir={base}\ndefault_md=sha256\n"
                             "policy=p\nx509_extensions=x\nunique_subject=no\n[p]\ncommonName=supplied\n"
                             f"[x]\nsubjectAltName={','.join('DNS:' + n for n in names)}\nbasicConstraints=CA:FALSE\n")):
        with open(os.path.join(base, f), "w", encoding="ascii") as file:
            file.write(text)
    must("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", out + ".key",
         "-out", out + ".csr", "-subj", f"/CN={name}")
    must("openssl", "ca", "-batch", "-notext", "-config", base + "/conf", "-cert", ca + ".crt", "-keyfile", ca + ".key",
         "-in", out + ".csr", "-out", out + ".crt", "-startdate", stamp(days[0]), "-enddate", stamp(days[1]))
    os.chmod(out + ".key", 0o644)


def application(host, port=8081):
    """Starts app.py beside the web server; its log goes to app.log."""
    log = host.path("app.log")
    host.spawn(sys.executable, os.path.join(os.path.dirname(__file__), "app.py"), str(port), log)
    host.listening(port)
    host.lab.log(host, "app.log", log, "application (JSON, UTC, microseconds)", "end of the request")


def split(raw, public):
    """Writes the public part of every line and returns the private fields of each."""
    private = []
    with open(raw, encoding="utf8", errors="surrogateescape") as f, open(public, "w", encoding="utf8", errors="surrogateescape") as out:
        for line in f:
            shown, _, hidden = line.rstrip("\n").partition(MARK)
            out.write(shown + "\n")
            private.append((shown, hidden.split("\t")))
    return private
