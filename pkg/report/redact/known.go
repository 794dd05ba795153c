package redact

import "strings"

// knownWords are words of protocols, daemons and clients: they tell what
// happened, not to whom. Everything else that others wrote is replaced. Names
// of accounts (root, admin) are not among them.
const knownWords = `
jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu fri sat sun gmt utc
get post put delete patch options connect trace head http https h2 h3 quic tls ssl tcp udp icmp dns ntp ssh smtp imap ftp
tlsv1 tlsv13 sslv2 sslv3 dtls ipv4 ipv6 arp ndp dhcp
noerror nxdomain servfail refused formerr notimp aaaa ptr cname soa txt srv https svcb in ns mx any edns qdcount
client server web www app proxy router host hosts gateway resolver upstream downstream backend frontend peer remote local localhost
access error auth syslog messages message kern daemon cron journal log logs query queries app access_log debug info notice warning warn err crit alert emerg
accepted failed failure failures invalid illegal user for from to port password publickey keyboard interactive preauth none
authentication authenticating authenticated method methods connection connections connected connecting connect closed close closing
disconnected disconnect disconnecting reset by timeout timed out session opened open received sent bytes packet packets capture
postponed partial accepted maximum attempts exceeded too many reverse mapping checking getaddrinfo no such name file or directory
did not receive identification string unable negotiate with matching matched key exchange found their offer offered server's
banner exchange protocol version kex kexinit newkeys cipher mac compression hostkey host ecdsa ed25519 rsa sk sha1 sha256 sha512 group1 group14 diffie hellman curve25519 sntrup761x25519 chacha20 poly1305 aes128 aes256 gcm ctr cbc etm umac hmac
openssh openssl gnutls sshd nginx apache apache2 httpd haproxy envoy traefik caddy unbound named bind knot dnsmasq chronyd chrony ntpd ntpq timesyncd systemd journald resolved logind sudo su pam unix pam_unix kernel curl wget dig nslookup mozilla gecko firefox chrome safari applewebkit khtml like windows linux macintosh android iphone x11 x86 x64 win64 debian ubuntu fedora centos
request requests response responses header headers body upstream status code host referer agent length content type date location
reading writing sending while client sent premature prematurely refused reset during handshake handshaking certificate verify expired unknown ca alert bad valid self signed chain depth
trying resolve resolving could resolved resolver communications truncated retrying mode retry retries lookup timed after milliseconds seconds operation
time timestamp ts level msg duration ms us ns s b kb mb gb rt urt uct uht ua ua total dns ttfb tls connect env pid uid gid euid ruid tty ruser rhost logname notty loginuid
path query method status user bytes client id item
hostname identifier facility priority realtime monotonic cursor boot machine transport source comm exe cmdline cap effective scope slice unit invocation audit stdout syslog
is are was be been has have had no not and or the of on in at with without this that as it its an can cannot will would should must when where which than then there all any more most other
start started starting stop stopped stopping service running state reload reloaded restart exit exited signal process child main thread worker workers
ok yes true false null zero empty unknown stated inferred default normal enabled disabled set unset limit limits exceeded deprecated
stratum leap offset frequency skew delay dispersion poll reach system peer source sources selected clock stepped step slew jump jumped drift correction corrected synchronised unsynchronised synchronized
ref id refid rms last rx tx sample samples measurement measurements statistics tracking ppm precision interval normal wrong by
address addresses network interface route routes link up down lo eth0 any
command child process environment command limit soft hard nofile memlock permitted
cookie zone transfer view recursion answer answers additional authority section question flags opcode cache cached
null base64 hex ascii utf json xml html text plain
var srv etc usr bin sbin lib tmp run dev home opt proc sys
com org net arpa
success partial more ssl_error vvv rdomain pcap pcapng cap gz zst xz lz4 csv conf cfg export short iso precise w out in err part old new
estimated decrypted seen record records line lines read frame frames lost loss repeated retransmission keepalive
cn ou dc st
`

// known are the known words.
var known = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(knownWords) {
		out[w] = true
	}
	return out
}()
