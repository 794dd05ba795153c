#!/usr/bin/env python3
"""Records OpenSSH's client and server where they share no algorithm of a class, and
where the server's host key is another than the client knows, on the loopback
interface: ssh-refused.pcap, and in ssh-refused.jsonl what the client says."""
import json, os, re, subprocess, tempfile, time

CASES = [  # name, server's options, client's options, host key
    ("kex", "-oKexAlgorithms=diffie-hellman-group14-sha256", "-oKexAlgorithms=curve25519-sha256", "a"),
    ("host key", "-oHostKeyAlgorithms=ssh-ed25519", "-oHostKeyAlgorithms=ecdsa-sha2-nistp256", "a"),
    ("cipher", "-oCiphers=aes256-ctr", "-oCiphers=aes128-ctr", "a"),
    ("mac", "-oMACs=hmac-sha2-512 -oCiphers=aes256-ctr", "-oMACs=hmac-sha2-256 -oCiphers=aes256-ctr", "a"),
    ("none", "", "", "a"),
    ("key changed", "", "", "b"),
    ("key back", "", "-oCiphers=aes256-gcm@openssh.com", "a"),
]


SERVER = "198.51.100.22"  # not of the loopback network, as the interface is


def main():
    out = os.getcwd()
    os.chdir(tempfile.mkdtemp())
    for name in ("a", "b", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], check=True)
    os.makedirs("/run/sshd", exist_ok=True)
    os.chmod(".", 0o755)
    os.rename("user.pub", "authorized")
    public = open("a.pub").read().split()
    subprocess.run(["ip", "address", "add", f"{SERVER}/32", "dev", "lo"], check=True)
    dump = subprocess.Popen(["tcpdump", "-qi", "lo", "-U", "-w", f"{out}/ssh-refused.pcap", "tcp portrange 44400-44499"], stderr=subprocess.DEVNULL)
    time.sleep(1)
    with open(f"{out}/ssh-refused.jsonl", "w") as f:
        for i, (name, server, client, key) in enumerate(CASES):
            port = 44400 + min(i, 4)  # the last three are one server
            with open("known", "w") as k:
                k.write(f"[{SERVER}]:{port} {public[0]} {public[1]}\n")
            s = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", "/dev/null", f"-oListenAddress={SERVER}:{port}", f"-oHostKey={os.getcwd()}/{key}",
                                  f"-oAuthorizedKeysFile={os.getcwd()}/authorized", "-oStrictModes=no", "-oPidFile=none", *server.split()], stderr=subprocess.DEVNULL)
            time.sleep(0.5)
            c = subprocess.run(["ssh", "-v", "-F", "/dev/null", "-i", "user", "-oUserKnownHostsFile=known", "-oStrictHostKeyChecking=yes", "-oBatchMode=yes",
                                *client.split(), "-p", str(port), SERVER, "echo", "hello"], capture_output=True, text=True, timeout=10)
            time.sleep(0.2)
            s.kill()
            s.wait()
            said = {"case": name, "port": port, "status": c.returncode}
            for key, pattern in {"class": r"no matching ([\w ]+?) found", "offer": r"Their offer: (\S+)", "host_key": r"Server host key: (\S+ \S+)", "changed": r"(IDENTIFICATION HAS CHANGED)"}.items():
                if m := re.search(pattern, c.stderr):
                    said[key] = m[1]
            print(json.dumps(said), file=f, flush=True)
    time.sleep(0.5)
    dump.terminate()
    subprocess.run(["ip", "address", "del", f"{SERVER}/32", "dev", "lo"], check=True)


main()
