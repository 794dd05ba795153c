#!/usr/bin/env python3
"""Records kerberos.pcap and kerberos.txt: MIT's KDC and clients whose clocks are as far
off as `faketime` makes them. kerberos.txt says by how much, and what the client
said. Needs root, krb5-kdc, krb5-user, faketime, tcpdump.

    unshare --net --mount --pid --fork ./kerberos.py
"""
import os
import subprocess
import time

CONF = """[libdefaults]
 default_realm = LAB.EXAMPLE
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 kdc_timesync = 0
 udp_preference_limit = {0}
[realms]
 LAB.EXAMPLE = {{
  kdc = 127.0.0.1
 }}
[logging]
 kdc = FILE:/run/k/log
"""
KDC = """[kdcdefaults]
 kdc_ports = 88
 kdc_tcp_ports = 88
[realms]
 LAB.EXAMPLE = {
  database_name = /run/k/principal
  key_stash_file = /run/k/stash
  acl_file = /run/k/acl
 }
"""


def run(words, **more):
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def main():
    run(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    os.makedirs("/run/k")
    for file, text in (("/run/k/krb5.conf", CONF.format(1465)), ("/run/k/tcp.conf", CONF.format(1)), ("/run/k/kdc.conf", KDC)):
        with open(file, "w", encoding="ascii") as f:
            f.write(text)
    run(["ip", "link", "set", "lo", "up"])
    env = dict(os.environ, KRB5_CONFIG="/run/k/krb5.conf", KRB5_KDC_PROFILE="/run/k/kdc.conf")
    for words in (["kdb5_util", "create", "-s", "-P", "master", "-r", "LAB.EXAMPLE"], ["kadmin.local", "addprinc", "-pw", "secret", "+requires_preauth", "ana"],
                  ["kadmin.local", "addprinc", "-randkey", "host/server.lab.example"]):
        run(words, env=env)
    kdc = subprocess.Popen(["krb5kdc", "-n"], env=env)
    time.sleep(1)
    dump = subprocess.Popen(["tcpdump", "-i", "lo", "-B", "8192", "-U", "-Z", "root", "-w", "kerberos.pcap", "port 88"], stderr=subprocess.DEVNULL)
    time.sleep(1)
    with open("kerberos.txt", "w", encoding="ascii") as out:
        for conf, over in (("krb5.conf", "udp"), ("tcp.conf", "tcp")):
            for ahead in (0, 900, -1200):
                with_clock = ["faketime", "-f", f"{ahead:+d}s"] if ahead else []
                mine = dict(env, KRB5_CONFIG="/run/k/" + conf, KRB5CCNAME=f"/run/k/cache{over}{ahead}")
                login = run([*with_clock, "kinit", "ana"], input="secret\n", env=mine)
                ticket = run([*with_clock, "kvno", "host/server.lab.example"], env=mine)
                said = (login.stderr + ticket.stderr).strip().splitlines()
                print(f"{over} {ahead} {login.returncode} {ticket.returncode} {said[-1] if said else ''}", file=out)
                time.sleep(0.3)
            # a ticket from before the client's clock went wrong
            for ahead in (900, -1200):
                mine = dict(env, KRB5_CONFIG="/run/k/" + conf, KRB5CCNAME=f"/run/k/before{over}{ahead}")
                run(["kinit", "-l", "10h", "ana"], input="secret\n", env=mine)
                ticket = run(["faketime", "-f", f"{ahead:+d}s", "kvno", "host/server.lab.example"], env=mine)
                print(f"{over} {ahead} - {ticket.returncode} {ticket.stderr.strip()}", file=out)
                time.sleep(0.3)
    time.sleep(1.5)
    dump.terminate()
    dump.wait()
    kdc.terminate()
    kdc.wait()


main()
