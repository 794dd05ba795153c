"""sshd, logging through rsyslog or journald."""
import os
import re
import time

from ..hosts import must
from ..sandbox import WORK

PASSWORD = "correct horse"

CONF = """Port 22
HostKey {dir}/host_key
AuthorizedKeysFile {keys}/id.pub
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM yes
StrictModes no
PrintMotd no
PidFile none
UseDNS {dns}
LogLevel {level}
LoginGraceTime {grace}
{more}
"""

RSYSLOG = """module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" UseSysTimeStamp="on" UsePIDFromSystem="off")
auth,authpriv.* action(type="omfile" file="{dir}/auth.log" template="{template}")
*.*;auth,authpriv.none action(type="omfile" file="{dir}/syslog" template="{template}")
"""


def user_keys():
    """The key pair of the users, made once."""
    folder = os.path.join(WORK, "keys")
    if not os.path.exists(folder):
        os.makedirs(folder)
        must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", folder + "/id")
    return folder


def account(host, name="admin"):
    """A user who may log in with the key or with PASSWORD."""
    home = host.path("home", name)
    os.makedirs(home, exist_ok=True)
    os.chown(home, 1500, 1500)
    secret = must("openssl", "passwd", "-6", PASSWORD).strip()
    for file, line in (("passwd", f"{name}:x:1500:1500::{home}:/bin/sh\n"), ("group", f"{name}:x:1500:\n"), ("shadow", f"{name}:{secret}:20000:0:99999:7:::\n")):
        with open(host.path("etc", file), "a", encoding="ascii") as f:
            f.write(line)


def rsyslog(host, traditional=False):
    """auth.log and syslog as Debian has them: RFC 3339 stamps (since 12) or the traditional ones without a year."""
    template = "RSYSLOG_TraditionalFileFormat" if traditional else "RSYSLOG_FileFormat"
    conf = host.write("rsyslog.conf", RSYSLOG.format(dir=host.dir, socket=host.log_socket, template=template))
    host.spawn("rsyslogd", "-n", "-f", conf, "-i", host.path("rsyslog.pid"))
    while not os.path.exists(host.log_socket):
        time.sleep(0.05)
    for name in ("auth.log", "syslog"):
        host.lab.log(host, name, host.path(name), "rsyslog " + ("traditional" if traditional else "RFC 3339"), "when rsyslog's socket received the line", auth=name == "auth.log")


def journald(host, forms=("export", "json", "short", "short-iso-precise")):
    """journald without systemd, in volatile storage; written out by journalctl at the end."""
    for d in ("/run/systemd", "/run/log"):
        os.makedirs(d, exist_ok=True)
        host.must("mount", "-t", "tmpfs", "tmpfs", d)
    host.write("etc/systemd/journald.conf", "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n")
    host.write("etc/machine-id", "%032x\n" % host.lab.random.getrandbits(128))  # not that of the machine
    host.log_socket = "/run/systemd/journal/dev-log"
    host.spawn("/lib/systemd/systemd-journald")
    for _ in range(100):
        if host.run("test", "-S", host.log_socket, clocked=False)[0] == 0:
            break
        time.sleep(0.05)
    names = {"export": "journal.export", "json": "journal.json", "short": "journal.short.txt", "short-iso-precise": "journal.short-iso-precise.txt"}
    for form in forms:
        def write(path, form=form):
            code, out, err = host.run("journalctl", "-q", "-D", "/run/log/journal", "--no-pager", "-o", form)
            if code or not out:
                raise RuntimeError(f"journalctl -o {form}: {err or 'nothing'}")
            with open(path, "w", encoding="utf8", errors="surrogateescape") as f:
                f.write(out)
        host.lab.log(host, names[form], write, f"journald, journalctl -o {form}", "when journald's socket received the line", auth=form == "short")


def start(host, dns=False, level="INFO", grace=20, more="", log=rsyslog):
    """Starts sshd; log is rsyslog or journald, or None where one already runs."""
    if log:
        log(host)
    account(host)
    must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", host.path("host_key"))
    conf = host.write("sshd_config", CONF.format(dir=host.dir, keys=user_keys(), dns="yes" if dns else "no", level=level, grace=grace, more=more))
    process = host.spawn("/usr/sbin/sshd", "-D", "-f", conf)
    host.listening(22)
    return process


def lines(path, relative):
    """The lines of an auth.log or short journal that name a client's port, with their process and message."""
    out, ports = [], {}
    with open(path, encoding="utf8", errors="replace") as f:
        for n, line in enumerate(f, 1):
            m = re.search(r"sshd\[(\d+)\]: (.*)$", line)
            if not m:
                continue
            pid, text = int(m[1]), m[2]
            port = re.search(r" (?:from|by|user \S+) ([0-9a-f.:]+) port (\d+)", text)
            if port:
                ports[pid] = f"{port[1]}:{port[2]}"
            out.append({"file": relative, "line": n, "pid": pid, "client": ports.get(pid), "msg": text})
    return out
