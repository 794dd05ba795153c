package logparse

import "bytes"

// daemonMessage reads the text of a message that a time daemon or a DNS server
// sent to syslog or the journal; the caller has filled the stamp, the process
// and its PID. It returns false, e unchanged, where the process is none of
// them.
func daemonMessage(process string, msg []byte, e *Event) bool {
	switch process {
	case "chronyd":
		d := chronydState{corrected: true} // what came before is not known
		d.message(msg, e)
	case "ntpd", "ntpdate", "sntp", "ntpdig":
		ntpdMessage(msg, e)
	case "systemd-timesyncd", "timesyncd":
		timesyncdMessage(msg, e)
	case "systemd-resolved":
		resolvedMessage(msg, e)
	case "named":
		if !bindMessage(msg, e) {
			e.Kind, e.Means, e.Text = Message, Written, view(msg)
		}
	case "unbound":
		if len(msg) > 0 && msg[0] == '[' { // "[20121:0] info: …"
			if _, rest, ok := cutAt(msg, ']'); ok {
				msg = bytes.TrimLeft(rest, " ")
			}
		}
		if !unboundMessage(msg, e) {
			e.Kind, e.Means, e.Text = Message, Written, view(msg)
		}
	case "dnsmasq", "dnsmasq-dhcp":
		dnsmasqMessage(msg, e)
	case "pdns_recursor", "pdns_server", "pdns":
		when := *e
		powerdnsMessage(msg, e, &Source{})
		if when.HasTime { // the caller's stamp holds
			e.Time, e.HasTime, e.Width, e.Zone, e.ZoneSeconds = when.Time, true, when.Width, when.Zone, when.ZoneSeconds
		}
	default:
		return false
	}
	return true
}
