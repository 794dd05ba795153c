#!/usr/bin/env python3
"""Records rare.pcap: what seldom happens, between a client and a server with a router
between them. asyncssh's client says DISCONNECT to OpenSSH's server, which trusts nobody
it does not know; nginx sends curl in circles, and two answers to it at once over one
connection of HTTP/2; of dnsmasq's large answers the router loses all fragments but the
first, then none; chronyd asks a server that announces a leap second, one with NTS, and one
(the function liar) that repeats another time than it was sent. rare.txt is what they
said. Needs root, asyncssh, sshd, nginx, curl, dnsmasq, dig, chronyd, openssl, nft, tcpdump.

    unshare --net --mount --pid --fork ./rare.py
"""
import asyncio
import calendar
import glob
import os
import socket
import struct
import subprocess
import sys
import time

HERE = os.getcwd()
SHIM = os.path.dirname(os.path.abspath(__file__)) + "/../../../../lab/shim/"  # gives programs another clock
OUT = []
NGINX = """daemon off; pid /run/w/pid; error_log /run/w/error; events { }
http { log_format x '$time_iso8601 $remote_port $status $body_bytes_sent $request'; access_log /run/w/access x; root /run/w; client_body_temp_path /run/w/b; proxy_temp_path /run/w/p; fastcgi_temp_path /run/w/f; uwsgi_temp_path /run/w/u; scgi_temp_path /run/w/s;
 server { listen 10.9.5.10:80; location /a { return 302 /b; } location /b { return 302 /a; } }
 server { listen 10.9.5.10:443 ssl http2; ssl_certificate /run/t12/cert; ssl_certificate_key /run/t12/key; http2_chunk_size 2k; limit_rate 4k; }
}
"""
PAST = "local stratum 3"
LEAP = "server 10.9.5.11 iburst minpoll 0 maxpoll 0\nleapsectz right/UTC"
NTS = "local stratum 4\nntsserverkey /run/t12/key\nntsservercert /run/t12/cert\nntsdumpdir /run/t12\nntsprocesses 0"


def inside(host, *words, **more):
    return subprocess.Popen(["ip", "netns", "exec", host, *words], stderr=subprocess.DEVNULL, **more)


def said(host, *words):
    return subprocess.run(["ip", "netns", "exec", host, *words], capture_output=True, text=True, check=False).stdout.strip()


def run(*words):
    subprocess.run(words, check=True, stderr=subprocess.DEVNULL)


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def clock(host, name, text):
    write(f"/run/{name}/conf", text + f"\ncmdport 0\npidfile /run/{name}/pid\nbindcmdaddress /run/{name}/s\nuser root\ndriftfile /run/{name}/drift\n")
    os.chmod(f"/run/{name}", 0o750)
    env = dict(os.environ, LD_PRELOAD="/run/past.so", LAB_CLOCK="/run/past") if name in ("t11", "t14") else None
    return inside(host, "chronyd", "-x", "-d", "-f", f"/run/{name}/conf", stdout=subprocess.DEVNULL, env=env)


def liar():
    """answers as a server of stratum 2 does, but with a time that nobody sent."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.5.13", 123))
    while True:
        b, at = s.recvfrom(512)
        now = int((time.time() + 2208988800) * 2**32).to_bytes(8, "big")
        s.sendto(bytes([0x24, 2, b[2], 0xE9]) + bytes(8) + b"\x0a\x09\x05\x0a" + now + bytes(8)[:7] + b"\x01" + now + now, at)


async def unknown_host(**more):
    import asyncssh
    try:
        await asyncssh.connect("10.9.5.10", 22, username="root", config=None, client_keys=None, agent_path=None, **more)
    except asyncssh.DisconnectError as e:
        return f"{type(e).__name__} {e.code}: {e.reason}"


def network():
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    os.makedirs("/run/netns")
    for host in "crs":
        run("ip", "netns", "add", host)
        run("ip", "-n", host, "link", "set", "lo", "up")
    for host, net in (("c", 4), ("s", 5)):
        run("ip", "-n", "r", "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", host)
        run("ip", "-n", "r", "addr", "add", f"10.9.{net}.254/24", "dev", host)
        run("ip", "-n", "r", "link", "set", host, "up")
        for a in ([1] if host == "c" else [10, 11, 12, 13, 14]):
            run("ip", "-n", host, "addr", "add", f"10.9.{net}.{a}/24", "dev", "eth0")
        run("ip", "-n", host, "link", "set", "eth0", "up")
        run("ip", "-n", host, "route", "add", "default", "via", f"10.9.{net}.254")
    run("ip", "netns", "exec", "r", "sysctl", "-qw", "net.ipv4.ip_forward=1")


def daemons():
    os.makedirs("/run/t12")
    run("gcc", "-O2", "-shared", "-fPIC", "-o", "/run/past.so", *glob.glob(SHIM + "*.c"), "-ldl")
    then = calendar.timegm((2016, 12, 31, 12, 0, 0))  # a leap second follows
    with open("/run/past", "wb") as f:
        f.write(struct.pack("<IIqqdqqd", 1, 0, 10000, 0, 0, 0, (then - int(time.time())) * 10**9, 0).ljust(200000, b"\0"))
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/run/t12/key", "-out", "/run/t12/cert", "-days", "3650", "-subj", "/CN=10.9.5.12", "-addext", "subjectAltName=IP:10.9.5.12")
    write("/run/w/one", "one " * 1500)
    write("/run/w/two", "two " * 1500)
    write("/run/w/conf", NGINX)
    inside("s", "nginx", "-c", "/run/w/conf")
    os.makedirs("/run/sshd")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/run/w/host")
    inside("s", "/usr/sbin/sshd", "-D", "-f", "/dev/null", "-E", "/run/w/sshd", "-oListenAddress=10.9.5.10", "-oHostKey=/run/w/host", "-oPidFile=none")
    write("/run/d/conf", "port=53\nlisten-address=10.9.5.10\nbind-interfaces\nno-resolv\nno-hosts\nno-daemon\nuser=root\nedns-packet-max=4096\nauth-ttl=60\n" + "".join(f"txt-record=large.example,{i}{'x' * 240}\n" for i in range(9)))
    inside("s", "dnsmasq", "-C", "/run/d/conf", "-x", "/run/d/pid", stdout=subprocess.DEVNULL)
    for a, more in {10: "local stratum 2", 11: PAST, 12: NTS}.items():
        clock("s", f"t{a}", f"bindaddress 10.9.5.{a}\nbindacqaddress 10.9.5.{a}\nallow\n{more}")
    time.sleep(2)
    clock("s", "t14", f"bindaddress 10.9.5.14\nbindacqaddress 10.9.5.14\nallow\n{LEAP}")
    time.sleep(6)


def requests():
    form = "%{http_code} %{num_redirects} %{size_download} %{local_port} %{errormsg}\n"
    OUT.append("curl /a: " + said("c", "curl", "-s", "-L", "--max-redirs", "5", "-o", "/dev/null", "-w", form, "http://10.9.5.10/a"))
    form = "%{http_code} %{size_download} %{local_port} %{time_starttransfer} %{time_total} %{errormsg}\n"
    os.environ["SSLKEYLOGFILE"] = HERE + "/rare.keys"
    OUT.append("curl -Z: " + said("c", "curl", "-s", "-Z", "-k", "-o", "/dev/null", "-o", "/dev/null", "-w", form, "https://10.9.5.10/one", "https://10.9.5.10/two"))
    for what in ("lost", "whole"):
        if what == "whole":
            run("ip", "netns", "exec", "r", "nft", "flush", "ruleset")
        else:
            run("ip", "netns", "exec", "r", "nft", "add table t; add chain t f { type filter hook forward priority 0; }; add rule t f ip frag-off & 0x1fff != 0 drop")
        text = said("c", "dig", "@10.9.5.10", "+tries=2", "+timeout=1", "+bufsize=4096", "+ignore", "large.example", "txt")
        OUT.append(f"dig {what}: " + " | ".join(x.strip("; ") for x in text.splitlines() if "status:" in x or "timed out" in x or "MSG SIZE" in x or "Query time" in x))
    for words in ("known_hosts=([], [], [])", "known_hosts=None, kex_algs=['diffie-hellman-group1-sha1']"):
        OUT.append("asyncssh: " + said("c", sys.executable, "-W", "ignore", __file__, words))
    time.sleep(5)
    for a in (10, 14, 12, 13):
        for line in said("c", "chronyc", "-h", "/run/c/s", "-n", "ntpdata", f"10.9.5.{a}").splitlines():
            if line.split(":")[0].strip() in ("Remote address", "Leap status", "Stratum", "NTP tests", "Authenticated", "Total TX", "Total RX", "Total valid RX"):
                OUT.append("chronyc: " + line)
    OUT.append(said("c", "chronyc", "-h", "/run/c/s", "-n", "authdata"))
    for name in ("access", "sshd"):
        with open(f"/run/w/{name}", encoding="ascii") as f:
            OUT.extend(f"{name}: " + x.strip() for x in f)


def main():
    network()
    daemons()
    inside("s", sys.executable, __file__, "liar")
    time.sleep(1)
    dump = inside("c", "tcpdump", "-i", "eth0", "-B", "8192", "-U", "-Z", "root", "-w", HERE + "/rare.pcap", "not ip6")
    time.sleep(1)
    servers = "".join(f"server 10.9.5.{a} minpoll 0 maxpoll 0 iburst{' nts' if a == 12 else ''}\n" for a in (10, 14, 12, 13))
    write("/run/c/trusted", open("/run/t12/cert", encoding="ascii").read())
    clock("c", "c", "nosystemcert\nntstrustedcerts /run/c/trusted\nntsdumpdir /run/c\n" + servers)
    requests()
    dump.terminate()
    dump.wait()
    write(HERE + "/rare.txt", "\n".join(OUT) + "\n")


if sys.argv[1:] == ["liar"]:
    liar()
elif sys.argv[1:]:
    print(asyncio.run(eval(f"unknown_host({sys.argv[1]})")))
else:
    main()
