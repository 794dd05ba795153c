"""Namespaces that vanish with the lab.

The lab runs as the first process of a process namespace, with mounts and
network of its own. When it ends, however it ends, the kernel ends every process
in there, and with the last process go the mounts and the networks.
"""
import os
import signal
import subprocess
import sys

WORK = "/run/lab"  # inside: a file system in memory
UNSHARE = ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child=SIGKILL", "--mount-proc", "--"]


def possible():
    """What this machine does not let the lab do, or nothing: a container often has no right to mounts or devices."""
    probe = "mount -t tmpfs tmpfs /run && ip link add name probe-a type veth peer name probe-b && ip link add name probe-c type bridge"
    done = subprocess.run([*UNSHARE, "sh", "-c", probe], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip() if done.returncode else ""


def enter(words):
    """Runs the lab again inside and returns its exit code."""
    run = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "run")
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", "TZ": "UTC"}
    child = subprocess.Popen(
        # nothing inside can set the machine's clock, whatever it tries
        ["setpriv", "--pdeathsig=KILL", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "--", *UNSHARE,
         os.path.realpath(sys.executable), run] + words, env=env)
    asked = []
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda number, frame: asked.append(number))
    code = None
    while code is None:
        try:
            code = child.wait(0.2)
        except subprocess.TimeoutExpired:
            if asked:
                end(child)
    return 128 - code if code < 0 else code


def end(child):
    """Asks the lab inside to end, or whoever is about to begin it. It is asked again and again: the first process of a
    namespace does not hear a signal before it has said what to do with it."""
    with open(f"/proc/{child.pid}/task/{child.pid}/children", encoding="ascii") as f:
        inside = [int(pid) for pid in f.read().split()]
    for pid in inside or [child.pid]:
        os.kill(pid, signal.SIGTERM)


def prepare():
    """Mounts a /run of the lab's own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    for d in (WORK, "/run/sshd", "/run/lock", "/run/systemd"):
        os.makedirs(d, exist_ok=True)
    os.chmod("/run/sshd", 0o755)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def hurry(on):
    """On a busy machine the lab's own delays must not be those of others: real-time priority for all it starts, where that is allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR if on else os.SCHED_OTHER, os.sched_param(1 if on else 0))
    except OSError:
        pass
