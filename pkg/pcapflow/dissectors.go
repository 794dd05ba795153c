package pcapflow

// dissectors are the protocols recognised by content, in the order they are
// tried. Whoever adds one adds its line here.
var dissectors = []*Dissector{
	tlsDissector,      // TLS
	httpDissector,     // HTTP/1 and HTTP/2 in the clear
	startTLSDissector, // SMTP, IMAP, … until STARTTLS
	sshDissector,      // SSH
	dnsTCPDissector,   // DNS over TCP
	dnsDissector,      // DNS, mDNS, LLMNR
	ntpDissector,      // NTP
	quicDissector,     // QUIC
	dtlsDissector,     // DTLS
	smbDissector,      // SMB, for its times
	kerberosDissector, // Kerberos over UDP and TCP, for its times
	kerberosTCPDissector,
	syslogDissector, // syslog over UDP, for its times
}

// Dissectors lists every protocol.
func Dissectors() []*Dissector { return dissectors }
