"""Which programs a story needs, and the Debian packages that hold them."""
import shutil

PACKAGES = {
    "nginx": "nginx", "apache2": "apache2", "sshd": "openssh-server", "ssh": "openssh-client", "sshpass": "sshpass",
    "unbound": "unbound", "named": "bind9", "dig": "bind9-dnsutils", "curl": "curl", "chronyd": "chrony",
    "rsyslogd": "rsyslog", "journalctl": "systemd", "tcpdump": "tcpdump", "tshark": "tshark", "editcap": "wireshark-common",
    "openssl": "openssl", "nft": "nftables", "ts": "moreutils", "conntrack": "conntrack", "ethtool": "ethtool", "ip": "iproute2",
    "stunnel": "stunnel4", "chromium": "chromium",
    "caddy": "caddy", "haproxy": "haproxy", "dnsmasq": "dnsmasq-base", "gtlsserver": "ngtcp2-server", "gtlsclient": "ngtcp2-client", "curl3": "curl",
    "gcc": "gcc libc6-dev", "sysctl": "procps", "hostname": "hostname", "nsenter": "util-linux", "unshare": "util-linux", "setpriv": "util-linux",
}
ALWAYS = ["sysctl", "hostname", "ip", "nsenter", "unshare", "setpriv", "gcc", "ethtool", "tcpdump", "tshark", "openssl"]


def programs(needs):
    """the programs of ALWAYS and needs that are not installed"""
    path = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/bin"
    return [p for p in ALWAYS + list(needs) if shutil.which(p, path=path) is None]


def packages(names):
    return sorted({PACKAGES[n] for n in names})
