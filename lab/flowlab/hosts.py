"""Hosts: network, mount and host-name namespaces held by a sleeping process."""
import os
import shutil
import subprocess
import time

from .clock import Clock
from .sandbox import WORK


def must(*words, **more):
    """Runs a command that has to succeed."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.strip()}")
    return done.stdout


class Host:
    """One machine of the story."""

    def __init__(self, lab, name, role="", offset=0.0, drift=0.0, tz="UTC"):
        self.lab, self.name, self.role, self.tz = lab, name, role, tz
        self.ip = self.ip6 = self.mac = self.segment = None
        self.dir = os.path.join(WORK, name)
        os.makedirs(self.dir)
        self.log_socket = self.path("log.sock")
        self.begin_ns = time.time_ns()
        self.clock = Clock(os.path.join(self.dir, "clock"), self.begin_ns, lab.offsets.get(name, offset), drift)
        self.processes = []
        shutil.copytree("/etc", os.path.join(self.dir, "etc"), symlinks=True)
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--", "sh", "-c",
             f"hostname {name} && mount --bind {self.dir}/etc /etc && ip link set lo up && echo up && exec sleep infinity"],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        if self.holder.stdout.readline() != "up\n":
            raise RuntimeError(f"{name}: no namespaces")
        self.write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n")
        self.write("etc/hostname", name + "\n")
        self.write("etc/resolv.conf", "")

    def path(self, *elements):
        return os.path.join(self.dir, *elements)

    def write(self, name, text, mode=0o644):
        """A file in the host's folder; etc/… is its /etc."""
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.islink(path):
            os.unlink(path)
        with open(path, "w", encoding="utf8") as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def env(self, clocked, more):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", "LC_ALL": "C.UTF-8", "TZ": self.tz, "HOME": self.dir,
               "CURL_CA_BUNDLE": os.path.join(WORK, "pki", "ca.crt"), "LAB_LOG": self.log_socket,
               "TMPDIR": self.dir, "NSTAT_HISTORY": self.path("nstat")}
        if clocked:
            env.update(LD_PRELOAD=self.lab.shim, LAB_CLOCK=self.clock.path)
        env.update(more or {})
        return env

    def enter(self, words):
        return ["nsenter", "-t", str(self.holder.pid), "-n", "-m", "-u", "--"] + list(words)

    def spawn(self, *words, clocked=True, env=None, **more):
        """A process that goes on; output to PROGRAM.out of the host's folder unless told otherwise."""
        out = open(self.path(os.path.basename(words[0]) + ".out"), "ab")
        more.setdefault("stdout", out)
        more.setdefault("stderr", subprocess.STDOUT)
        more.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen(self.enter(words), env=self.env(clocked, env), cwd=self.dir, start_new_session=True, **more)
        out.close()
        self.processes.append(p)
        return p

    def run(self, *words, clocked=True, env=None, timeout=60, **more):
        """Runs a command to its end and returns (exit code, output, errors); 124 = it took longer than timeout seconds."""
        p = subprocess.Popen(self.enter(words), env=self.env(clocked, env), cwd=self.dir, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="surrogateescape", start_new_session=True, **more)
        try:
            out, err = p.communicate(timeout=timeout)
            return p.returncode, out, err
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            out, err = p.communicate()
            return 124, out, err

    def must(self, *words):
        return must(*self.enter(words), env=self.env(False, None))

    def stop(self, process, number=15, wait=5.0):
        """Ends one process of this host."""
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(wait)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def listening(self, port, udp=False, within=15.0):
        """Waits until something listens on the port."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.must("ss", "-Hln" + ("u" if udp else "t"), f"sport = :{port}").strip():
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.name}: nothing listens on {port} after {within:.0f} s: {self.output()}")

    def output(self):
        """The last of what the host's processes printed."""
        text = ""
        for name in sorted(os.listdir(self.dir)):
            if name.endswith(".out"):
                with open(self.path(name), errors="replace", encoding="utf8") as f:
                    text += f.read()[-600:]
        return text
