"""chronyd as a server, as an observer that leaves the clock alone, and in control of the host's clock."""
import os
import time

CONF = """driftfile {dir}/chrony/drift
logdir {dir}/chrony
log measurements statistics tracking
bindcmdaddress {dir}/chrony/chronyd.sock
pidfile {dir}/chronyd.pid
cmdport 0
{lines}
"""
LOGS = ["measurements.log", "statistics.log", "tracking.log"]


def start(host, lines, control, logs=True):
    os.makedirs(host.path("chrony"), exist_ok=True)
    os.chmod(host.path("chrony"), 0o750)
    conf = host.write("chrony.conf", CONF.format(dir=host.dir, lines="\n".join(lines)))
    out = open(host.path("chrony", "chronyd.log"), "wb")
    process = host.spawn("chronyd", "-d", "-u", "root", *([] if control else ["-x"]), "-f", conf, stdout=out)
    out.close()
    for _ in range(100):
        if os.path.exists(host.path("chrony", "chronyd.sock")):
            break
        time.sleep(0.05)
    else:
        raise RuntimeError(f"chronyd at {host.name}: " + open(host.path("chrony", "chronyd.log"), encoding="utf8").read())
    host.lab.log(host, "chrony/chronyd.log", host.path("chrony", "chronyd.log"), "chronyd -d", "when it happened")
    for name in LOGS if logs else ():
        host.lab.log(host, "chrony/" + name, host.path("chrony", name), f"chronyd {name}", "when measured (UTC, 1 s)")
    if not control and logs:
        host.lab.note("chronyd -x (cannot touch the clock): after its first selection its logs, their time column included, are in its own "
                      "corrected time; the host's real offset is in tracking.log 'Rem. corr.' and in 'System time' of chronyc tracking")
    return process


def server(host, stratum=2):
    """A server that believes its own clock."""
    return start(host, [f"local stratum {stratum}", "allow"], control=False, logs=False)


def observer(host, *servers, poll=0):
    """Measures and logs, cannot touch the clock (-x)."""
    return start(host, [f"server {s} minpoll {poll} maxpoll {poll} iburst" for s in servers], control=False)


def discipline(host, *servers, poll=0, makestep=None):
    """Really steers the host's clock; makestep as in chrony.conf, for example "1.0 3"."""
    lines = [f"server {s} minpoll {poll} maxpoll {poll + 1} iburst" for s in servers]
    return start(host, lines + ([f"makestep {makestep}"] if makestep else []), control=True)


def chronyc(host, *commands, file="chronyc.txt"):
    """What `chronyc COMMAND` prints, each after its command line."""
    text = ""
    for c in commands:
        text += f"$ chronyc {c}\n" + host.run("chronyc", "-h", host.path("chrony", "chronyd.sock"), *c.split())[1]
    host.lab.client_text(host, file, text, append=True)
